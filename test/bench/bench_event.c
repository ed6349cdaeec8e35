/*-------------------------------------------------------------------------
 *
 * bench_event.c
 *		What it costs to map an event: JSON of 120 bytes, four fields of which one
 *		has a map, into text.
 *
 * The time is of the thread's processor clock, the least of several rounds over
 * more payloads than the first cache holds.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kafka_ingest/event.h"

#define ROUNDS		20
#define EVENTS		10000		/* of a batch */
#define EVENT_ROOM	160

static char payloads[EVENTS][EVENT_ROOM];
static RkMessage messages[EVENTS];

static double
processor_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

static size_t
make_messages(void)
{
	static const char *const actions[] = {"view", "cart", "purchase"};
	size_t		bytes = 0;

	for (int i = 0; i < EVENTS; i++)
	{
		int			len = snprintf(payloads[i], EVENT_ROOM,
								   "{\"user\": {\"id\": %d}, \"item_id\": %d, \"action\": \"%s\", "
								   "\"ts\": \"2026-11-%02dT08:%02d:%02d.%03dZ\", \"session\": \"b%07d\"}",
								   100000 + i * 37 % 900000, 1000 + i * 17 % 9000, actions[i % 3],
								   i % 30 + 1, i / 60 % 60, i % 60, i % 1000, i * 7919 % 10000000);

		messages[i].payload.data = payloads[i];
		messages[i].payload.len = (size_t) len;
		messages[i].timestamp_ms = -1;
		bytes += (size_t) len;
	}
	return bytes;
}

int
main(void)
{
	static const RkText user[] = {{"user", 4}, {"id", 2}};
	static const RkText item[] = {{"item_id", 7}};
	static const RkText action[] = {{"action", 6}};
	static const RkText ts[] = {{"ts", 2}};
	static const RkMapEntry weights[] = {
		{{"view", 4}, {"1", 1}}, {{"cart", 4}, {"3", 1}}, {{"purchase", 8}, {"5", 1}}
	};
	static const RkField fields[] = {
		{.column = "user_id", .nnames = 2, .names = user, .kind = RK_KIND_INT8, .not_null = true},
		{.column = "item_id", .nnames = 1, .names = item, .kind = RK_KIND_INT8, .not_null = true},
		{.column = "weight", .nnames = 1, .names = action, .nmap = 3, .map = weights,
			.kind = RK_KIND_FLOAT4, .not_null = true},
		{.column = "at", .nnames = 1, .names = ts, .kind = RK_KIND_TIMESTAMPTZ},
	};
	static const RkMapping mapping = {4, fields, true};
	double		bytes = (double) make_messages();
	double		least = 0.0;
	RkArena		arena = {NULL, 0};

	for (int round = 0; round < ROUNDS; round++)
	{
		double		start = processor_seconds();
		double		spent;

		for (int i = 0; i < EVENTS; i++)
		{
			RkText		values[4];
			RkReason	reason;

			if (rk_event_map(&mapping, &messages[i], &arena, values, &reason) != RK_EVENT_ROW)
			{
				fprintf(stderr, "event %d: %s\n", i, reason.message);
				return 1;
			}
		}
		spent = processor_seconds() - start;
		rk_arena_reset(&arena);
		if (round == 0 || spent < least)
			least = spent;
	}
	rk_arena_free(&arena);
	printf("event: %.0f bytes, %.0f ns, %.2f M events/s, %.0f MB/s\n", bytes / EVENTS,
		   1e9 * least / EVENTS, 1e-6 * EVENTS / least, 1e-6 * bytes / least);
	return 0;
}
