/*-------------------------------------------------------------------------
 *
 * consumer.c
 *		Reading a topic.  The only file that sees librdkafka, and nothing of
 *		PostgreSQL.
 *
 * A consumer owns its handle of librdkafka, the messages taken from it until they
 * are released, and a pipe that tells when there is something to take.  All
 * callbacks run in the thread that takes (log.queue makes the logs do so too) and
 * only copy into the handle.  A lookup is a handle of its own that only its thread
 * touches until the answer is there.  There are no locks here.
 *
 * Our memory is malloc'd.  When it runs out at opening, opening fails; later the
 * consumer says RK_ERROR_MEMORY and gives no more messages, so that none is lost.
 * librdkafka itself aborts the process when it gets no memory: the limits of its
 * queues are what prevents that.
 *
 * Facts of librdkafka 2.0.2 that this file rests on: the cached watermark "high"
 * is not the stable one, only the statistics have that; answers with an error set
 * both watermarks to -1; the end of a partition is reported once for each stable
 * offset that is reached, control records included; a batch of messages has errors
 * and ends of partitions among it.
 *
 *-------------------------------------------------------------------------
 */
#include "consumer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

#include "job.h"
#include "statistics.h"

#define NEWS			16		/* errors kept that are of no partition */
#define LOG_LINES		16
#define LOG_KINDS		16		/* kinds of log lines whose time is kept */
#define LOG_PAUSE_S		60		/* between two lines of one kind */
#define CLOSE_MS		5000
#define LOOKUP_END_MS	1000
#define MASK			"***"
#define MASK_TAIL		4		/* so much of a secret at the end of a text is one */

typedef struct LogKind
{
	char		facility[32];
	time_t		said_at;		/* monotonic */
} LogKind;

/* A handle of librdkafka, and what it had to tell. */
typedef struct Link
{
	rd_kafka_t *rk;
	RkConsumer *consumer;		/* NULL: a lookup */
	char	  **secrets;
	int			nsecrets;
	RkError		news[NEWS];		/* a ring */
	int			first_news;
	int			nnews;
	char		logs[LOG_LINES][RK_ERROR_SIZE]; /* a ring */
	int			first_log;
	int			nlogs;
	LogKind		log_kinds[LOG_KINDS];
} Link;

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
	Link		link;
	char	   *topic;
	char	   *cluster_id;		/* of librdkafka's memory */
	rd_kafka_queue_t *queue;
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

struct RkLookup
{
	Link		link;
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

/* ---- texts ---------------------------------------------------------------- */

/*
 * How much of the text is the longest secret that stands there.  A secret that is
 * cut by the end of the text counts too: librdkafka cuts its messages.
 */
static size_t
secret_length(const Link *link, const char *text)
{
	size_t		longest = 0;

	for (int i = 0; i < link->nsecrets; i++)
	{
		const char *secret = link->secrets[i];
		size_t		n = 0;

		while (secret[n] != '\0' && text[n] == secret[n])
			n++;
		if (n > longest && (secret[n] == '\0' || (text[n] == '\0' && n >= MASK_TAIL)))
			longest = n;
	}
	return longest;
}

/* Copy a text that came from outside: without secrets, printable, cut to size. */
static void
copy_text(const Link *link, char *to, size_t size, const char *from)
{
	size_t		used = 0;

	while (*from != '\0' && used + 1 < size)
	{
		size_t		secret = secret_length(link, from);

		if (secret > 0)
		{
			size_t		n = strlen(MASK);

			if (n > size - 1 - used)
				n = size - 1 - used;
			memcpy(to + used, MASK, n);
			used += n;
			from += secret;
			continue;
		}
		if (*from == '\n' || *from == '\t')
			to[used++] = ' ';
		else if ((unsigned char) *from < 0x20 || (unsigned char) *from >= 0x7f)
			to[used++] = '?';
		else
			to[used++] = *from;
		from++;
	}
	to[used] = '\0';
}

static void
set_error(const Link *link, RkError *error, RkErrorKind kind, int32_t partition,
		  const char *text)
{
	error->kind = kind;
	error->partition = partition;
	copy_text(link, error->message, sizeof(error->message), text);
}

/* ---- what an error means ----------------------------------------------------- */

/*
 * A TLS handshake that fails is somebody's mistake, except when the other side
 * just went away.
 */
static RkErrorKind
tls_error_kind(const char *text)
{
	return strstr(text, "unexpected eof") != NULL ? RK_ERROR_BROKER
		: RK_ERROR_AUTHENTICATION;
}

static RkErrorKind
error_kind(rd_kafka_resp_err_t code, const char *text)
{
	switch ((int) code)
	{
		case RD_KAFKA_RESP_ERR__TRANSPORT:
		case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
		case RD_KAFKA_RESP_ERR__RESOLVE:
		case RD_KAFKA_RESP_ERR__TIMED_OUT:
		case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
		case RD_KAFKA_RESP_ERR__WAIT_COORD:
		case RD_KAFKA_RESP_ERR__WAIT_CACHE:
		case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
		case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
		case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
		case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
		case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
		case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
		case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
		case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
		case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
		case RD_KAFKA_RESP_ERR_PREFERRED_LEADER_NOT_AVAILABLE:
		case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
		case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
		case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
		case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
		case RD_KAFKA_RESP_ERR_LISTENER_NOT_FOUND:
			return RK_ERROR_BROKER;

		case RD_KAFKA_RESP_ERR__SSL:
			return tls_error_kind(text);

		case RD_KAFKA_RESP_ERR__AUTHENTICATION:
		case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
		case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
		case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
			return RK_ERROR_AUTHENTICATION;

		case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
		case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
		case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
			return RK_ERROR_AUTHORIZATION;

		case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
		case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
		case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
		case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
			return RK_ERROR_NO_TOPIC;

		case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
		case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
#if RD_KAFKA_VERSION >= 0x020100ff
		case RD_KAFKA_RESP_ERR__LOG_TRUNCATION:
#endif
			return RK_ERROR_OUT_OF_RANGE;

		default:
			return RK_ERROR_OTHER;
	}
}

/* Which of several errors tells the user most. */
static int
gravity(RkErrorKind kind)
{
	switch (kind)
	{
		case RK_ERROR_NONE:
			return 0;
		case RK_ERROR_BROKER:
			return 1;
		case RK_ERROR_OTHER:
			return 2;
		case RK_ERROR_AUTHORIZATION:
			return 3;
		default:
			return 4;
	}
}

/* Keep an error that is of no partition, unless it is told already. */
static void
add_news(Link *link, RkErrorKind kind, const char *text)
{
	RkError    *slot = &link->news[(link->first_news + link->nnews) % NEWS];

	if (link->nnews == NEWS)
		return;
	set_error(link, slot, kind, -1, text);
	for (int i = 0; i < link->nnews; i++)
	{
		const RkError *old = &link->news[(link->first_news + i) % NEWS];

		if (old->kind == kind && strcmp(old->message, slot->message) == 0)
			return;
	}
	link->nnews++;
}

/* ---- callbacks ------------------------------------------------------------ */

/*
 * " (after 3ms in state CONNECT, 1 identical error(s) suppressed)" at the end makes
 * of one error a hundred.
 */
static void
cut_circumstances(char *text)
{
	char	   *found = NULL;
	char	   *next = text;

	while ((next = strstr(next, " (after ")) != NULL)
		found = next++;
	if (found != NULL && strstr(found, "ms in state ") != NULL)
		*found = '\0';
}

static void
error_callback(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	char		text[1024];
	rd_kafka_resp_err_t err = (rd_kafka_resp_err_t) code;

	if (err == RD_KAFKA_RESP_ERR__FATAL)
		err = rd_kafka_fatal_error(rk, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "%s", reason);
	cut_circumstances(text);
	add_news(opaque, error_kind(err, text), text);
}

static time_t
monotonic_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Was a line of this kind said a moment ago?  A new kind takes the oldest's place. */
static bool
said_lately(Link *link, const char *facility)
{
	LogKind    *kind = &link->log_kinds[0];
	time_t		now = monotonic_seconds();

	for (int i = 0; i < LOG_KINDS; i++)
	{
		LogKind    *other = &link->log_kinds[i];

		if (strncmp(other->facility, facility, sizeof(other->facility) - 1) == 0)
		{
			kind = other;
			break;
		}
		if (other->said_at < kind->said_at)
			kind = other;
	}
	if (strncmp(kind->facility, facility, sizeof(kind->facility) - 1) == 0 &&
		now - kind->said_at < LOG_PAUSE_S)
		return true;
	snprintf(kind->facility, sizeof(kind->facility), "%s", facility);
	kind->said_at = now;
	return false;
}

static void
log_callback(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	Link	   *link = rd_kafka_opaque(rk);

	if (level > LOG_WARNING || link->nlogs == LOG_LINES || said_lately(link, facility))
		return;
	copy_text(link, link->logs[(link->first_log + link->nlogs) % LOG_LINES],
			  RK_ERROR_SIZE, text);
	link->nlogs++;
}

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
	RkConsumer *consumer = ((Link *) opaque)->consumer;

	if (consumer != NULL)
		rk_statistics_read(json, len, consumer->topic, &consumer->figures,
						   take_partition_figures, consumer);
	return 0;
}

/* ---- settings ----------------------------------------------------------------- */

typedef struct OwnSetting
{
	const char *name;
	const char *value;
	int			since;			/* version of librdkafka, 0 = all */
	int			before;
	bool		optional;		/* builds without it are fine */
} OwnSetting;

#define V_FETCH_BACKOFF	0x020200ff	/* fetch.queue.backoff.ms */

/* kafka_ingest/README.md says why. */
static const OwnSetting own_settings[] = {
	{"group.id", "recsys", 0, 0, false},
	{"client.id", "recsys", 0, 0, false},
	{"enable.auto.commit", "false", 0, 0, false},
	{"enable.auto.offset.store", "false", 0, 0, false},
	{"auto.offset.reset", "error", 0, 0, false},
	{"enable.partition.eof", "true", 0, 0, false},
	{"isolation.level", "read_committed", 0, 0, false},
	{"check.crcs", "true", 0, 0, false},
	{"allow.auto.create.topics", "false", 0, 0, false},
	{"queued.min.messages", "300000", 0, V_FETCH_BACKOFF, false},
	{"queued.max.messages.kbytes", "65536", 0, V_FETCH_BACKOFF, false},
	{"queued.min.messages", "30000", V_FETCH_BACKOFF, 0, false},
	{"queued.max.messages.kbytes", "6553", V_FETCH_BACKOFF, 0, false},
	{"fetch.queue.backoff.ms", "50", V_FETCH_BACKOFF, 0, false},
	{"topic.metadata.refresh.interval.ms", "30000", 0, 0, false},
	{"topic.metadata.propagation.max.ms", "0", 0, 0, false},
	{"reconnect.backoff.max.ms", "5000", 0, 0, false},
	{"socket.keepalive.enable", "true", 0, 0, false},
	{"socket.timeout.ms", "10000", 0, 0, false},
	{"statistics.interval.ms", "5000", 0, 0, false},
	{"log.queue", "true", 0, 0, false},
	{"log_level", "4", 0, 0, false},
	{"log.thread.name", "false", 0, 0, false},
	{"sasl.kerberos.min.time.before.relogin", "0", 0, 0, true},
};

/*
 * client.id stands unescaped in the statistics, and brokers name their metrics by
 * it: what is unusual in it becomes '_'.
 */
static bool
set_client_id(rd_kafka_conf_t *conf, const char *value, char *errstr, size_t size)
{
	char		id[128];
	size_t		n = 0;

	for (; value[n] != '\0' && n < sizeof(id) - 1; n++)
	{
		char		c = value[n];

		id[n] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || strchr("._-", c) != NULL ? c : '_';
	}
	id[n] = '\0';
	return rd_kafka_conf_set(conf, "client.id", id, errstr, size) == RD_KAFKA_CONF_OK;
}

static bool
set_one(rd_kafka_conf_t *conf, const char *name, const char *value,
		char *errstr, size_t size)
{
	if (strcmp(name, "client.id") == 0)
		return set_client_id(conf, value, errstr, size);
	return rd_kafka_conf_set(conf, name, value, errstr, size) == RD_KAFKA_CONF_OK;
}

static bool
set_own(rd_kafka_conf_t *conf, const OwnSetting *own, char *errstr, size_t size)
{
	int			version = rd_kafka_version();

	if (version < own->since || (own->before != 0 && version >= own->before))
		return true;
	return set_one(conf, own->name, own->value, errstr, size) || own->optional;
}

static bool
set_all(rd_kafka_conf_t *conf, const RkSetting *settings, int nsettings,
		char *errstr, size_t size)
{
	for (size_t i = 0; i < sizeof(own_settings) / sizeof(own_settings[0]); i++)
	{
		if (!set_own(conf, &own_settings[i], errstr, size))
			return false;
	}
	for (int i = 0; i < nsettings; i++)
	{
		if (!set_one(conf, settings[i].name, settings[i].value, errstr, size))
			return false;
	}
	return true;
}

/* ---- a link ------------------------------------------------------------------- */

static bool
copy_secrets(Link *link, const char *const *secrets, int nsecrets)
{
	if (nsecrets == 0)
		return true;
	link->secrets = calloc((size_t) nsecrets, sizeof(char *));
	if (link->secrets == NULL)
		return false;
	for (int i = 0; i < nsecrets; i++)
	{
		link->secrets[i] = strdup(secrets[i]);
		if (link->secrets[i] == NULL)
			return false;
		link->nsecrets++;
	}
	return true;
}

/* Make the handle, whose threads start at once.  False with error set. */
static bool
open_link(Link *link, const RkSetting *settings, int nsettings,
		  const char *const *secrets, int nsecrets, RkError *error)
{
	char		errstr[RK_ERROR_SIZE];
	rd_kafka_conf_t *conf;

	if (!copy_secrets(link, secrets, nsecrets))
	{
		set_error(link, error, RK_ERROR_MEMORY, -1, "out of memory");
		return false;
	}
	conf = rd_kafka_conf_new();
	rd_kafka_conf_set_opaque(conf, link);
	rd_kafka_conf_set_error_cb(conf, error_callback);
	rd_kafka_conf_set_log_cb(conf, log_callback);
	rd_kafka_conf_set_stats_cb(conf, statistics_callback);
	if (set_all(conf, settings, nsettings, errstr, sizeof(errstr)))
		link->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, errstr, sizeof(errstr));
	if (link->rk == NULL)
	{
		rd_kafka_conf_destroy(conf);
		set_error(link, error, RK_ERROR_CONFIGURATION, -1, errstr);
		return false;
	}
	rd_kafka_set_log_queue(link->rk, NULL);
	return true;
}

static void
free_secrets(Link *link)
{
	for (int i = 0; i < link->nsecrets; i++)
		free(link->secrets[i]);
	free(link->secrets);
}

/* A pipe that neither end blocks on. */
static bool
open_pipe(int fds[2])
{
	if (pipe(fds) != 0)
	{
		fds[0] = fds[1] = -1;
		return false;
	}
	for (int i = 0; i < 2; i++)
	{
		fcntl(fds[i], F_SETFL, O_NONBLOCK);
		fcntl(fds[i], F_SETFD, FD_CLOEXEC);
	}
	return true;
}

static void
close_pipe(int fds[2])
{
	for (int i = 0; i < 2; i++)
	{
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

static void
drain_pipe(int fd)
{
	char		buffer[64];

	while (read(fd, buffer, sizeof(buffer)) == (ssize_t) sizeof(buffer))
		;
}

/* Make it readable; a full pipe is readable already. */
static void
fill_pipe(int fd)
{
	ssize_t		rc;

	do
		rc = write(fd, "1", 1);
	while (rc < 0 && errno == EINTR);
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
	set_error(&consumer->link, error, error_kind(err, ""), -1, rd_kafka_err2str(err));
	return false;
}

/* What is left once the handle is gone. */
static void
free_consumer(void *arg)
{
	RkConsumer *consumer = arg;

	close_pipe(consumer->wake);
	free_secrets(&consumer->link);
	rk_arena_free(&consumer->headers);
	free(consumer->held);
	free(consumer->partitions);
	free(consumer->topic);
	free(consumer);
}

/*
 * Destroy the handle: the part that can block, where a topic was deleted under it
 * (2.0.2).  There is no group to leave, so nothing is sent.
 */
static void
destroy_handle(void *arg)
{
	RkConsumer *consumer = arg;

	if (consumer->queue != NULL)
	{
		rd_kafka_queue_io_event_enable(consumer->queue, -1, NULL, 0);
		rd_kafka_queue_destroy(consumer->queue);
	}
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

	error->kind = RK_ERROR_MEMORY;
	error->partition = -1;
	snprintf(error->message, sizeof(error->message), "out of memory");
	if (consumer == NULL)
		return NULL;
	consumer->wake[0] = consumer->wake[1] = -1;
	consumer->link.consumer = consumer;
	consumer->topic = strdup(topic);
	if (consumer->topic == NULL || !copy_positions(consumer, positions, npositions) ||
		!open_link(&consumer->link, settings, nsettings, secrets, nsecrets, error))
		goto failed;
	if (!open_pipe(consumer->wake))
	{
		set_error(&consumer->link, error, RK_ERROR_OTHER, -1, strerror(errno));
		goto failed;
	}
	rd_kafka_poll_set_consumer(consumer->link.rk);
	consumer->queue = rd_kafka_queue_get_consumer(consumer->link.rk);
	rd_kafka_queue_io_event_enable(consumer->queue, consumer->wake[1], "1", 1);
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
	RkErrorKind kind = error_kind(message->err, text);

	if (gravity(kind) <= gravity(partition->error.kind))
		return;
	if (partition->error.kind == RK_ERROR_NONE)
		consumer->nerrors++;
	set_error(&consumer->link, &partition->error, kind, partition->id, text);
}

/* An event among the messages: the end of a partition, or an error. */
static void
take_event(RkConsumer *consumer, const rd_kafka_message_t *message)
{
	Partition  *partition = find_partition(consumer, message->partition);

	if (partition == NULL)
	{
		const char *text = rd_kafka_message_errstr(message);

		add_news(&consumer->link, error_kind(message->err, text), text);
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
	add_news(&consumer->link, RK_ERROR_MEMORY, "out of memory");
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

int
rk_consumer_take(RkConsumer *consumer, RkMessage *messages, int max)
{
	int			taken = 0;

	/* First: what comes after this is signalled again. */
	drain_pipe(consumer->wake[0]);
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
		fill_pipe(consumer->wake[1]);
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

static bool
next_news(Link *link, RkError *error)
{
	if (link->nnews == 0)
		return false;
	*error = link->news[link->first_news];
	link->first_news = (link->first_news + 1) % NEWS;
	link->nnews--;
	return true;
}

bool
rk_consumer_next_error(RkConsumer *consumer, RkError *error)
{
	if (next_news(&consumer->link, error))
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
	Link	   *link = &consumer->link;
	const char *line = link->logs[link->first_log];

	if (link->nlogs == 0)
		return NULL;
	link->first_log = (link->first_log + 1) % LOG_LINES;
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

int
rk_consumer_library_version(void)
{
	return rd_kafka_version();
}

const char *
rk_consumer_library_version_text(void)
{
	return rd_kafka_version_str();
}

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
	if (gravity(kind) > gravity(lookup->error.kind))
		set_error(&lookup->link, &lookup->error, kind, -1, text);
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
	RkErrorKind kind = error_kind(err, "");
	RkError		news;
	bool		over;

	rd_kafka_poll(lookup->link.rk, time_left(lookup, 100));
	while (rd_kafka_poll(lookup->link.rk, 0) > 0)
		;
	while (next_news(&lookup->link, &news))
	{
		if (news.kind == RK_ERROR_AUTHENTICATION || news.kind == RK_ERROR_BROKER)
			note_error(lookup, news.kind, news.message);
	}
	over = time_left(lookup, 1) == 0;
	if (kind != RK_ERROR_BROKER || over)
		note_error(lookup, kind, silence ? "no broker has answered" : rd_kafka_err2str(err));
	return !over && gravity(lookup->error.kind) <= gravity(RK_ERROR_BROKER);
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
			set_error(&lookup->link, &lookup->error, RK_ERROR_MEMORY, -1, "out of memory");
		else
			lookup->error.kind = RK_ERROR_NONE;
	}
	else
		lookup->answer.npartitions = 0;
	__atomic_store_n(&lookup->finished, 1, __ATOMIC_RELEASE);
	fill_pipe(lookup->wake[1]);
	if (cluster_id != NULL)
		rd_kafka_mem_free(lookup->link.rk, cluster_id);
	rd_kafka_destroy_flags(lookup->link.rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

static void
free_lookup(void *arg)
{
	RkLookup   *lookup = arg;

	close_pipe(lookup->wake);
	free_secrets(&lookup->link);
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

	error->kind = RK_ERROR_MEMORY;
	error->partition = -1;
	snprintf(error->message, sizeof(error->message), "out of memory");
	if (lookup == NULL)
		return NULL;
	lookup->wake[0] = lookup->wake[1] = -1;
	lookup->time_ms = time_ms;
	lookup->deadline = monotonic_ms() + timeout_ms;
	lookup->topic = strdup(topic);
	if (lookup->topic == NULL ||
		!open_link(&lookup->link, settings, nsettings, secrets, nsecrets, error))
	{
		free_lookup(lookup);
		return NULL;
	}
	if (open_pipe(lookup->wake))
		lookup->job = rk_job_start(look_up, free_lookup, lookup);
	if (lookup->job == NULL)
	{
		set_error(&lookup->link, error, RK_ERROR_OTHER, -1,
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
