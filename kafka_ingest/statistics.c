/*-------------------------------------------------------------------------
 *
 * statistics.c
 *		What we read of librdkafka's statistics.  Pure C.
 *
 * librdkafka gives its figures as one JSON object, many kilobytes long, of which
 * we want three numbers a partition.  The text is the library's own: a walk that
 * keeps the keys on its way is enough, it allocates nothing, and damaged text
 * only yields fewer figures.
 *
 *-------------------------------------------------------------------------
 */
#include "statistics.h"

#include <stdbool.h>
#include <string.h>

/* topics . TOPIC . partitions . NUMBER . figure, counted from 1 */
#define PARTITION_DEPTH	5

typedef struct Span
{
	const char *data;
	size_t		len;
} Span;

typedef struct Walk
{
	const char *at;
	const char *end;
	int			depth;			/* objects we are in */
	Span		keys[PARTITION_DEPTH + 1];	/* the latest key at each depth */
	Span		topic;
	RkFigures  *figures;
	bool		in_partition;	/* current holds figures of a known partition */
	RkPartitionFigures current;
	RkPartitionSink take;
	void	   *sink;
} Walk;

static bool
span_is(Span span, const char *text)
{
	return span.len == strlen(text) && memcmp(span.data, text, span.len) == 0;
}

/* A decimal integer; -1 for everything else, which is unknown to us too. */
static int64_t
span_number(Span span)
{
	int64_t		value = 0;

	if (span.len == 0 || span.len > 18)
		return -1;
	for (size_t i = 0; i < span.len; i++)
	{
		if (span.data[i] < '0' || span.data[i] > '9')
			return -1;
		value = value * 10 + (span.data[i] - '0');
	}
	return value;
}

/* Are we among the figures of a partition of our topic? */
static bool
at_partition(const Walk *walk)
{
	return walk->depth == PARTITION_DEPTH &&
		span_is(walk->keys[1], "topics") &&
		walk->keys[2].len == walk->topic.len &&
		memcmp(walk->keys[2].data, walk->topic.data, walk->topic.len) == 0 &&
		span_is(walk->keys[3], "partitions");
}

/* One figure of a partition; "unknown" comes before the offsets. */
static void
visit_partition(Walk *walk, Span key, Span value)
{
	if (span_is(key, "unknown"))
	{
		int64_t		partition = span_number(walk->keys[4]);

		walk->in_partition = span_is(value, "false") &&
			partition >= 0 && partition < INT32_MAX;
		walk->current.partition = walk->in_partition ? (int32_t) partition : -1;
		walk->current.high = -1;
		walk->current.stable = -1;
	}
	else if (span_is(key, "hi_offset"))
		walk->current.high = span_number(value);
	else if (span_is(key, "ls_offset"))
		walk->current.stable = span_number(value);
}

static void
visit(Walk *walk, Span value)
{
	if (walk->depth == 1 && span_is(walk->keys[1], "rx_bytes"))
		walk->figures->received = span_number(value);
	else if (at_partition(walk))
		visit_partition(walk, walk->keys[PARTITION_DEPTH], value);
}

/* Leave an object; when it was a partition, hand over what was in it. */
static void
leave_object(Walk *walk)
{
	if (at_partition(walk) && walk->in_partition)
	{
		if (walk->figures->npartitions <= walk->current.partition)
			walk->figures->npartitions = walk->current.partition + 1;
		walk->take(walk->sink, &walk->current);
		walk->in_partition = false;
	}
	walk->depth--;
}

/* The text of a string whose opening quote was read. */
static Span
read_string(Walk *walk)
{
	Span		span = {walk->at, 0};

	while (walk->at < walk->end && *walk->at != '"')
		walk->at += *walk->at == '\\' && walk->at + 1 < walk->end ? 2 : 1;
	span.len = (size_t) (walk->at - span.data);
	if (walk->at < walk->end)
		walk->at++;
	return span;
}

/* A number, true, false or null, whose first character is at. */
static Span
read_scalar(Walk *walk)
{
	Span		span = {walk->at, 0};

	while (walk->at < walk->end && strchr(",}] \t\r\n", *walk->at) == NULL)
		walk->at++;
	span.len = (size_t) (walk->at - span.data);
	return span;
}

/* After a string: it is a key if a colon follows, else a value nobody wants. */
static void
keep_key(Walk *walk, Span string)
{
	while (walk->at < walk->end && *walk->at == ' ')
		walk->at++;
	if (walk->at < walk->end && *walk->at == ':')
	{
		walk->at++;
		if (walk->depth >= 1 && walk->depth <= PARTITION_DEPTH)
			walk->keys[walk->depth] = string;
	}
}

void
rk_statistics_read(const char *json, size_t len, const char *topic,
				   RkFigures *figures, RkPartitionSink take, void *sink)
{
	Walk		walk = {0};

	walk.at = json;
	walk.end = json + len;
	walk.topic.data = topic;
	walk.topic.len = strlen(topic);
	walk.figures = figures;
	walk.take = take;
	walk.sink = sink;
	figures->received = 0;
	figures->npartitions = 0;
	for (int i = 0; i <= PARTITION_DEPTH; i++)
		walk.keys[i].data = "";

	while (walk.at < walk.end && walk.depth >= 0)
	{
		char		c = *walk.at;

		if (c == '{')
		{
			walk.depth++;
			walk.at++;
		}
		else if (c == '}')
		{
			leave_object(&walk);
			walk.at++;
		}
		else if (c == '"')
		{
			walk.at++;
			keep_key(&walk, read_string(&walk));
		}
		else if (strchr(", \t\r\n:[]", c) != NULL)
			walk.at++;
		else
			visit(&walk, read_scalar(&walk));
	}
}
