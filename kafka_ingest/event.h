/*-------------------------------------------------------------------------
 *
 * event.h
 *		From a message to the text of a row's columns.  Pure C: no server, no
 *		librdkafka, no recursion.
 *
 * A mapping has one field for each column that is filled.  rk_event_map() reads
 * the payload once and gives each field its value as text, in the form that the
 * column's input function takes, or says why the message is no row: such a
 * message becomes a dead letter.  Values point into the payload or into the
 * arena and live as long as both.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_EVENT_H
#define RK_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"

#define RK_JSON_MAX_DEPTH	64	/* deeper payloads are refused */
#define RK_MAX_FIELDS		1600	/* the server's limit of a table's columns */
#define RK_REASON_SIZE		256

/* A piece of text, not zero-terminated; data NULL is SQL's NULL. */
typedef struct RkText
{
	const char *data;
	size_t		len;
} RkText;

/* ---- a message --------------------------------------------------------------- */

typedef struct RkHeader
{
	const char *name;			/* zero-terminated */
	RkText		value;
} RkHeader;

typedef struct RkMessage
{
	int32_t		partition;
	int64_t		offset;
	int64_t		timestamp_ms;	/* since 1970, -1 = none */
	RkText		key;
	RkText		payload;		/* data NULL: a tombstone */
	int			nheaders;
	const RkHeader *headers;
} RkMessage;

/* ---- a mapping --------------------------------------------------------------- */

typedef enum RkOrigin
{
	RK_ORIGIN_PATH,				/* "$.a.b": names[] in the JSON payload; "$" = all of it */
	RK_ORIGIN_KEY,				/* "@key", must be UTF-8 */
	RK_ORIGIN_TIMESTAMP,		/* "@timestamp", ISO 8601 in UTC with milliseconds */
	RK_ORIGIN_PARTITION,		/* "@partition" */
	RK_ORIGIN_OFFSET,			/* "@offset" */
	RK_ORIGIN_HEADER			/* "@header.NAME": the last of that name, must be UTF-8 */
} RkOrigin;

/*
 * What is checked here, so that most bad rows never reach the table.  A value
 * that passes is accepted by the type's input function, but for what is said
 * in checks.h to be left to the server.
 */
typedef enum RkKind
{
	RK_KIND_ANY,				/* left to the server; JSON objects and arrays refused */
	RK_KIND_INT2,
	RK_KIND_INT4,
	RK_KIND_INT8,
	RK_KIND_FLOAT4,				/* finite */
	RK_KIND_FLOAT8,				/* finite */
	RK_KIND_NUMERIC,			/* finite */
	RK_KIND_BOOL,
	RK_KIND_TIMESTAMPTZ,		/* ISO 8601 is checked, other spellings left to the server */
	RK_KIND_UUID,
	RK_KIND_TEXT,				/* max_chars */
	RK_KIND_JSON				/* any JSON value, as it is written */
} RkKind;

typedef struct RkMapEntry
{
	RkText		from;			/* compared with the value's text */
	RkText		to;
} RkMapEntry;

typedef struct RkField
{
	const char *column;			/* for reasons */
	RkOrigin	origin;
	int			nnames;			/* of RK_ORIGIN_PATH */
	const RkText *names;
	const char *header;			/* of RK_ORIGIN_HEADER */
	int			nmap;			/* 0 = the value itself */
	const RkMapEntry *map;
	bool		has_default;	/* taken when the value is missing or not in the map */
	RkText		default_value;
	RkKind		kind;
	int			max_chars;		/* of RK_KIND_TEXT, 0 = no limit */
	bool		not_null;		/* NULL makes the message a dead letter */
} RkField;

typedef struct RkMapping
{
	int			nfields;		/* at most RK_MAX_FIELDS */
	const RkField *fields;
	bool		reads_payload;	/* some field has RK_ORIGIN_PATH */
} RkMapping;

/* ---- the outcome ------------------------------------------------------------- */

typedef enum RkEventStatus
{
	RK_EVENT_ROW,
	RK_EVENT_BAD,				/* a dead letter: sqlstate and message are set */
	RK_EVENT_NO_MEMORY
} RkEventStatus;

typedef struct RkReason
{
	char		sqlstate[6];	/* a class 22 or 23 code, as the server would give */
	char		message[RK_REASON_SIZE];	/* UTF-8; names column and path, never
											 * more than 64 bytes of a value */
} RkReason;

/*
 * Fill values[0 .. mapping->nfields - 1] from a message.
 *
 * JSON null and a missing path are NULL, for which a field's default stands in;
 * so are a path through anything but objects, and a message without key,
 * timestamp or that header.  Of duplicate keys the last counts, with all below
 * it.  Numbers keep the text they have in the payload; strings are unescaped;
 * true and false are 'true' and 'false'.  Bad, besides what rk_check() refuses:
 *
 *	22023	an empty payload or a tombstone, when the mapping reads the payload;
 *			one nested too deeply; a value not in the map, without a default
 *	22P02	a payload that is no JSON
 *	22021	invalid UTF-8 in payload, key or header
 *	22P05	\u0000 in a string of the payload
 *	2203F	an object or array for a column that is not of JSON
 *	22007	a JSON number for a timestamp
 *	22008	a message's timestamp that is negative or later than timestamptz ends
 *	23502	NULL for a column that is not null
 */
extern RkEventStatus rk_event_map(const RkMapping *mapping, const RkMessage *message,
								  RkArena *arena, RkText *values, RkReason *reason);

/* Is this valid UTF-8 without a zero byte, as a UTF-8 server would have it? */
extern bool rk_utf8_valid(const char *data, size_t len);

#endif							/* RK_EVENT_H */
