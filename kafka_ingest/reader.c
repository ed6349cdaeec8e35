/*-------------------------------------------------------------------------
 *
 * reader.c
 *		Reading a source's topic: messages in the order in which they are to be
 *		written, and what is wrong with the topic.
 *
 * A partition with an anchor is opened at the anchor's offset, not the next one:
 * the message there must be the one that was read last time, or the topic is another
 * one by now.  It is compared and dropped.  Where it no longer exists (retention,
 * compaction) the next one is as good.
 *
 * When the broker says that an offset is out of range, a lookup finds out where the
 * partition begins and ends, and that decides.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "reader.h"

#define DESCRIPTORS		16		/* set aside: a socket for each broker, pipes */
#define TAKE_AT_ONCE	1000
#define LOOKUP_MS		10000
#define CLUSTER_WAIT	(5 * USECS_PER_SEC)
#define SILENCE			(15 * USECS_PER_SEC)	/* three intervals of the statistics */
#define ERROR_GRACE		(6 * USECS_PER_SEC)		/* one of them, and a bit */
#define NO_TOPIC_MEMORY	(10 * USECS_PER_SEC)
#define NO_TOPIC_LIMIT	(60 * USECS_PER_SEC)
#define SHRUNK_LIMIT	(10 * USECS_PER_SEC)
#define UNSEEN_LIMIT	(10 * USECS_PER_SEC)	/* brokers answer, but not of the topic */
#define REFUSALS		3		/* refused credentials in REFUSAL_SPAN: no outage */
#define REFUSAL_SPAN	(60 * USECS_PER_SEC)

typedef struct Partition
{
	RkProgress *progress;		/* committed; the source's */
	bool		check_anchor;	/* the message of the anchor was not seen yet */
	bool		out_of_range;
} Partition;

struct RkReader
{
	MemoryContext context;		/* of all of it */
	RkSource   *source;
	RkConsumer *consumer;
	RkLookup   *lookup;			/* after out of range, NULL = none */
	RkMessage  *messages;
	int			nmessages;
	int			ndone;			/* of these */
	int64		bytes;			/* of those not done */
	TimestampTz since;
	int			npartitions;
	Partition  *partitions;
	RkTrouble	trouble;
	TimestampTz opened_at;
	bool		cluster_checked;

	/* Signs of life, and of the contrary */
	bool		heard;
	int64		received;		/* when it last grew */
	TimestampTz received_at;
	TimestampTz error_at;		/* of the first broker error since then, 0 = none */
	char		error[RK_ERROR_SIZE];
	bool		all_down;
	TimestampTz no_topic_at;	/* of the first such error of a row */
	TimestampTz no_topic_last;
	int			refusals;
	TimestampTz refused_at;
	char		refusal[RK_ERROR_SIZE];
	TimestampTz shrunk_at;		/* since when fewer partitions are seen, 0 = not */
};

static RkReader *the_reader = NULL;

/* ---- opening and closing ------------------------------------------------------- */

static void
reserve_descriptors(void)
{
	for (int i = 0; i < DESCRIPTORS; i++)
		ReserveExternalFD();
}

static void
release_descriptors(void)
{
	for (int i = 0; i < DESCRIPTORS; i++)
		ReleaseExternalFD();
}

static RkPosition *
start_positions(RkReader *reader)
{
	RkPosition *positions = palloc(sizeof(RkPosition) * (reader->npartitions + 1));

	for (int i = 0; i < reader->npartitions; i++)
	{
		Partition  *partition = &reader->partitions[i];

		positions[i].partition = partition->progress->partition;
		positions[i].offset = partition->check_anchor ?
			partition->progress->anchor_offset : partition->progress->next_offset;
	}
	return positions;
}

static void
open_consumer(RkReader *reader)
{
	const RkSource *source = reader->source;
	RkPosition *positions = start_positions(reader);
	RkError		error;

	reserve_descriptors();
	reader->consumer = rk_consumer_open(source->settings, source->nsettings,
										source->secrets, source->nsecrets, source->topic,
										positions, reader->npartitions, &error);
	if (reader->consumer != NULL)
	{
		the_reader = reader;
		return;
	}
	release_descriptors();
	ereport(ERROR,
			(errcode(error.kind == RK_ERROR_MEMORY ? ERRCODE_OUT_OF_MEMORY :
					 ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
			 errmsg("could not open Kafka topic \"%s\": %s", source->topic, error.message),
			 errhint("Check the options of server \"%s\" and of its user mapping.",
					 source->server)));
}

RkReader *
rk_reader_open(RkSource *source)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "recsys kafka reader",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	RkReader   *reader = palloc0(sizeof(RkReader));

	Assert(the_reader == NULL);
	reader->context = context;
	reader->source = source;
	reader->messages = palloc_extended(mul_size(sizeof(RkMessage), source->options.batch_rows),
									   MCXT_ALLOC_HUGE);
	reader->npartitions = source->npartitions;
	reader->partitions = palloc0(sizeof(Partition) * (source->npartitions + 1));
	for (int i = 0; i < source->npartitions; i++)
	{
		reader->partitions[i].progress = &source->partitions[i];
		reader->partitions[i].check_anchor = source->partitions[i].has_anchor;
	}
	reader->opened_at = reader->received_at = GetCurrentTimestamp();
	open_consumer(reader);
	MemoryContextSwitchTo(old);
	return reader;
}

void
rk_reader_close(void)
{
	RkReader   *reader = the_reader;

	if (reader == NULL)
		return;
	the_reader = NULL;
	if (reader->lookup != NULL)
		rk_lookup_end(reader->lookup);
	reader->lookup = NULL;
	rk_consumer_close(reader->consumer);
	release_descriptors();
	MemoryContextDelete(reader->context);
}

int
rk_reader_fd(const RkReader *reader)
{
	return rk_consumer_fd(reader->consumer);
}

/* ---- trouble ---------------------------------------------------------------------- */

/* Note what is wrong; the first that is worse than an outage stays. */
static void pg_attribute_printf(5, 6)
set_trouble(RkReader *reader, RkVerdict verdict, const char *sqlstate, const char *hint,
			const char *format,...)
{
	RkTrouble  *trouble = &reader->trouble;
	va_list		arguments;

	if (trouble->verdict > RK_VERDICT_OUTAGE)
		return;
	trouble->verdict = verdict;
	strlcpy(trouble->sqlstate, sqlstate, sizeof(trouble->sqlstate));
	strlcpy(trouble->hint, hint, sizeof(trouble->hint));
	va_start(arguments, format);
	vsnprintf(trouble->reason, sizeof(trouble->reason), format, arguments);
	va_end(arguments);
}

#define HINT_SEEK "Find out what happened to the topic, then choose where to go on with recsys.kafka_seek()."

static void
check_cluster(RkReader *reader)
{
	const char *id = rk_consumer_cluster_id(reader->consumer);

	if (id != NULL && reader->source->cluster_id != NULL &&
		strcmp(id, reader->source->cluster_id) != 0)
		set_trouble(reader, RK_VERDICT_DECIDE, "55000",
					"If that is right, choose where to go on with recsys.kafka_seek().",
					"the brokers of server \"%s\" are of cluster \"%s\", but \"%s\" was read",
					reader->source->server, id, reader->source->cluster_id);
}

/* Of another cluster everything is another; that is the better reason. */
static void
another_topic(RkReader *reader, const Partition *partition)
{
	check_cluster(reader);
	set_trouble(reader, RK_VERDICT_DECIDE, "55000", HINT_SEEK,
				"message %lld of partition %d of topic \"%s\" is not the one that was read: the topic was made again",
				(long long) partition->progress->anchor_offset,
				(int) partition->progress->partition, reader->source->topic);
}

static void
above_end(RkReader *reader, const Partition *partition, int64 end)
{
	set_trouble(reader, RK_VERDICT_DECIDE, "55000", HINT_SEEK,
				"partition %d of topic \"%s\" ends at offset %lld, but was read up to %lld: it was cut or made again",
				(int) partition->progress->partition, reader->source->topic,
				(long long) end, (long long) partition->progress->next_offset);
}

static void
below_start(RkReader *reader, const Partition *partition, int64 low)
{
	int64		next = partition->progress->next_offset;

	if (!reader->source->options.skip_gaps)
	{
		set_trouble(reader, RK_VERDICT_DECIDE, "55000",
					"Go on after the gap with recsys.kafka_seek(), or set the option on_gap to skip.",
					"%lld messages from offset %lld of partition %d of topic \"%s\" are gone: they were removed before they were read",
					(long long) (low - next), (long long) next,
					(int) partition->progress->partition, reader->source->topic);
		return;
	}
	set_trouble(reader, RK_VERDICT_GAP, "55000", "",
				"removed by the broker before it was read");
	reader->trouble.partition = partition->progress->partition;
	reader->trouble.gap_from = next;
	reader->trouble.gap_to = low;
}

/* ---- taking messages ---------------------------------------------------------------- */

/* A partition by its number; the numbers are mostly 0, 1, 2 ... */
static Partition *
find_partition(RkReader *reader, int32 id)
{
	if (id >= 0 && id < reader->npartitions &&
		reader->partitions[id].progress->partition == id)
		return &reader->partitions[id];
	for (int i = 0; i < reader->npartitions; i++)
	{
		if (reader->partitions[i].progress->partition == id)
			return &reader->partitions[i];
	}
	elog(ERROR, "message of unknown partition %d", (int) id);
}

/* Is this a message to write?  Those before the next offset are there for the anchor. */
static bool
accept_message(RkReader *reader, const RkMessage *message)
{
	Partition  *partition = find_partition(reader, message->partition);
	const RkProgress *progress = partition->progress;

	if (partition->check_anchor && message->offset >= progress->anchor_offset)
	{
		partition->check_anchor = false;
		if (message->offset == progress->anchor_offset &&
			(message->timestamp_ms != progress->anchor_time ||
			 rk_message_hash(message) != progress->anchor_hash))
			another_topic(reader, partition);
	}
	return message->offset >= progress->next_offset;
}

/* Take once; how many messages the consumer gave, -1 when there is no room. */
static int
take_some(RkReader *reader)
{
	int			room = reader->source->options.batch_rows - reader->nmessages;
	RkMessage  *messages = reader->messages + reader->nmessages;
	int			n = rk_consumer_take(reader->consumer, messages, Min(room, TAKE_AT_ONCE));
	int			kept = 0;

	for (int i = 0; i < n; i++)
	{
		if (!accept_message(reader, &messages[i]))
			continue;
		if (kept != i)
			messages[kept] = messages[i];
		reader->bytes += rk_message_bytes(&messages[kept++]);
	}
	if (kept > 0 && reader->nmessages == reader->ndone)
		reader->since = GetCurrentTimestamp();
	reader->nmessages += kept;
	if (n > 0)
		reader->heard = true;
	return n;
}

bool
rk_reader_full(const RkReader *reader)
{
	return reader->nmessages >= reader->source->options.batch_rows ||
		reader->bytes >= reader->source->options.batch_bytes;
}

bool
rk_reader_take(RkReader *reader)
{
	bool		any = false;

	while (!rk_reader_full(reader))
	{
		if (take_some(reader) == 0)
			break;
		any = true;
		if (reader->nmessages == 0)
			rk_consumer_release(reader->consumer);
	}
	if (any)
	{
		reader->error_at = 0;
		reader->all_down = false;
		reader->no_topic_last = 0;
	}
	return any;
}

const RkMessage *
rk_reader_messages(const RkReader *reader, int *n)
{
	*n = reader->nmessages - reader->ndone;
	return reader->messages + reader->ndone;
}

TimestampTz
rk_reader_since(const RkReader *reader)
{
	return reader->since;
}

int64
rk_reader_queued(const RkReader *reader)
{
	return rk_consumer_queued(reader->consumer);
}

const char *
rk_reader_next_log(RkReader *reader)
{
	return rk_consumer_next_log(reader->consumer);
}

bool
rk_reader_heard(const RkReader *reader)
{
	return reader->heard;
}

/* ---- where the partitions are --------------------------------------------------------- */

/*
 * A broker tells of an end only when a fetch has waited in vain; that there is no
 * more for now shows as soon as what it sent has been taken.
 */
bool
rk_reader_caught_up(const RkReader *reader)
{
	for (int i = 0; i < reader->npartitions; i++)
	{
		RkPartitionState state;

		rk_consumer_partition(reader->consumer, reader->partitions[i].progress->partition,
							  &state);
		if (!state.at_end && (state.high < 0 || state.position < state.high))
			return false;
	}
	return reader->npartitions > 0;
}

bool
rk_reader_at_end(const RkReader *reader)
{
	for (int i = 0; i < reader->npartitions; i++)
	{
		RkPartitionState state;

		rk_consumer_partition(reader->consumer, reader->partitions[i].progress->partition,
							  &state);
		if (!state.at_end)
			return false;
	}
	return reader->npartitions > 0;
}

bool
rk_reader_behind(const RkReader *reader)
{
	for (int i = 0; i < reader->npartitions; i++)
	{
		RkPartitionState state;

		rk_consumer_partition(reader->consumer, reader->partitions[i].progress->partition,
							  &state);
		if (state.high > reader->partitions[i].progress->next_offset)
			return true;
	}
	return false;
}

/* Count a message into the move of its partition. */
static void
count_message(RkMove *move, const RkMessage *message, bool refused)
{
	move->messages++;
	move->dead_letters += refused ? 1 : 0;
	move->to_offset = message->offset + 1;
	move->has_anchor = true;
	move->anchor_offset = message->offset;
}

/* The anchor's time and hash, of the last message only. */
static void
fill_anchor(RkMove *move, const RkMessage *message)
{
	if (message->offset != move->anchor_offset)
		return;
	move->anchor_time = message->timestamp_ms;
	move->anchor_hash = rk_message_hash(message);
}

static void
count_rows(RkReader *reader, RkMove *moves, const RkBatch *batch, int n)
{
	for (int i = 0; i < batch->rows.nrows && batch->rows.messages[i] < n; i++)
	{
		int			message = batch->rows.messages[i];

		if (batch->reasons[message] == NULL)
			moves[find_partition(reader, batch->messages[message].partition)
				  - reader->partitions].rows++;
	}
}

static void
count_messages(RkReader *reader, RkMove *moves, const RkBatch *batch, int n)
{
	for (int i = 0; i < n; i++)
	{
		const RkMessage *message = &batch->messages[i];
		Partition  *partition = find_partition(reader, message->partition);

		count_message(&moves[partition - reader->partitions], message,
					  batch->reasons[i] != NULL);
	}
	for (int i = 0; i < n; i++)
	{
		const RkMessage *message = &batch->messages[i];

		fill_anchor(&moves[find_partition(reader, message->partition) - reader->partitions],
					message);
	}
	count_rows(reader, moves, batch, n);
}

/*
 * What the consumer knows of a partition.  Beyond the last message there may be
 * control records and removed messages: at the end they are passed.
 */
static void
add_knowledge(const RkReader *reader, RkMove *move, bool everything)
{
	RkPartitionState state;

	rk_consumer_partition(reader->consumer, move->partition, &state);
	move->low = state.low;
	move->high = state.high;
	if (everything && state.at_end && state.position > move->to_offset)
		move->to_offset = state.position;
}

RkMove *
rk_reader_moves(RkReader *reader, const RkBatch *batch, int n, bool all, int *nmoves)
{
	RkMove	   *moves = palloc0(sizeof(RkMove) * (reader->npartitions + 1));
	bool		everything = reader->ndone + n == reader->nmessages;

	for (int i = 0; i < reader->npartitions; i++)
	{
		moves[i].partition = reader->partitions[i].progress->partition;
		moves[i].from_offset = moves[i].to_offset = reader->partitions[i].progress->next_offset;
	}
	if (n > 0)
		count_messages(reader, moves, batch, n);
	*nmoves = 0;
	for (int i = 0; i < reader->npartitions; i++)
	{
		add_knowledge(reader, &moves[i], everything);
		if (all || moves[i].to_offset > moves[i].from_offset)
			moves[(*nmoves)++] = moves[i];
	}
	return moves;
}

void
rk_reader_done(RkReader *reader, const RkMove *moves, int nmoves, int n)
{
	for (int i = 0; i < nmoves; i++)
	{
		RkProgress *progress = find_partition(reader, moves[i].partition)->progress;

		progress->next_offset = moves[i].to_offset;
		if (!moves[i].has_anchor)
			continue;
		progress->has_anchor = true;
		progress->anchor_offset = moves[i].anchor_offset;
		progress->anchor_time = moves[i].anchor_time;
		progress->anchor_hash = moves[i].anchor_hash;
	}
	for (int i = 0; i < n; i++)
		reader->bytes -= rk_message_bytes(&reader->messages[reader->ndone + i]);
	reader->ndone += n;
	if (reader->ndone == reader->nmessages)
	{
		reader->ndone = reader->nmessages = 0;
		reader->bytes = 0;
		rk_consumer_release(reader->consumer);
	}
}

/* ---- what is wrong ------------------------------------------------------------------------ */

/* The brokers' rules forbid it, and say so only once. */
static void
forbidden(RkReader *reader, const char *message)
{
	set_trouble(reader, RK_VERDICT_FAILED, "42501",
				"The user needs READ on the topic and DESCRIBE on group \"recsys\" in the ACLs of the brokers.",
				"topic \"%s\" may not be read: %s", reader->source->topic, message);
}

/* Refused credentials: once may be a broker that is just starting, three times is not. */
static void
note_refusal(RkReader *reader, const RkError *error, TimestampTz now)
{
	if (reader->refusals == 0 || now - reader->refused_at > REFUSAL_SPAN ||
		strcmp(reader->refusal, error->message) != 0)
	{
		reader->refusals = 0;
		reader->refused_at = now;
		strlcpy(reader->refusal, error->message, sizeof(reader->refusal));
	}
	if (++reader->refusals < REFUSALS)
		return;
	if (error->kind == RK_ERROR_AUTHENTICATION)
		set_trouble(reader, RK_VERDICT_FAILED, "28000",
					"Check the user mapping and the certificates of the server.",
					"the brokers refuse the connection: %s", error->message);
	else
		forbidden(reader, error->message);
}

static void
note_no_topic(RkReader *reader, TimestampTz now)
{
	if (now - reader->no_topic_last > NO_TOPIC_MEMORY)
		reader->no_topic_at = now;
	reader->no_topic_last = now;
}

/* librdkafka says it about once a second while it is so. */
static void
check_topic(RkReader *reader, TimestampTz now)
{
	if (now - reader->no_topic_last > NO_TOPIC_MEMORY)
		return;
	if (now - reader->no_topic_at > NO_TOPIC_LIMIT)
		set_trouble(reader, RK_VERDICT_FAILED, "42704", "It is tried again now and then.",
					"topic \"%s\" does not exist", reader->source->topic);
	else
		set_trouble(reader, RK_VERDICT_OUTAGE, "42704", "It is tried again.",
					"topic \"%s\" does not exist", reader->source->topic);
}

static void
note_broker_error(RkReader *reader, const RkError *error, TimestampTz now)
{
	if (reader->error_at == 0)
		reader->error_at = now;
	strlcpy(reader->error, error->message, sizeof(reader->error));
	if (strstr(error->message, "brokers are down") != NULL)
		reader->all_down = true;
}

static void
start_lookup(RkReader *reader)
{
	const RkSource *source = reader->source;
	RkError		error;

	if (reader->lookup == NULL)
		reader->lookup = rk_lookup_start(source->settings, source->nsettings,
										 source->secrets, source->nsecrets, source->topic,
										 RK_NO_TIME, LOOKUP_MS, &error);
	if (reader->lookup == NULL)
		set_trouble(reader, RK_VERDICT_REOPEN, "08000", "", "%s", error.message);
}

static void
note_error(RkReader *reader, const RkError *error, TimestampTz now)
{
	switch (error->kind)
	{
		case RK_ERROR_NONE:
			break;
		case RK_ERROR_AUTHENTICATION:
		case RK_ERROR_AUTHORIZATION:
			if (error->partition >= 0)
				forbidden(reader, error->message);
			note_refusal(reader, error, now);
			note_broker_error(reader, error, now);
			break;
		case RK_ERROR_NO_TOPIC:
			note_no_topic(reader, now);
			break;
		case RK_ERROR_OUT_OF_RANGE:
			find_partition(reader, error->partition)->out_of_range = true;
			start_lookup(reader);
			break;
		case RK_ERROR_MEMORY:
			set_trouble(reader, RK_VERDICT_REOPEN, "53200", "", "%s", error->message);
			break;
		case RK_ERROR_BROKER:
		case RK_ERROR_CONFIGURATION:
		case RK_ERROR_OTHER:
			note_broker_error(reader, error, now);
			break;
	}
}

/* What the broker has of a partition that it called out of range. */
static void
judge_bounds(RkReader *reader, Partition *partition, const RkBounds *bounds)
{
	int64		next = partition->progress->next_offset;

	if (next > bounds->high)
		above_end(reader, partition, bounds->high);
	else if (next < bounds->low)
		below_start(reader, partition, bounds->low);
	else
		partition->progress->has_anchor = false;	/* that is what is gone */
}

static void
finish_lookup(RkReader *reader)
{
	RkError		error;
	const RkTopic *topic = rk_lookup_answer(reader->lookup, &error);

	if (topic == NULL && error.kind == RK_ERROR_NONE)
		return;
	for (int i = 0; topic != NULL && i < reader->npartitions; i++)
	{
		Partition  *partition = &reader->partitions[i];

		if (partition->out_of_range && partition->progress->partition < topic->npartitions)
			judge_bounds(reader, partition, &topic->bounds[partition->progress->partition]);
	}
	rk_lookup_end(reader->lookup);
	reader->lookup = NULL;
	if (error.kind == RK_ERROR_AUTHORIZATION)
		forbidden(reader, error.message);
	/* Without anything to judge the partition is read again, from where it was. */
	set_trouble(reader, RK_VERDICT_REOPEN, "08000", "",
				"topic \"%s\" is read again from where it was",
				reader->source->topic);
}

/*
 * The end of a partition lies before what was read: it was cut, or a leader that is
 * new does not know its end yet, which a lookup is told.
 */
static void
check_ends(RkReader *reader)
{
	for (int i = 0; i < reader->npartitions; i++)
	{
		Partition  *partition = &reader->partitions[i];
		RkPartitionState state;

		rk_consumer_partition(reader->consumer, partition->progress->partition, &state);
		if (state.at_end && state.position < partition->progress->next_offset)
		{
			partition->out_of_range = true;
			start_lookup(reader);
		}
	}
}

static void
check_partition_count(RkReader *reader, TimestampTz now)
{
	int			n = rk_consumer_partition_count(reader->consumer);

	if (n == 0 || n >= reader->npartitions)
		reader->shrunk_at = 0;
	else if (reader->shrunk_at == 0)
		reader->shrunk_at = now;
	if (n > reader->npartitions)
	{
		set_trouble(reader, RK_VERDICT_GROWN, "00000", "", "topic \"%s\" has %d partitions now",
					reader->source->topic, n);
		reader->trouble.npartitions = n;
	}
	else if (reader->shrunk_at != 0 && now - reader->shrunk_at > SHRUNK_LIMIT)
		set_trouble(reader, RK_VERDICT_DECIDE, "55000", HINT_SEEK,
					"topic \"%s\" has %d partitions, but had %d: it was made again",
					reader->source->topic, n, reader->npartitions);
}

/*
 * Brokers answer, but nothing is heard of the topic: of one whose description is
 * forbidden librdkafka says nothing at all.  A lookup does.
 */
static void
check_unseen(RkReader *reader, TimestampTz now)
{
	if (rk_consumer_partition_count(reader->consumer) == 0 &&
		rk_consumer_received(reader->consumer) > 0 &&
		now - reader->opened_at > UNSEEN_LIMIT &&
		now - reader->no_topic_last > UNSEEN_LIMIT)
		start_lookup(reader);
}

bool
rk_reader_cluster(RkReader *reader, TimestampTz now, const char **id)
{
	*id = rk_consumer_cluster_id(reader->consumer);
	return *id != NULL || now - reader->opened_at > CLUSTER_WAIT;
}

/*
 * After a broker has refused a partition the topic may be another one: open again, at
 * the anchors, before anything more is written.  A reader that has still to see its
 * anchors will do so anyhow.  Callbacks are served here at every turn, also while a full
 * batch waits and nothing is taken.
 */
static void
check_refused(RkReader *reader)
{
	rk_consumer_serve(reader->consumer);
	if (!rk_consumer_refused(reader->consumer))
		return;
	for (int i = 0; i < reader->npartitions; i++)
	{
		const Partition *partition = &reader->partitions[i];

		if (partition->progress->has_anchor && !partition->check_anchor)
		{
			set_trouble(reader, RK_VERDICT_REOPEN, "08000", "",
						"a broker has refused a partition of topic \"%s\", so it is looked at again",
						reader->source->topic);
			return;
		}
	}
}

/* Brokers that say nothing: after an error soon, without one when it lasts. */
static void
check_silence(RkReader *reader, TimestampTz now)
{
	int64		received = rk_consumer_received(reader->consumer);

	if (reader->nmessages > 0 || rk_consumer_queued(reader->consumer) > 0)
		reader->received_at = now;	/* it is for us to do something */
	if (received != reader->received)
	{
		reader->received = received;
		reader->received_at = now;
		reader->error_at = 0;
		reader->all_down = false;
		reader->heard = reader->heard || received > 0;
	}
	if (reader->error_at != 0 && (reader->all_down || now - reader->error_at > ERROR_GRACE))
		set_trouble(reader, RK_VERDICT_OUTAGE, "08006", "It goes on by itself.",
					"brokers cannot be reached: %s", reader->error);
	else if (now - reader->received_at > SILENCE)
		set_trouble(reader, RK_VERDICT_OUTAGE, "08006", "It goes on by itself.",
					"brokers have not answered for %d seconds",
					(int) ((now - reader->received_at) / USECS_PER_SEC / 15 * 15));
}

const RkTrouble *
rk_reader_check(RkReader *reader, TimestampTz now)
{
	RkError		error;

	if (reader->trouble.verdict == RK_VERDICT_OUTAGE)
		reader->trouble.verdict = RK_VERDICT_FINE;
	check_refused(reader);
	while (rk_consumer_next_error(reader->consumer, &error))
		note_error(reader, &error, now);
	if (reader->lookup != NULL)
		finish_lookup(reader);
	check_cluster(reader);
	check_ends(reader);
	check_partition_count(reader, now);
	check_silence(reader, now);
	check_unseen(reader, now);
	check_topic(reader, now);
	return &reader->trouble;
}
