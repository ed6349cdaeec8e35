/*-------------------------------------------------------------------------
 *
 * consumer.h
 *		Reading a topic, and looking up what it has.  consumer.c, link.c and
 *		lookup.c are the only files that see librdkafka.
 *
 * Nothing here blocks unless it says so, and nothing raises an error: this code
 * runs between librdkafka's frames.  Callbacks only copy into the handle.
 *
 * Manual assignment at the offsets given, never a group's (subscribe) nor a seek:
 * to change anything, close and open again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_CONSUMER_H
#define RK_CONSUMER_H

#include "event.h"

#define RK_ERROR_SIZE	512

typedef struct RkSetting		/* a property of librdkafka */
{
	const char *name;
	const char *value;
} RkSetting;

/* What an error means for us; the loop decides by it. */
typedef enum RkErrorKind
{
	RK_ERROR_NONE,
	RK_ERROR_BROKER,			/* cannot be reached, hangs, or is between leaders: goes away */
	RK_ERROR_AUTHENTICATION,	/* refused credentials, or a certificate that does not verify */
	RK_ERROR_AUTHORIZATION,		/* no ACL for the topic or group */
	RK_ERROR_NO_TOPIC,			/* unknown topic, or one of its partitions */
	RK_ERROR_OUT_OF_RANGE,		/* offset below the first or above the last: of one partition,
								 * which is not read on */
	RK_ERROR_CONFIGURATION,		/* a setting that librdkafka refuses */
	RK_ERROR_MEMORY,			/* ours ran out: nothing more is taken from this consumer */
	RK_ERROR_OTHER
} RkErrorKind;

typedef struct RkError
{
	RkErrorKind kind;
	int32_t		partition;		/* -1 = of none */
	char		message[RK_ERROR_SIZE];	/* printable ASCII, never holds a secret */
} RkError;

typedef struct RkPosition
{
	int32_t		partition;
	int64_t		offset;			/* the next to read */
} RkPosition;

typedef struct RkConsumer RkConsumer;

/*
 * Open a consumer.  settings come last, after our own (kafka_ingest/README.md has
 * the table); secrets[] are values that must never appear in a message.
 * Returns NULL with error set when a setting is refused.  Does not block.
 */
extern RkConsumer *rk_consumer_open(const RkSetting *settings, int nsettings,
									const char *const *secrets, int nsecrets,
									const char *topic,
									const RkPosition *positions, int npositions,
									RkError *error);

/* Close and give everything back; at most 5 seconds, then the rest is left to exit. */
extern void rk_consumer_close(RkConsumer *consumer);

/*
 * Descriptor that becomes readable when there is something to take; for a wait
 * set.  It stays readable until rk_consumer_take() has returned less than max: who
 * does not take now must not wait for it.
 */
extern int	rk_consumer_fd(const RkConsumer *consumer);

/*
 * Take what has arrived: up to max messages, payload and key pointing into
 * librdkafka's memory until rk_consumer_release().  Also serves callbacks.
 * Messages below the position a partition has reached are dropped here.
 * Returns the number of messages.
 */
extern int	rk_consumer_take(RkConsumer *consumer, RkMessage *messages, int max);

/*
 * Serve callbacks alone: who does not take for long must do this now and then, or
 * statistics and errors pile up.
 */
extern void rk_consumer_serve(RkConsumer *consumer);

/* Give back all messages taken so far. */
extern void rk_consumer_release(RkConsumer *consumer);

/*
 * The next error that was reported; false when there is none.  What was said
 * already and is not yet fetched is not kept twice, and of a partition only the
 * gravest is kept.
 */
extern bool rk_consumer_next_error(RkConsumer *consumer, RkError *error);

/*
 * The next warning for the server's log, at most one a minute of each kind; NULL
 * when there is none.  Lives until the next call.
 */
extern const char *rk_consumer_next_log(RkConsumer *consumer);

/* What is known of a partition; -1 where nothing is known yet. */
typedef struct RkPartitionState
{
	int64_t		low;			/* first offset that can be read */
	int64_t		high;			/* last stable offset: end of what can be read; up to
								 * 5 s old while a transaction is open there */
	int64_t		position;		/* next offset we expect, markers passed included:
								 * after the end of a partition was reported it is
								 * that end */
	bool		at_end;			/* everything up to position was taken and the end was seen */
} RkPartitionState;

/*
 * low and high are of the latest answer that had them.  An answer that says "out
 * of range" has none: ask with rk_lookup_start() then.
 */
extern void rk_consumer_partition(RkConsumer *consumer, int32_t partition,
								  RkPartitionState *state);

/*
 * Has a broker refused a partition since the handle was opened?  Its leader has moved,
 * or the topic was deleted: what is read from then on may be of another topic of that
 * name.  True before the first such message can be taken, once rk_consumer_serve() was
 * called after rk_consumer_take().
 */
extern bool rk_consumer_refused(const RkConsumer *consumer);

/* Bytes received from brokers so far, by the latest statistics (every 5 s): standing
 * still for long means that they hang.  And messages fetched ahead. */
extern int64_t rk_consumer_received(const RkConsumer *consumer);
extern int64_t rk_consumer_queued(const RkConsumer *consumer);

/* Partitions of the topic by the latest statistics, and the cluster's id by the latest
 * metadata; 0 and NULL while unknown. */
extern int	rk_consumer_partition_count(const RkConsumer *consumer);
extern const char *rk_consumer_cluster_id(RkConsumer *consumer);

/* The library's version, such as 2.0.2. */
extern const char *rk_consumer_library_version_text(void);

/* ---- looking up ------------------------------------------------------------------ */

/*
 * What a topic has now, asked by a thread with a connection of its own: it may take
 * as long as timeout_ms, its user goes on meanwhile.
 */
typedef struct RkLookup RkLookup;

typedef struct RkBounds			/* of one partition */
{
	int64_t		low;			/* first offset that can be read */
	int64_t		high;			/* end of what can be read: last stable offset */
	int64_t		at_time;		/* first message at or after the time asked for, else
								 * high; low when no time was asked for */
} RkBounds;

typedef struct RkTopic
{
	const char *cluster_id;		/* NULL: the brokers have none */
	int			npartitions;
	const RkBounds *bounds;		/* of partitions 0 .. npartitions - 1 */
} RkTopic;

#define RK_NO_TIME		(-1)

/*
 * Start; time_ms is in milliseconds since 1970, or RK_NO_TIME.  Returns NULL with
 * error set when a setting is refused.
 */
extern RkLookup *rk_lookup_start(const RkSetting *settings, int nsettings,
								 const char *const *secrets, int nsecrets,
								 const char *topic, int64_t time_ms,
								 int timeout_ms, RkError *error);

/* Descriptor that becomes, and stays, readable when the answer is there. */
extern int	rk_lookup_fd(const RkLookup *lookup);

/*
 * The answer: NULL with kind RK_ERROR_NONE while it is not there, NULL with the
 * error when there is none to be had.  Lives until rk_lookup_end().
 */
extern const RkTopic *rk_lookup_answer(RkLookup *lookup, RkError *error);

/* Give everything back, or leave the thread to itself when it does not end in 1 s. */
extern void rk_lookup_end(RkLookup *lookup);

#endif							/* RK_CONSUMER_H */
