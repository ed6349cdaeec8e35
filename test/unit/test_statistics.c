/*-------------------------------------------------------------------------
 *
 * test_statistics.c
 *		Reading librdkafka's statistics: our topic's figures, and damaged text.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "kafka_ingest/statistics.h"

/* As librdkafka 2.0.2 writes it, shortened; names try to look like figures. */
static const char sample[] =
"{ \"name\": \"recsys#consumer-1\", \"client_id\": \"recsys\", \"ts\":5, "
"\"brokers\":{ \"h:9092/1\": { \"name\":\"h:9092/1\", \"rx\":7, \"rx_bytes\":1, "
"\"req\": { \"Fetch\":1 }, \"toppars\":{ \"t-0\": { \"topic\":\"t\", \"partition\":0 } } } }, "
"\"topics\":{ "
"\"other\": { \"topic\":\"other\", \"partitions\":{ "
"\"7\": { \"partition\":7, \"unknown\":false, \"hi_offset\":70, \"ls_offset\":70} } } , "
"\"t\": { \"topic\":\"t\", \"age\":1, \"batchsize\": { \"min\":0, \"hi_offset\":99 }, "
"\"partitions\":{ "
"\"0\": { \"partition\":0, \"leader\":1, \"unknown\":false, "
"\"lo_offset\":2, \"hi_offset\":10, \"ls_offset\":8, \"txmsgs\":0} , "
"\"1\": { \"partition\":1, \"unknown\":false, "
"\"lo_offset\":-1001, \"hi_offset\":-1001, \"ls_offset\":-1001} , "
"\"5\": { \"partition\":5, \"unknown\":true, \"hi_offset\":1, \"ls_offset\":1} , "
"\"-1\": { \"partition\":-1, \"unknown\":false, \"hi_offset\":3, \"ls_offset\":3} } } } , "
"\"cgrp\": { \"state\": \"up\", \"rebalance_reason\": \"\\\"rx_bytes\\\":3\" }, "
"\"tx\":1, \"rx\":2, \"rx_bytes\":123456789012, \"rxmsgs\":4}";

typedef struct Seen
{
	int			n;
	RkPartitionFigures figures[8];
} Seen;

static void
keep(void *sink, const RkPartitionFigures *figures)
{
	Seen	   *seen = sink;

	if (CHECK(seen->n < 8))
		seen->figures[seen->n++] = *figures;
}

static void
test_sample(void)
{
	RkFigures	figures;
	Seen		seen = {0};

	rk_statistics_read(sample, strlen(sample), "t", &figures, keep, &seen);
	CHECK(figures.received == INT64_C(123456789012));
	CHECK(figures.npartitions == 2);
	CHECK(seen.n == 2);
	CHECK(seen.figures[0].partition == 0);
	CHECK(seen.figures[0].high == 10);
	CHECK(seen.figures[0].stable == 8);
	CHECK(seen.figures[1].partition == 1);
	CHECK(seen.figures[1].high == -1);
	CHECK(seen.figures[1].stable == -1);

	seen.n = 0;
	rk_statistics_read(sample, strlen(sample), "none", &figures, keep, &seen);
	CHECK(figures.npartitions == 0);
	CHECK(seen.n == 0);
}

/* Cut anywhere, and with any byte damaged, it ends and stays within its bounds. */
static void
test_damaged(void)
{
	RkFigures	figures;
	Seen		seen;
	size_t		len = strlen(sample);

	for (size_t cut = 0; cut <= len; cut++)
	{
		char	   *copy = malloc(cut + 1);

		if (copy == NULL)
			abort();
		memcpy(copy, sample, cut);
		seen.n = 0;
		rk_statistics_read(copy, cut, "t", &figures, keep, &seen);
		CHECK(seen.n <= 2);
		free(copy);
	}
	for (size_t i = 0; i < len; i++)
	{
		static const char bytes[] = {'{', '}', '"', '\\', '\0', '9', ',', ':'};
		char		copy[sizeof(sample)];

		for (size_t b = 0; b < sizeof(bytes); b++)
		{
			memcpy(copy, sample, sizeof(sample));
			copy[i] = bytes[b];
			seen.n = 0;
			rk_statistics_read(copy, len, "t", &figures, keep, &seen);
			CHECK(seen.n <= 4);
		}
	}
}

int
main(void)
{
	test_sample();
	test_damaged();
	return unit_report("test_statistics");
}
