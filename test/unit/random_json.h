/*-------------------------------------------------------------------------
 *
 * random_json.h
 *		Random JSON texts, and random damage to them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RANDOM_JSON_H
#define RANDOM_JSON_H

#include "unit.h"

#define RANDOM_JSON_ROOM	16384

typedef struct RandomJson
{
	char		data[RANDOM_JSON_ROOM];
	size_t		len;
} RandomJson;

static inline void
random_put(RandomJson *json, const char *text)
{
	size_t		len = strlen(text);

	if (len > RANDOM_JSON_ROOM - json->len)
		return;
	memcpy(json->data + json->len, text, len);
	json->len += len;
}

static inline void
random_pick(RandomJson *json, const char *const *texts, int n)
{
	random_put(json, texts[unit_random((uint32_t) n)]);
}

static inline void
random_blanks(RandomJson *json)
{
	static const char *const blanks[] = {" ", "\n", "\t\r", "         "};

	if (unit_random(4) == 0)
		random_pick(json, blanks, 4);
}

/* Few names, some with several spellings, so that paths meet and keys repeat. */
static inline void
random_key(RandomJson *json)
{
	static const char *const keys[] = {
		"\"a\"", "\"b\"", "\"c\"", "\"a\"", "\"b\"", "\"\\u0061\"", "\"\\u0062\"", "\"ab\"",
		"\"\"", "\"a\\tb\"", "\"\xC3\xA9t\xC3\xA9\"", "\"\\u00e9t\\u00E9\"", "\"\xF0\x9F\x98\x80\"",
		"\"\\ud83d\\ude00\"", "\"a_longer_name\"", "\"a_longer_nam\\u0065\""
	};

	random_pick(json, keys, 16);
}

static inline void
random_scalar(RandomJson *json)
{
	static const char *const scalars[] = {
		"null", "true", "false", "0", "-0", "17", "-1.5e-3", "1E400", "0.1", "12345678901234567890",
		"\"\"", "\"x\"", "\"eight888\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0001\\uFFFF\"",
		"\"\xE2\x82\xAC\"", "\"seven77\xC3\xA9\"", "\"\xF4\x8F\xBF\xBF \xED\x9F\xBF\"",
		"\"a text of more than one word of the machine\"", "\"\\uD800\\uDC00\\uDBFF\\uDFFF\""
	};

	random_pick(json, scalars, 20);
}

static inline void
random_value(RandomJson *json, int depth)
{
	uint32_t	kind = unit_random(depth > 5 ? 1 : 8);
	uint32_t	members = unit_random(5);
	bool		object = kind <= 5;

	random_blanks(json);
	if (depth > 0 && kind < 3)
		random_scalar(json);
	else
	{
		random_put(json, object ? "{" : "[");
		for (uint32_t i = 0; i < members; i++)
		{
			if (i > 0)
				random_put(json, ",");
			random_blanks(json);
			if (object)
			{
				random_key(json);
				random_blanks(json);
				random_put(json, ":");
			}
			random_value(json, depth + 1);
		}
		random_blanks(json);
		random_put(json, object ? "}" : "]");
	}
	random_blanks(json);
}

/* Delete, insert, replace, repeat or cut off. */
static inline void
random_damage(RandomJson *json)
{
	static const char bytes[] =
		"{}[]:,\"\\\"\\ \n'/eE+-.0123456789utrfn\x01\x1F\x7F\x80\xBF\xC0\xC3\xA9\xE0\xED\xA0\xF0\xF4\x90\xFF";
	char		c = bytes[unit_random(sizeof(bytes))];	/* sometimes the zero */
	size_t		at;
	size_t		len;

	if (json->len == 0)
		return;
	at = unit_random((uint32_t) json->len);
	len = json->len - at;
	switch (unit_random(5))
	{
		case 0:
			memmove(json->data + at, json->data + at + 1, len - 1);
			json->len--;
			break;
		case 1:
			if (json->len == RANDOM_JSON_ROOM)
				break;
			memmove(json->data + at + 1, json->data + at, len);
			json->data[at] = c;
			json->len++;
			break;
		case 2:
			json->data[at] = c;
			break;
		case 3:
			len = len > 8 ? 1 + unit_random(8) : len;
			if (len > RANDOM_JSON_ROOM - json->len)
				break;
			memmove(json->data + at + len, json->data + at, json->len - at);
			json->len += len;
			break;
		default:
			if (unit_random(4) == 0)
				json->len = at;
			break;
	}
}

/* A text that is often valid. */
static inline void
random_json(RandomJson *json)
{
	uint32_t	damages = unit_random(2) == 0 ? 0 : unit_random(4);

	json->len = 0;
	random_value(json, 0);
	for (uint32_t i = 0; i < damages; i++)
		random_damage(json);
}

/* The seed of a run: the first argument, or else one that is always the same. */
static inline void
random_seed(int argc, char **argv)
{
	unit_state = argc > 1 ? strtoull(argv[1], NULL, 10) : 20261125;
	printf("seed %llu\n", (unsigned long long) unit_state);
}

#endif							/* RANDOM_JSON_H */
