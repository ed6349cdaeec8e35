/*-------------------------------------------------------------------------
 *
 * metadata.c
 *		What is known of a message beside its payload, as jsonb.
 *
 * Nothing a producer writes may raise an error here: these are made for dead letters
 * too, which must succeed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "compat.h"
#include "metadata.h"

/* Can the server hold this as text?  In another encoding than UTF-8 only ASCII is sure. */
static bool
is_text(const RkText *value)
{
	if (!rk_utf8_valid(value->data, value->len))
		return false;
	if (GetDatabaseEncoding() == PG_UTF8)
		return true;
	for (size_t i = 0; i < value->len; i++)
	{
		if ((unsigned char) value->data[i] >= 0x80)
			return false;
	}
	return true;
}

/* Text as it is, anything else as bytea prints it; so is text that looks as if it were. */
static void
text_or_hex(const RkText *value, JsonbValue *json)
{
	char	   *hex;

	json->type = jbvString;
	if (is_text(value) && !(value->len >= 2 && memcmp(value->data, "\\x", 2) == 0))
	{
		json->val.string.val = (char *) value->data;
		json->val.string.len = (int) value->len;
		return;
	}
	hex = palloc(2 + 2 * value->len);
	memcpy(hex, "\\x", 2);
	hex_encode(value->data, value->len, hex + 2);
	json->val.string.val = hex;
	json->val.string.len = (int) (2 + 2 * value->len);
}

static void
push_key(JsonbParseState **state, const char *name)
{
	JsonbValue	key = {.type = jbvString};

	key.val.string.val = (char *) name;
	key.val.string.len = (int) strlen(name);
	pushJsonbValue(state, WJB_KEY, &key);
}

static void
push_int64(JsonbParseState **state, const char *name, int64 number)
{
	JsonbValue	value = {.type = jbvNumeric};

	push_key(state, name);
	value.val.numeric = int64_to_numeric(number);
	pushJsonbValue(state, WJB_VALUE, &value);
}

static void
push_null(JsonbParseState **state, const char *name)
{
	JsonbValue	value = {.type = jbvNull};

	push_key(state, name);
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* What is known to be text. */
static void
push_text(JsonbParseState **state, const char *name, const RkText *text_value)
{
	JsonbValue	value = {.type = jbvString};

	push_key(state, name);
	value.val.string.val = (char *) text_value->data;
	value.val.string.len = (int) text_value->len;
	pushJsonbValue(state, WJB_VALUE, &value);
}

static void
push_headers(JsonbParseState **state, const RkMessage *message)
{
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < message->nheaders; i++)
	{
		const RkHeader *header = &message->headers[i];
		RkText		name = {header->name, strlen(header->name)};
		JsonbValue	value = {.type = jbvNull};

		text_or_hex(&name, &value);
		pushJsonbValue(state, WJB_KEY, &value);
		if (header->value.data != NULL)
			text_or_hex(&header->value, &value);
		else
			value.type = jbvNull;
		pushJsonbValue(state, WJB_VALUE, &value);
	}
}

Jsonb *
rk_headers_json(const RkMessage *message)
{
	JsonbParseState *state = NULL;

	push_headers(&state, message);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

Jsonb *
rk_metadata(const char *topic, const RkMessage *message)
{
	JsonbParseState *state = NULL;
	RkText		topic_text = {topic, strlen(topic)};

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_text(&state, "topic", &topic_text);
	push_int64(&state, "partition", message->partition);
	push_int64(&state, "offset", message->offset);
	if (message->timestamp_ms >= 0)
		push_int64(&state, "timestamp", message->timestamp_ms);
	else
		push_null(&state, "timestamp");
	if (message->key.data != NULL && is_text(&message->key))
		push_text(&state, "key", &message->key);
	else
		push_null(&state, "key");
	push_key(&state, "headers");
	push_headers(&state, message);
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

char *
rk_server_text(const char *utf8)
{
	char	   *result = pstrdup(utf8);

	if (GetDatabaseEncoding() != PG_UTF8)
	{
		for (char *p = result; *p != '\0'; p++)
		{
			if ((unsigned char) *p >= 0x80)
				*p = '?';
		}
	}
	return result;
}
