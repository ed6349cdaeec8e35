/*-------------------------------------------------------------------------
 *
 * target.h
 *		What a Kafka source writes into, and how: table, columns, transform, owner.
 *
 * The worker checks all of it again; here it is told to whoever can mend it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_TARGET_H
#define RS_TARGET_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "ingest/source.h"

/* Is this role one that a worker may run as?  If not, say why and what to do. */
extern bool rs_kafka_owner_usable(Oid owner, const char **sqlstate, char **reason, char **hint);

/* The same as an error. */
extern void rs_kafka_check_owner(Oid owner);

/*
 * Check target, columns or transform, and the rights of source->owner on them.
 * The target is locked with AccessShare until the transaction ends.
 */
extern void rs_kafka_check_target(const RsKafkaSource *source);

/* The target's writable columns, as op "open" wants them. */
extern void rs_kafka_describe_target(StringInfo json, Oid target);

#endif							/* RS_TARGET_H */
