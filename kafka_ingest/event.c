/*-------------------------------------------------------------------------
 *
 * event.c
 *		From a message to the text of a row's columns; see event.h.
 *
 * The payload is read once, in full, so that what is no JSON is never half a row.
 * On the way each key is compared with the next names of those paths that have
 * led to it.  The fields stand in one order for all levels: those whose path goes
 * through the innermost object come first, before them in turn those of the
 * objects inside.  A key moves the fields that it matches to the front, so a
 * level is a count.
 *
 * What a path finds is kept as it is written, and overwritten when a key comes
 * again.  Only when the payload has been read to its end are values unescaped,
 * mapped and checked, in the order of the columns.
 *
 * Needs memory of the arena for unescaped strings and metadata only.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "event.h"
#include "json.h"

/* The end of type timestamptz, 294277-01-01, in milliseconds since 1970. */
#define TIMESTAMP_END_MS	INT64_C(9224318016000000)

#define MS_OF_DAY			INT64_C(86400000)

/* What the path of a field found: the token, and whether it has escapes. */
typedef struct Found
{
	uint8_t		token;			/* RkJsonToken; RK_JSON_END = nothing */
	bool		escaped;
} Found;

/* An object that is open and has wanted paths through it. */
typedef struct Level
{
	int			inside;			/* order[0 .. inside - 1] have a path through it */
	int			whole;			/* order[inside .. whole - 1] want all of it */
	const char *start;
} Level;

typedef struct Walk
{
	const RkField *fields;
	RkText	   *values;
	RkJsonReader reader;
	int			depth;			/* levels open, which is the names compared so far */
	Level		levels[RK_JSON_MAX_DEPTH];
	uint16_t	order[RK_MAX_FIELDS];
	Found		found[RK_MAX_FIELDS];
} Walk;

/* ---- the payload ------------------------------------------------------------------ */

static inline void
swap_order(Walk *walk, int a, int b)
{
	uint16_t	field = walk->order[a];

	walk->order[a] = walk->order[b];
	walk->order[b] = field;
}

/* Move the fields of the innermost level whose next name is this key to the front. */
static inline int
match_key(Walk *walk)
{
	const Level *level = &walk->levels[walk->depth - 1];
	RkText		key = walk->reader.text;
	bool		escaped = walk->reader.escaped;
	int			matched = 0;

	for (int i = 0; i < level->inside; i++)
	{
		RkText		name = walk->fields[walk->order[i]].names[walk->depth - 1];

		if (escaped ? rk_json_means(key, name) :
			(key.len == name.len && memcmp(key.data, name.data, key.len) == 0))
			swap_order(walk, i, matched++);
	}
	return matched;
}

/*
 * A value of the fields order[0 .. matched - 1] begins.  Those whose path ends
 * here take it; the others move to the front and have found nothing, whatever an
 * earlier key of the same name held.  Returns how many these are.
 */
static inline int
place_value(Walk *walk, RkJsonToken token, int matched)
{
	int			inside = 0;

	for (int i = 0; i < matched; i++)
	{
		int			field = walk->order[i];
		Found	   *found = &walk->found[field];

		if (walk->fields[field].nnames == walk->depth)
		{
			found->token = (uint8_t) token;
			found->escaped = walk->reader.escaped;
			walk->values[field] = walk->reader.text;
		}
		else
		{
			found->token = RK_JSON_END;
			swap_order(walk, i, inside++);
		}
	}
	return inside;
}

/* An object or array has ended: its text is known. */
static void
place_whole(Walk *walk, int from, int to, const char *start)
{
	for (int i = from; i < to; i++)
		walk->values[walk->order[i]].len = (size_t) (walk->reader.at - start);
}

/* Read the payload and keep what the paths find; false if it is not valid JSON. */
static bool
walk_payload(Walk *walk, int matched)
{
	RkJsonReader *reader = &walk->reader;

	do
	{
		RkJsonToken token = rk_json_next(reader);
		int			inside;

		if (token == RK_JSON_KEY)
		{
			matched = match_key(walk);
			token = rk_json_next(reader);
		}
		else if (token == RK_JSON_OBJECT_END)
		{
			Level	   *level = &walk->levels[--walk->depth];

			place_whole(walk, level->inside, level->whole, level->start);
			continue;
		}
		if (token == RK_JSON_ERROR)
			return false;
		inside = place_value(walk, token, matched);
		if (token == RK_JSON_OBJECT && inside > 0)
		{
			Level	   *level = &walk->levels[walk->depth++];

			level->inside = inside;
			level->whole = matched;
			level->start = reader->text.data;
		}
		else if (token == RK_JSON_OBJECT || token == RK_JSON_ARRAY)
		{
			if (!rk_json_skip(reader))
				return false;
			place_whole(walk, inside, matched, reader->text.data);
		}
	} while (walk->depth > 0);
	return rk_json_next(reader) == RK_JSON_END;
}

/* Why the payload is not read. */
static void
refuse_payload(const RkJsonReader *reader, RkReason *reason)
{
	static const struct
	{
		const char *sqlstate;
		const char *text;
	}			errors[] = {
		[RK_JSON_SYNTAX] = {"22P02", "invalid input syntax for type json: unexpected character"},
		[RK_JSON_TRUNCATED] = {"22P02", "invalid input syntax for type json: unexpected end"},
		[RK_JSON_BAD_UTF8] = {"22021", "invalid byte sequence for encoding \"UTF8\""},
		[RK_JSON_BAD_ESCAPE] = {"22P02", "invalid input syntax for type json: invalid escape sequence"},
		[RK_JSON_SURROGATE] = {"22P02", "invalid input syntax for type json: half a surrogate pair"},
		[RK_JSON_ZERO] = {"22P05", "unsupported Unicode escape sequence \\u0000"},
		[RK_JSON_TOO_DEEP] = {"22023", "nested too deeply"},
	};

	rk_reason(reason, errors[reader->error].sqlstate, "%s at byte %zu of the payload",
			  errors[reader->error].text, (size_t) (reader->at - reader->start) + 1);
}

/* Read the payload for the fields that have a path. */
static bool
read_payload(Walk *walk, const RkMapping *mapping, const RkMessage *message, RkReason *reason)
{
	int			npaths = 0;

	if (message->payload.data == NULL || message->payload.len == 0)
	{
		rk_reason(reason, "22023", message->payload.data == NULL ?
				  "the message has no payload" : "the payload is empty");
		return false;
	}
	for (int i = 0; i < mapping->nfields; i++)
	{
		walk->found[i].token = RK_JSON_END;
		if (mapping->fields[i].origin == RK_ORIGIN_PATH)
			walk->order[npaths++] = (uint16_t) i;
	}
	walk->depth = 0;
	rk_json_begin(&walk->reader, message->payload);
	if (walk_payload(walk, npaths))
		return true;
	refuse_payload(&walk->reader, reason);
	return false;
}

/* ---- metadata ------------------------------------------------------------------------ */

/* Printed into the arena; data NULL when memory runs out. */
static RkText
print_number(RkArena *arena, int64_t number)
{
	char		digits[24];
	RkText		text;

	text.len = (size_t) snprintf(digits, sizeof(digits), "%lld", (long long) number);
	text.data = rk_arena_alloc(arena, text.len);
	if (text.data != NULL)
		memcpy((char *) text.data, digits, text.len);
	return text;
}

/* The date of a day after 1970-01-01, in the proleptic Gregorian calendar. */
static void
date_of_day(int64_t day, int *year, int *month, int *of_month)
{
	/* counted from 0000-03-01, so that a leap day ends a year, a century and an era */
	int64_t		from_march = day + 719468;
	int64_t		era = from_march / 146097;
	int			of_era = (int) (from_march % 146097);
	int			year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int			of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int			shifted = (5 * of_year + 2) / 153;	/* 0 is March */

	*of_month = of_year - (153 * shifted + 2) / 5 + 1;
	*month = shifted < 10 ? shifted + 3 : shifted - 9;
	*year = (int) (era * 400) + year_of_era + (*month <= 2);
}

/* Between 1970 and the end of the type, as "2026-11-25T08:00:00.123Z". */
static RkText
print_timestamp(RkArena *arena, int64_t ms)
{
	int			of_day = (int) (ms % MS_OF_DAY);
	int			seconds = of_day / 1000;
	int			year;
	int			month;
	int			day;
	char		digits[80];
	RkText		text;

	date_of_day(ms / MS_OF_DAY, &year, &month, &day);
	text.len = (size_t) snprintf(digits, sizeof(digits), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
								 year, month, day, seconds / 3600, seconds / 60 % 60,
								 seconds % 60, of_day % 1000);
	text.data = rk_arena_alloc(arena, text.len);
	if (text.data != NULL)
		memcpy((char *) text.data, digits, text.len);
	return text;
}

static RkText
find_header(const RkMessage *message, const char *name)
{
	RkText		nothing = {NULL, 0};

	for (int i = message->nheaders - 1; i >= 0; i--)
	{
		if (strcmp(message->headers[i].name, name) == 0)
			return message->headers[i].value;
	}
	return nothing;
}

bool
rk_utf8_valid(const char *data, size_t len)
{
	const char *at = data;
	const char *end = data + len;

	while (at < end)
	{
		size_t		bytes = 1;

		if ((unsigned char) *at >= 0x80)
			bytes = rk_utf8_sequence(at, end);
		else if (*at == '\0')
			return false;
		if (bytes == 0)
			return false;
		at += bytes;
	}
	return true;
}

/* ---- fields ---------------------------------------------------------------------------- */

/* Name column and place in front of what rk_check() says. */
static RkEventStatus
refuse_field(const RkField *field, const char *sqlstate, const char *why, RkReason *reason)
{
	char		place[3 * RK_SHOWN_BYTES];
	RkText		header = {field->header, 0};
	size_t		len = 0;

	switch (field->origin)
	{
		case RK_ORIGIN_PATH:
			place[len++] = '$';
			for (int i = 0; i < field->nnames && len < RK_SHOWN_BYTES; i++)
				len += (size_t) sprintf(place + len, ".%s", rk_show(field->names[i]).text);
			break;
		case RK_ORIGIN_KEY:
			len = (size_t) sprintf(place, "@key");
			break;
		case RK_ORIGIN_TIMESTAMP:
			len = (size_t) sprintf(place, "@timestamp");
			break;
		case RK_ORIGIN_PARTITION:
			len = (size_t) sprintf(place, "@partition");
			break;
		case RK_ORIGIN_OFFSET:
			len = (size_t) sprintf(place, "@offset");
			break;
		case RK_ORIGIN_HEADER:
			header.len = strlen(field->header);
			len = (size_t) sprintf(place, "@header.%s", rk_show(header).text);
			break;
	}
	rk_reason(reason, sqlstate, "column \"%s\", %s: %s", field->column,
			  rk_show((RkText) {place, len}).text, why);
	return RK_EVENT_BAD;
}

/* Take what the path found; objects and arrays only for columns of JSON. */
static RkEventStatus
take_path(const RkField *field, Found found, RkArena *arena, RkText *value, RkReason *reason)
{
	bool		as_written = field->kind == RK_KIND_JSON && field->nmap == 0;
	char	   *plain;

	switch (found.token)
	{
		case RK_JSON_END:
		case RK_JSON_NULL:
			value->data = NULL;
			value->len = 0;
			break;
		case RK_JSON_OBJECT:
		case RK_JSON_ARRAY:
			if (!as_written)
				return refuse_field(field, "2203F", found.token == RK_JSON_OBJECT ?
									"a JSON object is no value of this column" :
									"a JSON array is no value of this column", reason);
			break;
		case RK_JSON_STRING:
			if (as_written)
			{
				value->data--;
				value->len += 2;
			}
			else if (found.escaped)
			{
				plain = rk_arena_alloc(arena, value->len);
				if (plain == NULL)
					return RK_EVENT_NO_MEMORY;
				value->len = rk_json_unescape(*value, plain);
				value->data = plain;
			}
			break;
		default:
			/* the server would read the digits of an epoch as a date */
			if (field->kind == RK_KIND_TIMESTAMPTZ && field->nmap == 0)
				return refuse_field(field, "22007", "a JSON number or boolean is no timestamp", reason);
			break;
	}
	return RK_EVENT_ROW;
}

/* Take a key or a header's value, which may be any bytes. */
static RkEventStatus
take_bytes(const RkField *field, RkText bytes, RkText *value, RkReason *reason)
{
	*value = bytes;
	if (bytes.data != NULL && !rk_utf8_valid(bytes.data, bytes.len))
		return refuse_field(field, "22021", "invalid byte sequence for encoding \"UTF8\"", reason);
	return RK_EVENT_ROW;
}

static RkEventStatus
take_timestamp(const RkField *field, int64_t ms, RkArena *arena, RkText *value, RkReason *reason)
{
	char		why[80];

	value->data = NULL;
	value->len = 0;
	if (ms == -1)
		return RK_EVENT_ROW;
	if (ms < 0 || ms >= TIMESTAMP_END_MS)
	{
		snprintf(why, sizeof(why), "timestamp out of range: %lld ms since 1970", (long long) ms);
		return refuse_field(field, "22008", why, reason);
	}
	*value = print_timestamp(arena, ms);
	return value->data == NULL ? RK_EVENT_NO_MEMORY : RK_EVENT_ROW;
}

/* The value where it comes from, before map and default; paths are in *value. */
static RkEventStatus
take_value(const RkField *field, Found found, const RkMessage *message, RkArena *arena,
		   RkText *value, RkReason *reason)
{
	switch (field->origin)
	{
		case RK_ORIGIN_PATH:
			return take_path(field, found, arena, value, reason);
		case RK_ORIGIN_KEY:
			return take_bytes(field, message->key, value, reason);
		case RK_ORIGIN_TIMESTAMP:
			return take_timestamp(field, message->timestamp_ms, arena, value, reason);
		case RK_ORIGIN_PARTITION:
			*value = print_number(arena, message->partition);
			break;
		case RK_ORIGIN_OFFSET:
			*value = print_number(arena, message->offset);
			break;
		case RK_ORIGIN_HEADER:
			return take_bytes(field, find_header(message, field->header), value, reason);
	}
	return value->data == NULL ? RK_EVENT_NO_MEMORY : RK_EVENT_ROW;
}

/* Replace the value by what the field's map says. */
static RkEventStatus
map_value(const RkField *field, RkText *value, RkReason *reason)
{
	char		why[RK_REASON_SIZE];

	for (int i = 0; i < field->nmap; i++)
	{
		RkText		from = field->map[i].from;

		if (from.len == value->len && memcmp(from.data, value->data, from.len) == 0)
		{
			*value = field->map[i].to;
			return RK_EVENT_ROW;
		}
	}
	if (field->has_default)
	{
		*value = field->default_value;
		return RK_EVENT_ROW;
	}
	snprintf(why, sizeof(why), "value \"%s\" is not in the map", rk_show(*value).text);
	return refuse_field(field, "22023", why, reason);
}

static RkEventStatus
fill_field(const RkField *field, Found found, const RkMessage *message, RkArena *arena,
		   RkText *value, RkReason *reason)
{
	RkEventStatus status = take_value(field, found, message, arena, value, reason);
	RkReason	why;
	bool		checked = false;

	if (status != RK_EVENT_ROW)
		return status;
	if (value->data == NULL)
	{
		if (field->has_default)
			*value = field->default_value;
	}
	else if (field->nmap > 0)
	{
		status = map_value(field, value, reason);
		if (status != RK_EVENT_ROW)
			return status;
	}
	else	/* the payload was read as JSON already */
		checked = field->kind == RK_KIND_JSON && field->origin == RK_ORIGIN_PATH;
	if (value->data == NULL)
	{
		if (field->not_null)
			return refuse_field(field, "23502", "null value violates not-null constraint", reason);
		return RK_EVENT_ROW;
	}
	if (!checked && !rk_check(field->kind, *value, field->max_chars, &why))
		return refuse_field(field, why.sqlstate, why.message, reason);
	return RK_EVENT_ROW;
}

RkEventStatus
rk_event_map(const RkMapping *mapping, const RkMessage *message,
			 RkArena *arena, RkText *values, RkReason *reason)
{
	Walk		walk;

	walk.fields = mapping->fields;
	walk.values = values;
	if (mapping->reads_payload && !read_payload(&walk, mapping, message, reason))
		return RK_EVENT_BAD;
	for (int i = 0; i < mapping->nfields; i++)
	{
		Found		found = {RK_JSON_END, false};
		RkEventStatus status;

		if (mapping->fields[i].origin == RK_ORIGIN_PATH)
			found = walk.found[i];
		status = fill_field(&mapping->fields[i], found, message, arena, &values[i], reason);
		if (status != RK_EVENT_ROW)
			return status;
	}
	return RK_EVENT_ROW;
}
