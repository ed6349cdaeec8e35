/*-------------------------------------------------------------------------
 *
 * item_part.c
 *		The item part of a version: solved by a training, taken over by a refresh.
 *
 * It is solved last, from what the dense part before it left in the arrays of the rows.  A
 * refresh keeps the rows of the items that its version knows; an item that is new since
 * the training speaks for none, and none for it, until the next training.
 *
 * Memory: an arena that stays until the result is published; of a refresh, arrays that
 * grow with the rows that are read, counted before they do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "compat.h"
#include "train/item_part.h"
#include "train/solver_library.h"
#include "train/tick.h"

/* Entries that there is room for at first. */
#define FIRST_ENTRIES	1024

/* ---- solving ----------------------------------------------------------------- */

static RsNeighboursProblem
make_problem(const RsTrained *trained, const uint64_t *user_hash)
{
	const RsRatings *ratings = &trained->ratings;

	return (RsNeighboursProblem) {
		.threads = trained->threads,
		.n_users = ratings->users.n,
		.n_items = ratings->items.n,
		.user_hash = user_hash,
		.cells = {ratings->n, ratings->user, ratings->item, ratings->value, NULL},
	};
}

Size
rs_item_part_memory(const RsTrained *trained)
{
	RsNeighboursProblem problem = make_problem(trained, NULL);
	size_t		bytes;

	return rs_solver_open()->neighbours_memory(&problem, &bytes) ? bytes : SIZE_MAX;
}

static void
check_status(const RsTrained *trained, const RsNeighboursModel *model, RsStatus status,
			 RsTick *tick)
{
	const RsIdList *users = &trained->ratings.users;

	rs_run_check(status, tick);
	if (status == RS_OK)
		return;
	if (model->failed_user < 0)
		elog(ERROR, "solving the item part returned status %d", (int) status);
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("the weights of user \"%s\" are not finite",
					rs_id_to_cstring(rs_idlist_get(users, model->failed_user), users->kind)),
			 errhint("Scale the weights down.")));
}

void
rs_item_part_solve(const RsRunWords *words, RsTrained *trained, const uint64_t *user_hash)
{
	RsNeighboursProblem problem = make_problem(trained, user_hash);
	RsNeighboursModel model;
	RsTick		tick = {CurrentMemoryContext, NULL};
	Size		bytes = rs_item_part_memory(trained);
	void	   *chunk;
	void	   *arena = rs_run_arena(words, trained->model, bytes, &chunk);

	CHECK_FOR_INTERRUPTS();
	check_status(trained, &model,
				 rs_solver_open()->neighbours(&problem, arena, bytes, rs_tick, &tick, &model),
				 &tick);
	trained->neighbours = (RsItemRows) {model.start, model.start + 1, model.item, model.weight};
}

/* ---- taking over --------------------------------------------------------------- */

void
rs_item_rows_begin(RsItemRowsMaker *maker, const RsRunWords *words, RsTrained *trained)
{
	RsItemRows *rows = &trained->neighbours;
	Size		bytes = mul_size(sizeof(int64), (Size) trained->ratings.items.n);

	*maker = (RsItemRowsMaker) {.words = words,.trained = trained,.capacity = FIRST_ENTRIES};
	rs_run_check_memory(words, trained->model, mul_size(2, bytes));
	rows->start = palloc_extended(bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	rows->end = palloc_extended(bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	rows->item = palloc(FIRST_ENTRIES * sizeof(int32));
	rows->weight = palloc(FIRST_ENTRIES * sizeof(float));
}

/* Room for so many more entries. */
static void
make_room(RsItemRowsMaker *maker, int32 more)
{
	RsItemRows *rows = &maker->trained->neighbours;
	int64		needed = maker->n + more;

	if (needed <= maker->capacity)
		return;
	needed = Max(needed, maker->capacity * 2);
	rs_run_check_memory(maker->words, maker->trained->model,
						mul_size(sizeof(int32) + sizeof(float), needed - maker->capacity));
	rows->item = repalloc_huge(rows->item, mul_size(sizeof(int32), needed));
	rows->weight = repalloc_huge(rows->weight, mul_size(sizeof(float), needed));
	maker->capacity = needed;
}

void
rs_item_rows_add(RsItemRowsMaker *maker, int32 item, const RsNeighbours *row)
{
	RsItemRows *rows = &maker->trained->neighbours;

	make_room(maker, row->n);
	rows->start[item] = maker->n;
	for (int32 i = 0; i < row->n; i++)
	{
		int32		at = rs_idlist_find(&maker->trained->ratings.items, row->ids[i]);

		CHECK_FOR_INTERRUPTS();
		if (at < 0)
			continue;
		rows->item[maker->n] = at;
		rows->weight[maker->n++] = row->weights[i];
	}
	rows->end[item] = maker->n;
}
