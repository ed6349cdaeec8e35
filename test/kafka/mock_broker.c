/*-------------------------------------------------------------------------
 *
 * mock_broker.c
 *		librdkafka's mock cluster in a process of its own, for tests and demo.
 *
 *	mock_broker [BROKERS]
 *
 * Prints bootstrap.servers, then obeys the lines of standard input and answers
 * each with `ok` or `error: why`.  Brokers are 1 .. BROKERS (default 1).
 *
 *	create TOPIC PARTITIONS			a topic; others come into being with 4.  None for one
 *									that is to have an error: brokers list no partitions
 *									with it, the mock does, and librdkafka 2.4 to 2.9 crash
 *	leader TOPIC PARTITION BROKER	move a partition; broker -1 = no leader
 *	down BROKER | up BROKER			close its connections and refuse new ones
 *	delay BROKER MS					every answer takes so long
 *	errors REQUEST CODE...			the next requests of all brokers fail so;
 *									-195 drops the connection
 *	clear REQUEST					forget the errors that were not used yet
 *	topic_error TOPIC CODE			metadata says so of it; 0 = no more
 *	quit
 *
 * REQUEST is produce, fetch, offsets, metadata, coordinator, versions or the
 * protocol's number.  The end of standard input ends the process, so that it
 * never outlives the test that started it.  What the mock cannot do: admin
 * requests, transactions as a reader sees them, TLS, SASL; a partition keeps
 * its latest 5 MB.
 *
 *-------------------------------------------------------------------------
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORDS	64
#define MAX_BROKERS 9

typedef rd_kafka_mock_cluster_t Cluster;

/* Protocol numbers of the requests that tests let fail. */
static const struct
{
	const char *name;
	int16_t		key;
}			requests[] = {
	{"produce", 0},
	{"fetch", 1},
	{"offsets", 2},
	{"metadata", 3},
	{"coordinator", 10},
	{"versions", 18},
};

/* A whole number, or false. */
static bool
parse_number(const char *text, long *number)
{
	char	   *end;

	*number = strtol(text, &end, 10);
	return *text != '\0' && *end == '\0';
}

static bool
parse_request(const char *text, int16_t *key)
{
	long		number;
	size_t		i;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
	{
		if (strcmp(text, requests[i].name) == 0)
		{
			*key = requests[i].key;
			return true;
		}
	}
	if (!parse_number(text, &number) || number < 0 || number > INT16_MAX)
		return false;
	*key = (int16_t) number;
	return true;
}

/* Let the next requests of a kind fail, with one code each. */
static const char *
push_errors(Cluster *cluster, char **words, int nwords)
{
	rd_kafka_resp_err_t codes[MAX_WORDS];
	int16_t		key;
	long		code;
	int			i;

	if (!parse_request(words[1], &key))
		return "no such request";
	for (i = 2; i < nwords; i++)
	{
		if (!parse_number(words[i], &code))
			return "an error's code is a number";
		codes[i - 2] = (rd_kafka_resp_err_t) code;
	}
	rd_kafka_mock_push_request_errors_array(cluster, key, nwords - 2, codes);
	return NULL;
}

static const char *
clear_errors(Cluster *cluster, const char *request)
{
	int16_t		key;

	if (!parse_request(request, &key))
		return "no such request";
	rd_kafka_mock_clear_request_errors(cluster, key);
	return NULL;
}

static const char *
outcome(rd_kafka_resp_err_t error)
{
	return error ? rd_kafka_err2str(error) : NULL;
}

/* Obey one command; returns what is wrong, or NULL. */
static const char *
obey(Cluster *cluster, char **words, int nwords)
{
	const char *command = words[0];
	long		n[4] = {0};
	int			i;

	for (i = 1; i < nwords && i < 4; i++)
		if (!parse_number(words[i], &n[i]))
			n[i] = -1;

	if (strcmp(command, "create") == 0 && nwords == 3)
		return n[2] < 0 ? "no number of partitions" :
			outcome(rd_kafka_mock_topic_create(cluster, words[1], (int) n[2], 1));
	if (strcmp(command, "leader") == 0 && nwords == 4)
		return outcome(rd_kafka_mock_partition_set_leader(cluster, words[1],
														  (int32_t) n[2], (int32_t) n[3]));
	if (strcmp(command, "down") == 0 && nwords == 2)
		return outcome(rd_kafka_mock_broker_set_down(cluster, (int32_t) n[1]));
	if (strcmp(command, "up") == 0 && nwords == 2)
		return outcome(rd_kafka_mock_broker_set_up(cluster, (int32_t) n[1]));
	if (strcmp(command, "delay") == 0 && nwords == 3)
		return n[2] < 0 ? "no number of milliseconds" :
			outcome(rd_kafka_mock_broker_set_rtt(cluster, (int32_t) n[1], (int) n[2]));
	if (strcmp(command, "topic_error") == 0 && nwords == 3)
	{
		rd_kafka_mock_topic_set_error(cluster, words[1], (rd_kafka_resp_err_t) n[2]);
		return NULL;
	}
	if (strcmp(command, "errors") == 0 && nwords >= 3)
		return push_errors(cluster, words, nwords);
	if (strcmp(command, "clear") == 0 && nwords == 2)
		return clear_errors(cluster, words[1]);
	return "no such command, or a wrong number of words";
}

static int
split(char *line, char **words)
{
	int			n = 0;
	char	   *rest = NULL;
	char	   *word;

	for (word = strtok_r(line, " \t\n", &rest); word != NULL && n < MAX_WORDS;
		 word = strtok_r(NULL, " \t\n", &rest))
		words[n++] = word;
	return n;
}

int
main(int argc, char **argv)
{
	long		brokers = 1;
	char		line[4096];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *handle;
	Cluster    *cluster;

	if (argc > 2 || (argc == 2 &&
					 (!parse_number(argv[1], &brokers) || brokers < 1 || brokers > MAX_BROKERS)))
	{
		fprintf(stderr, "usage: mock_broker [BROKERS (1 to %d)]\n", MAX_BROKERS);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);

	/* The cluster lives in a client's handle; the client does nothing. */
	rd_kafka_conf_set(conf, "log_level", "3", line, sizeof(line));
	handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, line, sizeof(line));
	cluster = handle ? rd_kafka_mock_cluster_new(handle, (int) brokers) : NULL;
	if (cluster == NULL)
	{
		fprintf(stderr, "mock_broker: the mock cluster does not start\n");
		return 1;
	}
	puts(rd_kafka_mock_cluster_bootstraps(cluster));

	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		char	   *words[MAX_WORDS];
		int			nwords = split(line, words);
		const char *wrong;

		if (nwords == 0)
			continue;
		if (strcmp(words[0], "quit") == 0)
			break;
		wrong = obey(cluster, words, nwords);
		if (wrong)
			printf("error: %s\n", wrong);
		else
			puts("ok");
	}

	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(handle);
	return 0;
}
