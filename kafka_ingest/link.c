/*-------------------------------------------------------------------------
 *
 * link.c
 *		A handle of librdkafka, and what it had to tell.
 *
 * A link belongs to the thread that polls it: callbacks run there (log.queue makes
 * the logs do so too) and only copy into the link, whose news and log lines are
 * bounded.  No text leaves it with a secret in it.  There are no locks.
 *
 *-------------------------------------------------------------------------
 */
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define LOG_PAUSE_S		60		/* between two lines of one kind */
#define MASK			"***"
#define MASK_TAIL		4		/* so much of a secret at the end of a text is one */

/* ---- texts ---------------------------------------------------------------- */

/*
 * How much of the text is the longest secret that stands there.  A secret that is
 * cut by the end of the text counts too: librdkafka cuts its messages.
 */
static size_t
secret_length(const RkLink *link, const char *text)
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
copy_text(const RkLink *link, char *to, size_t size, const char *from)
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

void
rk_link_error(const RkLink *link, RkError *error, RkErrorKind kind, int32_t partition,
		  const char *text)
{
	error->kind = kind;
	error->partition = partition;
	copy_text(link, error->message, sizeof(error->message), text);
}

void
rk_error_no_memory(RkError *error)
{
	error->kind = RK_ERROR_MEMORY;
	error->partition = -1;
	snprintf(error->message, sizeof(error->message), "out of memory");
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

RkErrorKind
rk_error_kind(rd_kafka_resp_err_t code, const char *text)
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

int
rk_error_gravity(RkErrorKind kind)
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

void
rk_link_add_news(RkLink *link, RkErrorKind kind, const char *text)
{
	RkError    *slot = &link->news[(link->first_news + link->nnews) % RK_NEWS];

	if (link->nnews == RK_NEWS)
		return;
	rk_link_error(link, slot, kind, -1, text);
	for (int i = 0; i < link->nnews; i++)
	{
		const RkError *old = &link->news[(link->first_news + i) % RK_NEWS];

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
	rk_link_add_news(opaque, rk_error_kind(err, text), text);
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
said_lately(RkLink *link, const char *facility)
{
	RkLogKind    *kind = &link->log_kinds[0];
	time_t		now = monotonic_seconds();

	for (int i = 0; i < RK_LOG_KINDS; i++)
	{
		RkLogKind    *other = &link->log_kinds[i];

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
	RkLink	   *link = rd_kafka_opaque(rk);

	/*
	 * librdkafka keeps to itself, but for its debug log, that a broker refused a
	 * partition; then it looks for its leader and goes on.
	 */
	if (strcmp(facility, "BROKERUA") == 0)
		link->refused = true;
	if (level > LOG_WARNING || link->nlogs == RK_LOG_LINES || said_lately(link, facility))
		return;
	copy_text(link, link->logs[(link->first_log + link->nlogs) % RK_LOG_LINES],
			  RK_ERROR_SIZE, text);
	link->nlogs++;
}

bool
rk_link_next_news(RkLink *link, RkError *error)
{
	if (link->nnews == 0)
		return false;
	*error = link->news[link->first_news];
	link->first_news = (link->first_news + 1) % RK_NEWS;
	link->nnews--;
	return true;
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
copy_secrets(RkLink *link, const char *const *secrets, int nsecrets)
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

bool
rk_link_open(RkLink *link, const RkSetting *settings, int nsettings,
			 const char *const *secrets, int nsecrets, RkStatistics statistics,
			 RkError *error)
{
	char		errstr[RK_ERROR_SIZE];
	rd_kafka_conf_t *conf;

	if (!copy_secrets(link, secrets, nsecrets))
	{
		rk_link_error(link, error, RK_ERROR_MEMORY, -1, "out of memory");
		return false;
	}
	conf = rd_kafka_conf_new();
	rd_kafka_conf_set_opaque(conf, link);
	rd_kafka_conf_set_error_cb(conf, error_callback);
	rd_kafka_conf_set_log_cb(conf, log_callback);
	if (statistics != NULL)
		rd_kafka_conf_set_stats_cb(conf, statistics);
	if ((statistics == NULL || set_one(conf, "debug", "topic", errstr, sizeof(errstr))) &&
		set_all(conf, settings, nsettings, errstr, sizeof(errstr)))
		link->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, errstr, sizeof(errstr));
	if (link->rk == NULL)
	{
		rd_kafka_conf_destroy(conf);
		rk_link_error(link, error, RK_ERROR_CONFIGURATION, -1, errstr);
		return false;
	}
	rd_kafka_set_log_queue(link->rk, NULL);
	return true;
}

void
rk_link_free(RkLink *link)
{
	for (int i = 0; i < link->nsecrets; i++)
		free(link->secrets[i]);
	free(link->secrets);
}

bool
rk_pipe_open(int fds[2])
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

void
rk_pipe_close(int fds[2])
{
	for (int i = 0; i < 2; i++)
	{
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

void
rk_pipe_drain(const int fds[2])
{
	char		buffer[64];

	while (read(fds[0], buffer, sizeof(buffer)) == (ssize_t) sizeof(buffer))
		;
}

void
rk_pipe_fill(const int fds[2])
{
	ssize_t		rc;

	do
		rc = write(fds[1], "1", 1);
	while (rc < 0 && errno == EINTR);
}
