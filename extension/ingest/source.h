/*-------------------------------------------------------------------------
 *
 * source.h
 *		Kafka sources: creating, altering, dropping, starting, stopping, seeking.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_INGEST_SOURCE_H
#define RS_INGEST_SOURCE_H

#include "postgres.h"

#include "utils/jsonb.h"

/* A source as it is or is to be; what is NULL or 0 in a change stays. */
typedef struct RsKafkaSource
{
	char	   *name;
	Oid			owner;
	char	   *server;
	char	   *topic;
	Oid			target;
	Jsonb	   *columns;
	Oid			transform;
	char	   *on_conflict;
	Jsonb	   *options;
} RsKafkaSource;

extern void rs_kafka_create(RsKafkaSource *source, const char *start);
extern void rs_kafka_alter(RsKafkaSource *change);
extern void rs_kafka_drop(const char *name, bool if_exists);
extern void rs_kafka_start(const char *name);
extern void rs_kafka_stop(const char *name);

/* partition -1: all of them */
extern void rs_kafka_seek(const char *name, const char *position, int partition);

/* Answers of the one-shot worker; ids NULL: all dead letters. */
extern Jsonb *rs_kafka_preview(const char *name, int n);
extern Jsonb *rs_kafka_retry(const char *name, Datum ids, bool all);
extern int64 rs_kafka_discard(const char *name, Datum ids, bool all);

#endif							/* RS_INGEST_SOURCE_H */
