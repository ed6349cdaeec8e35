/*-------------------------------------------------------------------------
 *
 * admin.c
 *		Topics of a real broker, for tests: the mock refuses all this.
 *
 *	admin [-X NAME=VALUE]... BROKERS COMMAND
 *
 *	create TOPIC PARTITIONS COPIES		and wait until each partition has a leader
 *	partitions TOPIC PARTITIONS			the same
 *	delete TOPIC						and wait until it is gone
 *	trim TOPIC PARTITION OFFSET			delete the messages before an offset
 *	ends TOPIC							print partition, first and last offset
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECONDS	30

static rd_kafka_t *handle;

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "admin: %s: %s\n", what, why);
	exit(1);
}

/* ---- waiting ------------------------------------------------------------------ */

/* Partitions of a topic that have a leader; -1 when some have none, 0 = no topic. */
static int
led_partitions(const char *topic)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_topic_t *object = rd_kafka_topic_new(handle, topic, NULL);
	int			n = 0;

	if (rd_kafka_metadata(handle, 0, object, &metadata, 5000) == RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		if (metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR)
		{
			n = metadata->topics[0].partition_cnt;
			for (int i = 0; i < metadata->topics[0].partition_cnt; i++)
			{
				if (metadata->topics[0].partitions[i].leader < 0)
					n = -1;
			}
		}
		rd_kafka_metadata_destroy(metadata);
	}
	else
		n = -1;
	rd_kafka_topic_destroy(object);
	return n;
}

/* Wait until every broker that answers says so, which is: several times in turn. */
static void
wait_for_partitions(const char *topic, int wanted)
{
	int			times = 0;

	for (int i = 0; i < SECONDS * 20; i++)
	{
		times = led_partitions(topic) == wanted ? times + 1 : 0;
		if (times == 5)
			return;
		usleep(50000);
	}
	die(topic, "does not become what it should");
}

/* ---- requests ------------------------------------------------------------------- */

static void
check_topics(const rd_kafka_topic_result_t **results, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		if (rd_kafka_topic_result_error(results[i]))
			die(rd_kafka_topic_result_name(results[i]),
				rd_kafka_topic_result_error_string(results[i]));
	}
}

static void
check_offsets(const rd_kafka_topic_partition_list_t *offsets)
{
	for (int i = 0; i < offsets->cnt; i++)
	{
		if (offsets->elems[i].err)
			die(offsets->elems[i].topic, rd_kafka_err2str(offsets->elems[i].err));
	}
}

/* Wait for the answer to a request and check it. */
static void
check_answer(rd_kafka_queue_t *queue)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, SECONDS * 1000);
	const rd_kafka_topic_result_t **topics = NULL;
	size_t		n = 0;

	if (event == NULL)
		die("request", "no answer");
	if (rd_kafka_event_error(event))
		die("request", rd_kafka_event_error_string(event));
	switch (rd_kafka_event_type(event))
	{
		case RD_KAFKA_EVENT_CREATETOPICS_RESULT:
			topics = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event),
														 &n);
			break;
		case RD_KAFKA_EVENT_CREATEPARTITIONS_RESULT:
			topics = rd_kafka_CreatePartitions_result_topics(
				rd_kafka_event_CreatePartitions_result(event), &n);
			break;
		case RD_KAFKA_EVENT_DELETETOPICS_RESULT:
			topics = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event),
														 &n);
			break;
		case RD_KAFKA_EVENT_DELETERECORDS_RESULT:
			check_offsets(rd_kafka_DeleteRecords_result_offsets(
				rd_kafka_event_DeleteRecords_result(event)));
			break;
		default:
			die("request", rd_kafka_event_name(event));
	}
	check_topics(topics, n);
	rd_kafka_event_destroy(event);
}

static void
create_topic(rd_kafka_queue_t *queue, const char *topic, int partitions, int copies)
{
	char		why[512];
	rd_kafka_NewTopic_t *new = rd_kafka_NewTopic_new(topic, partitions, copies, why, sizeof(why));

	if (new == NULL)
		die(topic, why);
	rd_kafka_CreateTopics(handle, &new, 1, NULL, queue);
	check_answer(queue);
	rd_kafka_NewTopic_destroy(new);
	wait_for_partitions(topic, partitions);
}

static void
add_partitions(rd_kafka_queue_t *queue, const char *topic, int partitions)
{
	char		why[512];
	rd_kafka_NewPartitions_t *new = rd_kafka_NewPartitions_new(topic, partitions, why, sizeof(why));

	if (new == NULL)
		die(topic, why);
	rd_kafka_CreatePartitions(handle, &new, 1, NULL, queue);
	check_answer(queue);
	rd_kafka_NewPartitions_destroy(new);
	wait_for_partitions(topic, partitions);
}

static void
delete_topic(rd_kafka_queue_t *queue, const char *topic)
{
	rd_kafka_DeleteTopic_t *old = rd_kafka_DeleteTopic_new(topic);

	rd_kafka_DeleteTopics(handle, &old, 1, NULL, queue);
	check_answer(queue);
	rd_kafka_DeleteTopic_destroy(old);
	wait_for_partitions(topic, 0);
}

static void
trim(rd_kafka_queue_t *queue, const char *topic, int partition, int64_t offset)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_DeleteRecords_t *request;

	rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
	request = rd_kafka_DeleteRecords_new(list);
	rd_kafka_DeleteRecords(handle, &request, 1, NULL, queue);
	check_answer(queue);
	rd_kafka_DeleteRecords_destroy(request);
	rd_kafka_topic_partition_list_destroy(list);
}

static void
print_ends(const char *topic)
{
	int			n = led_partitions(topic);

	if (n < 1)
		die(topic, "is not there");
	for (int i = 0; i < n; i++)
	{
		int64_t		low;
		int64_t		high;
		rd_kafka_resp_err_t error;

		error = rd_kafka_query_watermark_offsets(handle, topic, i, &low, &high, SECONDS * 1000);
		if (error)
			die(topic, rd_kafka_err2str(error));
		printf("%d %lld %lld\n", i, (long long) low, (long long) high);
	}
}

/* ---- main ------------------------------------------------------------------------- */

static void
set_property(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char		why[512];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
		die(name, why);
}

static bool
obey(rd_kafka_queue_t *queue, char **words, int n)
{
	if (n == 4 && strcmp(words[0], "create") == 0)
		create_topic(queue, words[1], atoi(words[2]), atoi(words[3]));
	else if (n == 3 && strcmp(words[0], "partitions") == 0)
		add_partitions(queue, words[1], atoi(words[2]));
	else if (n == 2 && strcmp(words[0], "delete") == 0)
		delete_topic(queue, words[1]);
	else if (n == 4 && strcmp(words[0], "trim") == 0)
		trim(queue, words[1], atoi(words[2]), atoll(words[3]));
	else if (n == 2 && strcmp(words[0], "ends") == 0)
		print_ends(words[1]);
	else
		return false;
	return true;
}

int
main(int argc, char **argv)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_queue_t *queue;
	char		why[512];
	int			option;
	bool		known;

	set_property(conf, "log_level", "3");
	while ((option = getopt(argc, argv, "X:")) == 'X')
	{
		char	   *value = strchr(optarg, '=');

		if (value == NULL)
			die(optarg, "has no =");
		*value++ = '\0';
		set_property(conf, optarg, value);
	}
	if (argc - optind < 2)
		die("usage", "admin [-X NAME=VALUE]... BROKERS create|partitions|delete|trim|ends TOPIC ...");
	set_property(conf, "bootstrap.servers", argv[optind]);
	handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (handle == NULL)
		die("cannot start", why);
	queue = rd_kafka_queue_new(handle);
	known = obey(queue, argv + optind + 1, argc - optind - 1);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(handle);
	if (!known)
		die(argv[optind + 1], "no such command, or a wrong number of words");
	return 0;
}
