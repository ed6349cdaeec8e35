/*-------------------------------------------------------------------------
 *
 * checks.c
 *		Is this text a value of that type? See checks.h.
 *
 * Messages are the server's, so that a bad value is reported in the same words
 * whoever finds it.
 *
 *-------------------------------------------------------------------------
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "json.h"

/* Where an exponent saturates: further than any text is long. */
#define EXPONENT_LIMIT	INT64_C(1000000000000000)

/* A numeric has at most so many digits before its point. */
#define NUMERIC_DIGITS	131072

/* ---- reasons ---------------------------------------------------------------------- */

/* The longest beginning of at most limit bytes that ends between two characters. */
static size_t
clip(const char *data, size_t len, size_t limit)
{
	if (len <= limit)
		return len;
	while (limit > 0 && ((unsigned char) data[limit] & 0xC0) == 0x80)
		limit--;
	return limit;
}

RkShown
rk_show(RkText text)
{
	RkShown		shown;
	size_t		len = clip(text.data, text.len, RK_SHOWN_BYTES);

	memcpy(shown.text, text.data, len);
	strcpy(shown.text + len, len < text.len ? "..." : "");
	return shown;
}

void
rk_reason(RkReason *reason, const char *sqlstate, const char *format, ...)
{
	char		message[2 * RK_REASON_SIZE];
	size_t		len;
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	len = clip(message, strlen(message), RK_REASON_SIZE - 1);
	memcpy(reason->message, message, len);
	reason->message[len] = '\0';
	memcpy(reason->sqlstate, sqlstate, sizeof(reason->sqlstate));
}

static const char *
type_name(RkKind kind)
{
	switch (kind)
	{
		case RK_KIND_ANY:
		case RK_KIND_TEXT:
			break;
		case RK_KIND_INT2:
			return "smallint";
		case RK_KIND_INT4:
			return "integer";
		case RK_KIND_INT8:
			return "bigint";
		case RK_KIND_FLOAT4:
			return "real";
		case RK_KIND_FLOAT8:
			return "double precision";
		case RK_KIND_NUMERIC:
			return "numeric";
		case RK_KIND_BOOL:
			return "boolean";
		case RK_KIND_TIMESTAMPTZ:
			return "timestamp with time zone";
		case RK_KIND_UUID:
			return "uuid";
		case RK_KIND_JSON:
			return "json";
	}
	return "text";
}

/* No value of the type: always false, for the caller to return. */
static bool
refuse_syntax(RkKind kind, RkText text, RkReason *reason)
{
	rk_reason(reason, kind == RK_KIND_TIMESTAMPTZ ? "22007" : "22P02",
			  "invalid input syntax for type %s: \"%s\"", type_name(kind), rk_show(text).text);
	return false;
}

/* ---- scanning --------------------------------------------------------------------- */

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
is_hex(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static inline bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static RkText
without_blanks(RkText text)
{
	while (text.len > 0 && is_blank(text.data[0]))
	{
		text.data++;
		text.len--;
	}
	while (text.len > 0 && is_blank(text.data[text.len - 1]))
		text.len--;
	return text;
}

static RkText
without_sign(RkText text, bool *negative)
{
	*negative = text.len > 0 && text.data[0] == '-';
	if (text.len > 0 && (text.data[0] == '-' || text.data[0] == '+'))
	{
		text.data++;
		text.len--;
	}
	return text;
}

/* Does text begin with word (lower case), in any case? */
static bool
begins_with(RkText text, const char *word)
{
	size_t		len = strlen(word);

	if (text.len < len)
		return false;
	for (size_t i = 0; i < len; i++)
	{
		if ((text.data[i] | 0x20) != word[i])
			return false;
	}
	return true;
}

/* Is all of text one of these characters? */
static bool
consists_of(RkText text, const char *characters)
{
	size_t		count = strlen(characters);

	for (size_t i = 0; i < text.len; i++)
	{
		if (memchr(characters, text.data[i], count) == NULL)
			return false;
	}
	return true;
}

/* Could this be an integer in hexadecimal, octal or binary, or with underscores? */
static bool
is_unusual_integer(RkText text)
{
	RkText		rest = {text.data + 2, text.len - 2};

	if (text.len < 3 || !is_digit(text.data[0]))
		return false;
	if (text.data[0] == '0' && (text.data[1] | 0x20) == 'x')
		return consists_of(rest, "0123456789abcdefABCDEF_");
	if (text.data[0] == '0' && (text.data[1] | 0x20) == 'o')
		return consists_of(rest, "01234567_");
	if (text.data[0] == '0' && (text.data[1] | 0x20) == 'b')
		return consists_of(rest, "01_");
	return consists_of(text, "0123456789_");
}

/* Could this be a float in hexadecimal, or a numeric with underscores? */
static bool
is_unusual_decimal(RkText text, bool numeric)
{
	if (numeric)
		return is_unusual_integer(text) ||
			(memchr(text.data, '_', text.len) != NULL && consists_of(text, "0123456789_.eE+-"));
	return text.len >= 3 && text.data[0] == '0' && (text.data[1] | 0x20) == 'x' &&
		consists_of((RkText) {text.data + 2, text.len - 2}, "0123456789abcdefABCDEFpP.+-");
}

/* ---- integers ----------------------------------------------------------------------- */

/* limit is the largest magnitude of a positive value, its digits. */
static bool
check_integer(RkKind kind, RkText text, const char *limit, RkReason *reason)
{
	bool		negative;
	RkText		digits = without_sign(without_blanks(text), &negative);
	size_t		limit_len = strlen(limit);
	int			order;

	for (size_t i = 0; i < digits.len; i++)
	{
		if (!is_digit(digits.data[i]))
			return is_unusual_integer(digits) || refuse_syntax(kind, text, reason);
	}
	if (digits.len == 0)
		return refuse_syntax(kind, text, reason);
	if (digits.len < limit_len)
		return true;
	while (digits.len > limit_len && digits.data[0] == '0')
	{
		digits.data++;
		digits.len--;
	}
	if (digits.len > limit_len)
		order = 1;
	else
	{
		/* the smallest value is one further from zero: its last digit is 8, not 7 */
		order = memcmp(digits.data, limit, limit_len - 1);
		if (order == 0)
			order = digits.data[limit_len - 1] - limit[limit_len - 1] - negative;
	}
	if (order <= 0)
		return true;
	rk_reason(reason, "22003", "value \"%s\" is out of range for type %s",
			  rk_show(text).text, type_name(kind));
	return false;
}

/* ---- floats and numerics -------------------------------------------------------------- */

typedef enum DecimalForm
{
	DECIMAL_INVALID,
	DECIMAL_UNUSUAL,			/* left to the server */
	DECIMAL_INFINITE,			/* or not a number */
	DECIMAL_PLAIN
} DecimalForm;

typedef struct Decimal
{
	bool		zero;
	int64_t		magnitude;		/* exponent of the first digit that is not zero */
} Decimal;

/* Read the digits after "e" and add them to the magnitude. */
static bool
read_exponent(RkText text, Decimal *decimal)
{
	bool		negative;
	RkText		digits = without_sign(text, &negative);
	int64_t		exponent = 0;

	if (digits.len == 0)
		return false;
	for (size_t i = 0; i < digits.len; i++)
	{
		if (!is_digit(digits.data[i]))
			return false;
		if (exponent < EXPONENT_LIMIT)
			exponent = exponent * 10 + (digits.data[i] - '0');
	}
	decimal->magnitude += negative ? -exponent : exponent;
	return true;
}

/* Read "digits.digits" of which one side may be missing; returns its length. */
static size_t
read_mantissa(RkText text, Decimal *decimal)
{
	size_t		at = 0;
	size_t		digits = 0;
	bool		fraction = false;

	decimal->zero = true;
	decimal->magnitude = -1;
	for (; at < text.len; at++)
	{
		char		c = text.data[at];

		if (c == '.' && !fraction)
		{
			fraction = true;
			continue;
		}
		if (!is_digit(c))
			break;
		digits++;
		/* before the first digit that counts, zeros of the fraction lower it */
		if (decimal->zero && c == '0')
			decimal->magnitude -= fraction;
		else
			decimal->magnitude += !fraction;
		decimal->zero &= (c == '0');
	}
	return digits == 0 ? 0 : at;
}

static DecimalForm
read_decimal(RkText text, bool numeric, Decimal *decimal)
{
	bool		negative;
	RkText		rest = without_sign(without_blanks(text), &negative);
	RkText		exponent;
	size_t		len = read_mantissa(rest, decimal);

	if (len == rest.len && len > 0)
		return DECIMAL_PLAIN;
	if (len == 0)
	{
		if ((rest.len == 3 && (begins_with(rest, "inf") || begins_with(rest, "nan"))) ||
			(rest.len == 8 && begins_with(rest, "infinity")) || begins_with(rest, "nan("))
			return DECIMAL_INFINITE;
		return DECIMAL_INVALID;
	}
	if ((rest.data[len] | 0x20) == 'e')
	{
		exponent.data = rest.data + len + 1;
		exponent.len = rest.len - len - 1;
		if (numeric)
			exponent = without_blanks(exponent);	/* version 15 passes them */
		if (read_exponent(exponent, decimal))
			return DECIMAL_PLAIN;
	}
	return is_unusual_decimal(rest, numeric) ? DECIMAL_UNUSUAL : DECIMAL_INVALID;
}

/*
 * Magnitudes from least to most are left to the server, which alone knows how it
 * rounds there; outside of them a value is zero or infinite.
 */
static bool
check_decimal(RkKind kind, RkText text, int least, int most, RkReason *reason)
{
	bool		numeric = kind == RK_KIND_NUMERIC;
	Decimal		decimal;

	switch (read_decimal(text, numeric, &decimal))
	{
		case DECIMAL_INVALID:
			return refuse_syntax(kind, text, reason);
		case DECIMAL_UNUSUAL:
			return true;
		case DECIMAL_INFINITE:
			rk_reason(reason, "22003", "value \"%s\" of type %s is not finite",
					  rk_show(text).text, type_name(kind));
			return false;
		case DECIMAL_PLAIN:
			break;
	}
	if (decimal.zero || (decimal.magnitude <= most && (numeric || decimal.magnitude >= least)))
		return true;
	if (numeric)
		rk_reason(reason, "22003", "value overflows numeric format");
	else
		rk_reason(reason, "22003", "\"%s\" is out of range for type %s",
				  rk_show(text).text, type_name(kind));
	return false;
}

/* ---- other types -------------------------------------------------------------------- */

/* Any beginning of true, false, yes, no that is not empty; on, of, off, 1, 0. */
static bool
check_bool(RkText text, RkReason *reason)
{
	static const char *const words[] = {"true", "false", "yes", "no"};
	RkText		word = without_blanks(text);

	if (word.len == 1 && (word.data[0] == '1' || word.data[0] == '0'))
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && word.len > 0; i++)
	{
		size_t		at = 0;

		while (at < word.len && (word.data[at] | 0x20) == words[i][at] && words[i][at] != '\0')
			at++;
		if (at == word.len)
			return true;
	}
	if ((word.len == 2 && (begins_with(word, "on") || begins_with(word, "of"))) ||
		(word.len == 3 && begins_with(word, "off")))
		return true;
	return refuse_syntax(RK_KIND_BOOL, text, reason);
}

/* 32 hexadecimal digits, perhaps in braces, perhaps with hyphens after each four. */
static bool
check_uuid(RkText text, RkReason *reason)
{
	const char *at = text.data;
	const char *end = text.data + text.len;
	bool		braces = at < end && *at == '{';

	at += braces;
	for (int digits = 0; digits < 32; digits++)
	{
		if (digits % 4 == 0 && digits > 0 && at < end && *at == '-')
			at++;
		if (at >= end || !is_hex(*at))
			return refuse_syntax(RK_KIND_UUID, text, reason);
		at++;
	}
	if (braces && at < end && *at == '}')
		at++;
	else if (braces)
		return refuse_syntax(RK_KIND_UUID, text, reason);
	return at == end || refuse_syntax(RK_KIND_UUID, text, reason);
}

/* Blanks beyond the limit are cut off by the type. */
static bool
check_text(RkText text, int max_chars, RkReason *reason)
{
	const char *end = text.data + text.len;
	int			chars = 0;

	if (max_chars == 0 || text.len <= (size_t) max_chars)
		return true;
	for (const char *at = text.data; at < end; at++)
	{
		if (((unsigned char) *at & 0xC0) == 0x80 || ++chars <= max_chars)
			continue;
		while (at < end && *at == ' ')
			at++;
		if (at == end)
			return true;
		rk_reason(reason, "22001", "value too long for type character varying(%d)", max_chars);
		return false;
	}
	return true;
}

/* Its syntax only: what is a matter of limits is left to the server. */
static bool
check_json(RkText text, RkReason *reason)
{
	RkJsonReader reader;
	RkJsonToken token;

	rk_json_begin(&reader, text);
	do
		token = rk_json_next(&reader);
	while (token != RK_JSON_ERROR && token != RK_JSON_END);
	if (reader.error == RK_JSON_SYNTAX || reader.error == RK_JSON_TRUNCATED ||
		reader.error == RK_JSON_BAD_ESCAPE)
		return refuse_syntax(RK_KIND_JSON, text, reason);
	return true;
}

/* ---- timestamps --------------------------------------------------------------------- */

typedef struct Scanner
{
	const char *at;
	const char *end;
	bool		ok;				/* everything so far had the form of ISO 8601 */
} Scanner;

/* Exactly so many digits, or else the form is another one. */
static int
take_digits(Scanner *scanner, int count)
{
	int			value = 0;

	for (int i = 0; i < count; i++)
	{
		if (scanner->at >= scanner->end || !is_digit(*scanner->at))
		{
			scanner->ok = false;
			return 0;
		}
		value = value * 10 + (*scanner->at++ - '0');
	}
	return value;
}

/* Take one of these characters if it is there. */
static bool
take_any(Scanner *scanner, const char *characters)
{
	if (scanner->at >= scanner->end ||
		memchr(characters, *scanner->at, strlen(characters)) == NULL)
		return false;
	scanner->at++;
	return true;
}

static void
take(Scanner *scanner, const char *characters)
{
	if (!take_any(scanner, characters))
		scanner->ok = false;
}

static int
days_of_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* YYYY-MM-DD */
static bool
date_in_range(Scanner *scanner)
{
	int			year = take_digits(scanner, 4);
	int			month;
	int			day;

	take(scanner, "-");
	month = take_digits(scanner, 2);
	take(scanner, "-");
	day = take_digits(scanner, 2);
	return year >= 1 && month >= 1 && month <= 12 &&
		day >= 1 && day <= days_of_month(year, month);
}

/* HH:MM[:SS[.FFF]], where 24:00 and a second 60 are for the server to judge */
static bool
time_in_range(Scanner *scanner)
{
	int			hour = take_digits(scanner, 2);
	int			minute;
	int			second = 0;

	take(scanner, ":");
	minute = take_digits(scanner, 2);
	if (take_any(scanner, ":"))
	{
		second = take_digits(scanner, 2);
		if (take_any(scanner, "."))
		{
			take_digits(scanner, 1);
			while (take_any(scanner, "0123456789"))
				continue;
		}
	}
	return hour <= 24 && minute <= 59 && second <= 60;
}

/* Z or +HH[[:]MM] or nothing */
static bool
zone_in_range(Scanner *scanner)
{
	int			hours;
	int			minutes = 0;

	if (take_any(scanner, "Z") || !take_any(scanner, "+-"))
		return true;
	hours = take_digits(scanner, 2);
	if (take_any(scanner, ":") || scanner->at < scanner->end)
		minutes = take_digits(scanner, 2);
	return hours <= 15 && minutes <= 59;
}

/* Has the text a digit, or one of the words that are a time without one? */
static bool
may_be_time(RkText text)
{
	static const char *const words[] = {"inf", "epoch", "now", "today", "tomorrow", "yesterday"};

	for (RkText rest = text; rest.len > 0; rest.data++, rest.len--)
	{
		if (is_digit(rest.data[0]))
			return true;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		{
			if (begins_with(rest, words[i]))
				return true;
		}
	}
	return false;
}

static bool
check_timestamptz(RkText text, RkReason *reason)
{
	RkText		rest = without_blanks(text);
	Scanner		scanner = {rest.data, rest.data + rest.len, true};
	bool		date_ok;
	bool		time_ok = true;
	bool		zone_ok = true;

	if (!may_be_time(rest))
		return refuse_syntax(RK_KIND_TIMESTAMPTZ, text, reason);
	date_ok = date_in_range(&scanner);
	if (scanner.ok && take_any(&scanner, "T "))
	{
		time_ok = time_in_range(&scanner);
		zone_ok = zone_in_range(&scanner);
	}
	if (!scanner.ok || scanner.at < scanner.end)
		return true;			/* another spelling */
	if (!date_ok || !time_ok)
		rk_reason(reason, "22008", "date/time field value out of range: \"%s\"", rk_show(text).text);
	else if (!zone_ok)
		rk_reason(reason, "22009", "time zone displacement out of range: \"%s\"", rk_show(text).text);
	return date_ok && time_ok && zone_ok;
}

/* ---- all of them ---------------------------------------------------------------------- */

bool
rk_check(RkKind kind, RkText text, int max_chars, RkReason *reason)
{
	switch (kind)
	{
		case RK_KIND_ANY:
			break;
		case RK_KIND_INT2:
			return check_integer(kind, text, "32767", reason);
		case RK_KIND_INT4:
			return check_integer(kind, text, "2147483647", reason);
		case RK_KIND_INT8:
			return check_integer(kind, text, "9223372036854775807", reason);
		case RK_KIND_FLOAT4:
			return check_decimal(kind, text, -46, 38, reason);
		case RK_KIND_FLOAT8:
			return check_decimal(kind, text, -324, 308, reason);
		case RK_KIND_NUMERIC:
			return check_decimal(kind, text, 0, NUMERIC_DIGITS - 1, reason);
		case RK_KIND_BOOL:
			return check_bool(text, reason);
		case RK_KIND_TIMESTAMPTZ:
			return check_timestamptz(text, reason);
		case RK_KIND_UUID:
			return check_uuid(text, reason);
		case RK_KIND_TEXT:
			return check_text(text, max_chars, reason);
		case RK_KIND_JSON:
			return check_json(text, reason);
	}
	return true;
}
