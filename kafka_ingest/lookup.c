/*-------------------------------------------------------------------------
 *
 * lookup.c
 *		Looking up what a topic has now: partitions, offsets, the cluster's id.
 *
 * The calls of librdkafka for that block, so a thread makes them on a link of its
 * own.  All of a lookup is the thread's until `finished` is set, the user's from then
 * on, but for the handle, which the thread destroys; a lookup that is left while it
 * still runs is freed by its thread.  When memory runs out the answer is an error.
 *
 *-------------------------------------------------------------------------
 */
#include "consumer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "job.h"
#include "link.h"

#define LOOKUP_END_MS	1000

struct RkLookup
{
	RkLink		link;
	RkJob	   *job;
	char	   *topic;
	int64_t		time_ms;
	int64_t		deadline;		/* monotonic, in milliseconds */
	int			wake[2];
	int			finished;		/* atomic: what is below is the user's */
	int			stop;			/* atomic: the user has left */
	RkError		error;
	RkTopic		answer;
	RkBounds   *bounds;
};

/* ---- looking up ------------------------------------------------------------------------ */

static int64_t
monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Milliseconds until the deadline, at most limit; 0 when it is over or nobody waits. */
static int
time_left(const RkLookup *lookup, int limit)
{
	int64_t		left = lookup->deadline - monotonic_ms();

	if (left <= 0 || __atomic_load_n(&lookup->stop, __ATOMIC_ACQUIRE))
		return 0;
	return left < limit ? (int) left : limit;
}

/* Keep the first of the gravest errors. */
static void
note_error(RkLookup *lookup, RkErrorKind kind, const char *text)
{
	if (rk_error_gravity(kind) > rk_error_gravity(lookup->error.kind))
		rk_link_error(&lookup->link, &lookup->error, kind, -1, text);
}

/*
 * After a call that failed: hear what the callbacks have to tell, for a moment.
 * Refused credentials come only this way.  Is there any use in trying again?  What
 * goes away by itself is an error when the time is over.
 */
static bool
may_try_again(RkLookup *lookup, rd_kafka_resp_err_t err)
{
	bool		silence = err == RD_KAFKA_RESP_ERR__TRANSPORT ||
		err == RD_KAFKA_RESP_ERR__TIMED_OUT;
	RkErrorKind kind = rk_error_kind(err, "");
	RkError		news;
	bool		over;

	rd_kafka_poll(lookup->link.rk, time_left(lookup, 100));
	while (rd_kafka_poll(lookup->link.rk, 0) > 0)
		;
	while (rk_link_next_news(&lookup->link, &news))
	{
		if (news.kind == RK_ERROR_AUTHENTICATION || news.kind == RK_ERROR_BROKER)
			note_error(lookup, news.kind, news.message);
	}
	over = time_left(lookup, 1) == 0;
	if (kind != RK_ERROR_BROKER || over)
		note_error(lookup, kind, silence ? "no broker has answered" : rd_kafka_err2str(err));
	return !over && rk_error_gravity(lookup->error.kind) <= rk_error_gravity(RK_ERROR_BROKER);
}

/* Make room for the answer; a topic has at least one partition. */
static rd_kafka_resp_err_t
take_metadata(RkLookup *lookup, const rd_kafka_metadata_topic_t *topic)
{
	if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return topic->err;
	if (topic->partition_cnt <= 0)
		return RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
	lookup->bounds = calloc((size_t) topic->partition_cnt, sizeof(RkBounds));
	if (lookup->bounds == NULL)
		return RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
	lookup->answer.npartitions = topic->partition_cnt;
	lookup->answer.bounds = lookup->bounds;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/*
 * Does the topic exist, and how many partitions has it?  In pieces that grow, to
 * hear of refused credentials early.
 */
static bool
ask_metadata(RkLookup *lookup)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(lookup->link.rk, lookup->topic, NULL);
	rd_kafka_resp_err_t err = rd_kafka_last_error();
	int			piece = 1000;

	if (topic == NULL)
	{
		note_error(lookup, RK_ERROR_NO_TOPIC, rd_kafka_err2str(err));
		return false;
	}
	do
	{
		const struct rd_kafka_metadata *metadata;

		err = rd_kafka_metadata(lookup->link.rk, 0, topic, &metadata,
								time_left(lookup, piece));
		if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
		{
			err = metadata->topic_cnt == 1 ? take_metadata(lookup, &metadata->topics[0])
				: RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
			rd_kafka_metadata_destroy(metadata);
		}
		piece *= 2;
	} while (err != RD_KAFKA_RESP_ERR_NO_ERROR && may_try_again(lookup, err));
	rd_kafka_topic_destroy(topic);
	return err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* The first error among the partitions of a list. */
static rd_kafka_resp_err_t
list_error(const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++)
	{
		if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
			return list->elems[i].err;
	}
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/*
 * Offsets of a time in all partitions; where nothing is as late, -1.  The times
 * that stand for the beginning and the end are those of the protocol.
 */
static bool
ask_offsets(RkLookup *lookup, int64_t time_ms, int64_t *offsets)
{
	rd_kafka_resp_err_t err;

	do
	{
		rd_kafka_topic_partition_list_t *list;

		list = rd_kafka_topic_partition_list_new(lookup->answer.npartitions);
		for (int i = 0; i < lookup->answer.npartitions; i++)
			rd_kafka_topic_partition_list_add(list, lookup->topic, i)->offset = time_ms;
		err = rd_kafka_offsets_for_times(lookup->link.rk, list,
										 time_left(lookup, INT32_MAX));
		if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
			err = list_error(list);
		for (int i = 0; i < list->cnt; i++)
			offsets[list->elems[i].partition] = list->elems[i].offset;
		rd_kafka_topic_partition_list_destroy(list);
	} while (err != RD_KAFKA_RESP_ERR_NO_ERROR && may_try_again(lookup, err));
	return err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool
ask_bounds(RkLookup *lookup)
{
	int			n = lookup->answer.npartitions;
	int64_t    *offsets = calloc((size_t) n, sizeof(int64_t));
	bool		ok;

	if (offsets == NULL)
	{
		note_error(lookup, RK_ERROR_MEMORY, "out of memory");
		return false;
	}
	ok = ask_offsets(lookup, RD_KAFKA_OFFSET_BEGINNING, offsets);
	for (int i = 0; i < n; i++)
		lookup->bounds[i].low = lookup->bounds[i].at_time = offsets[i];
	ok = ok && ask_offsets(lookup, RD_KAFKA_OFFSET_END, offsets);
	for (int i = 0; i < n; i++)
		lookup->bounds[i].high = offsets[i];
	if (ok && lookup->time_ms != RK_NO_TIME)
	{
		ok = ask_offsets(lookup, lookup->time_ms, offsets);
		for (int i = 0; i < n; i++)
			lookup->bounds[i].at_time = offsets[i] >= 0 ? offsets[i]
				: lookup->bounds[i].high;
	}
	free(offsets);
	return ok;
}

/* The thread: the answer first, then the handle, which may take longer to go. */
static void
look_up(void *arg)
{
	RkLookup   *lookup = arg;
	char	   *cluster_id = NULL;

	if (ask_metadata(lookup) && ask_bounds(lookup))
	{
		cluster_id = rd_kafka_clusterid(lookup->link.rk, time_left(lookup, 1000));
		if (cluster_id != NULL)
			lookup->answer.cluster_id = strdup(cluster_id);
		if (cluster_id != NULL && lookup->answer.cluster_id == NULL)
			rk_link_error(&lookup->link, &lookup->error, RK_ERROR_MEMORY, -1, "out of memory");
		else
			lookup->error.kind = RK_ERROR_NONE;
	}
	else
		lookup->answer.npartitions = 0;
	__atomic_store_n(&lookup->finished, 1, __ATOMIC_RELEASE);
	rk_pipe_fill(lookup->wake);
	if (cluster_id != NULL)
		rd_kafka_mem_free(lookup->link.rk, cluster_id);
	rd_kafka_destroy_flags(lookup->link.rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

static void
free_lookup(void *arg)
{
	RkLookup   *lookup = arg;

	rk_pipe_close(lookup->wake);
	rk_link_free(&lookup->link);
	free((char *) lookup->answer.cluster_id);
	free(lookup->bounds);
	free(lookup->topic);
	free(lookup);
}

RkLookup *
rk_lookup_start(const RkSetting *settings, int nsettings,
				const char *const *secrets, int nsecrets,
				const char *topic, int64_t time_ms,
				int timeout_ms, RkError *error)
{
	RkLookup   *lookup = calloc(1, sizeof(RkLookup));

	rk_error_no_memory(error);
	if (lookup == NULL)
		return NULL;
	lookup->wake[0] = lookup->wake[1] = -1;
	lookup->time_ms = time_ms;
	lookup->deadline = monotonic_ms() + timeout_ms;
	lookup->topic = strdup(topic);
	if (lookup->topic == NULL ||
		!rk_link_open(&lookup->link, settings, nsettings, secrets, nsecrets, NULL,
					  error))
	{
		free_lookup(lookup);
		return NULL;
	}
	if (rk_pipe_open(lookup->wake))
		lookup->job = rk_job_start(look_up, free_lookup, lookup);
	if (lookup->job == NULL)
	{
		rk_link_error(&lookup->link, error, RK_ERROR_OTHER, -1,
				  "could not start a thread");
		rd_kafka_destroy_flags(lookup->link.rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
		free_lookup(lookup);
		return NULL;
	}
	error->kind = RK_ERROR_NONE;
	error->message[0] = '\0';
	return lookup;
}

int
rk_lookup_fd(const RkLookup *lookup)
{
	return lookup->wake[0];
}

const RkTopic *
rk_lookup_answer(RkLookup *lookup, RkError *error)
{
	error->kind = RK_ERROR_NONE;
	error->partition = -1;
	error->message[0] = '\0';
	if (!__atomic_load_n(&lookup->finished, __ATOMIC_ACQUIRE))
		return NULL;
	*error = lookup->error;
	error->partition = -1;
	return lookup->error.kind == RK_ERROR_NONE ? &lookup->answer : NULL;
}

void
rk_lookup_end(RkLookup *lookup)
{
	__atomic_store_n(&lookup->stop, 1, __ATOMIC_RELEASE);
	if (rk_job_end(lookup->job, LOOKUP_END_MS))
		free_lookup(lookup);
}
