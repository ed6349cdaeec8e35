/*-------------------------------------------------------------------------
 *
 * ask.h
 *		What the files of the one-shot worker share.
 *
 * An operation is called outside a transaction, in a memory context that lives as
 * long as the worker, and returns the answer, JSON text.  Everything else is an
 * error that goes to the caller.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_ASK_H
#define RK_ASK_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

#include "source.h"

extern char *rk_ask_open(Jsonb *request);
extern char *rk_ask_preview(Jsonb *request);
extern char *rk_ask_retry(Jsonb *request);

/* A member of an object; NULL when it is missing or null. */
extern JsonbValue *rk_ask_member(JsonbContainer *object, const char *name);

/* Text of a member that must be there, a number, and whether it is an integer. */
extern char *rk_ask_text(JsonbContainer *object, const char *name);
extern bool rk_ask_int64(const JsonbValue *value, int64 *number);

/*
 * A transaction with a snapshot, around which the memory context stays what it is.
 * rk_ask_abort() forgets what it did.
 */
extern void rk_ask_begin(void);
extern void rk_ask_commit(void);
extern void rk_ask_abort(void);

/* Read the source that the request names; only its owner's worker may. */
extern RkSource *rk_ask_source(Jsonb *request);

/* Wait until the descriptor is readable, at most so long. */
extern void rk_ask_wait(int fd, long timeout_ms);

/* `"name":`, with a comma before it unless it is the first of its object. */
extern void rk_ask_append_name(StringInfo json, const char *name);

#endif							/* RK_ASK_H */
