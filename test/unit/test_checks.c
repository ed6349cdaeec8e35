/*-------------------------------------------------------------------------
 *
 * test_checks.c
 *		What is called invalid before it reaches the server, in which words; and
 *		that nothing is that the server would take.
 *
 * `test_checks SEED` draws other random values.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <time.h>

#include "kafka_ingest/checks.h"

#include "random_json.h"

#define RANDOM_VALUES	300000

static RkReason reason;

static bool
check(RkKind kind, const char *text, int max_chars)
{
	size_t		len = strlen(text);
	char	   *copy = malloc(len + (len == 0));
	bool		valid;

	if (copy == NULL)
		abort();
	memcpy(copy, text, len);
	memset(&reason, 0, sizeof(reason));
	valid = rk_check(kind, (RkText) {copy, len}, max_chars, &reason);
	CHECK(valid == (reason.sqlstate[0] == '\0'));
	free(copy);
	return valid;
}

/* Each of the texts up to NULL. */
static void
valid(RkKind kind, const char *const *texts)
{
	for (; *texts != NULL; texts++)
	{
		if (!CHECK(check(kind, *texts, 0)))
			fprintf(stderr, "    kind %d: \"%s\": %s\n", (int) kind, *texts, reason.message);
	}
}

static void
invalid(RkKind kind, const char *sqlstate, const char *const *texts)
{
	for (; *texts != NULL; texts++)
	{
		if (!CHECK(!check(kind, *texts, 0) && strcmp(reason.sqlstate, sqlstate) == 0))
			fprintf(stderr, "    kind %d: \"%s\": %s\n", (int) kind, *texts, reason.sqlstate);
	}
}

#define VALID(kind, ...) valid(kind, (const char *const[]) {__VA_ARGS__, NULL})
#define INVALID(kind, sqlstate, ...) invalid(kind, sqlstate, (const char *const[]) {__VA_ARGS__, NULL})

static void
says(RkKind kind, const char *text, int max_chars, const char *sqlstate, const char *message)
{
	CHECK(!check(kind, text, max_chars));
	if (!CHECK(strcmp(reason.sqlstate, sqlstate) == 0 && strcmp(reason.message, message) == 0))
		fprintf(stderr, "    %s: %s\n", reason.sqlstate, reason.message);
}

static void
test_integers(void)
{
	static const RkKind kinds[] = {RK_KIND_INT2, RK_KIND_INT4, RK_KIND_INT8};

	for (int i = 0; i < 3; i++)
	{
		VALID(kinds[i], "0", "-0", "+1", "007", " 42 ", "\t-5\n", "\v\f\r9", "32767", "-32768",
			  "00000000000000000000000000000000000012");
		/* left to the server, which takes them from 16 on */
		VALID(kinds[i], "0x10", "-0b1", "0o17", "1_000", "0x_ff");
		INVALID(kinds[i], "22P02", "", " ", "-", "+", "--1", "1.0", "1e3", "abc", "true", "1 2",
				"_1", "x10", "1-", "NaN", "\xD9\xA1", "5'; DROP TABLE ratings; --",
				"0x", "0xg", "0b12", "0o8", "1_x", "0x1 2", "1_000.5");
		INVALID(kinds[i], "22003", "9223372036854775808", "-9223372036854775809",
				"99999999999999999999999", " 00099999999999999999999999 ");
	}
	INVALID(RK_KIND_INT2, "22003", "32768", "-32769", "100000", "0032768");
	VALID(RK_KIND_INT4, "2147483647", "-2147483648", "+02147483647");
	INVALID(RK_KIND_INT4, "22003", "2147483648", "-2147483649", "3000000000");
	VALID(RK_KIND_INT8, "9223372036854775807", "-9223372036854775808", "999999999999999999");
	says(RK_KIND_INT8, "x", 0, "22P02", "invalid input syntax for type bigint: \"x\"");
	says(RK_KIND_INT4, " 1.5 ", 0, "22P02", "invalid input syntax for type integer: \" 1.5 \"");
	says(RK_KIND_INT2, "70000", 0, "22003", "value \"70000\" is out of range for type smallint");
}

static void
test_floats(void)
{
	static const RkKind kinds[] = {RK_KIND_FLOAT4, RK_KIND_FLOAT8, RK_KIND_NUMERIC};

	for (int i = 0; i < 3; i++)
	{
		VALID(kinds[i], "0", "-0", "+1", "007", " 42 ", "1.5", ".5", "5.", "-.5e-3", "1E+3", "1e3",
			  "0e999999", "0.0e-999999", "1e37", "1e-37", "100000000000000000000e-20",
			  "0.00000000000000000000000000000000000000000000000000000001e50");
		INVALID(kinds[i], "22P02", "", " ", ".", "-", "e5", "1e", "1e+", "1e5.", "1.2.3", "1,5", "abc",
				"true", "info", "nano", "1 2x", "--1", "1f", "_1", "0xg");
		INVALID(kinds[i], "22003", "NaN", "nan", "-NaN", " NAN ", "inf", "-inf", "+Infinity",
				"infinity", "-INFINITY", "nan(1)");
		VALID(kinds[i], "0x1F", "-0x10", "0x1");	/* left to the server */
	}
	VALID(RK_KIND_FLOAT4, "3.4e38", "1e38", "1e-45");
	INVALID(RK_KIND_FLOAT4, "22003", "1e39", "-1e39", "1e400", "1e-47", "1e99999999999999999999",
			"1e-99999999999999999999");
	INVALID(RK_KIND_FLOAT4, "22P02", "1_000", "1e 5", "0b1", "1 2");
	VALID(RK_KIND_FLOAT8, "1.7e308", "1e39", "1e-324", "1e308");
	INVALID(RK_KIND_FLOAT8, "22003", "1e309", "-1e400", "1e-325", "1e99999999999999999999",
			"10e308", "0.1e-324");
	INVALID(RK_KIND_FLOAT8, "22P02", "1_000", "1e 5");
	VALID(RK_KIND_NUMERIC, "1e400", "1e-400", "1e131071", "1_000", "1.5_0");
	VALID(RK_KIND_NUMERIC, "1e 5");	/* 15 takes it */
	INVALID(RK_KIND_NUMERIC, "22003", "1e131072", "10e131071", "1e99999999999999999999");
	says(RK_KIND_FLOAT8, "1e400", 0, "22003", "\"1e400\" is out of range for type double precision");
	says(RK_KIND_FLOAT4, "1e40", 0, "22003", "\"1e40\" is out of range for type real");
	says(RK_KIND_FLOAT4, "NaN", 0, "22003", "value \"NaN\" of type real is not finite");
	says(RK_KIND_NUMERIC, "x", 0, "22P02", "invalid input syntax for type numeric: \"x\"");
	says(RK_KIND_NUMERIC, "1e131072", 0, "22003", "value overflows numeric format");
}

static void
test_bool(void)
{
	VALID(RK_KIND_BOOL, "t", "TRUE", "tru", "f", "False", "y", "yes", "Ye", "n", "no", "on", "OFF",
		  "of", "1", "0", " true ", "\ton\n");
	INVALID(RK_KIND_BOOL, "22P02", "", " ", "o", "truee", "nope", "2", "10", "-1", "offf", "onn", "tf",
			"t t", "null");
	says(RK_KIND_BOOL, "maybe", 0, "22P02", "invalid input syntax for type boolean: \"maybe\"");
}

static void
test_uuid(void)
{
	VALID(RK_KIND_UUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC999C0B4EF8BB6D6BB9BD380A11",
		  "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
		  "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}");
	INVALID(RK_KIND_UUID, "22P02", "", "{", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
			"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a111", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
			"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", " a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
			"a0eebc9-99c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11",
			"-a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0eebc999c0b4ef8bb6d6bb9bd380a11-",
			"g0eebc999c0b4ef8bb6d6bb9bd380a11", "11 ");
	says(RK_KIND_UUID, "x", 0, "22P02", "invalid input syntax for type uuid: \"x\"");
}

static void
test_text(void)
{
	CHECK(check(RK_KIND_TEXT, "any length", 0));
	CHECK(check(RK_KIND_TEXT, "", 1));
	CHECK(check(RK_KIND_TEXT, "abc", 3));
	CHECK(check(RK_KIND_TEXT, "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 3));
	CHECK(check(RK_KIND_TEXT, "abc     ", 3));
	CHECK(!check(RK_KIND_TEXT, "abc    x", 3));
	CHECK(!check(RK_KIND_TEXT, "abc\t", 3));
	CHECK(!check(RK_KIND_TEXT, "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9", 3));
	says(RK_KIND_TEXT, "four", 3, "22001", "value too long for type character varying(3)");
	VALID(RK_KIND_ANY, "", "anything", "{}", "NaN");
}

static void
test_json(void)
{
	VALID(RK_KIND_JSON, "{}", " [1, \"a\"] ", "null", "1e99999");
	VALID(RK_KIND_JSON, "\"\\u0000\"", "\"\\ud800\"");	/* json takes them, jsonb does not */
	INVALID(RK_KIND_JSON, "22P02", "", "{", "{'a':1}", "NaN", "[1,]", "\"\\x\"");
	says(RK_KIND_JSON, "abc", 0, "22P02", "invalid input syntax for type json: \"abc\"");
}

static void
test_timestamps(void)
{
	VALID(RK_KIND_TIMESTAMPTZ, "2026-11-25", "2026-11-25T08:00", "2026-11-25 08:00:00",
		  "2026-11-25T08:00:00.123456Z", "2026-11-25T08:00:00+01", "2026-11-25T08:00:00-0130",
		  "2026-11-25T08:00:00+15:59", " 2026-11-25 ", "2024-02-29", "2000-02-29", "0001-01-01",
		  "9999-12-31T23:59:60Z", "2026-11-25T24:00:00Z");
	/* other spellings are the server's */
	VALID(RK_KIND_TIMESTAMPTZ, "now", "infinity", "-infinity", "25 Nov 2026", "20261125",
		  "2026-11-25 08:00 Europe/Berlin", "2026-11-25 08:00:00 PST", "2026-1-5", "1764057600",
		  "20261125T080000Z", "2026-W48", "44-03-15 BC", "2026-13-45x", "12345-01-01");
	INVALID(RK_KIND_TIMESTAMPTZ, "22007", "", "  ", "true", "not a time", "n/a", "Mon");
	INVALID(RK_KIND_TIMESTAMPTZ, "22008", "2026-13-01", "2026-00-01", "2026-01-00", "2026-01-32",
			"2026-02-29", "1900-02-29", "2026-04-31", "0000-01-01", "2026-11-25T25:00",
			"2026-11-25T08:60", "2026-11-25T08:00:61Z");
	INVALID(RK_KIND_TIMESTAMPTZ, "22009", "2026-11-25T08:00:00+16", "2026-11-25T08:00:00-99:00",
			"2026-11-25T08:00:00+01:60");
	says(RK_KIND_TIMESTAMPTZ, "2026-02-30", 0, "22008",
		 "date/time field value out of range: \"2026-02-30\"");
	says(RK_KIND_TIMESTAMPTZ, "", 0, "22007",
		 "invalid input syntax for type timestamp with time zone: \"\"");
}

/* Every day of four centuries, as the C library counts them. */
static void
test_calendar(void)
{
	for (int year = 1900; year < 2301; year++)
	{
		for (int day = 1; day <= 12 * 32; day++)
		{
			struct tm	tm = {.tm_year = year - 1900,.tm_mon = (day - 1) / 32,.tm_mday = (day - 1) % 32 + 1};
			char		text[64];
			bool		exists;

			snprintf(text, sizeof(text), "%04d-%02d-%02d", year, tm.tm_mon + 1, tm.tm_mday);
			timegm(&tm);
			exists = tm.tm_mon == (day - 1) / 32;
			CHECK(check(RK_KIND_TIMESTAMPTZ, text, 0) == exists);
		}
	}
}

/* A reason is cut between characters, and shows little of a value. */
static void
test_reasons(void)
{
	char		value[1000];
	const char *shown;

	for (int start = 0; start < 4; start++)
	{
		memset(value, 'x', sizeof(value));
		for (size_t i = (size_t) start; i + 4 < sizeof(value); i += 4)
			memcpy(value + i, "\xF0\x9F\x98\x80", 4);
		value[sizeof(value) - 1] = '\0';
		CHECK(!check(RK_KIND_TIMESTAMPTZ, "", 0));
		CHECK(!check(RK_KIND_INT8, value, 0));
		CHECK(rk_utf8_valid(reason.message, strlen(reason.message)));
		shown = strchr(reason.message, '"');
		CHECK(shown != NULL && strlen(shown) <= 64 + 2 && strstr(shown, "...\"") != NULL);
		rk_reason(&reason, "22023", "%s", value);
		CHECK(strlen(reason.message) > RK_REASON_SIZE - 5 && strlen(reason.message) < RK_REASON_SIZE);
		CHECK(rk_utf8_valid(reason.message, strlen(reason.message)));
	}
	CHECK(strcmp(rk_show((RkText) {"abc", 2}).text, "ab") == 0);
	CHECK(strcmp(rk_show((RkText) {"", 0}).text, "") == 0);
	CHECK(strlen(rk_show((RkText) {value, RK_SHOWN_BYTES}).text) == RK_SHOWN_BYTES);
}

/* ---- random values: the C library judges ------------------------------------------- */

static void
random_text(char *out, const char *alphabet)
{
	uint32_t	len = unit_random(unit_random(4) == 0 ? 40 : 8);

	for (uint32_t i = 0; i < len; i++)
		*out++ = alphabet[unit_random((uint32_t) strlen(alphabet))];
	*out = '\0';
}

static bool
blank_rest(const char *at)
{
	return at[strspn(at, " \t\n\v\f\r")] == '\0';
}

/* For plain digits the verdict is exactly strtoll()'s. */
static void
test_random_integers(void)
{
	static const RkKind kinds[] = {RK_KIND_INT2, RK_KIND_INT4, RK_KIND_INT8};
	static const long long most[] = {INT16_MAX, INT32_MAX, INT64_MAX};

	for (int i = 0; i < RANDOM_VALUES; i++)
	{
		int			kind = (int) unit_random(3);
		char		text[64];
		char	   *end;
		long long	value;
		bool		right;

		if (unit_random(2) == 0)
			random_text(text, "0123456789-+ .");
		else
		{
			/* near the limits */
			int			len = snprintf(text, sizeof(text), "%lld",
									   unit_random(2) == 0 ? most[kind] : -most[kind] - 1);

			text[len - 1] = (char) ('0' + unit_random(10));
		}
		errno = 0;
		value = strtoll(text, &end, 10);
		right = end > text && blank_rest(end) && errno == 0 && value <= most[kind] &&
			value >= -most[kind] - 1;
		if (!CHECK(check(kinds[kind], text, 0) == right))
			fprintf(stderr, "    kind %d: \"%s\"\n", (int) kinds[kind], text);
	}
}

/*
 * What strtod() reads to the end and finite is valid.  What it does not is
 * invalid but near the limits, and for hexadecimal floats.
 */
static void
test_random_floats(void)
{
	for (int i = 0; i < RANDOM_VALUES; i++)
	{
		bool		wide = unit_random(2) == 0;
		char		text[64];
		char	   *end;
		double		value;
		bool		right;
		bool		ours;

		if (unit_random(2) == 0)
			random_text(text, unit_random(2) == 0 ? "0123456789.eE+- " : "0.1e-35naifxty ");
		else
		{
			unsigned	whole = unit_random(1000);
			unsigned	fraction = unit_random(1000);

			snprintf(text, sizeof(text), "%u.%ue%d", whole, fraction,
					 (wide ? 330 : 50) - (int) unit_random(wide ? 660 : 100));
		}
		errno = 0;
		value = wide ? strtod(text, &end) : (double) strtof(text, &end);
		right = end > text && blank_rest(end) && isfinite(value) && !(errno == ERANGE && value == 0.0);
		ours = check(wide ? RK_KIND_FLOAT8 : RK_KIND_FLOAT4, text, 0);
		if (right)
		{
			if (!CHECK(ours))
				fprintf(stderr, "    \"%s\": %s\n", text, reason.message);
		}
		else if (ours)
			CHECK(strpbrk(text, "xX") != NULL || errno == ERANGE);
	}
}

/* What is no number at all never passes, and nothing is read beyond its end. */
static void
test_random_bytes(void)
{
	for (int i = 0; i < RANDOM_VALUES; i++)
	{
		char		text[64];

		random_text(text, "0123456789abcdefxyt -:.TZ{}+_");
		for (int kind = RK_KIND_ANY; kind <= RK_KIND_JSON; kind++)
			check((RkKind) kind, text, 5);
	}
}

int
main(int argc, char **argv)
{
	random_seed(argc, argv);
	test_integers();
	test_floats();
	test_bool();
	test_uuid();
	test_text();
	test_json();
	test_timestamps();
	test_calendar();
	test_reasons();
	test_random_integers();
	test_random_floats();
	test_random_bytes();
	return unit_report("checks");
}
