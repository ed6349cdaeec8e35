/*-------------------------------------------------------------------------
 *
 * produce.c
 *		A producer for tests, measurements and the demo.
 *
 *	produce [OPTION...] BROKERS TOPIC
 *
 * Numbered events, {"n": 7, "user_id": ..., "item_id": ..., "action": "view",
 * "at": "..."}, number n to partition n modulo the number of partitions:
 *	-n COUNT		so many
 *	-f FIRST		from this number on (0)
 *	-p PARTITIONS	over so many partitions (1)
 *	-r RATE			so many a second (as fast as can be)
 *	-e EVERY		each EVERY-th number is sent as broken JSON
 *
 * Without -n the lines of standard input, each as one message at once:
 *	by default		the line is the payload, for any partition
 *	-F				fields separated by tabs: partition, timestamp (ms since
 *					1970), key, headers (NAME=VALUE, separated by commas), payload;
 *					\N is none, and \t \n \\ \xHH are escapes
 *
 * For both:
 *	-T ID			in a transaction, which is committed at the end
 *	-a				... which is aborted at the end
 *	-v				print partition and offset of each message as it is delivered
 *	-X NAME=VALUE	a property of librdkafka
 *
 * Idempotent, acks=all.  At the end everything has been delivered, and the last
 * line says how much, or the status is not 0.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include <librdkafka/rdkafka.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIELDS			5
#define MAX_HEADERS		64
#define DELIVERY_SECONDS 120

typedef struct Options
{
	const char *brokers;
	const char *topic;
	int64_t		count;			/* -1 = lines of standard input */
	int64_t		first;
	int			partitions;
	double		rate;			/* 0 = no limit */
	int64_t		bad_every;		/* 0 = none */
	bool		fields;
	const char *transaction;
	bool		abort;
	bool		verbose;
} Options;

static int64_t delivered = 0;
static int64_t lost = 0;

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "produce: %s: %s\n", what, why);
	exit(1);
}

/* Called by librdkafka, in rd_kafka_poll, for each message that has its fate. */
static void
on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
	const Options *options = opaque;

	(void) handle;
	if (message->err)
	{
		if (lost++ == 0)
			fprintf(stderr, "produce: not delivered: %s\n", rd_kafka_err2str(message->err));
		return;
	}
	delivered++;
	if (options->verbose)
		printf("%d %lld\n", message->partition, (long long) message->offset);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* ---- sending -------------------------------------------------------------------- */

/* What a message has beside its payload; pointers may be NULL. */
typedef struct Envelope
{
	int32_t		partition;
	int64_t		timestamp;		/* 0 = now */
	const char *key;
	size_t		key_len;
	rd_kafka_headers_t *headers;	/* given away */
} Envelope;

/* Queue one message; waits while the queue is full. */
static void
send_message(rd_kafka_t *handle, const char *topic, const Envelope *envelope,
			 const char *payload, size_t len)
{
	for (;;)
	{
		rd_kafka_resp_err_t error;

		error = rd_kafka_producev(handle,
								  RD_KAFKA_V_TOPIC(topic),
								  RD_KAFKA_V_PARTITION(envelope->partition),
								  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
								  RD_KAFKA_V_TIMESTAMP(envelope->timestamp),
								  RD_KAFKA_V_KEY(envelope->key, envelope->key_len),
								  RD_KAFKA_V_VALUE((void *) payload, len),
								  RD_KAFKA_V_HEADERS(envelope->headers),
								  RD_KAFKA_V_END);
		if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
			return;
		if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			die("cannot send", rd_kafka_err2str(error));
		rd_kafka_poll(handle, 100);
	}
}

/* ---- numbered events -------------------------------------------------------------- */

/* Scatter a number over the ids, so that they do not follow each other. */
static uint32_t
scatter(uint64_t n)
{
	n *= UINT64_C(0x9E3779B97F4A7C15);
	return (uint32_t) (n >> 32);
}

static int
write_event(char *buffer, size_t size, int64_t n, bool bad)
{
	static const char *const actions[] = {"view", "view", "view", "view", "cart", "purchase"};
	uint32_t	h = scatter(n);
	time_t		at = 1700000000 + n / 1000;
	struct tm	tm;

	gmtime_r(&at, &tm);
	return snprintf(buffer, size, "{\"n\": %lld, \"user_id\": %u, \"item_id\": %u, "
					"\"action\": \"%s\", \"at\": \"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"%s",
					(long long) n, h % 100000 + 1, scatter(h) % 20000 + 1, actions[h % 6],
					tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
					tm.tm_sec, (int) (n % 1000), bad ? "" : "}");
}

static void
send_numbers(rd_kafka_t *handle, const Options *options)
{
	double		start = now();
	int64_t		i;

	for (i = 0; i < options->count; i++)
	{
		char		buffer[256];
		int64_t		n = options->first + i;
		bool		bad = options->bad_every > 0 && n % options->bad_every == 0;
		int			len = write_event(buffer, sizeof(buffer), n, bad);
		Envelope	envelope = {.partition = (int32_t) (n % options->partitions)};

		send_message(handle, options->topic, &envelope, buffer, len);
		if (options->rate > 0)
		{
			double		wait = start + (i + 1) / options->rate - now();

			rd_kafka_poll(handle, wait > 0 ? (int) (wait * 1000) : 0);
			wait = start + (i + 1) / options->rate - now();
			if (wait > 0)
				usleep((useconds_t) (wait * 1e6));
		}
		else if (i % 1000 == 0)
			rd_kafka_poll(handle, 0);
	}
}

/* ---- lines of standard input --------------------------------------------------------- */

/* Undo the escapes of a field in place; returns its length, or -1 for \N. */
static ssize_t
unescape(char *field)
{
	char	   *from = field;
	char	   *to = field;

	if (strcmp(field, "\\N") == 0)
		return -1;
	while (*from)
	{
		unsigned int byte;

		if (from[0] != '\\')
			*to++ = *from++;
		else if (from[1] == 'x' && sscanf(from + 2, "%2x", &byte) == 1)
		{
			*to++ = (char) byte;
			from += 4;
		}
		else if (from[1] == 't' || from[1] == 'n' || from[1] == '\\')
		{
			*to++ = from[1] == 't' ? '\t' : from[1] == 'n' ? '\n' : '\\';
			from += 2;
		}
		else
			die("no such escape", from);
	}
	return to - field;
}

static rd_kafka_headers_t *
parse_headers(char *list)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(8);
	char	   *rest = NULL;
	char	   *item;

	for (item = strtok_r(list, ",", &rest); item != NULL; item = strtok_r(NULL, ",", &rest))
	{
		char	   *value = strchr(item, '=');
		ssize_t		len;

		if (value == NULL)
			die("a header without =", item);
		*value++ = '\0';
		len = unescape(value);
		rd_kafka_header_add(headers, item, -1, len < 0 ? NULL : value, len < 0 ? 0 : len);
	}
	return headers;
}

static void
send_fields(rd_kafka_t *handle, const Options *options, char *line)
{
	Envelope	envelope = {.partition = RD_KAFKA_PARTITION_UA};
	char	   *fields[FIELDS];
	ssize_t		len;
	int			i;

	for (i = 0; i < FIELDS; i++)
	{
		fields[i] = strsep(&line, "\t");
		if (fields[i] == NULL)
			die("too few fields", "partition, timestamp, key, headers, payload");
	}
	if (strcmp(fields[0], "\\N") != 0)
		envelope.partition = atoi(fields[0]);
	if (strcmp(fields[1], "\\N") != 0)
		envelope.timestamp = atoll(fields[1]);
	len = unescape(fields[2]);
	if (len >= 0)
	{
		envelope.key = fields[2];
		envelope.key_len = len;
	}
	if (strcmp(fields[3], "\\N") != 0)
		envelope.headers = parse_headers(fields[3]);
	len = unescape(fields[4]);
	send_message(handle, options->topic, &envelope, len < 0 ? NULL : fields[4], len < 0 ? 0 : len);
}

static void
send_lines(rd_kafka_t *handle, const Options *options)
{
	const Envelope any = {.partition = RD_KAFKA_PARTITION_UA};
	char	   *line = NULL;
	size_t		size = 0;
	ssize_t		len;

	while ((len = getline(&line, &size, stdin)) >= 0)
	{
		if (len > 0 && line[len - 1] == '\n')
			line[--len] = '\0';
		if (options->fields)
			send_fields(handle, options, line);
		else
			send_message(handle, options->topic, &any, line, len);
		rd_kafka_poll(handle, 0);
	}
	free(line);
}

/* ---- main ------------------------------------------------------------------------- */

static void
set_property(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char		why[512];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
		die(name, why);
}

static void
usage(void)
{
	fprintf(stderr, "usage: produce [-n COUNT [-f FIRST] [-p PARTITIONS] [-r RATE] [-e EVERY] | -F]\n"
			"               [-T ID [-a]] [-v] [-X NAME=VALUE]... BROKERS TOPIC\n");
	exit(2);
}

static void
parse_options(int argc, char **argv, Options *options, rd_kafka_conf_t *conf)
{
	int			option;
	char	   *value;

	while ((option = getopt(argc, argv, "n:f:p:r:e:FT:avX:")) != -1)
	{
		switch (option)
		{
			case 'n': options->count = atoll(optarg); break;
			case 'f': options->first = atoll(optarg); break;
			case 'p': options->partitions = atoi(optarg); break;
			case 'r': options->rate = atof(optarg); break;
			case 'e': options->bad_every = atoll(optarg); break;
			case 'F': options->fields = true; break;
			case 'T': options->transaction = optarg; break;
			case 'a': options->abort = true; break;
			case 'v': options->verbose = true; break;
			case 'X':
				value = strchr(optarg, '=');
				if (value == NULL)
					usage();
				*value++ = '\0';
				set_property(conf, optarg, value);
				break;
			default: usage();
		}
	}
	if (argc - optind != 2 || options->partitions < 1)
		usage();
	options->brokers = argv[optind];
	options->topic = argv[optind + 1];
}

static void
check(const char *what, rd_kafka_error_t *error)
{
	if (error)
		die(what, rd_kafka_error_string(error));
}

int
main(int argc, char **argv)
{
	Options		options = {.count = -1, .partitions = 1};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *handle;
	char		why[512];
	double		start;

	setvbuf(stdout, NULL, _IOLBF, 0);
	set_property(conf, "enable.idempotence", "true");
	set_property(conf, "linger.ms", "2");
	set_property(conf, "queue.buffering.max.messages", "200000");
	set_property(conf, "reconnect.backoff.max.ms", "500");
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rd_kafka_conf_set_opaque(conf, &options);
	parse_options(argc, argv, &options, conf);
	set_property(conf, "bootstrap.servers", options.brokers);
	if (options.transaction)
		set_property(conf, "transactional.id", options.transaction);
	handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (handle == NULL)
		die("cannot start", why);

	if (options.transaction)
	{
		check("init_transactions", rd_kafka_init_transactions(handle, DELIVERY_SECONDS * 1000));
		check("begin_transaction", rd_kafka_begin_transaction(handle));
	}
	start = now();
	if (options.count >= 0)
		send_numbers(handle, &options);
	else
		send_lines(handle, &options);
	if (rd_kafka_flush(handle, DELIVERY_SECONDS * 1000) != RD_KAFKA_RESP_ERR_NO_ERROR)
		die("not delivered in time", options.topic);
	if (options.transaction && options.abort)
		check("abort", rd_kafka_abort_transaction(handle, DELIVERY_SECONDS * 1000));
	else if (options.transaction)
		check("commit", rd_kafka_commit_transaction(handle, DELIVERY_SECONDS * 1000));

	printf("%lld delivered, %lld lost, %.3f s\n", (long long) delivered, (long long) lost,
		   now() - start);
	rd_kafka_destroy(handle);
	return lost > 0;
}
