/*-------------------------------------------------------------------------
 *
 * test_consumer.c
 *		kafka_ingest/consumer.c against a mock of a broker in a process of its
 *		own.
 *
 *	test_consumer PATH_OF_MOCK_BROKER [TEST...]
 *
 * Deadlines are generous, and waits end as soon as what is waited for is there.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

#include "consumer.h"

#define WAIT_MS		30000
#define BATCH		256
#define SECRET		"correct-horse-battery"

static char brokers[1024];
static FILE *to_mock;
static FILE *from_mock;
static pid_t mock;
static int	descriptors_at_start;	/* with the mock, before any test */

/* ---- the mock ----------------------------------------------------------------- */

static void
mock_start(const char *path)
{
	int			in[2];
	int			out[2];

	if (pipe(in) != 0 || pipe(out) != 0)
		abort();
	mock = fork();
	if (mock == 0)
	{
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execl(path, path, "1", (char *) NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	to_mock = fdopen(in[1], "w");
	from_mock = fdopen(out[0], "r");
	if (fgets(brokers, sizeof(brokers), from_mock) == NULL)
		abort();
	brokers[strcspn(brokers, "\n")] = '\0';
}

static void
tell(const char *line)
{
	char		answer[256];

	fprintf(to_mock, "%s\n", line);
	fflush(to_mock);
	if (fgets(answer, sizeof(answer), from_mock) == NULL || strcmp(answer, "ok\n") != 0)
	{
		fprintf(stderr, "the mock did not obey: %s\n", line);
		abort();
	}
}

static void
mock_stop(void)
{
	fclose(to_mock);
	fclose(from_mock);
	waitpid(mock, NULL, 0);
}

/* ---- producing ------------------------------------------------------------------ */

static rd_kafka_t *
producer_new(void)
{
	char		errstr[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, errstr,
						  sizeof(errstr)) != RD_KAFKA_CONF_OK ||
		rd_kafka_conf_set(conf, "linger.ms", "1", errstr,
						  sizeof(errstr)) != RD_KAFKA_CONF_OK)
		abort();
	return rd_kafka_new(RD_KAFKA_PRODUCER, conf, errstr, sizeof(errstr));
}

static void
produce(rd_kafka_t *rk, const char *topic, int partition, const char *payload)
{
	if (rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
						  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
						  RD_KAFKA_V_KEY("key", 3),
						  RD_KAFKA_V_TIMESTAMP(INT64_C(1700000000123)),
						  RD_KAFKA_V_HEADER("kind", "view", 4),
						  RD_KAFKA_V_HEADER("none", NULL, 0),
						  RD_KAFKA_V_VALUE((void *) payload,
										   payload ? strlen(payload) : 0),
						  RD_KAFKA_V_END) != 0)
		abort();
}

/* Messages "0" .. "n - 1" into each of the partitions. */
static void
produce_numbers(const char *topic, int partitions, int n)
{
	rd_kafka_t *rk = producer_new();

	for (int i = 0; i < n; i++)
	{
		char		payload[32];

		snprintf(payload, sizeof(payload), "%d", i);
		for (int p = 0; p < partitions; p++)
			produce(rk, topic, p, payload);
	}
	CHECK(rd_kafka_flush(rk, WAIT_MS) == 0);
	rd_kafka_destroy(rk);
}

/* ---- the consumer under test ------------------------------------------------------ */

static const char *const secrets[] = {"battery", SECRET};

static RkConsumer *
consumer_open(const char *topic, int npartitions, int64_t offset, RkError *error)
{
	RkSetting	settings[] = {
		{"bootstrap.servers", brokers},
		{"fetch.wait.max.ms", "10"},
		{"client.id", "recsys \"{"},	/* the statistics must stay JSON */
	};
	RkPosition	positions[16];

	for (int i = 0; i < npartitions; i++)
	{
		/* In no order. */
		positions[i].partition = npartitions - 1 - i;
		positions[i].offset = offset;
	}
	return rk_consumer_open(settings, 3, secrets, 2, topic, positions, npartitions, error);
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool
readable(int fd, int timeout_ms)
{
	struct pollfd pfd = {fd, POLLIN, 0};

	return poll(&pfd, 1, timeout_ms) == 1;
}

static bool
all_at_end(RkConsumer *consumer, int npartitions)
{
	for (int p = 0; p < npartitions; p++)
	{
		RkPartitionState state;

		rk_consumer_partition(consumer, p, &state);
		if (!state.at_end)
			return false;
	}
	return true;
}

/* Take and release until an error of this kind comes. */
static bool
wait_for_error(RkConsumer *consumer, RkErrorKind kind, RkError *error)
{
	int64_t		until = now_ms() + WAIT_MS;
	RkMessage	messages[BATCH];

	while (now_ms() < until)
	{
		readable(rk_consumer_fd(consumer), 100);
		rk_consumer_take(consumer, messages, BATCH);
		rk_consumer_release(consumer);
		while (rk_consumer_next_error(consumer, error))
		{
			if (error->kind == kind)
				return true;
		}
	}
	fprintf(stderr, "no error of kind %d came\n", (int) kind);
	return false;
}

static bool
text_is(RkText text, const char *expected)
{
	return text.data != NULL && text.len == strlen(expected) &&
		memcmp(text.data, expected, text.len) == 0;
}

/* ---- tests --------------------------------------------------------------------------- */

static void
check_headers(const RkMessage *message)
{
	CHECK(message->nheaders == 2);
	if (message->nheaders != 2)
		return;
	CHECK(strcmp(message->headers[0].name, "kind") == 0);
	CHECK(text_is(message->headers[0].value, "view"));
	CHECK(strcmp(message->headers[1].name, "none") == 0);
	CHECK(message->headers[1].value.data == NULL);
}

/* All messages come once and in order, in batches that are too small for them. */
static void
test_reading(void)
{
	enum {PARTITIONS = 4, N = 1000};
	RkConsumer *consumer;
	RkError		error;
	RkMessage	messages[7];
	int			next[PARTITIONS] = {0};
	int			total = 0;
	int64_t		until = now_ms() + WAIT_MS;

	tell("create reading 4");
	produce_numbers("reading", PARTITIONS, N);
	consumer = consumer_open("reading", PARTITIONS, 0, &error);
	CHECK(consumer != NULL);
	while ((total < PARTITIONS * N || !all_at_end(consumer, PARTITIONS)) && now_ms() < until)
	{
		int			n;

		/* Whoever takes once and waits again gets all. */
		CHECK(readable(rk_consumer_fd(consumer), WAIT_MS));
		n = rk_consumer_take(consumer, messages, 7);
		for (int i = 0; i < n; i++)
		{
			char		expected[32];
			RkMessage  *m = &messages[i];

			snprintf(expected, sizeof(expected), "%d", next[m->partition]);
			CHECK(m->offset == next[m->partition]);
			CHECK(text_is(m->payload, expected));
			CHECK(text_is(m->key, "key"));
			CHECK(m->timestamp_ms == INT64_C(1700000000123));
			check_headers(m);
			next[m->partition]++;
		}
		total += n;
		if (total % 3 == 0)
			rk_consumer_release(consumer);
	}
	CHECK(total == PARTITIONS * N);
	for (int p = 0; p < PARTITIONS; p++)
	{
		RkPartitionState state;

		rk_consumer_partition(consumer, p, &state);
		CHECK(state.at_end);
		CHECK(state.low == 0);
		CHECK(state.high == N);
		CHECK(state.position == N);
	}
	CHECK(rk_consumer_cluster_id(consumer) != NULL);
	while (rk_consumer_partition_count(consumer) == 0 && now_ms() < until)
	{
		readable(rk_consumer_fd(consumer), 100);
		CHECK(rk_consumer_take(consumer, messages, 7) == 0);
	}
	CHECK(rk_consumer_partition_count(consumer) == PARTITIONS);
	CHECK(rk_consumer_received(consumer) > PARTITIONS * N);
	CHECK(!rk_consumer_next_error(consumer, &error));
	rk_consumer_close(consumer);
}

/* A tombstone is not an empty payload. */
static void
test_payloads(void)
{
	RkConsumer *consumer;
	RkError		error;
	RkMessage	messages[BATCH];
	rd_kafka_t *rk = producer_new();
	int64_t		until = now_ms() + WAIT_MS;
	int			n = 0;

	tell("create payloads 1");
	produce(rk, "payloads", 0, NULL);
	produce(rk, "payloads", 0, "");
	produce(rk, "payloads", 0, "x");
	CHECK(rd_kafka_flush(rk, WAIT_MS) == 0);
	rd_kafka_destroy(rk);
	consumer = consumer_open("payloads", 1, 0, &error);
	while (n < 3 && now_ms() < until)
	{
		readable(rk_consumer_fd(consumer), 100);
		n += rk_consumer_take(consumer, messages + n, BATCH - n);
	}
	CHECK(n == 3);
	CHECK(messages[0].payload.data == NULL);
	CHECK(messages[1].payload.data != NULL && messages[1].payload.len == 0);
	CHECK(text_is(messages[2].payload, "x"));
	rk_consumer_close(consumer);
}

/* Empty partitions have an end too, and what comes later is read. */
static void
test_empty(void)
{
	RkConsumer *consumer;
	RkError		error;
	RkMessage	messages[BATCH];
	RkPartitionState state;
	int64_t		until = now_ms() + WAIT_MS;
	int			n = 0;

	tell("create empty 3");
	consumer = consumer_open("empty", 3, 0, &error);
	while (!all_at_end(consumer, 3) && now_ms() < until)
	{
		readable(rk_consumer_fd(consumer), 100);
		CHECK(rk_consumer_take(consumer, messages, BATCH) == 0);
	}
	rk_consumer_partition(consumer, 1, &state);
	CHECK(state.at_end && state.position == 0 && state.high == 0);
	rk_consumer_partition(consumer, 9, &state);
	CHECK(!state.at_end && state.position == -1 && state.high == -1 && state.low == -1);

	/* The first of two: the end is not seen any more. */
	produce_numbers("empty", 1, 2);
	while (n == 0 && now_ms() < until)
	{
		readable(rk_consumer_fd(consumer), 100);
		n = rk_consumer_take(consumer, messages, 1);
	}
	CHECK(n == 1 && messages[0].partition == 0 && messages[0].offset == 0);
	rk_consumer_partition(consumer, 0, &state);
	CHECK(state.position == 1 && !state.at_end);
	rk_consumer_close(consumer);
}

/* Who holds its messages and takes no more hears what there is to tell, and nothing piles up. */
static void
test_serving(void)
{
	RkSetting	settings[] = {
		{"bootstrap.servers", brokers},
		{"fetch.wait.max.ms", "10"},
		{"statistics.interval.ms", "10"},
	};
	RkPosition	position = {0, 0};
	RkMessage	messages[BATCH];
	RkError		error;
	RkConsumer *consumer;
	int64_t		until = now_ms() + WAIT_MS;

	tell("create serving 1");
	produce_numbers("serving", 1, 2);
	consumer = rk_consumer_open(settings, 3, secrets, 2, "serving", &position, 1, &error);
	while (rk_consumer_take(consumer, messages, 1) == 0 && now_ms() < until)
		readable(rk_consumer_fd(consumer), 100);
	for (int i = 0; i < 100; i++)
	{
		usleep(10000);
		rk_consumer_serve(consumer);
	}
	CHECK(rk_consumer_received(consumer) > 0);
	CHECK(rk_consumer_queued(consumer) <= 2);	/* the message and the end */
	rk_consumer_close(consumer);
}

/* From the middle of a batch: nothing below the position. */
static void
test_position(void)
{
	RkConsumer *consumer;
	RkError		error;
	RkMessage	messages[BATCH];
	int64_t		until = now_ms() + WAIT_MS;
	int64_t		next = 70;

	tell("create position 1");
	produce_numbers("position", 1, 100);
	consumer = consumer_open("position", 1, 70, &error);
	while (next < 100 && now_ms() < until)
	{
		int			n;

		readable(rk_consumer_fd(consumer), 100);
		n = rk_consumer_take(consumer, messages, BATCH);
		for (int i = 0; i < n; i++)
			CHECK(messages[i].offset == next++);
	}
	CHECK(next == 100);
	rk_consumer_close(consumer);
}

static void
test_out_of_range(void)
{
	RkConsumer *consumer;
	RkError		error;

	tell("create range 2");
	produce_numbers("range", 2, 10);
	consumer = consumer_open("range", 2, 11, &error);
	CHECK(wait_for_error(consumer, RK_ERROR_OUT_OF_RANGE, &error));
	CHECK(error.partition == 0 || error.partition == 1);
	CHECK(wait_for_error(consumer, RK_ERROR_OUT_OF_RANGE, &error));
	rk_consumer_close(consumer);

	consumer = consumer_open("range", 1, 0, &error);
	tell("errors fetch 1 1 1 1 1");
	CHECK(wait_for_error(consumer, RK_ERROR_OUT_OF_RANGE, &error));
	rk_consumer_close(consumer);
	tell("clear fetch");
}

static void
test_authorization(void)
{
	RkConsumer *consumer;
	RkError		error;

	tell("errors fetch 29 29 29");
	consumer = consumer_open("range", 1, 0, &error);
	CHECK(wait_for_error(consumer, RK_ERROR_AUTHORIZATION, &error));
	CHECK(error.partition == 0);
	rk_consumer_close(consumer);
	tell("clear fetch");
}

static void
test_no_topic(void)
{
	RkConsumer *consumer;
	RkError		error;

	/* The mock makes topics that it does not know. */
	tell("topic_error nowhere 3");
	consumer = consumer_open("nowhere", 1, 0, &error);
	CHECK(wait_for_error(consumer, RK_ERROR_NO_TOPIC, &error));
	CHECK(strstr(error.message, "nowhere") != NULL);
	rk_consumer_close(consumer);
}

/* Down, with an error; up, and all is read. */
static void
test_broker_down(void)
{
	RkConsumer *consumer;
	RkError		error;
	RkMessage	messages[BATCH];
	int64_t		until;
	int			n = 0;

	tell("down 1");
	consumer = consumer_open("position", 1, 0, &error);
	CHECK(wait_for_error(consumer, RK_ERROR_BROKER, &error));
	CHECK(error.partition == -1);
	/* The same error again has the same text. */
	CHECK(strstr(error.message, "in state") == NULL);
	tell("up 1");
	/* Leaders between two brokers are nobody's concern. */
	tell("errors fetch 6 6 5 -195");
	until = now_ms() + WAIT_MS;
	while (n < 100 && now_ms() < until)
	{
		readable(rk_consumer_fd(consumer), 100);
		n += rk_consumer_take(consumer, messages, BATCH);
	}
	CHECK(n == 100);
	rk_consumer_close(consumer);
	tell("clear fetch");
}

static void
test_configuration(void)
{
	RkSetting	unknown = {"no.such.property", "1"};
	RkSetting	secret = {"security.protocol", SECRET "\n" SECRET};
	RkPosition	position = {0, 0};
	RkError		error;

	CHECK(rk_consumer_open(&unknown, 1, NULL, 0, "t", &position, 1, &error) == NULL);
	CHECK(error.kind == RK_ERROR_CONFIGURATION);
	CHECK(strstr(error.message, "no.such.property") != NULL);

	CHECK(rk_consumer_open(&secret, 1, secrets, 2, "t", &position, 1, &error) == NULL);
	CHECK(error.kind == RK_ERROR_CONFIGURATION);
	CHECK(strstr(error.message, "*** ***") != NULL);
	CHECK(strstr(error.message, "horse") == NULL);
}

/* A value so long that librdkafka's message ends within it. */
static void
test_secret_cut(void)
{
	char		value[2000];
	const char *one[] = {value};
	RkSetting	setting = {"security.protocol", value};
	RkPosition	position = {0, 0};
	RkError		error;

	for (size_t i = 0; i < sizeof(value) - 1; i++)
		value[i] = (char) ('a' + i % 23);
	value[sizeof(value) - 1] = '\0';
	CHECK(rk_consumer_open(&setting, 1, one, 1, "t", &position, 1, &error) == NULL);
	CHECK(strstr(error.message, "***") != NULL);
	CHECK(strstr(error.message, "abcd") == NULL);
	CHECK(strstr(error.message, "efgh") == NULL);
}

/* A secret that is part of what librdkafka complains of. */
static void
test_secret_in_error(void)
{
	RkSetting	setting = {"bootstrap.servers", SECRET ".invalid:1"};
	RkPosition	position = {0, 0};
	RkConsumer *consumer;
	RkError		error;
	const char *line;
	int			lines = 0;

	consumer = rk_consumer_open(&setting, 1, secrets, 2, "t", &position, 1, &error);
	CHECK(consumer != NULL);
	CHECK(wait_for_error(consumer, RK_ERROR_BROKER, &error));
	CHECK(strstr(error.message, "***") != NULL);
	CHECK(strstr(error.message, "horse") == NULL);
	while ((line = rk_consumer_next_log(consumer)) != NULL)
	{
		lines++;
		CHECK(strstr(line, "horse") == NULL);
	}
	CHECK(lines > 0);
	rk_consumer_close(consumer);
}

/* ---- lookups ---------------------------------------------------------------------- */

static RkLookup *
lookup_start(const char *servers, const char *topic, int64_t time_ms, int timeout_ms)
{
	RkSetting	setting = {"bootstrap.servers", servers};
	RkError		error;
	RkLookup   *lookup;

	lookup = rk_lookup_start(&setting, 1, secrets, 2, topic, time_ms, timeout_ms, &error);
	CHECK(lookup != NULL);
	return lookup;
}

static void
test_lookup(void)
{
	RkLookup   *lookup = lookup_start(brokers, "reading", RK_NO_TIME, WAIT_MS);
	const RkTopic *topic;
	RkError		error;

	CHECK(readable(rk_lookup_fd(lookup), WAIT_MS));
	topic = rk_lookup_answer(lookup, &error);
	if (CHECK(topic != NULL))
	{
		CHECK(topic->npartitions == 4);
		CHECK(topic->cluster_id != NULL);
		for (int p = 0; p < topic->npartitions; p++)
		{
			CHECK(topic->bounds[p].low == 0);
			CHECK(topic->bounds[p].high == 1000);
			CHECK(topic->bounds[p].at_time == 0);
		}
	}
	rk_lookup_end(lookup);

	/* The mock knows no times, a broker says the same of one in the future. */
	lookup = lookup_start(brokers, "reading", INT64_C(4000000000000), WAIT_MS);
	CHECK(readable(rk_lookup_fd(lookup), WAIT_MS));
	topic = rk_lookup_answer(lookup, &error);
	if (CHECK(topic != NULL))
		CHECK(topic->bounds[3].at_time == 1000);
	rk_lookup_end(lookup);
}

static void
check_lookup_fails(const char *servers, const char *topic, int timeout_ms,
				   RkErrorKind kind)
{
	RkLookup   *lookup = lookup_start(servers, topic, RK_NO_TIME, timeout_ms);
	RkError		error;

	CHECK(rk_lookup_answer(lookup, &error) == NULL);
	CHECK(readable(rk_lookup_fd(lookup), WAIT_MS));
	CHECK(rk_lookup_answer(lookup, &error) == NULL);
	if (!CHECK(error.kind == kind))
		fprintf(stderr, "    kind %d: %s\n", (int) error.kind, error.message);
	CHECK(error.message[0] != '\0');
	rk_lookup_end(lookup);
}

static void
test_lookup_fails(void)
{
	check_lookup_fails(brokers, "nowhere", WAIT_MS, RK_ERROR_NO_TOPIC);
	check_lookup_fails("127.0.0.1:1", "reading", 1500, RK_ERROR_BROKER);
	tell("create secret 0");
	tell("topic_error secret 29");
	check_lookup_fails(brokers, "secret", WAIT_MS, RK_ERROR_AUTHORIZATION);
	tell("errors offsets 29");
	check_lookup_fails(brokers, "range", WAIT_MS, RK_ERROR_AUTHORIZATION);
	tell("clear offsets");
	/* Goes away by itself. */
	tell("errors offsets 6");
	{
		RkLookup   *lookup = lookup_start(brokers, "range", RK_NO_TIME, WAIT_MS);
		RkError		error;

		CHECK(readable(rk_lookup_fd(lookup), WAIT_MS));
		CHECK(rk_lookup_answer(lookup, &error) != NULL);
		rk_lookup_end(lookup);
	}
}

/* ---- a broker that hangs ------------------------------------------------------------- */

static void
test_hung(void)
{
	RkConsumer *consumer;
	RkLookup   *lookup;
	RkError		error;
	RkMessage	messages[BATCH];
	int64_t		until = now_ms() + WAIT_MS;
	int64_t		start;

	consumer = consumer_open("empty", 3, 0, &error);
	while (!all_at_end(consumer, 3) && now_ms() < until)
	{
		readable(rk_consumer_fd(consumer), 100);
		rk_consumer_take(consumer, messages, BATCH);
	}
	lookup = lookup_start(brokers, "reading", RK_NO_TIME, 10 * WAIT_MS);
	kill(mock, SIGSTOP);

	/* Nothing waits for the broker, which would be for ever. */
	start = now_ms();
	rk_consumer_take(consumer, messages, BATCH);
	CHECK(rk_consumer_cluster_id(consumer) != NULL);
	rk_consumer_close(consumer);
	CHECK(now_ms() - start < WAIT_MS);

	/* One that ends by itself, and one that is left. */
	check_lookup_fails(brokers, "reading", 2000, RK_ERROR_BROKER);
	start = now_ms();
	rk_lookup_end(lookup);
	CHECK(now_ms() - start < WAIT_MS);
	kill(mock, SIGCONT);
}

/* ---- what is left ------------------------------------------------------------------- */

static int
open_descriptors(void)
{
	DIR		   *dir = opendir("/proc/self/fd");
	int			n = 0;

	if (dir == NULL)
		return 0;
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void
test_nothing_left(void)
{
	int64_t		until;

	for (int i = 0; i < 2; i++)
	{
		RkError		error;
		RkMessage	messages[BATCH];
		RkConsumer *consumer = consumer_open("reading", 4, 0, &error);
		int			n = 0;

		until = now_ms() + WAIT_MS;

		/* Closing gives back what was not released, and what was not taken. */
		while (n == 0 && now_ms() < until)
		{
			readable(rk_consumer_fd(consumer), 100);
			n = rk_consumer_take(consumer, messages, BATCH);
		}
		CHECK(n > 0);
		rk_consumer_close(consumer);
	}
	/* What was left to its thread, here or by a test before this one, goes when it ends. */
	until = now_ms() + WAIT_MS;
	while (open_descriptors() != descriptors_at_start && now_ms() < until)
		usleep(10000);
	if (!CHECK(open_descriptors() == descriptors_at_start))
		fprintf(stderr, "    are %d, were %d\n", open_descriptors(), descriptors_at_start);
}

/* Those that need what others have produced come after them. */
static const struct
{
	const char *name;
	void		(*run) (void);
}			tests[] = {
	{"reading", test_reading},
	{"payloads", test_payloads},
	{"empty", test_empty},
	{"serving", test_serving},
	{"position", test_position},
	{"out_of_range", test_out_of_range},
	{"authorization", test_authorization},
	{"no_topic", test_no_topic},
	{"broker_down", test_broker_down},
	{"configuration", test_configuration},
	{"secret_cut", test_secret_cut},
	{"secret_in_error", test_secret_in_error},
	{"lookup", test_lookup},
	{"lookup_fails", test_lookup_fails},
	{"nothing_left", test_nothing_left},
	{"hung", test_hung},
};

/* Is it named on the command line, or nothing is? */
static bool
is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
	{
		if (strcmp(argv[i], name) == 0)
			return true;
	}
	return argc == 2;
}

int
main(int argc, char **argv)
{
	if (argc < 2)
	{
		fprintf(stderr, "usage: %s MOCK_BROKER [TEST...]\n", argv[0]);
		return 2;
	}
	mock_start(argv[1]);
	descriptors_at_start = open_descriptors();
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
	{
		if (is_wanted(tests[i].name, argc, argv))
			tests[i].run();
	}
	mock_stop();
	return unit_report("test_consumer");
}
