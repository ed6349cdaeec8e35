/*-------------------------------------------------------------------------
 *
 * slots.h
 *		Shared memory of Kafka ingestion: RkShared for both libraries, and one
 *		entry for each database that the launcher serves.
 *
 * Everything is guarded by RkShared.lock, held for copies.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_SLOTS_H
#define RS_SLOTS_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "../kafka_ingest/shared.h"

#define RS_KAFKA_DATABASES	64	/* supervisors in one server */
#define RS_KAFKA_HEALTHY_MS	(300 * 1000)	/* who lived as long starts at 1 s again */
#define RS_KAFKA_POLL_MS	(10 * 1000)	/* how often is looked when nobody calls */

/* A database of recsys.kafka_databases and its supervisor. */
typedef struct RsKafkaDatabase
{
	char		name[NAMEDATALEN];	/* "" = the entry is free */
	bool		wanted;			/* the setting lists it and no hold is on it */
	Oid			oid;			/* set by the supervisor, 0 = not known yet */
	int			pid;			/* of the supervisor, 0 = none */
	TimestampTz started_at;		/* of the supervisor, or when it was registered */
	TimestampTz retry_at;		/* when the launcher tries again, 0 = not waiting */
	int			failures;		/* in a row */
	char		reason[RK_REASON];	/* why there is no supervisor, or what it waits for */
	char		hint[RK_REASON];
} RsKafkaDatabase;

typedef struct RsKafkaShared
{
	RkShared	common;
	RsKafkaDatabase databases[RS_KAFKA_DATABASES];
} RsKafkaShared;

/* In the postmaster: ask for the shared memory. */
extern void rs_slots_install(void);

/* NULL when recsys is not preloaded. */
extern RsKafkaShared *rs_slots(void);

/* Wake the launcher; nothing happens when there is none. */
extern void rs_slots_wake_launcher(void);

/*
 * A source of this database has changed: at commit the supervisor and the workers
 * of the database are woken.
 */
extern void rs_slots_source_changed(void);

/*
 * End the supervisor of a database and all its workers; returns how many processes
 * are left.  The oid may be 0 when it is not known.
 */
extern int	rs_slots_terminate(const char *name, Oid database);

/* Give back the slots of a database that has neither workers nor a supervisor, under
 * whatever name. */
extern void rs_slots_forget(Oid database);

/* When to try again after so many failures in a row: 1 s, doubling up to 5 min. */
extern TimestampTz rs_slots_retry_time(int failures);

/* Milliseconds from now until then, at least 0 and at most limit. */
extern long rs_slots_until(TimestampTz then, long limit);

/* Copy text into a fixed field, cut at a whole character. */
extern void rs_slots_text(char *field, Size size, const char *text);

#endif							/* RS_SLOTS_H */
