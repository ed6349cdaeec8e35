/*-------------------------------------------------------------------------
 *
 * test_recvec_codec.c
 *		Text and binary forms of recvec, without a server.
 *
 * strtof() over the whole number is the slow reference of the reader.
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "type/recvec_codec.h"

static int	failures = 0;

#define CHECK(condition) \
	check((condition), #condition, __LINE__)

static void
check(bool condition, const char *what, int line)
{
	if (condition)
		return;
	failures++;
	fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, line, what);
}

static float parsed[RS_MAX_DIM];
static int	parsed_dim;
static RsRecvecSpan parsed_span;

/* Parse from a heap block of the very length, so that ASan sees over-reads. */
static RsRecvecStatus
parse_bytes(const char *text, size_t length)
{
	char	   *copy = malloc(length + 1);
	RsRecvecStatus status;

	memcpy(copy + 1, text, length);
	status = rs_recvec_parse(copy + 1, length, parsed, &parsed_dim, &parsed_span);
	free(copy);
	return status;
}

static RsRecvecStatus
parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

/* head, then n times part, then tail */
static char *
repeat(const char *head, const char *part, size_t n, const char *tail)
{
	size_t		part_length = strlen(part);
	char	   *text = malloc(strlen(head) + part_length * n + strlen(tail) + 1);
	char	   *end = text + sprintf(text, "%s", head);

	for (size_t i = 0; i < n; i++, end += part_length)
		memcpy(end, part, part_length);
	strcpy(end, tail);
	return text;
}

static RsRecvecStatus
parse_repeated(const char *head, const char *part, size_t n, const char *tail)
{
	char	   *text = repeat(head, part, n, tail);
	RsRecvecStatus status = parse(text);

	free(text);
	return status;
}

static bool
same_bits(float a, float b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

/* Whether a number reads as strtof() reads it. */
static bool
reads_as_strtof(const char *number)
{
	float		value;
	float		reference = strtof(number, NULL);
	RsRecvecStatus status = rs_recvec_parse_number(number, strlen(number), &value);

	if (isinf(reference))
		return status == RS_RECVEC_OUT_OF_RANGE;
	return status == RS_RECVEC_OK && same_bits(value, reference);
}

static uint32_t
next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void
test_grammar(void)
{
	static const struct
	{
		const char *text;
		RsRecvecStatus status;
		size_t		offset;
	}			cases[] = {
		{"[1]", RS_RECVEC_OK, 3},
		{"[1,2,3]", RS_RECVEC_OK, 7},
		{" \t\n\r\v\f[ 1 ,\t2\n] \v", RS_RECVEC_OK, 17},
		{"[+1,-1,.5,5.,1e2,1E+2,1e-2]", RS_RECVEC_OK, 27},
		{"", RS_RECVEC_NO_BRACKET, 0},
		{"   ", RS_RECVEC_NO_BRACKET, 3},
		{"1", RS_RECVEC_NO_BRACKET, 0},
		{"{1}", RS_RECVEC_NO_BRACKET, 0},
		{"\xc2\xa0[1]", RS_RECVEC_NO_BRACKET, 0},
		{"[", RS_RECVEC_NO_NUMBER, 1},
		{"]", RS_RECVEC_NO_BRACKET, 0},
		{"[]", RS_RECVEC_EMPTY, 1},
		{"[ ]", RS_RECVEC_EMPTY, 2},
		{"[,]", RS_RECVEC_NO_NUMBER, 1},
		{"[1,]", RS_RECVEC_NO_NUMBER, 3},
		{"[,1]", RS_RECVEC_NO_NUMBER, 1},
		{"[1,,2]", RS_RECVEC_NO_NUMBER, 3},
		{"[1 2]", RS_RECVEC_NO_SEPARATOR, 3},
		{"[1", RS_RECVEC_NO_SEPARATOR, 2},
		{"[1,", RS_RECVEC_NO_NUMBER, 3},
		{"[1]]", RS_RECVEC_TRAILING, 3},
		{"[1] [2]", RS_RECVEC_TRAILING, 4},
		{"[1]a", RS_RECVEC_TRAILING, 3},
		{"[\xc2\xa0" "1]", RS_RECVEC_NO_NUMBER, 1},
		{"[NaN]", RS_RECVEC_NOT_FINITE, 1},
		{"[nan(123)]", RS_RECVEC_NOT_FINITE, 1},
		{"[1,+Infinity]", RS_RECVEC_NOT_FINITE, 3},
		{"[-iNf]", RS_RECVEC_NOT_FINITE, 1},
		{"[1,1e39]", RS_RECVEC_OUT_OF_RANGE, 3},
		{"[-1e400]", RS_RECVEC_OUT_OF_RANGE, 1},
		{"[0x1p3]", RS_RECVEC_NO_SEPARATOR, 2},
		{"[1_000]", RS_RECVEC_NO_SEPARATOR, 2},
		{"[1.5.5]", RS_RECVEC_NO_SEPARATOR, 4},
		{"[1e]", RS_RECVEC_NO_SEPARATOR, 2},
		{"[1e+]", RS_RECVEC_NO_SEPARATOR, 2},
		{"[e5]", RS_RECVEC_NO_NUMBER, 1},
		{"[.]", RS_RECVEC_NO_NUMBER, 1},
		{"[-]", RS_RECVEC_NO_NUMBER, 1},
		{"[+-1]", RS_RECVEC_NO_NUMBER, 1},
		{"[- 1]", RS_RECVEC_NO_NUMBER, 1},
		{"[[1]]", RS_RECVEC_NO_NUMBER, 1},
		{"[\xef\xbc\x91]", RS_RECVEC_NO_NUMBER, 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		RsRecvecStatus status = parse(cases[i].text);

		if (status == cases[i].status && parsed_span.offset == cases[i].offset)
			continue;
		failures++;
		fprintf(stderr, "\"%s\": status %d at %zu, expected %d at %zu\n",
				cases[i].text, status, parsed_span.offset,
				cases[i].status, cases[i].offset);
	}
	CHECK(parse_bytes("[1]\0", 4) == RS_RECVEC_TRAILING);
	CHECK(parse_bytes("[1\0]", 4) == RS_RECVEC_NO_SEPARATOR);
	CHECK(parse_bytes("[12]", 2) == RS_RECVEC_NO_SEPARATOR);
}

static void
test_values(void)
{
	float		value;

	CHECK(parse("[1,-2.5,3e2]") == RS_RECVEC_OK && parsed_dim == 3);
	CHECK(parsed[0] == 1.0f && parsed[1] == -2.5f && parsed[2] == 300.0f);

	/* too small becomes zero, and zero keeps its sign */
	CHECK(parse("[1e-46,-1e-400,-0,0]") == RS_RECVEC_OK);
	CHECK(same_bits(parsed[0], 0.0f) && same_bits(parsed[1], -0.0f));
	CHECK(same_bits(parsed[2], -0.0f) && same_bits(parsed[3], 0.0f));

	CHECK(rs_recvec_parse_number("1e-45", 5, &value) == RS_RECVEC_OK &&
		  value == 0x1p-149f);
	CHECK(rs_recvec_parse_number("3.4028235e38", 12, &value) == RS_RECVEC_OK &&
		  value == FLT_MAX);
	CHECK(rs_recvec_parse_number("3.4028236e38", 12, &value) ==
		  RS_RECVEC_OUT_OF_RANGE);
	CHECK(rs_recvec_parse_number(" 1", 2, &value) == RS_RECVEC_NO_NUMBER);
	CHECK(rs_recvec_parse_number("1 ", 2, &value) == RS_RECVEC_NO_NUMBER);
	CHECK(rs_recvec_parse_number("", 0, &value) == RS_RECVEC_NO_NUMBER);
	CHECK(rs_recvec_parse_number("-Infinity", 9, &value) == RS_RECVEC_NOT_FINITE);
}

static void
test_limits(void)
{
	CHECK(parse_repeated("[1", ",1", RS_MAX_DIM - 1, "]") == RS_RECVEC_OK &&
		  parsed_dim == RS_MAX_DIM);
	CHECK(parse_repeated("[1", ",1", RS_MAX_DIM, "]") == RS_RECVEC_TOO_MANY);
	CHECK(parse_repeated("[1", ",1", 10000000, "]") == RS_RECVEC_TOO_MANY);
	CHECK(parse_repeated("", "[", 1000000, "") == RS_RECVEC_NO_NUMBER);

	/* long numbers */
	CHECK(parse_repeated("[", "9", 1000000, "]") == RS_RECVEC_OUT_OF_RANGE);
	CHECK(parse_repeated("[", "0", 1000000, "7]") == RS_RECVEC_OK &&
		  parsed[0] == 7.0f);
	CHECK(parse_repeated("[0.", "0", 1000000, "7]") == RS_RECVEC_OK &&
		  parsed[0] == 0.0f);
	CHECK(parse_repeated("[0.", "0", 1000000, "7e1000001]") == RS_RECVEC_OK &&
		  parsed[0] == 7.0f);
	CHECK(parse_repeated("[1", "0", 1000000, "e-1000000]") == RS_RECVEC_OK &&
		  parsed[0] == 1.0f);
	CHECK(parse_repeated("[1e", "9", 10000, "]") == RS_RECVEC_OUT_OF_RANGE);
	CHECK(parse_repeated("[1e-", "9", 10000, "]") == RS_RECVEC_OK &&
		  parsed[0] == 0.0f);
	CHECK(parse_repeated("[0e", "9", 10000, "]") == RS_RECVEC_OK &&
		  parsed[0] == 0.0f);
	CHECK(parse_repeated("[1", ".", 1, "5e0000000000000000001]") == RS_RECVEC_OK &&
		  parsed[0] == 15.0f);
}

/* Every exponent, shortest and longest forms, ties and their neighbours. */
static void
test_rounding(void)
{
	uint32_t	state = 42;
	char		number[512];
	int			wrong = 0;

	for (int i = 0; i < 100000; i++)
	{
		uint32_t	bits = next_random(&state) & 0x807fffffu;
		float		x;
		double		tie;

		bits |= (uint32_t) (i % 255) << 23;
		memcpy(&x, &bits, sizeof(x));

		snprintf(number, sizeof(number), "%.9g", x);
		wrong += !reads_as_strtof(number);
		snprintf(number, sizeof(number), "%.160f", x);
		wrong += !reads_as_strtof(number);

		/* the point halfway to the next float, exact in double */
		tie = (double) x + ((double) nextafterf(x, FLT_MAX) - (double) x) / 2;
		snprintf(number, sizeof(number), "%.170f", tie);
		wrong += !reads_as_strtof(number);
		strcat(number, "000001");
		wrong += !reads_as_strtof(number);
		snprintf(number, sizeof(number), "%.120e", tie);
		wrong += !reads_as_strtof(number);
	}
	CHECK(wrong == 0);
}

/*
 * A tie of 1.0 and its neighbour, broken by one digit far behind: it must
 * count although it is not kept.
 */
static void
test_sticky_digit(void)
{
	char	   *zeros = repeat("[1.000000059604644775390625", "0", 500, "1]");

	CHECK(parse("[1.000000059604644775390625]") == RS_RECVEC_OK &&
		  parsed[0] == 1.0f);
	CHECK(parse(zeros) == RS_RECVEC_OK && parsed[0] == 0x1.000002p0f);
	free(zeros);
}

static void
test_locale(void)
{
	static const char *const comma_locales[] = {
		"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"
	};

	for (size_t i = 0; i < sizeof(comma_locales) / sizeof(comma_locales[0]); i++)
	{
		if (setlocale(LC_NUMERIC, comma_locales[i]) != NULL)
			break;
	}
	CHECK(parse("[1.5,2]") == RS_RECVEC_OK && parsed_dim == 2 &&
		  parsed[0] == 1.5f);
	setlocale(LC_NUMERIC, "C");
}

static void
test_wire(void)
{
	static const unsigned char fixture[] = {
		0, 3, 0, 0,
		0x3f, 0x80, 0, 0,		/* 1 */
		0xc0, 0x20, 0, 0,		/* -2.5 */
		0, 0, 0, 1				/* the smallest denormal */
	};
	unsigned char wire[sizeof(fixture)];
	float		x[3];
	int			dim;

	CHECK(rs_recvec_wire_dim(fixture, sizeof(fixture), &dim) == RS_RECVEC_OK &&
		  dim == 3);
	CHECK(rs_recvec_decode(fixture, dim, x) == RS_RECVEC_OK);
	CHECK(x[0] == 1.0f && x[1] == -2.5f && x[2] == 0x1p-149f);
	rs_recvec_encode(x, dim, wire);
	CHECK(memcmp(wire, fixture, sizeof(fixture)) == 0);

	for (size_t length = 0; length < sizeof(fixture); length++)
		CHECK(rs_recvec_wire_dim(fixture, length, &dim) == RS_RECVEC_TRUNCATED);
	memset(wire, 0, sizeof(wire));
	CHECK(rs_recvec_wire_dim(wire, 4, &dim) == RS_RECVEC_EMPTY);
	wire[1] = 1;
	CHECK(rs_recvec_wire_dim(wire, 4, &dim) == RS_RECVEC_TRUNCATED);
	CHECK(rs_recvec_wire_dim(wire, 8, &dim) == RS_RECVEC_OK);
	CHECK(rs_recvec_wire_dim(wire, 9, &dim) == RS_RECVEC_TRAILING);
	wire[3] = 1;
	CHECK(rs_recvec_wire_dim(wire, 8, &dim) == RS_RECVEC_RESERVED);
	wire[0] = 0x80;
	CHECK(rs_recvec_wire_dim(wire, 8, &dim) == RS_RECVEC_TOO_MANY);
	memset(wire, 0xff, 4);
	CHECK(rs_recvec_wire_dim(wire, 8, &dim) == RS_RECVEC_TOO_MANY);
}

static void
test_wire_not_finite(void)
{
	static const uint32_t bad[] = {
		0x7f800000, 0xff800000, /* infinities */
		0x7fc00000, 0xffc00001, /* quiet NaN */
		0x7f800001, 0xffbfffff	/* signalling NaN */
	};
	unsigned char wire[8] = {0, 1, 0, 0};
	float		x;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		for (int byte = 0; byte < 4; byte++)
			wire[4 + byte] = (unsigned char) (bad[i] >> (24 - 8 * byte));
		CHECK(rs_recvec_decode(wire, 1, &x) == RS_RECVEC_NOT_FINITE);
	}
}

/* A million floats of any bits: to text and back, to binary and back. */
static void
test_round_trip(void)
{
	uint32_t	state = 7;
	int			wrong = 0;

	for (int i = 0; i < 1000000; i++)
	{
		uint32_t	bits = next_random(&state);
		unsigned char wire[8];
		char		number[32];
		float		x;
		float		back;

		memcpy(&x, &bits, sizeof(x));
		if (!isfinite(x))
			continue;
		snprintf(number, sizeof(number), "%.9g", x);
		wrong += rs_recvec_parse_number(number, strlen(number), &back) != RS_RECVEC_OK ||
			!same_bits(x, back);
		rs_recvec_encode(&x, 1, wire);
		wrong += rs_recvec_decode(wire, 1, &back) != RS_RECVEC_OK ||
			!same_bits(x, back);
	}
	CHECK(wrong == 0);
}

int
main(void)
{
	test_grammar();
	test_values();
	test_limits();
	test_rounding();
	test_sticky_digit();
	test_locale();
	test_wire();
	test_wire_not_finite();
	test_round_trip();
	return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
