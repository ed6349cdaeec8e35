/*-------------------------------------------------------------------------
 *
 * statistics.h
 *		What we read of librdkafka's statistics.  Pure C.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_STATISTICS_H
#define RK_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

typedef struct RkPartitionFigures
{
	int32_t		partition;
	int64_t		high;			/* high watermark, -1 = unknown */
	int64_t		stable;			/* last stable offset, -1 = unknown */
} RkPartitionFigures;

typedef struct RkFigures
{
	int64_t		received;		/* bytes, from all brokers */
	int			npartitions;	/* of the topic, 0 = unknown */
} RkFigures;

typedef void (*RkPartitionSink) (void *sink, const RkPartitionFigures *figures);

/* Read the figures; those of each known partition of the topic are given to take. */
extern void rk_statistics_read(const char *json, size_t len, const char *topic,
							   RkFigures *figures,
							   RkPartitionSink take, void *sink);

#endif							/* RK_STATISTICS_H */
