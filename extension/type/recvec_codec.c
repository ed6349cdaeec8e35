/*-------------------------------------------------------------------------
 *
 * recvec_codec.c
 *		Text and binary forms of a recvec; see recvec_codec.h.
 *
 * A number is first reduced to its significant digits and one decimal
 * exponent, then given to strtof() as "digits e exponent".  So strtof() sees
 * a short string without a decimal point, which no locale reads differently.
 * The point halfway between two floats has at most 112 significant digits;
 * beyond RS_KEPT_DIGITS it is enough to know whether anything was not zero.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "type/recvec_codec.h"

#define RS_KEPT_DIGITS		120

/* An explicit exponent saturates here: further than any text is long. */
#define RS_EXPONENT_LIMIT	INT64_C(1000000000000000)

/* What strtof() needs to be shown: beyond it, the result is zero or infinite. */
#define RS_SHOWN_EXPONENT	10000

/* A number without its sign: the integer in digits, times a power of ten. */
typedef struct Decimal
{
	char		digits[RS_KEPT_DIGITS + 1];
	int			kept;
	bool		dropped;		/* a digit that was not zero was not kept */
	int64_t		exponent;		/* of ten */
} Decimal;

/* The input and how far it was read. */
typedef struct Scanner
{
	const char *text;
	size_t		length;
	size_t		at;
} Scanner;

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The character at the scanner's position, NUL at the end. */
static inline char
peek(const Scanner *scanner)
{
	return scanner->at < scanner->length ? scanner->text[scanner->at] : '\0';
}

static inline void
skip_blanks(Scanner *scanner)
{
	while (scanner->at < scanner->length &&
		   memchr(" \t\n\r\v\f", scanner->text[scanner->at], 6) != NULL)
		scanner->at++;
}

/* Whether the text goes on with word (lower case), in any case. */
static bool
looking_at(const Scanner *scanner, const char *word)
{
	for (size_t i = 0; word[i] != '\0'; i++)
	{
		if (scanner->at + i >= scanner->length ||
			(scanner->text[scanner->at + i] | 0x20) != word[i])
			return false;
	}
	return true;
}

/* Take a run of digits, before or after the decimal point; false if none. */
static bool
scan_digits(Scanner *scanner, Decimal *decimal, bool fraction)
{
	size_t		start = scanner->at;

	for (; is_digit(peek(scanner)); scanner->at++)
	{
		char		digit = scanner->text[scanner->at];

		if (decimal->kept == 0 && digit == '0')
			decimal->exponent -= fraction;
		else if (decimal->kept < RS_KEPT_DIGITS)
		{
			decimal->digits[decimal->kept++] = digit;
			decimal->exponent -= fraction;
		}
		else
		{
			decimal->dropped |= (digit != '0');
			decimal->exponent += !fraction;
		}
	}
	return scanner->at > start;
}

/* Take "e", a sign and digits, if all of it is there; else leave it alone. */
static void
scan_exponent(Scanner *scanner, Decimal *decimal)
{
	size_t		start = scanner->at;
	int64_t		exponent = 0;
	bool		negative;

	if (peek(scanner) != 'e' && peek(scanner) != 'E')
		return;
	scanner->at++;
	negative = (peek(scanner) == '-');
	if (peek(scanner) == '-' || peek(scanner) == '+')
		scanner->at++;
	if (!is_digit(peek(scanner)))
	{
		scanner->at = start;
		return;
	}
	for (; is_digit(peek(scanner)); scanner->at++)
	{
		if (exponent < RS_EXPONENT_LIMIT)
			exponent = exponent * 10 + (peek(scanner) - '0');
	}
	decimal->exponent += negative ? -exponent : exponent;
}

/* The float nearest to decimal; infinite when beyond the range. */
static float
decimal_to_float(Decimal *decimal)
{
	char		canonical[RS_KEPT_DIGITS + 16];
	int64_t		exponent = decimal->exponent;
	int			kept = decimal->kept;

	if (kept == 0)
		return 0.0f;
	if (decimal->dropped)
	{
		/* one more digit that breaks a tie upwards */
		decimal->digits[kept++] = '1';
		exponent--;
	}
	if (exponent > RS_SHOWN_EXPONENT)
		exponent = RS_SHOWN_EXPONENT;
	else if (exponent < -RS_SHOWN_EXPONENT)
		exponent = -RS_SHOWN_EXPONENT;
	snprintf(canonical, sizeof(canonical), "%.*se%d",
			 kept, decimal->digits, (int) exponent);
	return strtof(canonical, NULL);
}

/* Take one number. */
static RsRecvecStatus
scan_number(Scanner *scanner, float *value)
{
	size_t		start = scanner->at;
	Decimal		decimal;
	bool		negative = (peek(scanner) == '-');
	bool		digits;

	decimal.kept = 0;
	decimal.dropped = false;
	decimal.exponent = 0;

	if (peek(scanner) == '-' || peek(scanner) == '+')
		scanner->at++;
	if (looking_at(scanner, "nan") || looking_at(scanner, "inf"))
	{
		scanner->at = start;
		return RS_RECVEC_NOT_FINITE;
	}
	digits = scan_digits(scanner, &decimal, false);
	if (peek(scanner) == '.')
	{
		scanner->at++;
		digits |= scan_digits(scanner, &decimal, true);
	}
	if (!digits)
	{
		scanner->at = start;
		return RS_RECVEC_NO_NUMBER;
	}
	scan_exponent(scanner, &decimal);

	*value = decimal_to_float(&decimal);
	if (isinf(*value))
		return RS_RECVEC_OUT_OF_RANGE;
	if (negative)
		*value = -*value;
	return RS_RECVEC_OK;
}

/* Take the numbers and the closing bracket. */
static RsRecvecStatus
scan_components(Scanner *scanner, float *x, int *dim, size_t *token)
{
	int			n = 0;

	for (;;)
	{
		RsRecvecStatus status;
		float		value;

		skip_blanks(scanner);
		*token = scanner->at;
		if (n == 0 && peek(scanner) == ']')
			return RS_RECVEC_EMPTY;
		if (n == RS_MAX_DIM)
			return RS_RECVEC_TOO_MANY;
		status = scan_number(scanner, &value);
		if (status != RS_RECVEC_OK)
			return status;
		x[n++] = value;

		skip_blanks(scanner);
		*token = scanner->at;
		if (peek(scanner) == ']')
			break;
		if (peek(scanner) != ',')
			return RS_RECVEC_NO_SEPARATOR;
		scanner->at++;
	}
	scanner->at++;
	*dim = n;
	return RS_RECVEC_OK;
}

RsRecvecStatus
rs_recvec_parse(const char *text, size_t length, float *x, int *dim,
				RsRecvecSpan *span)
{
	Scanner		scanner = {text, length, 0};
	RsRecvecStatus status;
	size_t		token;

	skip_blanks(&scanner);
	token = scanner.at;
	if (peek(&scanner) != '[')
		status = RS_RECVEC_NO_BRACKET;
	else
	{
		scanner.at++;
		status = scan_components(&scanner, x, dim, &token);
	}
	if (status == RS_RECVEC_OK)
	{
		skip_blanks(&scanner);
		token = scanner.at;
		if (scanner.at < scanner.length)
			status = RS_RECVEC_TRAILING;
	}
	span->offset = token;
	span->length = scanner.at - token;
	return status;
}

RsRecvecStatus
rs_recvec_parse_number(const char *text, size_t length, float *value)
{
	Scanner		scanner = {text, length, 0};
	RsRecvecStatus status = scan_number(&scanner, value);

	if (status == RS_RECVEC_OK && scanner.at < length)
		return RS_RECVEC_NO_NUMBER;
	return status;
}

static inline uint32_t
read_uint16(const unsigned char *bytes)
{
	return (uint32_t) bytes[0] << 8 | bytes[1];
}

RsRecvecStatus
rs_recvec_wire_dim(const unsigned char *wire, size_t length, int *dim)
{
	uint32_t	n;

	if (length < RS_RECVEC_WIRE_HEADER)
		return RS_RECVEC_TRUNCATED;
	n = read_uint16(wire);
	if (n == 0)
		return RS_RECVEC_EMPTY;
	if (n > RS_MAX_DIM)
		return RS_RECVEC_TOO_MANY;
	if (read_uint16(wire + 2) != 0)
		return RS_RECVEC_RESERVED;
	if (length < RS_RECVEC_WIRE_SIZE(n))
		return RS_RECVEC_TRUNCATED;
	if (length > RS_RECVEC_WIRE_SIZE(n))
		return RS_RECVEC_TRAILING;
	*dim = (int) n;
	return RS_RECVEC_OK;
}

RsRecvecStatus
rs_recvec_decode(const unsigned char *wire, int dim, float *x)
{
	const unsigned char *bytes = wire + RS_RECVEC_WIRE_HEADER;

	for (int i = 0; i < dim; i++, bytes += sizeof(uint32_t))
	{
		uint32_t	bits = read_uint16(bytes) << 16 | read_uint16(bytes + 2);

		/* judged by its bits, lest a signalling NaN changes on the way */
		if ((bits & UINT32_C(0x7f800000)) == UINT32_C(0x7f800000))
			return RS_RECVEC_NOT_FINITE;
		memcpy(&x[i], &bits, sizeof(bits));
	}
	return RS_RECVEC_OK;
}

void
rs_recvec_encode(const float *x, int dim, unsigned char *wire)
{
	unsigned char *bytes = wire + RS_RECVEC_WIRE_HEADER;

	wire[0] = (unsigned char) (dim >> 8);
	wire[1] = (unsigned char) dim;
	wire[2] = 0;
	wire[3] = 0;
	for (int i = 0; i < dim; i++, bytes += sizeof(uint32_t))
	{
		uint32_t	bits;

		memcpy(&bits, &x[i], sizeof(bits));
		bytes[0] = (unsigned char) (bits >> 24);
		bytes[1] = (unsigned char) (bits >> 16);
		bytes[2] = (unsigned char) (bits >> 8);
		bytes[3] = (unsigned char) bits;
	}
}
