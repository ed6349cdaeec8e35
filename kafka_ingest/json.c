/*-------------------------------------------------------------------------
 *
 * json.c
 *		A reader of JSON texts, token by token; see json.h.
 *
 * The levels that are open are bits of one word, so nesting costs no memory and
 * no recursion.  Runs of plain characters in strings are passed eight at a time;
 * UTF-8 is checked where they end.  Outside of strings no byte above ASCII is
 * JSON, so nothing is read twice.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "json.h"

_Static_assert(RK_JSON_MAX_DEPTH <= 64, "a level is a bit of RkJsonReader.objects");

/* ---- UTF-8 ---------------------------------------------------------------------- */

static inline bool
is_continuation(unsigned char c)
{
	return (c & 0xC0) == 0x80;
}

/* Without overlong forms, surrogates and what is beyond U+10FFFF (RFC 3629). */
size_t
rk_utf8_sequence(const char *at, const char *end)
{
	const unsigned char *s = (const unsigned char *) at;
	size_t		left = (size_t) (end - at);

	if (s[0] < 0xC2 || s[0] > 0xF4)
		return 0;
	if (s[0] < 0xE0)
		return left >= 2 && is_continuation(s[1]) ? 2 : 0;
	if (left < 3 || !is_continuation(s[1]) || !is_continuation(s[2]))
		return 0;
	if (s[0] < 0xF0)
	{
		if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F))
			return 0;
		return 3;
	}
	if (left < 4 || !is_continuation(s[3]))
		return 0;
	if ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
		return 0;
	return 4;
}

/* Write a code point; returns its bytes. */
static size_t
put_utf8(uint32_t code, char *out)
{
	if (code < 0x80)
	{
		out[0] = (char) code;
		return 1;
	}
	if (code < 0x800)
	{
		out[0] = (char) (0xC0 | code >> 6);
		out[1] = (char) (0x80 | (code & 0x3F));
		return 2;
	}
	if (code < 0x10000)
	{
		out[0] = (char) (0xE0 | code >> 12);
		out[1] = (char) (0x80 | (code >> 6 & 0x3F));
		out[2] = (char) (0x80 | (code & 0x3F));
		return 3;
	}
	out[0] = (char) (0xF0 | code >> 18);
	out[1] = (char) (0x80 | (code >> 12 & 0x3F));
	out[2] = (char) (0x80 | (code >> 6 & 0x3F));
	out[3] = (char) (0x80 | (code & 0x3F));
	return 4;
}

/* ---- strings -------------------------------------------------------------------- */

#define ONES		UINT64_C(0x0101010101010101)
#define HIGH_BITS	UINT64_C(0x8080808080808080)

/*
 * The high bit of each byte that is a quote, a backslash, a control character or
 * not ASCII.  Bits above the lowest one set may be wrong: a borrow.
 */
static inline uint64_t
special_bytes(uint64_t word)
{
	uint64_t	quote = word ^ ONES * '"';
	uint64_t	backslash = word ^ ONES * '\\';

	return (((quote - ONES) & ~quote) | ((backslash - ONES) & ~backslash) |
			((word - ONES * 0x20) & ~word) | word) & HIGH_BITS;
}

/* Pass characters that mean themselves. */
static inline const char *
pass_plain(const char *at, const char *end)
{
	while (end - at >= 8)
	{
		uint64_t	word;

		memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		word = __builtin_bswap64(word);
#endif
		word = special_bytes(word);
		if (word != 0)
			return at + __builtin_ctzll(word) / 8;
		at += 8;
	}
	while (at < end && (unsigned char) *at >= 0x20 && (unsigned char) *at < 0x80 &&
		   *at != '"' && *at != '\\')
		at++;
	return at;
}

static inline int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Read "\uXXXX"; false if there is none. */
static bool
read_unit(const char *at, const char *end, uint32_t *unit)
{
	*unit = 0;
	if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return false;
	for (int i = 2; i < 6; i++)
	{
		int			digit = hex_digit(at[i]);

		if (digit < 0)
			return false;
		*unit = *unit << 4 | (uint32_t) digit;
	}
	return true;
}

/*
 * Read the escape at a backslash: the code point it means, and the bytes it
 * takes, 0 if it is not valid.  *code is then 0 for \u0000, the surrogate for
 * half a pair, UINT32_MAX for what is no escape.
 */
static size_t
read_escape(const char *at, const char *end, uint32_t *code)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *letter;
	uint32_t	low;

	*code = UINT32_MAX;
	if (end - at < 2)
		return 0;
	if (at[1] != 'u')
	{
		letter = memchr(letters, at[1], sizeof(letters) - 1);
		if (letter == NULL)
			return 0;
		*code = (uint32_t) meanings[letter - letters];
		return 2;
	}
	if (!read_unit(at, end, code))
	{
		*code = UINT32_MAX;
		return 0;
	}
	if (*code == 0)
		return 0;
	if (*code < 0xD800 || *code > 0xDFFF)
		return 6;
	if (*code > 0xDBFF || !read_unit(at + 6, end, &low) || low < 0xDC00 || low > 0xDFFF)
		return 0;
	*code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
	return 12;
}

size_t
rk_json_unescape(RkText raw, char *out)
{
	const char *at = raw.data;
	const char *end = raw.data + raw.len;
	char	   *to = out;

	while (at < end)
	{
		const char *backslash = memchr(at, '\\', (size_t) (end - at));
		size_t		plain = (size_t) ((backslash == NULL ? end : backslash) - at);
		uint32_t	code;

		memcpy(to, at, plain);
		at += plain;
		to += plain;
		if (backslash != NULL)
		{
			at += read_escape(at, end, &code);
			to += put_utf8(code, to);
		}
	}
	return (size_t) (to - out);
}

bool
rk_json_means(RkText raw, RkText name)
{
	size_t		seen = 0;

	for (size_t i = 0; i < raw.len;)
	{
		char		piece[4];
		size_t		len = 1;

		piece[0] = raw.data[i];
		if (piece[0] != '\\')
			i++;
		else
		{
			uint32_t	code;

			i += read_escape(raw.data + i, raw.data + raw.len, &code);
			len = put_utf8(code, piece);
		}
		if (len > name.len - seen || memcmp(piece, name.data + seen, len) != 0)
			return false;
		seen += len;
	}
	return seen == name.len;
}

/* ---- tokens --------------------------------------------------------------------- */

static RkJsonToken
fail(RkJsonReader *reader, RkJsonError error, const char *at)
{
	if (error == RK_JSON_SYNTAX && at >= reader->end)
		error = RK_JSON_TRUNCATED;
	reader->error = error;
	reader->at = at;
	return RK_JSON_ERROR;
}

static inline const char *
pass_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
		at++;
	return at;
}

/* What is wrong with the escape at a backslash. */
static RkJsonToken
fail_escape(RkJsonReader *reader, const char *at)
{
	uint32_t	code;

	read_escape(at, reader->end, &code);
	if (code == 0)
		return fail(reader, RK_JSON_ZERO, at);
	if (code != UINT32_MAX)
		return fail(reader, RK_JSON_SURROGATE, at);
	/* cut short, unless a quote shows that the string was to end here */
	if (reader->end - at < 6 && memchr(at, '"', (size_t) (reader->end - at)) == NULL)
		return fail(reader, RK_JSON_TRUNCATED, reader->end);
	return fail(reader, RK_JSON_BAD_ESCAPE, at);
}

/* Read a string at its opening quote; false if it is not valid. */
static inline bool
read_string(RkJsonReader *reader, const char *at)
{
	const char *end = reader->end;
	const char *start = ++at;

	reader->escaped = false;
	for (;;)
	{
		size_t		len;
		uint32_t	code;

		at = pass_plain(at, end);
		if (at >= end)
		{
			fail(reader, RK_JSON_TRUNCATED, end);
			return false;
		}
		if (*at == '"')
			break;
		if (*at == '\\')
		{
			len = read_escape(at, end, &code);
			if (len == 0)
			{
				fail_escape(reader, at);
				return false;
			}
			reader->escaped = true;
			at += len;
			continue;
		}
		do
		{
			len = (unsigned char) *at < 0x80 ? 0 : rk_utf8_sequence(at, end);
			if (len == 0)
			{
				fail(reader, (unsigned char) *at < 0x80 ? RK_JSON_SYNTAX : RK_JSON_BAD_UTF8, at);
				return false;
			}
			at += len;
		} while (at < end && (unsigned char) *at >= 0x80);
	}
	reader->text.data = start;
	reader->text.len = (size_t) (at - start);
	reader->at = at + 1;
	return true;
}

static inline const char *
pass_digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/* Read a number at its first character. */
static RkJsonToken
read_number(RkJsonReader *reader, const char *at)
{
	const char *end = reader->end;
	const char *start = at;
	const char *digits;

	if (*at == '-')
		at++;
	digits = at;
	at = at < end && *at == '0' ? at + 1 : pass_digits(at, end);
	if (at == digits)
		return fail(reader, RK_JSON_SYNTAX, at);
	if (at < end && *at == '.')
	{
		digits = ++at;
		at = pass_digits(at, end);
		if (at == digits)
			return fail(reader, RK_JSON_SYNTAX, at);
	}
	if (at < end && (*at == 'e' || *at == 'E'))
	{
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		digits = at;
		at = pass_digits(at, end);
		if (at == digits)
			return fail(reader, RK_JSON_SYNTAX, at);
	}
	reader->text.data = start;
	reader->text.len = (size_t) (at - start);
	reader->at = at;
	return RK_JSON_NUMBER;
}

/* Read a word that begins with the right letter. */
static RkJsonToken
read_word(RkJsonReader *reader, const char *at, const char *word, RkJsonToken token)
{
	size_t		len = 0;

	while (word[len] != '\0')
	{
		if (at + len >= reader->end || at[len] != word[len])
			return fail(reader, RK_JSON_SYNTAX, at + len);
		len++;
	}
	reader->text.data = at;
	reader->text.len = len;
	reader->at = at + len;
	return token;
}

static RkJsonToken
open_level(RkJsonReader *reader, const char *at, bool object)
{
	if (reader->depth == RK_JSON_MAX_DEPTH)
		return fail(reader, RK_JSON_TOO_DEEP, at);
	reader->objects &= ~(UINT64_C(1) << reader->depth);
	reader->objects |= (uint64_t) object << reader->depth;
	reader->depth++;
	reader->text.data = at;
	reader->text.len = 1;
	reader->at = at + 1;
	reader->expect = object ? RK_JSON_EXPECT_FIRST_KEY : RK_JSON_EXPECT_FIRST_VALUE;
	return object ? RK_JSON_OBJECT : RK_JSON_ARRAY;
}

static RkJsonToken
close_level(RkJsonReader *reader, const char *at, bool object)
{
	reader->depth--;
	reader->text.data = at;
	reader->text.len = 1;
	reader->at = at + 1;
	reader->expect = RK_JSON_EXPECT_MORE;
	return object ? RK_JSON_OBJECT_END : RK_JSON_ARRAY_END;
}

static RkJsonToken
read_value(RkJsonReader *reader, const char *at)
{
	if (at >= reader->end)
		return fail(reader, RK_JSON_TRUNCATED, at);
	switch (*at)
	{
		case '{':
			return open_level(reader, at, true);
		case '[':
			return open_level(reader, at, false);
		case ']':
			if (reader->expect == RK_JSON_EXPECT_FIRST_VALUE)
				return close_level(reader, at, false);
			return fail(reader, RK_JSON_SYNTAX, at);
		default:
			break;
	}
	reader->expect = RK_JSON_EXPECT_MORE;
	switch (*at)
	{
		case '"':
			return read_string(reader, at) ? RK_JSON_STRING : RK_JSON_ERROR;
		case 't':
			return read_word(reader, at, "true", RK_JSON_TRUE);
		case 'f':
			return read_word(reader, at, "false", RK_JSON_FALSE);
		case 'n':
			return read_word(reader, at, "null", RK_JSON_NULL);
		default:
			return read_number(reader, at);
	}
}

static RkJsonToken
read_key(RkJsonReader *reader, const char *at)
{
	if (at < reader->end && *at == '}' && reader->expect == RK_JSON_EXPECT_FIRST_KEY)
		return close_level(reader, at, true);
	if (at >= reader->end || *at != '"')
		return fail(reader, RK_JSON_SYNTAX, at);
	if (!read_string(reader, at))
		return RK_JSON_ERROR;
	at = pass_blanks(reader->at, reader->end);
	if (at >= reader->end || *at != ':')
		return fail(reader, RK_JSON_SYNTAX, at);
	reader->at = at + 1;
	reader->expect = RK_JSON_EXPECT_VALUE;
	return RK_JSON_KEY;
}

void
rk_json_begin(RkJsonReader *reader, RkText text)
{
	reader->start = text.data;
	reader->at = text.data;
	reader->end = text.data + text.len;
	reader->text.data = text.data;
	reader->text.len = 0;
	reader->escaped = false;
	reader->depth = 0;
	reader->objects = 0;
	reader->expect = RK_JSON_EXPECT_VALUE;
	reader->error = RK_JSON_OK;
}

RkJsonToken
rk_json_next(RkJsonReader *reader)
{
	const char *at;
	bool		object;

	if (reader->error != RK_JSON_OK)
		return RK_JSON_ERROR;
	at = pass_blanks(reader->at, reader->end);
	if (reader->expect != RK_JSON_EXPECT_MORE)
	{
		if (reader->expect == RK_JSON_EXPECT_KEY || reader->expect == RK_JSON_EXPECT_FIRST_KEY)
			return read_key(reader, at);
		return read_value(reader, at);
	}
	if (reader->depth == 0)
	{
		if (at < reader->end)
			return fail(reader, RK_JSON_SYNTAX, at);
		reader->at = at;
		return RK_JSON_END;
	}
	if (at >= reader->end)
		return fail(reader, RK_JSON_TRUNCATED, at);
	object = (reader->objects >> (reader->depth - 1) & 1) != 0;
	if (*at == ',')
	{
		reader->expect = object ? RK_JSON_EXPECT_KEY : RK_JSON_EXPECT_VALUE;
		at = pass_blanks(at + 1, reader->end);
		return object ? read_key(reader, at) : read_value(reader, at);
	}
	if (*at == (object ? '}' : ']'))
		return close_level(reader, at, object);
	return fail(reader, RK_JSON_SYNTAX, at);
}

bool
rk_json_skip(RkJsonReader *reader)
{
	const char *start = reader->text.data;
	int			outside = reader->depth - 1;

	while (reader->depth > outside)
	{
		if (rk_json_next(reader) == RK_JSON_ERROR)
			return false;
	}
	reader->text.data = start;
	reader->text.len = (size_t) (reader->at - start);
	return true;
}
