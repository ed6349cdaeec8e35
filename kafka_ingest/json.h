/*-------------------------------------------------------------------------
 *
 * json.h
 *		A reader of JSON texts, token by token.  Pure C, no recursion, no memory
 *		of its own.
 *
 * Strict after RFC 8259 and, like jsonb, without \u0000 and half surrogate
 * pairs.  Every byte is checked, those of unwanted values too: a text that was
 * read to RK_JSON_END is valid JSON and valid UTF-8.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_JSON_H
#define RK_JSON_H

#include "event.h"

typedef enum RkJsonToken
{
	RK_JSON_ERROR,				/* reader.error says why, reader.at where */
	RK_JSON_END,				/* of the text */
	RK_JSON_OBJECT,				/* begins */
	RK_JSON_OBJECT_END,
	RK_JSON_ARRAY,				/* begins */
	RK_JSON_ARRAY_END,
	RK_JSON_KEY,				/* a value follows; its colon is read */
	RK_JSON_STRING,
	RK_JSON_NUMBER,
	RK_JSON_TRUE,
	RK_JSON_FALSE,
	RK_JSON_NULL
} RkJsonToken;

typedef enum RkJsonError
{
	RK_JSON_OK,
	RK_JSON_SYNTAX,				/* not JSON */
	RK_JSON_TRUNCATED,			/* ends too early */
	RK_JSON_BAD_UTF8,
	RK_JSON_BAD_ESCAPE,			/* not JSON */
	RK_JSON_SURROGATE,			/* JSON, but half a surrogate pair */
	RK_JSON_ZERO,				/* \u0000, which no text of the server can hold */
	RK_JSON_TOO_DEEP			/* more than RK_JSON_MAX_DEPTH levels */
} RkJsonError;

/* What may come next. */
typedef enum RkJsonExpect
{
	RK_JSON_EXPECT_VALUE,
	RK_JSON_EXPECT_FIRST_VALUE,	/* or the end of an array */
	RK_JSON_EXPECT_KEY,
	RK_JSON_EXPECT_FIRST_KEY,	/* or the end of an object */
	RK_JSON_EXPECT_MORE			/* a comma, or the end of what is open */
} RkJsonExpect;

typedef struct RkJsonReader
{
	const char *start;
	const char *at;				/* the next byte to read */
	const char *end;

	/* the latest token */
	RkText		text;			/* as it is written; of keys and strings without their
								 * quotes; of objects and arrays their first byte */
	bool		escaped;		/* a key or string with escapes */

	int			depth;			/* objects and arrays open */
	uint64_t	objects;		/* bit n: level n + 1 is an object */
	RkJsonExpect expect;
	RkJsonError error;
} RkJsonReader;

extern void rk_json_begin(RkJsonReader *reader, RkText text);

/* The next token.  After an error or the end it is the same again. */
extern RkJsonToken rk_json_next(RkJsonReader *reader);

/*
 * Read to the end of the object or array whose beginning was the latest token,
 * and make all of it the latest token's text; false if there is an error.
 */
extern bool rk_json_skip(RkJsonReader *reader);

/* ---- keys and strings that were read without an error ------------------------- */

/* Write the characters meant by raw to out, which has room for raw.len bytes. */
extern size_t rk_json_unescape(RkText raw, char *out);

/* Does raw mean the same characters as name? */
extern bool rk_json_means(RkText raw, RkText name);

/* ---- UTF-8 ---------------------------------------------------------------------- */

/* Length of the sequence at a byte that is not ASCII; 0 if it is not valid. */
extern size_t rk_utf8_sequence(const char *at, const char *end);

#endif							/* RK_JSON_H */
