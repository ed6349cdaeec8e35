/*-------------------------------------------------------------------------
 *
 * metadata.h
 *		What is known of a message beside its payload, as jsonb.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_METADATA_H
#define RK_METADATA_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "event.h"

/*
 * {"topic", "partition", "offset", "timestamp" (milliseconds or null), "key" (text,
 * null when there is none or it is not UTF-8), "headers"}, in the current context.
 */
extern Jsonb *rk_metadata(const char *topic, const RkMessage *message);

/*
 * Headers as an object of name to value; of one name the last.  What is not text
 * here stands as bytea prints it, "\x...".
 */
extern Jsonb *rk_headers_json(const RkMessage *message);

/* UTF-8 as text of the server; what its encoding does not have becomes "?". */
extern char *rk_server_text(const char *utf8);

#endif							/* RK_METADATA_H */
