/*-------------------------------------------------------------------------
 *
 * batch.c
 *		The rows of a batch, and finding the messages at which it fails.
 *
 * A step is tried with everything.  When it raises a data error and names the
 * message, those before are done, then that one alone, then the rest; a name that
 * proves wrong (deferred work fails at the end, whoever caused it) is believed no
 * more in this batch, and halving finds the message instead.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "batch.h"
#include "errors.h"

Size
rk_message_bytes(const RkMessage *message)
{
	Size		bytes = message->payload.len + message->key.len;

	for (int i = 0; i < message->nheaders; i++)
		bytes += strlen(message->headers[i].name) + message->headers[i].value.len;
	return bytes;
}

/* ---- rows ---------------------------------------------------------------------- */

void
rk_batch_begin(RkBatch *batch, const RkMessage *messages, int nmessages, int ncolumns)
{
	memset(batch, 0, sizeof(*batch));
	batch->context = CurrentMemoryContext;
	batch->nmessages = nmessages;
	batch->messages = messages;
	batch->reasons = palloc0(sizeof(RkReason *) * (nmessages + 1));
	batch->rows.ncolumns = ncolumns;
}

/* Make room for one more row: as many as there are messages, then twice as many. */
static void
grow_rows(RkBatch *batch)
{
	RkRows	   *rows = &batch->rows;
	int			capacity;
	Size		values;

	if (rows->capacity > INT_MAX / 4)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a batch of messages becomes too many rows")));
	capacity = rows->capacity == 0 ? Max(batch->nmessages, 16) : rows->capacity * 2;
	values = mul_size(mul_size(capacity, rows->ncolumns), sizeof(RkText));
	if (rows->capacity == 0)
	{
		rows->values = MemoryContextAllocHuge(batch->context, values);
		rows->messages = MemoryContextAllocHuge(batch->context, sizeof(int) * capacity);
	}
	else
	{
		rows->values = repalloc_huge(rows->values, values);
		rows->messages = repalloc_huge(rows->messages, sizeof(int) * capacity);
	}
	rows->capacity = capacity;
}

RkText *
rk_batch_add_row(RkBatch *batch, int message)
{
	RkRows	   *rows = &batch->rows;

	if (rows->nrows >= rows->capacity)
		grow_rows(batch);
	rows->messages[rows->nrows] = message;
	return rows->values + (Size) rows->nrows++ * rows->ncolumns;
}

int
rk_batch_first_row(const RkBatch *batch, int message)
{
	int			low = 0;
	int			high = batch->rows.nrows;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (batch->rows.messages[middle] < message)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
rk_batch_cut_rows(RkBatch *batch, int first)
{
	batch->rows.nrows = rk_batch_first_row(batch, first);
}

void
rk_batch_drop_refused(RkBatch *batch)
{
	RkRows	   *rows = &batch->rows;
	int			kept = 0;

	for (int i = 0; i < rows->nrows; i++)
	{
		if (batch->reasons[rows->messages[i]] != NULL)
			continue;
		memmove(rows->values + (Size) kept * rows->ncolumns,
				rows->values + (Size) i * rows->ncolumns,
				sizeof(RkText) * rows->ncolumns);
		rows->messages[kept++] = rows->messages[i];
	}
	rows->nrows = kept;
}

void
rk_batch_refuse(RkBatch *batch, int message, const RkReason *reason)
{
	RkReason   *copy = MemoryContextAlloc(batch->context, sizeof(RkReason));

	*copy = *reason;
	batch->reasons[message] = copy;
}

/* ---- isolation ------------------------------------------------------------------ */

static void
describe_error(const ErrorData *error, RkReason *reason)
{
	strlcpy(reason->sqlstate, unpack_sql_state(error->sqlerrcode),
			sizeof(reason->sqlstate));
	strlcpy(reason->message, error->message ? error->message : "unknown error",
			sizeof(reason->message));
	reason->message[pg_mbcliplen(reason->message, (int) strlen(reason->message),
								 sizeof(reason->message) - 1)] = '\0';
}

/* What an attempt leaves: set in a handler, so not in registers. */
typedef struct Attempt
{
	int			failed;			/* message it was at, -1 = unknown */
	RkReason	reason;
} Attempt;

/* Do the step in a subtransaction; false when a data error has undone it. */
static bool
attempt_step(RkBatch *batch, RkStep step, void *arg, int first, int n, Attempt *attempt)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext step_context = AllocSetContextCreate(context, "recsys kafka step",
													   ALLOCSET_DEFAULT_SIZES);
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool done = false;

	attempt->failed = -1;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(step_context);
	PG_TRY();
	{
		step(batch, first, n, &attempt->failed, arg);
		ReleaseCurrentSubTransaction();
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (rk_error_class(error->sqlerrcode) != RK_CLASS_DATA)
			ReThrowError(error);
		describe_error(error, &attempt->reason);
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	MemoryContextDelete(step_context);
	return done;
}

/* Where isolation stands: messages below position are done or refused. */
typedef struct Search
{
	int			position;
	int			bad_end;		/* position .. bad_end - 1 is known to fail; 0 = nothing is */
	int			suspect;		/* message named by an error, -1 = none */
	bool		trust;			/* believe such names */
} Search;

/* How far the next attempt goes. */
static int
next_end(const Search *search, int nmessages)
{
	if (search->suspect > search->position)
		return search->suspect;
	if (search->suspect == search->position)
		return search->position + 1;
	if (search->bad_end > search->position)
		return search->position + Max(1, (search->bad_end - search->position) / 2);
	return nmessages;
}

static void
after_success(Search *search, int end)
{
	if (search->suspect >= 0 && search->suspect < end)
	{
		/* It was said to fail, and did not. */
		search->trust = false;
		search->suspect = -1;
		search->bad_end = 0;
	}
	if (search->bad_end <= end)
		search->bad_end = 0;
	search->position = end;
}

static void
after_failure(Search *search, int end, RkBatch *batch, const Attempt *attempt)
{
	bool		before_suspect = search->suspect > search->position;

	if (end - search->position == 1)
	{
		rk_batch_refuse(batch, search->position, &attempt->reason);
		search->position = end;
		search->suspect = -1;
		search->bad_end = 0;
		return;
	}
	if (before_suspect)
		search->trust = false;
	search->bad_end = end;
	search->suspect = search->trust && attempt->failed >= search->position &&
		attempt->failed < end ? attempt->failed : -1;
}

int
rk_batch_isolate(RkBatch *batch, RkStep step, void *arg, int budget)
{
	Search		search = {.suspect = -1, .trust = true};
	Attempt		attempt;
	int			used = 0;

	while (search.position < batch->nmessages)
	{
		int			end = next_end(&search, batch->nmessages);

		if (used++ >= budget && search.position > 0)
		{
			batch->nmessages = search.position;
			break;
		}
		if (attempt_step(batch, step, arg, search.position, end - search.position,
						 &attempt))
			after_success(&search, end);
		else
			after_failure(&search, end, batch, &attempt);
	}
	return used;
}
