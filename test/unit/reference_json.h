/*-------------------------------------------------------------------------
 *
 * reference_json.h
 *		JSON read in the slow and obvious way, and random texts to read: what
 *		the reader of kafka_ingest is compared with.
 *
 * The text becomes a tree, by recursion.  All of it is in one pool that the
 * next text reuses.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REFERENCE_JSON_H
#define REFERENCE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REF_MAX_DEPTH	64
#define REF_POOL_SIZE	((size_t) 8 << 20)

typedef enum RefType
{
	REF_OBJECT,
	REF_ARRAY,
	REF_STRING,
	REF_OTHER,					/* a number, true, false */
	REF_NULL
} RefType;

typedef struct RefNode
{
	RefType		type;
	const char *start;			/* as it is written */
	const char *end;
	char	   *text;			/* of strings, what it means */
	size_t		len;
	struct RefNode *members;	/* the latest first */
	struct RefNode *before;		/* the member before this one */
	char	   *key;			/* of a member */
	size_t		key_len;
} RefNode;

typedef struct RefText
{
	const char *at;
	const char *end;
	bool		bad;
} RefText;

static char *ref_pool;
static size_t ref_used;

static inline void *
ref_alloc(size_t size)
{
	void	   *p;

	if (ref_pool == NULL)
		ref_pool = malloc(REF_POOL_SIZE);
	if (ref_pool == NULL || size > REF_POOL_SIZE - ref_used)
		abort();
	p = ref_pool + ref_used;
	ref_used += (size + 15) / 16 * 16;
	memset(p, 0, size);
	return p;
}

static inline int
ref_peek(const RefText *t)
{
	return t->at < t->end ? (unsigned char) *t->at : -1;
}

static inline bool
ref_take(RefText *t, int c)
{
	if (ref_peek(t) != c)
		return false;
	t->at++;
	return true;
}

static inline void
ref_require(RefText *t, int c)
{
	if (!ref_take(t, c))
		t->bad = true;
}

static inline void
ref_blanks(RefText *t)
{
	while (ref_take(t, ' ') || ref_take(t, '\t') || ref_take(t, '\n') || ref_take(t, '\r'))
		continue;
}

/* Write a code point; returns its length. */
static inline int
ref_encode(uint32_t code, char *out)
{
	int			len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};

	for (int i = len - 1; i > 0; i--)
	{
		out[i] = (char) (0x80 | (code & 0x3F));
		code >>= 6;
	}
	out[0] = (char) (lead[len] | code);
	return len;
}

/* Read a character by its lead byte; it is right if writing it gives the same bytes. */
static inline int
ref_character(const char *at, const char *end)
{
	unsigned char lead = (unsigned char) *at;
	int			len = lead < 0x80 ? 1 : lead < 0xC0 ? 0 : lead < 0xE0 ? 2 :
		lead < 0xF0 ? 3 : lead < 0xF8 ? 4 : 0;
	uint32_t	code = len == 1 ? lead : lead & (0x7Fu >> len);
	char		again[4];

	if (len == 0 || end - at < len)
		return 0;
	for (int i = 1; i < len; i++)
	{
		if (((unsigned char) at[i] & 0xC0) != 0x80)
			return 0;
		code = code << 6 | ((unsigned char) at[i] & 0x3F);
	}
	if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
		return 0;
	return ref_encode(code, again) == len && memcmp(again, at, (size_t) len) == 0 ? len : 0;
}

static inline uint32_t
ref_unit(RefText *t)
{
	uint32_t	unit = 0;

	for (int i = 0; i < 4; i++)
	{
		static const char digits[] = "0123456789abcdefABCDEF";
		const char *digit = ref_peek(t) <= 0 ? NULL : strchr(digits, ref_peek(t));

		if (digit == NULL)
		{
			t->bad = true;
			return 1;
		}
		unit = unit * 16 + (uint32_t) (digit - digits > 15 ? digit - digits - 6 : digit - digits);
		t->at++;
	}
	return unit;
}

static inline uint32_t
ref_escape(RefText *t)
{
	uint32_t	high;
	uint32_t	low;

	switch (ref_peek(t))
	{
		case '"': case '\\': case '/': return (uint32_t) (unsigned char) *t->at++;
		case 'b': t->at++; return '\b';
		case 'f': t->at++; return '\f';
		case 'n': t->at++; return '\n';
		case 'r': t->at++; return '\r';
		case 't': t->at++; return '\t';
		case 'u': t->at++; break;
		default: t->bad = true; return 1;
	}
	high = ref_unit(t);
	if (high == 0 || (high >= 0xDC00 && high <= 0xDFFF))
		t->bad = true;
	if (high < 0xD800 || high > 0xDBFF)
		return high;
	ref_require(t, '\\');
	ref_require(t, 'u');
	low = ref_unit(t);
	if (low < 0xDC00 || low > 0xDFFF)
		t->bad = true;
	return 0x10000 + (high - 0xD800) * 0x400 + (low - 0xDC00);
}

static inline char *
ref_string(RefText *t, size_t *len)
{
	char	   *out = ref_alloc((size_t) (t->end - t->at) + 16);

	*len = 0;
	ref_require(t, '"');
	while (!t->bad && !ref_take(t, '"'))
	{
		int			bytes;

		if (ref_peek(t) < 0x20)
			t->bad = true;
		else if (ref_take(t, '\\'))
			*len += (size_t) ref_encode(ref_escape(t) & 0x1FFFFF, out + *len);
		else if ((bytes = ref_character(t->at, t->end)) == 0)
			t->bad = true;
		else
		{
			memcpy(out + *len, t->at, (size_t) bytes);
			*len += (size_t) bytes;
			t->at += bytes;
		}
	}
	/* the pool keeps what was needed */
	ref_used = (size_t) (out - ref_pool) + (*len + 31) / 16 * 16;
	return out;
}

static inline void
ref_digits(RefText *t)
{
	if (ref_peek(t) < '0' || ref_peek(t) > '9')
		t->bad = true;
	while (ref_peek(t) >= '0' && ref_peek(t) <= '9')
		t->at++;
}

static inline void
ref_number(RefText *t)
{
	ref_take(t, '-');
	if (!ref_take(t, '0'))
		ref_digits(t);
	if (ref_take(t, '.'))
		ref_digits(t);
	if (ref_take(t, 'e') || ref_take(t, 'E'))
	{
		if (!ref_take(t, '+'))
			ref_take(t, '-');
		ref_digits(t);
	}
}

static inline RefNode *ref_value(RefText *t, int depth);

/* The members between the brackets; those of an object have keys. */
static inline void
ref_members(RefText *t, RefNode *parent, int depth)
{
	int			close = parent->type == REF_OBJECT ? '}' : ']';

	if (depth > REF_MAX_DEPTH)
		t->bad = true;
	t->at++;
	ref_blanks(t);
	if (t->bad || ref_take(t, close))
		return;
	do
	{
		char	   *key = NULL;
		size_t		key_len = 0;
		RefNode    *member;

		ref_blanks(t);
		if (close == '}')
		{
			key = ref_string(t, &key_len);
			ref_blanks(t);
			ref_require(t, ':');
		}
		if (t->bad)
			return;
		member = ref_value(t, depth);
		member->key = key;
		member->key_len = key_len;
		member->before = parent->members;
		parent->members = member;
	} while (!t->bad && ref_take(t, ','));
	ref_require(t, close);
}

/* A value and the blanks around it; those are not part of it. */
static inline RefNode *
ref_value(RefText *t, int depth)
{
	RefNode    *node = ref_alloc(sizeof(RefNode));

	ref_blanks(t);
	node->start = t->at;
	node->type = REF_OTHER;
	if (ref_peek(t) == '{' || ref_peek(t) == '[')
	{
		node->type = ref_peek(t) == '{' ? REF_OBJECT : REF_ARRAY;
		ref_members(t, node, depth + 1);
	}
	else if (ref_peek(t) == '"')
	{
		node->type = REF_STRING;
		node->text = ref_string(t, &node->len);
	}
	else if (t->end - t->at >= 4 && memcmp(t->at, "true", 4) == 0)
		t->at += 4;
	else if (t->end - t->at >= 5 && memcmp(t->at, "false", 5) == 0)
		t->at += 5;
	else if (t->end - t->at >= 4 && memcmp(t->at, "null", 4) == 0)
	{
		node->type = REF_NULL;
		t->at += 4;
	}
	else
		ref_number(t);
	node->end = t->at;
	ref_blanks(t);
	return node;
}

/* The tree of a text, NULL if it is not valid. */
static inline RefNode *
ref_parse(const char *data, size_t len)
{
	RefText		t = {data, data + len, false};
	RefNode    *root;

	ref_used = 0;
	root = ref_value(&t, 0);
	return t.bad || t.at < t.end ? NULL : root;
}

/* The last member of that name; NULL if there is none or node is no object. */
static inline RefNode *
ref_member(RefNode *node, const char *name, size_t len)
{
	if (node == NULL || node->type != REF_OBJECT)
		return NULL;
	for (RefNode *member = node->members; member != NULL; member = member->before)
	{
		if (member->key_len == len && memcmp(member->key, name, len) == 0)
			return member;
	}
	return NULL;
}

#endif							/* REFERENCE_JSON_H */
