/*-------------------------------------------------------------------------
 *
 * consumer.c
 *		Reading a topic.
 *
 * A consumer owns its link, the messages taken from it until they are released, and
 * a pipe that tells when there is something to take.  One thread uses it; there are
 * no locks.  link.c, lookup.c and this file are all that see librdkafka, and they see
 * nothing of PostgreSQL.
 *
 * Our memory is malloc'd.  When it runs out at opening, opening fails; later the
 * consumer says RK_ERROR_MEMORY and gives no more messages, so that none is lost.
 * librdkafka itself aborts the process when it gets no memory: the limits of its
 * queues are what prevents that.
 *
 * Facts of librdkafka 2.0.2 that this rests on: the cached watermark "high" is not
 * the stable one, only the statistics have that; answers with an error set both
 * watermarks to -1; the end of a partition is reported once for each stable offset
 * that is reached, control records included; a batch of messages has errors and ends
 * of partitions among it.  A handle that never saw its topic leaks its partitions.
 *
 *-------------------------------------------------------------------------
 */
#include "consumer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "link.h"
#include "statistics.h"

#define CLOSE_MS		5000

typedef struct Partition
{
	int32_t		id;
	bool		at_end;
	bool		open_transaction;	/* by the latest statistics */
	int64_t		position;
	int64_t		low;
	int64_t		high;			/* not the stable one */
	int64_t		stable;
	RkError		error;			/* kind RK_ERROR_NONE: nothing to tell */
} Partition;

struct RkConsumer
{
	RkLink		link;			/* first */
	char	   *topic;
	char	   *cluster_id;		/* of librdkafka's memory */
	rd_kafka_queue_t *queue;	/* of messages, and what is wrong with partitions */
	rd_kafka_queue_t *callbacks;	/* statistics, logs, errors of brokers */
	int			wake[2];		/* pipe, -1 = none */
	bool		broken;			/* out of memory */
	RkFigures	figures;
	Partition  *partitions;		/* by id */
	int			npartitions;
	Partition  *latest;			/* found last */
	int			nerrors;		/* partitions with something to tell */
	rd_kafka_message_t **held;
	size_t		nheld;
	size_t		held_size;
	RkArena		headers;
};

/* ---- statistics ---------------------------------------------------------------- */

static Partition *find_partition(RkConsumer *consumer, int32_t id);

static void
take_partition_figures(void *sink, const RkPartitionFigures *figures)
{
	Partition  *partition = find_partition(sink, figures->partition);

	if (partition == NULL || figures->stable < 0)
		return;
	partition->stable = figures->stable;
	partition->open_transaction = figures->stable < figures->high;
}

static int
statistics_callback(rd_kafka_t *rk, char *json, size_t len, void *opaque)
{
	RkConsumer *consumer = opaque;	/* its link comes first */

	rk_statistics_read(json, len, consumer->topic, &consumer->figures,
					   take_partition_figures, consumer);
	return 0;
}

/* ---- opening and closing ---------------------------------------------------------- */

static int
compare_partitions(const void *a, const void *b)
{
	int32_t		x = ((const Partition *) a)->id;
	int32_t		y = ((const Partition *) b)->id;

	return (x > y) - (x < y);
}

static bool
copy_positions(RkConsumer *consumer, const RkPosition *positions, int npositions)
{
	consumer->partitions = calloc((size_t) npositions + 1, sizeof(Partition));
	if (consumer->partitions == NULL)
		return false;
	for (int i = 0; i < npositions; i++)
	{
		Partition  *partition = &consumer->partitions[i];

		partition->id = positions[i].partition;
		partition->position = positions[i].offset;
		partition->low = partition->high = partition->stable = -1;
	}
	qsort(consumer->partitions, (size_t) npositions, sizeof(Partition),
		  compare_partitions);
	consumer->npartitions = npositions;
	return true;
}

/* Read these partitions from these offsets, and no others. */
static bool
assign(RkConsumer *consumer, RkError *error)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t err;

	list = rd_kafka_topic_partition_list_new(consumer->npartitions);
	for (int i = 0; i < consumer->npartitions; i++)
		rd_kafka_topic_partition_list_add(list, consumer->topic,
										  consumer->partitions[i].id)->offset =
			consumer->partitions[i].position;
	err = rd_kafka_assign(consumer->link.rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
		return true;
	rk_link_error(&consumer->link, error, rk_error_kind(err, ""), -1, rd_kafka_err2str(err));
	return false;
}

/* What is left once the handle is gone. */
static void
free_consumer(void *arg)
{
	RkConsumer *consumer = arg;

	rk_pipe_close(consumer->wake);
	rk_link_free(&consumer->link);
	rk_arena_free(&consumer->headers);
	free(consumer->held);
	free(consumer->partitions);
	free(consumer->topic);
	free(consumer);
}

static void
close_queue(rd_kafka_queue_t *queue)
{
	if (queue == NULL)
		return;
	rd_kafka_queue_io_event_enable(queue, -1, NULL, 0);
	rd_kafka_queue_destroy(queue);
}

/*
 * Destroy the handle: the part that can block, where a topic was deleted under it
 * (2.0.2).  There is no group to leave, so nothing is sent.
 */
static void
destroy_handle(void *arg)
{
	RkConsumer *consumer = arg;

	close_queue(consumer->queue);
	close_queue(consumer->callbacks);
	if (consumer->cluster_id != NULL)
		rd_kafka_mem_free(consumer->link.rk, consumer->cluster_id);
	if (consumer->link.rk != NULL)
		rd_kafka_destroy_flags(consumer->link.rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

void
rk_consumer_close(RkConsumer *consumer)
{
	RkJob	   *job;

	rk_consumer_release(consumer);
	job = rk_job_start(destroy_handle, free_consumer, consumer);
	if (job == NULL)
		destroy_handle(consumer);
	if (job == NULL || rk_job_end(job, CLOSE_MS))
		free_consumer(consumer);
}

RkConsumer *
rk_consumer_open(const RkSetting *settings, int nsettings,
				 const char *const *secrets, int nsecrets,
				 const char *topic,
				 const RkPosition *positions, int npositions,
				 RkError *error)
{
	RkConsumer *consumer = calloc(1, sizeof(RkConsumer));

	rk_error_no_memory(error);
	if (consumer == NULL)
		return NULL;
	consumer->wake[0] = consumer->wake[1] = -1;
	consumer->topic = strdup(topic);
	if (consumer->topic == NULL || !copy_positions(consumer, positions, npositions) ||
		!rk_link_open(&consumer->link, settings, nsettings, secrets, nsecrets,
					  statistics_callback, error))
		goto failed;
	if (!rk_pipe_open(consumer->wake))
	{
		rk_link_error(&consumer->link, error, RK_ERROR_OTHER, -1, strerror(errno));
		goto failed;
	}
	consumer->queue = rd_kafka_queue_get_consumer(consumer->link.rk);
	consumer->callbacks = rd_kafka_queue_get_main(consumer->link.rk);
	rd_kafka_queue_io_event_enable(consumer->queue, consumer->wake[1], "1", 1);
	rd_kafka_queue_io_event_enable(consumer->callbacks, consumer->wake[1], "1", 1);
	if (!assign(consumer, error))
		goto failed;
	error->kind = RK_ERROR_NONE;
	error->message[0] = '\0';
	return consumer;

failed:
	rk_consumer_close(consumer);
	return NULL;
}

/* ---- taking messages ---------------------------------------------------------------- */

static Partition *
find_partition(RkConsumer *consumer, int32_t id)
{
	Partition	key = {0};
	Partition  *found;

	if (consumer->latest != NULL && consumer->latest->id == id)
		return consumer->latest;
	key.id = id;
	found = bsearch(&key, consumer->partitions, (size_t) consumer->npartitions,
					sizeof(Partition), compare_partitions);
	if (found != NULL)
		consumer->latest = found;
	return found;
}

/* Keep the gravest error of a partition; it is given to the user once. */
static void
add_partition_error(RkConsumer *consumer, Partition *partition,
					const rd_kafka_message_t *message)
{
	const char *text = rd_kafka_message_errstr(message);
	RkErrorKind kind = rk_error_kind(message->err, text);

	if (rk_error_gravity(kind) <= rk_error_gravity(partition->error.kind))
		return;
	if (partition->error.kind == RK_ERROR_NONE)
		consumer->nerrors++;
	rk_link_error(&consumer->link, &partition->error, kind, partition->id, text);
}

/* An event among the messages: the end of a partition, or an error. */
static void
take_event(RkConsumer *consumer, const rd_kafka_message_t *message)
{
	Partition  *partition = find_partition(consumer, message->partition);

	if (partition == NULL)
	{
		const char *text = rd_kafka_message_errstr(message);

		rk_link_add_news(&consumer->link, rk_error_kind(message->err, text), text);
	}
	else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
	{
		/* Markers of transactions lie between the last message and the end. */
		if (message->offset > partition->position)
			partition->position = message->offset;
		partition->at_end = true;
	}
	else
		add_partition_error(consumer, partition, message);
}

/* The headers, in our memory; false when it runs out. */
static bool
copy_headers(RkConsumer *consumer, const rd_kafka_message_t *from, RkMessage *to)
{
	rd_kafka_headers_t *list;
	RkHeader   *headers;
	size_t		n;

	to->nheaders = 0;
	to->headers = NULL;
	if (rd_kafka_message_headers(from, &list) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return true;
	n = rd_kafka_header_cnt(list);
	if (n == 0)
		return true;
	headers = rk_arena_alloc(&consumer->headers, n * sizeof(RkHeader));
	if (headers == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
	{
		const void *value = NULL;

		headers[i].value.len = 0;
		rd_kafka_header_get_all(list, i, &headers[i].name, &value,
								&headers[i].value.len);
		headers[i].value.data = value;
	}
	to->nheaders = (int) n;
	to->headers = headers;
	return true;
}

static bool
copy_message(RkConsumer *consumer, const rd_kafka_message_t *from, RkMessage *to)
{
	rd_kafka_timestamp_type_t type;

	to->partition = from->partition;
	to->offset = from->offset;
	to->timestamp_ms = rd_kafka_message_timestamp(from, &type);
	if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE)
		to->timestamp_ms = -1;
	to->key.data = from->key;
	to->key.len = from->key_len;
	to->payload.data = from->payload;
	to->payload.len = from->len;
	return copy_headers(consumer, from, to);
}

/* Nothing more can be taken, for the next messages would follow a gap. */
static void
break_off(RkConsumer *consumer)
{
	consumer->broken = true;
	consumer->link.nnews = 0;
	rk_link_add_news(&consumer->link, RK_ERROR_MEMORY, "out of memory");
}

/*
 * Take one message if it is new; after a gap in our memory nothing is.  Gaps in the
 * offsets are what transactions and compaction leave.
 */
static bool
take_message(RkConsumer *consumer, const rd_kafka_message_t *from, RkMessage *to)
{
	Partition  *partition = find_partition(consumer, from->partition);

	if (consumer->broken || partition == NULL || from->offset < partition->position)
		return false;
	if (!copy_message(consumer, from, to))
	{
		break_off(consumer);
		return false;
	}
	partition->position = from->offset + 1;
	partition->at_end = false;
	return true;
}

/* Sort what a batch brought; messages are kept at the front of batch. */
static int
take_batch(RkConsumer *consumer, rd_kafka_message_t **batch, int n, RkMessage *messages)
{
	int			taken = 0;

	for (int i = 0; i < n; i++)
	{
		rd_kafka_message_t *message = batch[i];

		if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR &&
			take_message(consumer, message, &messages[taken]))
		{
			batch[taken++] = message;
			continue;
		}
		if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
			take_event(consumer, message);
		rd_kafka_message_destroy(message);
	}
	return taken;
}

/* Room for n more messages of librdkafka's. */
static bool
reserve(RkConsumer *consumer, size_t n)
{
	size_t		size = consumer->held_size < 1024 ? 1024 : consumer->held_size;
	void	   *held;

	if (consumer->held_size - consumer->nheld >= n)
		return true;
	while (size - consumer->nheld < n)
		size *= 2;
	held = realloc(consumer->held, size * sizeof(*consumer->held));
	if (held == NULL)
		return false;
	consumer->held = held;
	consumer->held_size = size;
	return true;
}

void
rk_consumer_serve(RkConsumer *consumer)
{
	while (rd_kafka_poll(consumer->link.rk, 0) > 0)
		;
}

int
rk_consumer_take(RkConsumer *consumer, RkMessage *messages, int max)
{
	int			taken = 0;

	/* First: what comes after this is signalled again. */
	rk_pipe_drain(consumer->wake);
	rk_consumer_serve(consumer);
	if (!consumer->broken && !reserve(consumer, (size_t) max))
		break_off(consumer);
	while (taken < max && !consumer->broken)
	{
		rd_kafka_message_t **batch = consumer->held + consumer->nheld;
		ssize_t		n;
		int			kept;

		n = rd_kafka_consume_batch_queue(consumer->queue, 0, batch,
										 (size_t) (max - taken));
		if (n <= 0)
			break;
		kept = take_batch(consumer, batch, (int) n, messages + taken);
		consumer->nheld += (size_t) kept;
		taken += kept;
	}
	if (taken == max)
		rk_pipe_fill(consumer->wake);
	return taken;
}

void
rk_consumer_release(RkConsumer *consumer)
{
	for (size_t i = 0; i < consumer->nheld; i++)
		rd_kafka_message_destroy(consumer->held[i]);
	consumer->nheld = 0;
	rk_arena_reset(&consumer->headers);
}

/* ---- what is known ------------------------------------------------------------------ */

int
rk_consumer_fd(const RkConsumer *consumer)
{
	return consumer->wake[0];
}

bool
rk_consumer_next_error(RkConsumer *consumer, RkError *error)
{
	if (rk_link_next_news(&consumer->link, error))
		return true;
	for (int i = 0; i < consumer->npartitions && consumer->nerrors > 0; i++)
	{
		Partition  *partition = &consumer->partitions[i];

		if (partition->error.kind != RK_ERROR_NONE)
		{
			*error = partition->error;
			partition->error.kind = RK_ERROR_NONE;
			consumer->nerrors--;
			return true;
		}
	}
	return false;
}

const char *
rk_consumer_next_log(RkConsumer *consumer)
{
	RkLink	   *link = &consumer->link;
	const char *line = link->logs[link->first_log];

	if (link->nlogs == 0)
		return NULL;
	link->first_log = (link->first_log + 1) % RK_LOG_LINES;
	link->nlogs--;
	return line;
}

/* The cached watermarks; where an answer had none, those before it stay. */
static void
refresh_watermarks(RkConsumer *consumer, Partition *partition)
{
	int64_t		low = -1;
	int64_t		high = -1;

	if (rd_kafka_get_watermark_offsets(consumer->link.rk, consumer->topic, partition->id,
									   &low, &high) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	if (low >= 0)
		partition->low = low;
	if (high >= 0)
		partition->high = high;
}

/* The last stable offset, as well as we know. */
static int64_t
stable_offset(const Partition *partition)
{
	int64_t		offset = partition->open_transaction ? partition->stable : partition->high;

	if (partition->at_end || (offset >= 0 && offset < partition->position))
		return partition->position;
	return offset;
}

void
rk_consumer_partition(RkConsumer *consumer, int32_t id, RkPartitionState *state)
{
	Partition  *partition = find_partition(consumer, id);

	state->low = state->high = state->position = -1;
	state->at_end = false;
	if (partition == NULL)
		return;
	refresh_watermarks(consumer, partition);
	state->low = partition->low;
	state->high = stable_offset(partition);
	state->position = partition->position;
	state->at_end = partition->at_end;
}

bool
rk_consumer_refused(const RkConsumer *consumer)
{
	return consumer->link.refused;
}

int64_t
rk_consumer_received(const RkConsumer *consumer)
{
	return consumer->figures.received;
}

int64_t
rk_consumer_queued(const RkConsumer *consumer)
{
	return (int64_t) rd_kafka_queue_length(consumer->queue);
}

int
rk_consumer_partition_count(const RkConsumer *consumer)
{
	return consumer->figures.npartitions;
}

const char *
rk_consumer_cluster_id(RkConsumer *consumer)
{
	if (consumer->cluster_id == NULL)
		consumer->cluster_id = rd_kafka_clusterid(consumer->link.rk, 0);
	return consumer->cluster_id;
}

const char *
rk_consumer_library_version_text(void)
{
	return rd_kafka_version_str();
}
