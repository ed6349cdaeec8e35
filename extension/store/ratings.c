/*-------------------------------------------------------------------------
 *
 * ratings.c
 *		Reading the whole view of a model.
 *
 * One SELECT runs with a receiver of our own, so rows go from the executor
 * into arrays without being collected in between.  Bigint ids are kept back
 * for a batch of rows and looked up together (idmap.h).
 *
 * Memory: everything is in the caller's context, and growth is checked
 * against the limit before it happens.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "executor/spi.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "compat.h"
#include "store/idmap.h"
#include "store/ratings.h"
#include "store/source.h"

/* How often the caller hears of progress, in rows; a power of two. */
#define PROGRESS_INTERVAL	65536

/* Rows there is room for at first, and from which on growth is by quarters. */
#define LEAST_CAPACITY	16384
#define LARGE_CAPACITY	1048576

/* The ids of one side while rows come in. */
typedef struct IdColumn
{
	RsIdKind	kind;
	Oid			type;			/* of the column */
	RsIdMap    *map;
	int32	   *index;			/* of every row, the ratings' array */
	int64		waiting[RS_IDMAP_BATCH];	/* bigints of the last rows */
} IdColumn;

typedef struct RatingsReceiver
{
	DestReceiver pub;
	const RsModel *model;
	RsRatingsUse use;
	RsRatings  *ratings;
	int64		capacity;
	IdColumn	users;
	IdColumn	items;
	Oid			rating_type;	/* of the column */
	bool		started;		/* the server makes rows */
	TupleTableSlot *slot;		/* the row that is being taken, NULL between rows */
	int			n_waiting;
	Size		memory_limit;
	MemoryContext context;
	void		(*progress) (int64 rows);
} RatingsReceiver;

static void
refuse_memory(const RatingsReceiver *receiver)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("reading the ratings of model \"%s\" needs more than the %zu MB of \"recsys.training_memory\"",
					receiver->model->name, receiver->memory_limit / (1024 * 1024)),
			 errdetail("The limit was reached after " INT64_FORMAT " rows.",
					   receiver->ratings->rows_read),
			 errhint("Raise recsys.training_memory, or let the source return fewer rows.")));
}

/* The next capacity: large arrays are moved by the kernel, without copying. */
static int64
larger_capacity(int64 capacity)
{
	if (capacity == 0)
		return LEAST_CAPACITY;
	return capacity < LARGE_CAPACITY ? capacity * 2 : capacity + capacity / 4;
}

/* Make room for more rows, within the limit. */
static void
grow_ratings(RatingsReceiver *receiver)
{
	RsRatings  *r = receiver->ratings;
	bool		with_time = OidIsValid(receiver->model->time_type);
	Size		row = sizeof(int32) * 2 + sizeof(float) + (with_time ? sizeof(int64) : 0);
	int64		capacity = larger_capacity(receiver->capacity);
	Size		more = mul_size(row, (Size) (capacity - receiver->capacity));

	if (add_size(MemoryContextMemAllocated(receiver->context, true), more) >
		receiver->memory_limit)
		refuse_memory(receiver);
	if (receiver->capacity == 0)
	{
		r->user = MemoryContextAllocHuge(receiver->context, capacity * sizeof(int32));
		r->item = MemoryContextAllocHuge(receiver->context, capacity * sizeof(int32));
		r->value = MemoryContextAllocHuge(receiver->context, capacity * sizeof(float));
		if (with_time)
			r->time = MemoryContextAllocHuge(receiver->context, capacity * sizeof(int64));
	}
	else
	{
		r->user = repalloc_huge(r->user, capacity * sizeof(int32));
		r->item = repalloc_huge(r->item, capacity * sizeof(int32));
		r->value = repalloc_huge(r->value, capacity * sizeof(float));
		if (with_time)
			r->time = repalloc_huge(r->time, capacity * sizeof(int64));
	}
	receiver->users.index = r->user;
	receiver->items.index = r->item;
	receiver->capacity = capacity;
}

/* An id for messages. */
static char *
column_to_cstring(const IdColumn *column, Datum id)
{
	return rs_id_shown(rs_id_from_column(id, column->type), column->kind);
}

static void
refuse_rating(const RatingsReceiver *receiver, double rating, Datum user, Datum item)
{
	const RsModel *model = receiver->model;

	ereport(ERROR,
			(errcode(isfinite(rating) ? ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE : ERRCODE_DATA_EXCEPTION),
			 isfinite(rating) ? errmsg("rating %g is out of range", rating) :
			 errmsg("rating is not a finite number"),
			 errdetail("User \"%s\", item \"%s\" of model \"%s\".",
					   column_to_cstring(&receiver->users, user),
					   column_to_cstring(&receiver->items, item), model->name)));
}

/* The id of the last row that was taken; there is one. */
static char *
last_id(const RatingsReceiver *receiver, const IdColumn *column)
{
	int			last = (receiver->n_waiting + RS_IDMAP_BATCH - 1) % RS_IDMAP_BATCH;

	return rs_id_shown(column->kind == RS_ID_BIGINT ?
					   Int64GetDatum(column->waiting[last]) : rs_idmap_last(column->map),
					   column->kind);
}

/*
 * Tell with an error at which row it arose: the one that is being taken, or, if
 * the server could not make it, the one after the last that it made.  So:
 *
 *	row 4 of recsys_data.shop, after user "7", item "p7"
 *	To see its ids: SELECT user_id, item_id FROM recsys_data.shop OFFSET 3 LIMIT 1;
 *
 * That statement leaves the expressions of the rating alone, which mostly fail.
 */
static void
tell_row(void *arg)
{
	const RatingsReceiver *receiver = arg;
	const RsRatings *r = receiver->ratings;
	const char *view = quote_qualified_identifier("recsys_data", receiver->model->name);
	const Datum *row = receiver->slot != NULL ? receiver->slot->tts_values : NULL;

	if (!receiver->started)
		return;
	if (row != NULL)
	{
		errcontext("row " INT64_FORMAT " of %s: user \"%s\", item \"%s\"", r->rows_read, view,
				   column_to_cstring(&receiver->users, row[0]),
				   column_to_cstring(&receiver->items, row[1]));
		return;
	}
	if (r->n > 0)
		errcontext("row " INT64_FORMAT " of %s, after user \"%s\", item \"%s\"",
				   r->rows_read + 1, view, last_id(receiver, &receiver->users),
				   last_id(receiver, &receiver->items));
	else
		errcontext("row " INT64_FORMAT " of %s", r->rows_read + 1, view);
	errcontext("To see its ids: SELECT user_id, item_id FROM %s OFFSET " INT64_FORMAT " LIMIT 1;",
			   view, r->rows_read);
}

/* Take the id of row n. */
static void
take_id(IdColumn *column, Datum id, int64 n, int waiting)
{
	if (column->kind == RS_ID_BIGINT)
		column->waiting[waiting] = rs_id_integer(id, column->type);
	else
		column->index[n] = rs_idmap_index(column->map, id);
}

/* Look up the ids of the rows that wait. */
static void
resolve_waiting(RatingsReceiver *receiver)
{
	int64		first = receiver->ratings->n - receiver->n_waiting;

	if (receiver->users.kind == RS_ID_BIGINT)
		rs_idmap_indexes(receiver->users.map, receiver->users.waiting,
						 receiver->n_waiting, receiver->users.index + first);
	if (receiver->items.kind == RS_ID_BIGINT)
		rs_idmap_indexes(receiver->items.map, receiver->items.waiting,
						 receiver->n_waiting, receiver->items.index + first);
	receiver->n_waiting = 0;
}

/* The rating of a row as a float; NaN only where that means that there is none. */
static float
take_rating(const RatingsReceiver *receiver, const TupleTableSlot *slot)
{
	double		rating = slot->tts_isnull[2] ? NAN :
		rs_source_number(slot->tts_values[2], receiver->rating_type);

	if (likely(isfinite(rating) && fabs(rating) <= FLT_MAX))
		return (float) rating;
	if (receiver->use == RS_TO_TRAIN)
		refuse_rating(receiver, rating, slot->tts_values[0], slot->tts_values[1]);
	return NAN;
}

/* A user without an item. */
static void
know_user(RatingsReceiver *receiver, Datum user)
{
	const IdColumn *column = &receiver->users;
	int64		id;
	int32		index;

	if (column->kind != RS_ID_BIGINT)
	{
		(void) rs_idmap_index(column->map, user);
		return;
	}
	id = rs_id_integer(user, column->type);
	rs_idmap_indexes(column->map, &id, 1, &index);
}

/* Leave out a row that says nothing. */
static bool
is_skipped(RatingsReceiver *receiver, const TupleTableSlot *slot)
{
	if (!slot->tts_isnull[0] && !slot->tts_isnull[1] &&
		(!slot->tts_isnull[2] || receiver->use == RS_TO_ANSWER))
		return false;
	if (!slot->tts_isnull[0] && receiver->use == RS_TO_ANSWER)
		know_user(receiver, slot->tts_values[0]);
	receiver->ratings->rows_skipped++;
	return true;
}

/* One row of the view: user, item, rating, time. */
static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	RatingsReceiver *receiver = (RatingsReceiver *) self;
	RsRatings  *r = receiver->ratings;

	slot_getallattrs(slot);
	r->rows_read++;
	if ((r->rows_read & (PROGRESS_INTERVAL - 1)) == 0)
	{
		receiver->progress(r->rows_read);
		if (MemoryContextMemAllocated(receiver->context, true) > receiver->memory_limit)
			refuse_memory(receiver);
	}
	if (unlikely(is_skipped(receiver, slot)))
		return true;
	receiver->slot = slot;
	if (r->n == receiver->capacity)
		grow_ratings(receiver);
	r->value[r->n] = take_rating(receiver, slot);
	take_id(&receiver->users, slot->tts_values[0], r->n, receiver->n_waiting);
	take_id(&receiver->items, slot->tts_values[1], r->n, receiver->n_waiting);
	if (r->time != NULL)
		r->time[r->n] = slot->tts_isnull[3] ? PG_INT64_MIN : DatumGetInt64(slot->tts_values[3]);
	r->n++;
	receiver->slot = NULL;
	if (++receiver->n_waiting == RS_IDMAP_BATCH)
		resolve_waiting(receiver);
	return true;
}

/* Give back what growing took too much. */
static void
trim_ratings(RsRatings *r)
{
	if (r->n == 0)
		return;
	r->user = repalloc_huge(r->user, r->n * sizeof(int32));
	r->item = repalloc_huge(r->item, r->n * sizeof(int32));
	r->value = repalloc_huge(r->value, r->n * sizeof(float));
	if (r->time != NULL)
		r->time = repalloc_huge(r->time, r->n * sizeof(int64));
}

static void
receive_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	RatingsReceiver *receiver = (RatingsReceiver *) self;

	receiver->users.type = rs_source_id_type(receiver->model, typeinfo, 0,
											 receiver->users.kind);
	receiver->items.type = rs_source_id_type(receiver->model, typeinfo, 1,
											 receiver->items.kind);
	receiver->rating_type = rs_source_rating_type(receiver->model, typeinfo, 2);
	receiver->started = true;
}

static void
receive_end(DestReceiver *self)
{
}

static void
receiver_init(RatingsReceiver *receiver, const RsModel *model, RsRatings *ratings)
{
	memset(receiver, 0, sizeof(RatingsReceiver));
	receiver->pub.receiveSlot = receive_row;
	receiver->pub.rStartup = receive_startup;
	receiver->pub.rShutdown = receive_end;
	receiver->pub.rDestroy = receive_end;
	receiver->pub.mydest = DestNone;
	receiver->model = model;
	receiver->ratings = ratings;
	receiver->context = CurrentMemoryContext;
	receiver->users.kind = model->user_kind;
	receiver->users.map = rs_idmap_create(model->user_kind, receiver->context);
	receiver->items.kind = model->item_kind;
	receiver->items.map = rs_idmap_create(model->item_kind, receiver->context);
}

void
rs_ratings_read(const RsModel *model, RsRatingsUse use, Size memory_limit,
				void (*progress) (int64 rows), RsRatings *ratings)
{
	RatingsReceiver receiver;
	SPIExecuteOptions options = {0};
	ErrorContextCallback callback = {.callback = tell_row,.arg = &receiver};
	int			result;

	memset(ratings, 0, sizeof(RsRatings));
	receiver_init(&receiver, model, ratings);
	receiver.use = use;
	receiver.memory_limit = memory_limit;
	receiver.progress = progress;
	options.dest = &receiver.pub;
	options.read_only = true;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	result = SPI_execute_extended(rs_source_select(model), &options);
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(receiver.context);	/* SPI leaves its own */
	if (result < 0)
		elog(ERROR, "SPI_execute_extended failed: %s", SPI_result_code_string(result));

	resolve_waiting(&receiver);
	trim_ratings(ratings);
	progress(ratings->rows_read);
	rs_idmap_finish(receiver.users.map, ratings->user, ratings->n, &ratings->users);
	rs_idmap_finish(receiver.items.map, ratings->item, ratings->n, &ratings->items);
}

void
rs_ratings_release(RsRatings *ratings)
{
	pfree(ratings->user);
	pfree(ratings->item);
	pfree(ratings->value);
	if (ratings->time != NULL)
		pfree(ratings->time);
	ratings->user = ratings->item = NULL;
	ratings->value = NULL;
	ratings->time = NULL;
}
