/*-------------------------------------------------------------------------
 *
 * test_json.c
 *		The JSON reader: what it takes and what it refuses, where and why, and
 *		that it agrees with an obvious one on random texts.
 *
 * `test_json SEED` draws other texts.
 *
 *-------------------------------------------------------------------------
 */
#include "kafka_ingest/json.h"

#include "random_json.h"
#include "reference_json.h"

#define RANDOM_TEXTS	200000

/* Read all of a text that is at no zero and ends where its memory ends. */
static RkJsonReader
read_bytes(const char *data, size_t len)
{
	char	   *copy = malloc(len + (len == 0));
	RkJsonReader reader;
	RkJsonToken token;

	if (copy == NULL)
		abort();
	memcpy(copy, data, len);
	rk_json_begin(&reader, (RkText) {copy, len});
	do
		token = rk_json_next(&reader);
	while (token != RK_JSON_ERROR && token != RK_JSON_END);
	CHECK(rk_json_next(&reader) == token);
	CHECK((token == RK_JSON_END) == (reader.error == RK_JSON_OK));
	CHECK(reader.at >= copy && reader.at <= copy + len);
	/* positions are compared as distances */
	reader.at = data + (reader.at - reader.start);
	reader.start = data;
	free(copy);
	return reader;
}

static void
accepts(const char *text)
{
	RkJsonReader reader = read_bytes(text, strlen(text));

	if (!CHECK(reader.error == RK_JSON_OK))
		fprintf(stderr, "    %s\n", text);
	CHECK(ref_parse(text, strlen(text)) != NULL);
}

static void
refuses(const char *text, RkJsonError error, int position)
{
	RkJsonReader reader = read_bytes(text, strlen(text));

	if (!CHECK(reader.error == error && reader.at - reader.start == position))
		fprintf(stderr, "    %s: error %d at %d\n", text, (int) reader.error,
				(int) (reader.at - reader.start));
	CHECK(ref_parse(text, strlen(text)) == NULL);
}

static void
test_accepted(void)
{
	accepts("{}");
	accepts("[]");
	accepts(" \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } ");
	accepts("0");
	accepts("-0");
	accepts("-0.0e-0");
	accepts("1E+5");
	accepts("123456789012345678901234567890.5");
	accepts("\"\"");
	accepts("true");
	accepts("false");
	accepts("null");
	accepts("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"");
	accepts("\"\\ud83d\\ude00\"");
	accepts("\"\x7F\"");
	accepts("\"\xC2\x80 \xDF\xBF \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF\"");
	accepts("\"\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF\"");
	accepts("[[],{},[{\"\":[]}],\"a\",1,true,false,null]");
}

static void
test_refused_syntax(void)
{
	refuses("", RK_JSON_TRUNCATED, 0);
	refuses("  ", RK_JSON_TRUNCATED, 2);
	refuses("{", RK_JSON_TRUNCATED, 1);
	refuses("{\"a\"", RK_JSON_TRUNCATED, 4);
	refuses("{\"a\":", RK_JSON_TRUNCATED, 5);
	refuses("{\"a\":1", RK_JSON_TRUNCATED, 6);
	refuses("{\"a\":1,", RK_JSON_TRUNCATED, 7);
	refuses("[1,2", RK_JSON_TRUNCATED, 4);
	refuses("\"abc", RK_JSON_TRUNCATED, 4);
	refuses("tru", RK_JSON_TRUNCATED, 3);
	refuses("-", RK_JSON_TRUNCATED, 1);
	refuses("1.", RK_JSON_TRUNCATED, 2);
	refuses("1e", RK_JSON_TRUNCATED, 2);
	refuses("{'a':1}", RK_JSON_SYNTAX, 1);
	refuses("{a:1}", RK_JSON_SYNTAX, 1);
	refuses("{\"a\":1,}", RK_JSON_SYNTAX, 7);
	refuses("{,}", RK_JSON_SYNTAX, 1);
	refuses("[1,]", RK_JSON_SYNTAX, 3);
	refuses("[,1]", RK_JSON_SYNTAX, 1);
	refuses("[1 2]", RK_JSON_SYNTAX, 3);
	refuses("[1}", RK_JSON_SYNTAX, 2);
	refuses("{\"a\":1]", RK_JSON_SYNTAX, 6);
	refuses("{\"a\" 1}", RK_JSON_SYNTAX, 5);
	refuses("{\"a\":}", RK_JSON_SYNTAX, 5);
	refuses("{\"a\"}", RK_JSON_SYNTAX, 4);
	refuses("{1:2}", RK_JSON_SYNTAX, 1);
	refuses("]", RK_JSON_SYNTAX, 0);
	refuses("{} {}", RK_JSON_SYNTAX, 3);
	refuses("{}x", RK_JSON_SYNTAX, 2);
	refuses("{} // a", RK_JSON_SYNTAX, 3);
	refuses("/* a */ {}", RK_JSON_SYNTAX, 0);
	refuses("\xEF\xBB\xBF{}", RK_JSON_SYNTAX, 0);	/* byte order mark */
	refuses("'a'", RK_JSON_SYNTAX, 0);
	refuses("NaN", RK_JSON_SYNTAX, 0);
	refuses("nan", RK_JSON_SYNTAX, 1);
	refuses("Infinity", RK_JSON_SYNTAX, 0);
	refuses("-Infinity", RK_JSON_SYNTAX, 1);
	refuses("True", RK_JSON_SYNTAX, 0);
	refuses("truE", RK_JSON_SYNTAX, 3);
	refuses("01", RK_JSON_SYNTAX, 1);
	refuses("-01", RK_JSON_SYNTAX, 2);
	refuses("+1", RK_JSON_SYNTAX, 0);
	refuses(".5", RK_JSON_SYNTAX, 0);
	refuses("1.e5", RK_JSON_SYNTAX, 2);
	refuses("1e+ ", RK_JSON_SYNTAX, 3);
	refuses("0x10", RK_JSON_SYNTAX, 1);
	refuses("\"\t\"", RK_JSON_SYNTAX, 1);
	refuses("\"\x1F\"", RK_JSON_SYNTAX, 1);
	refuses("\f1", RK_JSON_SYNTAX, 0);
	refuses("\xC2\xA0" "1", RK_JSON_SYNTAX, 0);	/* a blank of Unicode */
}

static void
test_refused_text(void)
{
	refuses("\"\\x\"", RK_JSON_BAD_ESCAPE, 1);
	refuses("\"\\'\"", RK_JSON_BAD_ESCAPE, 1);
	refuses("\"\\u12G4\"", RK_JSON_BAD_ESCAPE, 1);
	refuses("\"\\u123\"", RK_JSON_BAD_ESCAPE, 1);
	refuses("\"\\U0041\"", RK_JSON_BAD_ESCAPE, 1);
	refuses("\"\\", RK_JSON_TRUNCATED, 2);
	refuses("\"\\u00", RK_JSON_TRUNCATED, 5);
	refuses("\"a\\ud800\"", RK_JSON_SURROGATE, 2);
	refuses("\"a\\udc00\"", RK_JSON_SURROGATE, 2);
	refuses("\"\\ud800\\ud800\"", RK_JSON_SURROGATE, 1);
	refuses("\"\\ud800x\\udc00\"", RK_JSON_SURROGATE, 1);
	refuses("\"\\udc00\\ud800\"", RK_JSON_SURROGATE, 1);
	refuses("\"\\ud800\\udbff\"", RK_JSON_SURROGATE, 1);
	refuses("\"\\ud800\\ue000\"", RK_JSON_SURROGATE, 1);
	refuses("\"ab\\u0000\"", RK_JSON_ZERO, 3);
	refuses("{\"\\u0000\":1}", RK_JSON_ZERO, 2);
	refuses("\"\x80\"", RK_JSON_BAD_UTF8, 1);
	refuses("\"\xC0\x80\"", RK_JSON_BAD_UTF8, 1);	/* overlong */
	refuses("\"\xC1\xBF\"", RK_JSON_BAD_UTF8, 1);
	refuses("\"\xE0\x9F\xBF\"", RK_JSON_BAD_UTF8, 1);
	refuses("\"\xF0\x8F\xBF\xBF\"", RK_JSON_BAD_UTF8, 1);
	refuses("\"\xED\xA0\x80\"", RK_JSON_BAD_UTF8, 1);	/* surrogate */
	refuses("\"\xF4\x90\x80\x80\"", RK_JSON_BAD_UTF8, 1);	/* beyond U+10FFFF */
	refuses("\"\xF5\x80\x80\x80\"", RK_JSON_BAD_UTF8, 1);
	refuses("\"\xC3\"", RK_JSON_BAD_UTF8, 1);
	refuses("\"\xC3", RK_JSON_BAD_UTF8, 1);
	refuses("\"12345678\xE2\x82\"", RK_JSON_BAD_UTF8, 9);
	refuses("{\"\xFF\":1}", RK_JSON_BAD_UTF8, 2);
	CHECK(read_bytes("\"\0\"", 3).error == RK_JSON_SYNTAX);
	CHECK(read_bytes("{}\0", 3).error == RK_JSON_SYNTAX);
}

/* Plain and special characters at each place of the words that are passed at once. */
static void
test_places_in_words(void)
{
	for (int special = 1; special < 256; special++)
	{
		for (int at = 0; at < 24; at++)
		{
			char		text[40];
			int			position = 1 + at;
			RkJsonReader reader;

			memset(text, 'x', sizeof(text));
			text[0] = '"';
			text[position] = (char) special;
			text[30] = '"';
			reader = read_bytes(text, 31);
			if (special == '"')
				CHECK(reader.error == RK_JSON_SYNTAX && reader.at - text == position + 1);
			else if (special < 0x20)
				CHECK(reader.error == RK_JSON_SYNTAX && reader.at - text == position);
			else if (special == '\\')
				CHECK(reader.error == RK_JSON_BAD_ESCAPE && reader.at - text == position);
			else if (special >= 0x80)
				CHECK(reader.error == RK_JSON_BAD_UTF8 && reader.at - text == position);
			else
				CHECK(reader.error == RK_JSON_OK);
		}
	}
}

static void
test_depth(void)
{
	size_t		many = 1000000;
	char	   *text = malloc(2 * many);

	if (text == NULL)
		abort();
	memset(text, '[', many);
	memset(text + many, ']', many);
	CHECK(read_bytes(text + many - 64, 128).error == RK_JSON_OK);
	CHECK(ref_parse(text + many - 64, 128) != NULL);
	CHECK(read_bytes(text + many - 65, 130).error == RK_JSON_TOO_DEEP);
	CHECK(ref_parse(text + many - 65, 130) == NULL);
	CHECK(read_bytes(text, 2 * many).error == RK_JSON_TOO_DEEP);
	free(text);

	/* what is open is remembered at every level, whatever was there before */
	accepts("[{\"a\":[{\"a\":[]},[{}],{\"a\":{}}]},{\"a\":[1,[2,{\"a\":3}],4]}]");
	refuses("[{\"a\":[{\"a\":[}]}]", RK_JSON_SYNTAX, 13);
}

static void
test_tokens(void)
{
	static const char text[] = "{\"k\": [1, \"s\\n\", {}], \"l\": {\"m\": [null]}} ";
	RkJsonReader reader;

	rk_json_begin(&reader, (RkText) {text, strlen(text)});
	CHECK(rk_json_next(&reader) == RK_JSON_OBJECT && reader.depth == 1);
	CHECK(rk_json_next(&reader) == RK_JSON_KEY && reader.text.len == 1 && reader.text.data[0] == 'k');
	CHECK(rk_json_next(&reader) == RK_JSON_ARRAY && reader.depth == 2);
	CHECK(rk_json_next(&reader) == RK_JSON_NUMBER && reader.text.len == 1);
	CHECK(!reader.escaped);
	CHECK(rk_json_next(&reader) == RK_JSON_STRING && reader.text.len == 3 && reader.escaped);
	CHECK(rk_json_next(&reader) == RK_JSON_OBJECT);
	CHECK(rk_json_next(&reader) == RK_JSON_OBJECT_END);
	CHECK(rk_json_next(&reader) == RK_JSON_ARRAY_END && reader.depth == 1);
	CHECK(rk_json_next(&reader) == RK_JSON_KEY && !reader.escaped);
	CHECK(rk_json_next(&reader) == RK_JSON_OBJECT);
	CHECK(rk_json_skip(&reader) && reader.depth == 1);
	CHECK(reader.text.len == strlen("{\"m\": [null]}") && reader.text.data == strstr(text, "{\"m\""));
	CHECK(rk_json_next(&reader) == RK_JSON_OBJECT_END && reader.depth == 0);
	CHECK(rk_json_next(&reader) == RK_JSON_END);
}

static void
unescapes(const char *raw, const char *meant)
{
	char		out[64];
	RkText		text = {raw, strlen(raw)};
	size_t		len = rk_json_unescape(text, out);

	CHECK(len <= text.len);
	CHECK(len == strlen(meant) && memcmp(out, meant, len) == 0);
	CHECK(rk_json_means(text, (RkText) {meant, len}));
	CHECK(!rk_json_means(text, (RkText) {meant, len - 1}));
	memcpy(out, meant, len);
	out[len] = 'x';
	CHECK(!rk_json_means(text, (RkText) {out, len + 1}));
	out[len - 1] ^= 1;
	CHECK(!rk_json_means(text, (RkText) {out, len}));
}

static void
test_unescape(void)
{
	unescapes("plain", "plain");
	unescapes("\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t");
	unescapes("a\\u0041\\u007Fz", "aA\x7Fz");
	unescapes("\\u0080\\u07ff", "\xC2\x80\xDF\xBF");
	unescapes("\\u0800\\uFFff", "\xE0\xA0\x80\xEF\xBF\xBF");
	unescapes("\\ud800\\udc00\\uDBFF\\uDFFF", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF");
	unescapes("\xC3\xA9\\u00e9", "\xC3\xA9\xC3\xA9");
}

/* Most sequences of up to three bytes, and random ones of four near the borders. */
static void
test_utf8(void)
{
	CHECK(rk_utf8_valid("", 0));
	CHECK(rk_utf8_valid("a\x7F", 2));
	CHECK(!rk_utf8_valid("a\0b", 3));
	for (uint32_t i = 0x800000; i <= 0xFFFFFF; i += 1 + (i % 256 == 255 ? 0 : unit_random(3)))
	{
		char		s[3] = {(char) (i >> 16), (char) (i >> 8), (char) i};
		int			len = ref_character(s, s + 3);

		CHECK((int) rk_utf8_sequence(s, s + 3) == len);
		CHECK(len != 3 || rk_utf8_sequence(s, s + 2) == 0);
	}
	for (uint32_t i = 0; i < 1000000; i++)
	{
		char		s[4] = {(char) (0xEE + unit_random(10)), (char) (0x78 + unit_random(80)),
			(char) (0x78 + unit_random(80)), (char) (0x78 + unit_random(80))};

		CHECK((int) rk_utf8_sequence(s, s + 4) == ref_character(s, s + 4));
	}
}

static void
test_against_reference(void)
{
	static RandomJson json;
	int			valid = 0;

	for (int i = 0; i < RANDOM_TEXTS; i++)
	{
		bool		ours;
		bool		theirs;

		random_json(&json);
		ours = read_bytes(json.data, json.len).error == RK_JSON_OK;
		theirs = ref_parse(json.data, json.len) != NULL;
		if (!CHECK(ours == theirs))
			fprintf(stderr, "    %s: %.*s\n", ours ? "accepted" : "refused",
					(int) json.len, json.data);
		valid += ours;
	}
	/* both kinds were met */
	CHECK(valid > RANDOM_TEXTS / 4 && valid < RANDOM_TEXTS * 3 / 4);
}

int
main(int argc, char **argv)
{
	random_seed(argc, argv);
	test_accepted();
	test_refused_syntax();
	test_refused_text();
	test_places_in_words();
	test_depth();
	test_tokens();
	test_unescape();
	test_utf8();
	test_against_reference();
	return unit_report("json");
}
