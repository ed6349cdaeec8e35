/*-------------------------------------------------------------------------
 *
 * test_event.c
 *		Messages into the text of columns: values, duplicates, metadata, maps and
 *		defaults; a defined outcome for every kind of bad event; and agreement
 *		with an obvious reader on random payloads.
 *
 * `test_event SEED` draws other payloads.
 *
 *-------------------------------------------------------------------------
 */
#include "kafka_ingest/event.h"

#include "random_json.h"
#include "reference_json.h"

#define RANDOM_PAYLOADS	200000
#define MAX_NAMES		70

/* A mapping of one field that the tests change, and what came of a message. */
static RkText names[MAX_NAMES];
static RkField field;
static RkMessage message;
static RkArena arena;
static RkText value;
static RkReason reason;

static RkText
text_of(const char *text)
{
	RkText		result = {text, text == NULL ? 0 : strlen(text)};

	return result;
}

/* Point the field at "a.b" in the payload; "" is all of it. */
static void
map_path(const char *path, RkKind kind)
{
	memset(&field, 0, sizeof(field));
	memset(&message, 0, sizeof(message));
	message.timestamp_ms = -1;
	field.column = "target";
	field.kind = kind;
	field.names = names;
	while (*path != '\0')
	{
		size_t		len = strcspn(path, ".");

		names[field.nnames++] = (RkText) {path, len};
		path += len + (path[len] == '.');
	}
}

static void
map_origin(RkOrigin origin, RkKind kind)
{
	map_path("", kind);
	field.origin = origin;
}

/* Map the message as it is set up. */
static RkEventStatus
map_message(void)
{
	RkMapping	mapping = {1, &field, field.origin == RK_ORIGIN_PATH};

	rk_arena_reset(&arena);
	memset(&reason, 0, sizeof(reason));
	value = (RkText) {"untouched", 9};
	return rk_event_map(&mapping, &message, &arena, &value, &reason);
}

/* A payload in memory that ends where it ends; it lives until the next one. */
static void
set_payload(const char *data, size_t len)
{
	static char *copy = NULL;

	free(copy);
	copy = malloc(len + (len == 0));
	if (copy == NULL)
		abort();
	memcpy(copy, data, len);
	message.payload = (RkText) {copy, len};
}

static bool
is_value(const char *expected)
{
	if (expected == NULL)
		return value.data == NULL;
	return value.data != NULL && value.len == strlen(expected) &&
		memcmp(value.data, expected, value.len) == 0;
}

/* The payload is a row with this value, NULL for SQL's NULL. */
static void
gives(const char *payload, const char *expected)
{
	RkEventStatus status;

	set_payload(payload, strlen(payload));
	status = map_message();
	if (!CHECK(status == RK_EVENT_ROW && is_value(expected)))
		fprintf(stderr, "    %s: status %d \"%.*s\" %s\n", payload, (int) status,
				status == RK_EVENT_ROW ? (int) value.len : 0, value.data, reason.message);
}

static void
is_bad(const char *sqlstate, const char *why)
{
	RkEventStatus status = map_message();

	CHECK(status == RK_EVENT_BAD);
	if (!CHECK(strcmp(reason.sqlstate, sqlstate) == 0 && strcmp(reason.message, why) == 0))
		fprintf(stderr, "    %s %s\n", reason.sqlstate, reason.message);
	CHECK(rk_utf8_valid(reason.message, strlen(reason.message)));
}

static void
refuses(const char *payload, const char *sqlstate, const char *why)
{
	set_payload(payload, strlen(payload));
	is_bad(sqlstate, why);
}

/* ---- values ---------------------------------------------------------------------- */

static void
test_paths(void)
{
	map_path("a", RK_KIND_ANY);
	gives("{\"a\": 1}", "1");
	gives(" {\"x\":[{\"a\":2}],\"a\" : -1.50e+3 , \"y\":{\"a\":3}} ", "-1.50e+3");
	gives("{\"a\": true}", "true");
	gives("{\"a\": false}", "false");
	gives("{\"a\": null}", NULL);
	gives("{\"a\": \"\"}", "");
	gives("{\"a\": \"text\"}", "text");
	gives("{\"a\": \"l\\n\\u00e9\\ud83d\\ude00\"}", "l\n\xC3\xA9\xF0\x9F\x98\x80");
	gives("{\"\\u0061\": 1}", "1");
	gives("{\"ab\": 1, \"A\": 2, \"\": 3, \"b\": 4}", NULL);
	gives("{}", NULL);
	gives("[{\"a\":1}]", NULL);
	gives("5", NULL);
	gives("\"a\"", NULL);
	gives("null", NULL);

	map_path("a.b.c", RK_KIND_ANY);
	gives("{\"a\":{\"b\":{\"c\":1}}}", "1");
	gives("{\"c\":0,\"b\":{\"c\":0},\"a\":{\"c\":0,\"a\":{\"b\":{\"c\":0}},\"b\":{\"b\":0,\"c\":1}}}", "1");
	gives("{\"a\":{\"b\":[{\"c\":1}]}}", NULL);
	gives("{\"a\":[{\"b\":{\"c\":1}}]}", NULL);
	gives("{\"a\":{\"b\":\"c\"}}", NULL);
	gives("{\"a\":{},\"b\":{\"c\":1}}", NULL);

	names[0] = text_of("a b");
	names[1] = text_of("");
	field.nnames = 2;
	gives("{\"a b\":{\"\":1}}", "1");
}

static void
test_duplicate_keys(void)
{
	map_path("a.b", RK_KIND_ANY);
	gives("{\"a\":{\"b\":1,\"b\":2}}", "2");
	gives("{\"a\":{\"b\":1},\"a\":{\"b\":2}}", "2");
	gives("{\"a\":{\"b\":1},\"a\":{\"c\":2}}", NULL);
	gives("{\"a\":{\"b\":1},\"a\":{}}", NULL);
	gives("{\"a\":{\"b\":1},\"a\":5}", NULL);
	gives("{\"a\":{\"b\":1},\"a\":null}", NULL);
	gives("{\"a\":{\"b\":1},\"a\":[1]}", NULL);
	gives("{\"a\":5,\"a\":{\"b\":1}}", "1");
	gives("{\"a\":{\"b\":\"\\n\",\"b\":\"x\"}}", "x");
	gives("{\"a\":{\"b\":\"x\",\"b\":\"\\n\"}}", "\n");
	/* only the last is looked at: an object before it does no harm */
	gives("{\"a\":{\"b\":{},\"b\":7}}", "7");
	gives("{\"a\":{\"b\":1,\"b\":null}}", NULL);
	refuses("{\"a\":{\"b\":7,\"b\":{}}}", "2203F",
			"column \"target\", $.a.b: a JSON object is no value of this column");
}

static void
test_json_columns(void)
{
	map_path("a", RK_KIND_JSON);
	gives("{\"a\": { \"b\" : [1, 2] } , \"c\": 1}", "{ \"b\" : [1, 2] }");
	gives("{\"a\": []}", "[]");
	gives("{\"a\": \"x\\ny\"}", "\"x\\ny\"");
	gives("{\"a\": \"\"}", "\"\"");
	gives("{\"a\": 1.0}", "1.0");
	gives("{\"a\": true}", "true");
	gives("{\"a\": null}", NULL);
	gives("{\"a\": {}, \"a\": 5}", "5");
	gives("{\"a\": 5, \"a\": {}}", "{}");
	map_path("", RK_KIND_JSON);
	gives(" {\"a\": 1} ", "{\"a\": 1}");
	gives("[1]", "[1]");
	gives("\"x\"", "\"x\"");
	map_path("", RK_KIND_INT8);
	gives(" 17 ", "17");
	refuses("{}", "2203F", "column \"target\", $: a JSON object is no value of this column");
}

/* Fields of which the path of one is the beginning of another's. */
static void
test_many_fields(void)
{
	static const RkText a[] = {{"a", 1}};
	static const RkText a_b[] = {{"a", 1}, {"b", 1}};
	static const RkText a_c[] = {{"a", 1}, {"c", 1}};
	static const RkText a_b_d[] = {{"a", 1}, {"b", 1}, {"d", 1}};
	static const RkText e[] = {{"e", 1}};
	static const RkField fields[] = {
		{.column = "0", .nnames = 3, .names = a_b_d, .kind = RK_KIND_TEXT},
		{.column = "1", .nnames = 1, .names = e, .kind = RK_KIND_INT4},
		{.column = "2", .nnames = 1, .names = a, .kind = RK_KIND_JSON},
		{.column = "3", .origin = RK_ORIGIN_OFFSET, .kind = RK_KIND_INT8},
		{.column = "4", .nnames = 2, .names = a_b, .kind = RK_KIND_JSON},
		{.column = "5", .nnames = 2, .names = a_c, .kind = RK_KIND_ANY},
		{.column = "6", .nnames = 2, .names = a_c, .kind = RK_KIND_INT2},
		{.column = "7", .nnames = 0, .names = NULL, .kind = RK_KIND_JSON},
	};
	static const char *const expected[] = {
		"deep", "4", "{\"x\":0,\"b\":{\"d\":\"deep\"},\"c\":3}", "12", "{\"d\":\"deep\"}", "3", "3",
		"{\"e\":1,\"a\":{\"x\":0,\"b\":{\"d\":\"deep\"},\"c\":3},\"e\":4}"
	};
	static const RkMapping mapping = {8, fields, true};
	RkText		values[8];

	map_path("", RK_KIND_ANY);
	message.offset = 12;
	set_payload(expected[7], strlen(expected[7]));
	CHECK(rk_event_map(&mapping, &message, &arena, values, &reason) == RK_EVENT_ROW);
	for (int i = 0; i < 8; i++)
		CHECK(values[i].len == strlen(expected[i]) &&
			  memcmp(values[i].data, expected[i], values[i].len) == 0);
	/* the first column that is bad is named */
	set_payload("{\"a\":{\"c\":\"x\"},\"e\":\"y\"}", 23);
	CHECK(rk_event_map(&mapping, &message, &arena, values, &reason) == RK_EVENT_BAD);
	CHECK(strcmp(reason.message,
				 "column \"1\", $.e: invalid input syntax for type integer: \"y\"") == 0);
}

/* As many as a table can have columns. */
static void
test_most_fields(void)
{
	static RkField fields[RK_MAX_FIELDS];
	static RkText values[RK_MAX_FIELDS];
	static RkText path[RK_MAX_FIELDS];
	static char digits[RK_MAX_FIELDS][8];
	static char payload[RK_MAX_FIELDS * 24];
	RkMapping	mapping = {RK_MAX_FIELDS, fields, true};
	size_t		len = 0;

	for (int i = 0; i < RK_MAX_FIELDS; i++)
	{
		snprintf(digits[i], sizeof(digits[i]), "c%d", i);
		path[i] = text_of(digits[i]);
		fields[i] = (RkField) {.column = digits[i],.nnames = 1,.names = &path[i],.kind = RK_KIND_TEXT};
		len += (size_t) sprintf(payload + len, "%c\"c%d\":\"v%d\"", i == 0 ? '{' : ',',
								RK_MAX_FIELDS - 1 - i, RK_MAX_FIELDS - 1 - i);
	}
	payload[len++] = '}';
	map_path("", RK_KIND_ANY);
	set_payload(payload, len);
	CHECK(rk_event_map(&mapping, &message, &arena, values, &reason) == RK_EVENT_ROW);
	for (int i = 0; i < RK_MAX_FIELDS; i++)
		CHECK(values[i].len == path[i].len && values[i].data[0] == 'v' &&
			  memcmp(values[i].data + 1, digits[i] + 1, values[i].len - 1) == 0);
}

static void
test_maps_and_defaults(void)
{
	static const RkMapEntry map[] = {
		{{"view", 4}, {"1", 1}}, {{"cart", 4}, {"3", 1}}, {{"7", 1}, {"x", 1}}, {{"none", 4}, {NULL, 0}}
	};

	map_path("action", RK_KIND_FLOAT4);
	field.nmap = 4;
	field.map = map;
	gives("{\"action\":\"view\"}", "1");
	gives("{\"action\":\"c\\u0061rt\"}", "3");
	gives("{\"action\":\"none\"}", NULL);
	gives("{\"action\":null}", NULL);
	gives("{}", NULL);
	refuses("{\"action\":\"refund\"}", "22023",
			"column \"target\", $.action: value \"refund\" is not in the map");
	refuses("{\"action\":\"\"}", "22023", "column \"target\", $.action: value \"\" is not in the map");
	refuses("{\"action\":\"viewer\"}", "22023",
			"column \"target\", $.action: value \"viewer\" is not in the map");
	refuses("{\"action\":\"vie\"}", "22023",
			"column \"target\", $.action: value \"vie\" is not in the map");
	refuses("{\"action\":7}", "22P02",
			"column \"target\", $.action: invalid input syntax for type real: \"x\"");
	refuses("{\"action\":{}}", "2203F",
			"column \"target\", $.action: a JSON object is no value of this column");
	field.has_default = true;
	field.default_value = text_of("0");
	gives("{\"action\":\"refund\"}", "0");
	gives("{\"action\":null}", "0");
	gives("{}", "0");
	gives("{\"action\":\"none\"}", NULL);
	field.nmap = 0;
	gives("{\"action\":2}", "2");
	gives("{}", "0");
	field.default_value = text_of(NULL);
	gives("{}", NULL);
	field.not_null = true;
	refuses("{}", "23502", "column \"target\", $.action: null value violates not-null constraint");
	/* a default is checked like a value */
	field.kind = RK_KIND_JSON;
	field.default_value = text_of("{");
	refuses("{}", "22P02", "column \"target\", $.action: invalid input syntax for type json: \"{\"");
	/* and a map of a JSON column is by the text that a string means */
	field.nmap = 1;
	gives("{\"action\":\"view\"}", "1");
}

static void
test_metadata(void)
{
	map_origin(RK_ORIGIN_PARTITION, RK_KIND_INT4);
	message.partition = 7;
	CHECK(map_message() == RK_EVENT_ROW && is_value("7"));
	map_origin(RK_ORIGIN_OFFSET, RK_KIND_INT8);
	message.offset = INT64_MAX;
	CHECK(map_message() == RK_EVENT_ROW && is_value("9223372036854775807"));
	field.kind = RK_KIND_INT4;
	is_bad("22003",
		   "column \"target\", @offset: value \"9223372036854775807\" is out of range for type integer");

	map_origin(RK_ORIGIN_KEY, RK_KIND_INT8);
	message.key = text_of("17");
	CHECK(map_message() == RK_EVENT_ROW && is_value("17"));
	message.key = text_of("k");
	is_bad("22P02", "column \"target\", @key: invalid input syntax for type bigint: \"k\"");
	field.kind = RK_KIND_TEXT;
	message.key = (RkText) {"\xFF", 1};
	is_bad("22021", "column \"target\", @key: invalid byte sequence for encoding \"UTF8\"");
	message.key = (RkText) {"a\0b", 3};
	is_bad("22021", "column \"target\", @key: invalid byte sequence for encoding \"UTF8\"");
	/* the payload is not read where no field wants it */
	set_payload("\xFF{", 2);
	message.key = text_of("k");
	CHECK(map_message() == RK_EVENT_ROW && is_value("k"));
}

/* ---- bad events: the ways in which they come --------------------------------------- */

/* Empty value, tombstone, null key. */
static void
test_e1_empty(void)
{
	map_path("a", RK_KIND_ANY);
	refuses("", "22023", "the payload is empty");
	message.payload = (RkText) {NULL, 0};
	is_bad("22023", "the message has no payload");
	refuses("  ", "22P02", "invalid input syntax for type json: unexpected end at byte 3 of the payload");
	map_origin(RK_ORIGIN_KEY, RK_KIND_ANY);
	CHECK(map_message() == RK_EVENT_ROW && is_value(NULL));
	field.not_null = true;
	is_bad("23502", "column \"target\", @key: null value violates not-null constraint");
	field.has_default = true;
	field.default_value = text_of("nobody");
	CHECK(map_message() == RK_EVENT_ROW && is_value("nobody"));
	message.key = (RkText) {"", 0};
	CHECK(map_message() == RK_EVENT_ROW && is_value(""));
}

/* Truncated, single quotes, trailing comma, comment, byte order mark. */
static void
test_e2_not_json(void)
{
	map_path("a", RK_KIND_ANY);
	refuses("{\"a\":1", "22P02",
			"invalid input syntax for type json: unexpected end at byte 7 of the payload");
	refuses("{'a':1}", "22P02",
			"invalid input syntax for type json: unexpected character at byte 2 of the payload");
	refuses("{\"a\":1,}", "22P02",
			"invalid input syntax for type json: unexpected character at byte 8 of the payload");
	refuses("{\"a\":1} -- x", "22P02",
			"invalid input syntax for type json: unexpected character at byte 9 of the payload");
	refuses("\xEF\xBB\xBF{\"a\":1}", "22P02",
			"invalid input syntax for type json: unexpected character at byte 1 of the payload");
	refuses("{\"a\":\"\\q\"}", "22P02",
			"invalid input syntax for type json: invalid escape sequence at byte 7 of the payload");
	/* also behind everything that is wanted */
	refuses("{\"a\":1,\"b\":[{\"c\":tru}]}", "22P02",
			"invalid input syntax for type json: unexpected character at byte 21 of the payload");
}

/* Bad UTF-8, overlong forms, surrogates, the escaped zero, in values nobody wants too. */
static void
test_e3_bad_text(void)
{
	map_path("a", RK_KIND_ANY);
	refuses("{\"a\":\"\xE9\"}", "22021",
			"invalid byte sequence for encoding \"UTF8\" at byte 7 of the payload");
	refuses("{\"b\":\"x\xC0\x80\"}", "22021",
			"invalid byte sequence for encoding \"UTF8\" at byte 8 of the payload");
	refuses("{\"\xED\xA0\x80\":1}", "22021",
			"invalid byte sequence for encoding \"UTF8\" at byte 3 of the payload");
	refuses("{\"b\":\"\\ud800\"}", "22P02",
			"invalid input syntax for type json: half a surrogate pair at byte 7 of the payload");
	refuses("{\"b\":\"\\u0000\"}", "22P05",
			"unsupported Unicode escape sequence \\u0000 at byte 7 of the payload");
	set_payload("{\"a\":\"\0\"}", 9);
	is_bad("22P02", "invalid input syntax for type json: unexpected character at byte 7 of the payload");
}

/* Deep nesting, a million keys, duplicate keys, a long string. */
static void
test_e4_large(void)
{
	size_t		size = 16000000;
	size_t		len = 0;
	char	   *payload = malloc(size);

	if (payload == NULL)
		abort();
	map_path("a", RK_KIND_TEXT);
	memset(payload, '[', 1000000);
	set_payload(payload, 1000000);
	is_bad("22023", "nested too deeply at byte 65 of the payload");
	for (int i = 0; i < 1000000; i++)
		len += (size_t) sprintf(payload + len, "{\"a\":");
	set_payload(payload, len);
	is_bad("22023", "nested too deeply at byte 321 of the payload");

	len = 0;
	for (int i = 0; i < 1000000; i++)
		len += (size_t) sprintf(payload + len, "%c\"%d\":%d", i == 0 ? '{' : ',', i, i % 10);
	len += (size_t) sprintf(payload + len, ",\"a\":\"end\"}");
	set_payload(payload, len);
	CHECK(map_message() == RK_EVENT_ROW && is_value("end"));

	memset(payload, 'x', size);
	memcpy(payload, "{\"a\":\"\\n", 8);
	memcpy(payload + size - 2, "\"}", 2);
	set_payload(payload, size);
	CHECK(map_message() == RK_EVENT_ROW && value.len == size - 9 && value.data[0] == '\n');
	field.max_chars = 100;
	is_bad("22001", "column \"target\", $.a: value too long for type character varying(100)");
	free(payload);

	/* a path as deep as a payload may be, and one that is deeper */
	map_path("a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
			 "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", RK_KIND_INT4);
	CHECK(field.nnames == RK_JSON_MAX_DEPTH);
	payload = malloc(1000);
	len = 0;
	for (int i = 0; i < RK_JSON_MAX_DEPTH; i++)
		len += (size_t) sprintf(payload + len, "{\"a\":");
	payload[len++] = '5';
	memset(payload + len, '}', RK_JSON_MAX_DEPTH);
	set_payload(payload, len + RK_JSON_MAX_DEPTH);
	CHECK(map_message() == RK_EVENT_ROW && is_value("5"));
	names[field.nnames++] = (RkText) {"a", 1};
	CHECK(map_message() == RK_EVENT_ROW && is_value(NULL));
	free(payload);
}

/* User as an object, rating as a string, a boolean, an array. */
static void
test_e5_wrong_types(void)
{
	map_path("v", RK_KIND_INT8);
	gives("{\"v\":\"5\"}", "5");
	refuses("{\"v\":{\"id\":5}}", "2203F",
			"column \"target\", $.v: a JSON object is no value of this column");
	refuses("{\"v\":[5]}", "2203F", "column \"target\", $.v: a JSON array is no value of this column");
	refuses("{\"v\":true}", "22P02",
			"column \"target\", $.v: invalid input syntax for type bigint: \"true\"");
	refuses("{\"v\":5.0}", "22P02", "column \"target\", $.v: invalid input syntax for type bigint: \"5.0\"");
	map_path("v", RK_KIND_TEXT);
	gives("{\"v\":5}", "5");
	gives("{\"v\":true}", "true");
	refuses("{\"v\":{}}", "2203F", "column \"target\", $.v: a JSON object is no value of this column");
	map_path("v", RK_KIND_BOOL);
	gives("{\"v\":1}", "1");
	refuses("{\"v\":2}", "22P02", "column \"target\", $.v: invalid input syntax for type boolean: \"2\"");
}

/* Not finite, beyond the range, minus zero, ten thousand digits. */
static void
test_e6_numbers(void)
{
	static char payload[10100];
	size_t		len = (size_t) sprintf(payload, "{\"r\":0.1");

	map_path("r", RK_KIND_FLOAT4);
	gives("{\"r\":-0}", "-0");
	refuses("{\"r\":\"NaN\"}", "22003", "column \"target\", $.r: value \"NaN\" of type real is not finite");
	refuses("{\"r\":\"-Infinity\"}", "22003",
			"column \"target\", $.r: value \"-Infinity\" of type real is not finite");
	refuses("{\"r\":1e400}", "22003", "column \"target\", $.r: \"1e400\" is out of range for type real");
	refuses("{\"r\":NaN}", "22P02",
			"invalid input syntax for type json: unexpected character at byte 6 of the payload");
	memset(payload + len, '7', 10000);
	payload[len + 10000] = '}';
	set_payload(payload, len + 10001);
	CHECK(map_message() == RK_EVENT_ROW && value.len == 10003);
	field.kind = RK_KIND_INT8;
	is_bad("22P02", "column \"target\", $.r: invalid input syntax for type bigint: "
		   "\"0.1777777777777777777777777777777777777777777777...\"");
}

/* A missing field, others that nobody knows, an unknown kind of event. */
static void
test_e7_fields(void)
{
	static const RkMapEntry map[] = {{{"1", 1}, {"1", 1}}};

	map_path("user.id", RK_KIND_INT8);
	field.not_null = true;
	gives("{\"new\":{\"id\":[]},\"user\":{\"name\":\"x\",\"id\":5,\"more\":{}},\"v\":9}", "5");
	refuses("{\"user\":{\"ident\":5}}", "23502",
			"column \"target\", $.user.id: null value violates not-null constraint");
	map_path("version", RK_KIND_INT4);
	field.nmap = 1;
	field.map = map;
	gives("{\"version\":1}", "1");
	refuses("{\"version\":2}", "22023", "column \"target\", $.version: value \"2\" is not in the map");
}

/* Beyond bigint, negative, leading zeros, SQL. */
static void
test_e8_ids(void)
{
	map_path("id", RK_KIND_INT8);
	gives("{\"id\":-9223372036854775808}", "-9223372036854775808");
	gives("{\"id\":\"007\"}", "007");
	refuses("{\"id\":9223372036854775808}", "22003",
			"column \"target\", $.id: value \"9223372036854775808\" is out of range for type bigint");
	refuses("{\"id\":007}", "22P02",
			"invalid input syntax for type json: unexpected character at byte 8 of the payload");
	refuses("{\"id\":\"1); DROP TABLE ratings; --\"}", "22P02", "column \"target\", $.id: "
			"invalid input syntax for type bigint: \"1); DROP TABLE ratings; --\"");
	map_path("id", RK_KIND_TEXT);
	gives("{\"id\":\"1'); DROP TABLE ratings; --\"}", "1'); DROP TABLE ratings; --");
}

/* Missing, negative, the year 292 million; in the message and in the payload. */
static void
test_e12_timestamps(void)
{
	static const struct
	{
		int64_t		ms;
		const char *text;
	}			times[] = {
		{-1, NULL},
		{0, "1970-01-01T00:00:00.000Z"},
		{INT64_C(951782400000) - 1, "2000-02-28T23:59:59.999Z"},
		{INT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
		{INT64_C(951868800000), "2000-03-01T00:00:00.000Z"},
		{INT64_C(1795593600123), "2026-11-25T08:00:00.123Z"},
		{INT64_C(4107542399999), "2100-02-28T23:59:59.999Z"},
		{INT64_C(4107542400000), "2100-03-01T00:00:00.000Z"},
		{INT64_C(9224318015999999), "294276-12-31T23:59:59.999Z"},
	};

	map_origin(RK_ORIGIN_TIMESTAMP, RK_KIND_TIMESTAMPTZ);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
	{
		message.timestamp_ms = times[i].ms;
		CHECK(map_message() == RK_EVENT_ROW && is_value(times[i].text));
	}
	message.timestamp_ms = INT64_C(9224318016000000);
	is_bad("22008",
		   "column \"target\", @timestamp: timestamp out of range: 9224318016000000 ms since 1970");
	message.timestamp_ms = INT64_MAX;
	is_bad("22008",
		   "column \"target\", @timestamp: timestamp out of range: 9223372036854775807 ms since 1970");
	message.timestamp_ms = -2;
	is_bad("22008", "column \"target\", @timestamp: timestamp out of range: -2 ms since 1970");

	map_path("ts", RK_KIND_TIMESTAMPTZ);
	gives("{\"ts\":\"2026-11-25T08:00:00.123Z\"}", "2026-11-25T08:00:00.123Z");
	gives("{}", NULL);
	refuses("{\"ts\":\"2026-02-30T08:00:00Z\"}", "22008", "column \"target\", $.ts: "
			"date/time field value out of range: \"2026-02-30T08:00:00Z\"");
	refuses("{\"ts\":1764057600}", "22007",
			"column \"target\", $.ts: a JSON number or boolean is no timestamp");
	refuses("{\"ts\":\"\"}", "22007", "column \"target\", $.ts: "
			"invalid input syntax for type timestamp with time zone: \"\"");
}

/* Every midnight until 2500 against a count of days. */
static void
test_calendar(void)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t		day = 0;

	map_origin(RK_ORIGIN_TIMESTAMP, RK_KIND_TIMESTAMPTZ);
	for (int year = 1970; year < 2500; year++)
	{
		bool		leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

		for (int month = 1; month <= 12; month++)
		{
			for (int d = 1; d <= days[month - 1] + (leap && month == 2); d++)
			{
				char		expected[80];

				snprintf(expected, sizeof(expected), "%d-%02d-%02dT00:00:00.000Z", year, month, d);
				message.timestamp_ms = day++ * 86400000;
				CHECK(map_message() == RK_EVENT_ROW && is_value(expected));
			}
		}
	}
}

/* Ten thousand headers, binary ones, duplicates. */
static void
test_e13_headers(void)
{
	static RkHeader headers[10000];

	map_origin(RK_ORIGIN_HEADER, RK_KIND_TEXT);
	field.header = "trace";
	CHECK(map_message() == RK_EVENT_ROW && is_value(NULL));
	message.headers = headers;
	message.nheaders = 10000;
	for (int i = 0; i < 10000; i++)
		headers[i] = (RkHeader) {"x", {"\xFF\0", 2}};
	CHECK(map_message() == RK_EVENT_ROW && is_value(NULL));
	headers[17] = (RkHeader) {"trace", {"first", 5}};
	CHECK(map_message() == RK_EVENT_ROW && is_value("first"));
	headers[9000] = (RkHeader) {"trace", {"last", 4}};
	CHECK(map_message() == RK_EVENT_ROW && is_value("last"));
	headers[9500] = (RkHeader) {"Trace", {"case matters", 12}};
	CHECK(map_message() == RK_EVENT_ROW && is_value("last"));
	headers[9999] = (RkHeader) {"trace", {NULL, 0}};
	CHECK(map_message() == RK_EVENT_ROW && is_value(NULL));
	headers[9999] = (RkHeader) {"trace", {"\xFF", 1}};
	is_bad("22021", "column \"target\", @header.trace: invalid byte sequence for encoding \"UTF8\"");
	field.header = "x";
	is_bad("22021", "column \"target\", @header.x: invalid byte sequence for encoding \"UTF8\"");
}

/* Long names do not push the reason out, and are cut between characters. */
static void
test_long_names(void)
{
	static char name[4][300];
	char		column[64];

	memset(column, 'c', sizeof(column) - 1);
	column[63] = '\0';
	for (int start = 0; start < 4; start++)
	{
		memset(name[start], 'x', (size_t) start);
		for (int i = start; i + 4 <= 296; i += 4)
			memcpy(name[start] + i, "\xF0\x9F\x98\x80", 4);
		map_path("a.b.c", RK_KIND_INT8);
		field.column = column;
		for (int i = 0; i < 3; i++)
			names[i] = text_of(name[start]);
		field.has_default = true;
		field.default_value = text_of("a value that is far too long to be shown in a reason");
		set_payload("{}", 2);
		CHECK(map_message() == RK_EVENT_BAD);
		CHECK(rk_utf8_valid(reason.message, strlen(reason.message)));
		CHECK(strstr(reason.message, "...: invalid input syntax for type bigint: \"a value") != NULL);
		CHECK(strcmp(reason.message + strlen(reason.message) - 4, "...\"") == 0);
	}
}

/* ---- random payloads ----------------------------------------------------------------- */

static const char *const random_paths[] = {
	"", "a", "b", "a.b", "a.a", "b.a", "a.b.c", "a.b.a", "c", "c.c.c.c", "ab",
	"\xC3\xA9t\xC3\xA9", "a.\xC3\xA9t\xC3\xA9", "a_longer_name", "\xF0\x9F\x98\x80.a", "a\tb"
};

#define NPATHS	((int) (sizeof(random_paths) / sizeof(random_paths[0])))

/* What the reference finds at a path. */
static RefNode *
reference_at(RefNode *node, const RkField *at)
{
	for (int i = 0; i < at->nnames && node != NULL; i++)
		node = ref_member(node, at->names[i].data, at->names[i].len);
	return node != NULL && node->type == REF_NULL ? NULL : node;
}

static bool
same_value(RkText ours, const RefNode *node, RkKind kind)
{
	const char *data;
	size_t		len;

	if (node == NULL)
		return ours.data == NULL;
	data = node->type == REF_STRING && kind != RK_KIND_JSON ? node->text : node->start;
	len = node->type == REF_STRING && kind != RK_KIND_JSON ? node->len :
		(size_t) (node->end - node->start);
	return ours.data != NULL && ours.len == len && memcmp(ours.data, data, len) == 0;
}

/* Some of the paths, in some order, for JSON or for text. */
static int
random_fields(RkField *fields, RkText paths[][4])
{
	int			nfields = 1 + (int) unit_random(6);

	for (int i = 0; i < nfields; i++)
	{
		map_path(random_paths[unit_random((uint32_t) NPATHS)],
				 unit_random(3) == 0 ? RK_KIND_ANY : RK_KIND_JSON);
		fields[i] = field;
		memcpy(paths[i], names, sizeof(names[0]) * (size_t) field.nnames);
		fields[i].names = paths[i];
	}
	return nfields;
}

static void
test_against_reference(void)
{
	static RandomJson json;
	int			rows = 0;

	for (int i = 0; i < RANDOM_PAYLOADS; i++)
	{
		RkField		fields[8];
		RkText		paths[8][4];
		RkText		values[8];
		RkMapping	mapping = {random_fields(fields, paths), fields, true};
		RefNode    *root;
		RefNode    *nodes[8];
		bool		row;
		bool		same = true;
		RkEventStatus status;

		random_json(&json);
		set_payload(json.data, json.len);
		rk_arena_reset(&arena);
		status = rk_event_map(&mapping, &message, &arena, values, &reason);
		root = ref_parse(message.payload.data, message.payload.len);
		row = root != NULL;
		for (int k = 0; k < mapping.nfields && root != NULL; k++)
		{
			nodes[k] = reference_at(root, &fields[k]);
			row &= nodes[k] == NULL || fields[k].kind == RK_KIND_JSON ||
				(nodes[k]->type != REF_OBJECT && nodes[k]->type != REF_ARRAY);
		}
		for (int k = 0; k < mapping.nfields && row && status == RK_EVENT_ROW; k++)
			same &= same_value(values[k], nodes[k], fields[k].kind);
		if (!CHECK(same && status == (row ? RK_EVENT_ROW : RK_EVENT_BAD)))
			fprintf(stderr, "    payload %d, status %d: %.*s\n", i, (int) status, (int) json.len, json.data);
		rows += row;
	}
	CHECK(rows > RANDOM_PAYLOADS / 8 && rows < RANDOM_PAYLOADS * 7 / 8);
}

int
main(int argc, char **argv)
{
	random_seed(argc, argv);
	test_paths();
	test_duplicate_keys();
	test_json_columns();
	test_many_fields();
	test_most_fields();
	test_maps_and_defaults();
	test_metadata();
	test_e1_empty();
	test_e2_not_json();
	test_e3_bad_text();
	test_e4_large();
	test_e5_wrong_types();
	test_e6_numbers();
	test_e7_fields();
	test_e8_ids();
	test_e12_timestamps();
	test_calendar();
	test_e13_headers();
	test_long_names();
	test_against_reference();
	rk_arena_free(&arena);
	set_payload("", 0);
	free((char *) message.payload.data);
	return unit_report("event");
}
