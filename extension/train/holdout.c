/*-------------------------------------------------------------------------
 *
 * holdout.c
 *		Rows of a training that are kept apart, to see what a trial makes of the others.
 *
 * By time all rows after one moment are held out, of all users, as what others did
 * later is not known either when a list is made.  A random share of each user's rows
 * says something else: there recent popularity is worth nothing, and what sells
 * together is worth too much.
 *
 * Memory: a byte a row, some bytes a user and an item, and the rows of the users who are
 * asked, counted before they are taken.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "compat.h"
#include "interrupt.h"
#include "kernel/rng.h"
#include "store/id.h"
#include "train/holdout.h"
#include "train/solver_run.h"

/* Users who are asked, about: more would tell little more. */
#define MOST_USERS		4000

/* What is held out: of all rows by time, of the pairs of a user at random. */
#define LAST_SHARE		0.1
#define RANDOM_SHARE	0.2

/* Rows among which the moment is sought that divides them. */
#define SAMPLE_ROWS		100000

/* What the hashes are for; the same seed draws the initial factors. */
#define DRAW_USERS		1
#define DRAW_PAIRS		2
#define DRAW_SAMPLE		3

#define RS_SORT_NAME	times
#define RS_SORT_TYPE	int64_t
#define RS_SORT_BEFORE(a, b)	(*(a) < *(b))
#include "kernel/heap_sort.h"

/* What is needed while rows are divided. */
typedef struct Division
{
	const RsRatings *ratings;
	bool		implicit;
	uint64		seed;
	MemoryContext run;
	uint64	   *item_hash;
	int32	   *kept_rows;		/* of each user */
	int32	   *held_rows;
	bool	   *is_asked;
	RsHoldout  *holdout;
} Division;

static void *
alloc_zero(Size size, Size n)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, mul_size(size, Max(n, 1)),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* ---- draws ----------------------------------------------------------------- */

/* A number in [0, 1) for a user and for one of their pairs. */
static double
draw(const Division *d, uint64 user_hash, uint64 item_hash, int purpose)
{
	uint64		hash = rs_hash_int(item_hash, rs_hash_int(user_hash, d->seed + purpose));

	return (double) (hash >> 11) / (double) (UINT64CONST(1) << 53);
}

static double
draw_user(const Division *d, int32 user, int purpose)
{
	return draw(d, rs_idlist_hash(&d->ratings->users, user, 0), 0, purpose);
}

static double
draw_row(const Division *d, int64 row, int purpose)
{
	return draw(d, rs_idlist_hash(&d->ratings->users, d->ratings->user[row], 0),
				d->item_hash[d->ratings->item[row]], purpose);
}

/* Ask some MOST_USERS of those who may be asked. */
static void
draw_users(Division *d)
{
	int32		n = 0;

	for (int32 u = 0; u < d->ratings->users.n; u++)
	{
		CHECK_FOR_INTERRUPTS();
		n += d->is_asked[u];
	}
	d->holdout->most_users = n;
	if (n <= MOST_USERS)
		return;
	for (int32 u = 0; u < d->ratings->users.n; u++)
	{
		CHECK_FOR_INTERRUPTS();
		d->is_asked[u] = d->is_asked[u] && draw_user(d, u, DRAW_USERS) * n < MOST_USERS;
	}
}

/* ---- which rows -------------------------------------------------------------- */

/* Count the rows of each user, and those held out. */
static void
count_rows(Division *d)
{
	const RsRatings *r = d->ratings;

	d->holdout->n_held = 0;
	memset(d->kept_rows, 0, r->users.n * sizeof(int32));
	memset(d->held_rows, 0, r->users.n * sizeof(int32));
	for (int64 i = 0; i < r->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (d->holdout->is_held[i])
			d->held_rows[r->user[i]]++;
		else
			d->kept_rows[r->user[i]]++;
		d->holdout->n_held += d->holdout->is_held[i];
	}
}

/*
 * The time that at most LAST_SHARE of the rows are later than.  Of many rows those
 * that a draw takes answer for all.
 */
static int64
find_cut(const Division *d)
{
	const RsRatings *r = d->ratings;
	double		share = (double) SAMPLE_ROWS / r->n;
	int64	   *times = alloc_zero(sizeof(int64), Min(r->n, 2 * SAMPLE_ROWS));
	int64		cut;
	int32		n = 0;

	for (int64 i = 0; i < r->n && n < 2 * SAMPLE_ROWS; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (share >= 1 || draw_row(d, i, DRAW_SAMPLE) < share)
			times[n++] = r->time[i];
	}
	if (n == 0)
		return PG_INT64_MAX;
	(void) times_sort((int64_t *) times, n, rs_interrupt, NULL);
	cut = times[(int32) ((1 - LAST_SHARE) * (n - 1))];
	pfree(times);
	return cut;
}

/* Hold out what is later than the cut, and ask those who have rows on both sides. */
static void
divide_by_time(Division *d)
{
	const RsRatings *r = d->ratings;
	RsHoldout  *h = d->holdout;

	h->by_time = true;
	h->cut = find_cut(d);
	for (int64 i = 0; i < r->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		h->is_held[i] = r->time[i] > h->cut;
	}
	count_rows(d);
	for (int32 u = 0; u < r->users.n; u++)
	{
		CHECK_FOR_INTERRUPTS();
		d->is_asked[u] = d->kept_rows[u] > 0 && d->held_rows[u] > 0;
	}
	draw_users(d);
}

/* Ask users with two rows or more, and hold out a share of their pairs. */
static void
divide_at_random(Division *d)
{
	const RsRatings *r = d->ratings;
	RsHoldout  *h = d->holdout;

	h->by_time = false;
	for (int32 u = 0; u < r->users.n; u++)
	{
		CHECK_FOR_INTERRUPTS();
		d->is_asked[u] = (int64) d->kept_rows[u] + d->held_rows[u] >= 2;
	}
	draw_users(d);
	for (int64 i = 0; i < r->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		h->is_held[i] = d->is_asked[r->user[i]] && draw_row(d, i, DRAW_PAIRS) < RANDOM_SHARE;
	}
	count_rows(d);
}

/* ---- the rows of those who are asked ------------------------------------------- */

/* Room for the rows of those who are asked; false if there is none. */
static bool
make_room(const Division *d)
{
	RsHoldout  *h = d->holdout;
	int32		n = 0;
	int64		seen = 0;
	int64		held = 0;

	for (int32 u = 0; u < d->ratings->users.n; u++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!d->is_asked[u])
			continue;
		n++;
		seen += d->kept_rows[u];
		held += d->held_rows[u];
	}
	if (!rs_run_fits(d->run, add_size(mul_size(n, sizeof(int32) + 2 * sizeof(int64)),
									  add_size(mul_size(seen, sizeof(int32)),
											   mul_size(held, sizeof(RsCell))))))
		return false;
	h->n_users = n;
	h->user = alloc_zero(sizeof(int32), n);
	h->seen_from = alloc_zero(sizeof(int64), (Size) n + 1);
	h->held_from = alloc_zero(sizeof(int64), (Size) n + 1);
	h->seen = alloc_zero(sizeof(int32), seen);
	h->held = alloc_zero(sizeof(RsCell), held);
	return true;
}

/*
 * Deal the rows out to those who are asked.  While that goes on, from[a + 1] is where
 * the next row of user a goes; at the end it is where those of user a + 1 begin.
 */
static void
deal_rows(const Division *d)
{
	const RsRatings *r = d->ratings;
	RsHoldout  *h = d->holdout;
	int32	   *place = alloc_zero(sizeof(int32), r->users.n);
	int32		n = 0;
	int64		seen = 0;
	int64		held = 0;

	for (int32 u = 0; u < r->users.n; u++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!d->is_asked[u])
			continue;
		h->user[n] = u;
		place[u] = ++n;
		h->seen_from[n] = seen;
		h->held_from[n] = held;
		seen += d->kept_rows[u];
		held += d->held_rows[u];
	}
	for (int64 i = 0; i < r->n; i++)
	{
		int32		at = place[r->user[i]];

		CHECK_FOR_INTERRUPTS();
		if (at == 0)
			continue;
		if (h->is_held[i])
			h->held[h->held_from[at]++] = (RsCell) {r->item[i], r->value[i],
			r->time == NULL ? PG_INT64_MIN : r->time[i]};
		else
			h->seen[h->seen_from[at]++] = r->item[i];
	}
	pfree(place);
}

/* Keep of a user's cells, once reduced, those that a list could find; how many. */
static int32
keep_findable(const Division *d, RsCell *cells, int32 n, const bool *is_seen)
{
	int32		kept = 0;

	n = rs_cells_reduce(cells, n, d->implicit, rs_interrupt, NULL);
	for (int32 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!is_seen[cells[i].index] &&
			(!d->implicit || rs_cell_is_like(cells[i].value, true, 0)))
			cells[kept++] = cells[i];
	}
	return kept;
}

static void
mark_seen(const RsHoldout *h, int64 begin, int64 end, bool *is_seen, bool seen)
{
	for (int64 i = begin; i < end; i++)
	{
		CHECK_FOR_INTERRUPTS();
		is_seen[h->seen[i]] = seen;
	}
}

/* Reduce the rows to cells, close up the gaps, and leave out users without any. */
static void
close_up(const Division *d)
{
	RsHoldout  *h = d->holdout;
	bool	   *is_seen = alloc_zero(sizeof(bool), d->ratings->items.n);
	int32		n = 0;
	int64		seen = 0;
	int64		held = 0;
	int64		seen_begin = 0;
	int64		held_begin = 0;

	for (int32 a = 0; a < h->n_users; a++)
	{
		int64		seen_end = h->seen_from[a + 1];
		int64		held_end = h->held_from[a + 1];
		int32		n_held;

		CHECK_FOR_INTERRUPTS();
		mark_seen(h, seen_begin, seen_end, is_seen, true);
		n_held = keep_findable(d, h->held + held_begin, (int32) (held_end - held_begin), is_seen);
		mark_seen(h, seen_begin, seen_end, is_seen, false);
		if (n_held > 0 && seen_end > seen_begin)
		{
			memmove(h->seen + seen, h->seen + seen_begin, (seen_end - seen_begin) * sizeof(int32));
			memmove(h->held + held, h->held + held_begin, n_held * sizeof(RsCell));
			h->user[n++] = h->user[a];
			h->seen_from[n] = seen += seen_end - seen_begin;
			h->held_from[n] = held += n_held;
		}
		seen_begin = seen_end;
		held_begin = held_end;
	}
	h->n_users = n;
	pfree(is_seen);
}

/* False without memory. */
static bool
collect(const Division *d)
{
	if (!make_room(d))
		return false;
	deal_rows(d);
	close_up(d);
	return true;
}

/* ---- both ---------------------------------------------------------------------- */

static void
drop_users(RsHoldout *holdout)
{
	pfree(holdout->user);
	pfree(holdout->seen_from);
	pfree(holdout->held_from);
	pfree(holdout->seen);
	pfree(holdout->held);
	holdout->n_users = 0;
}

static bool
divide(Division *d)
{
	if (d->ratings->time != NULL)
	{
		divide_by_time(d);
		if (!collect(d))
			return false;
		if (d->holdout->n_users >= RS_HOLDOUT_LEAST)
			return true;
		drop_users(d->holdout);
	}
	else
		count_rows(d);
	divide_at_random(d);
	if (!collect(d))
		return false;
	if (d->holdout->n_users < RS_HOLDOUT_LEAST)
		drop_users(d->holdout);
	return true;
}

/* What is taken before it is known who is asked. */
static Size
division_memory(const RsRatings *ratings)
{
	Size		bytes = mul_size(sizeof(bool), (Size) ratings->n);

	bytes = add_size(bytes, mul_size(sizeof(uint64) + sizeof(bool), ratings->items.n));
	bytes = add_size(bytes, mul_size(3 * sizeof(int32) + sizeof(bool), ratings->users.n));
	return add_size(bytes, 2 * SAMPLE_ROWS * sizeof(int64));
}

bool
rs_holdout_make(const RsRatings *ratings, bool implicit, uint64 seed, MemoryContext run,
				RsHoldout *holdout)
{
	Division	d = {.ratings = ratings,.implicit = implicit,.seed = seed,.run = run,
	.holdout = holdout};
	bool		fits;

	memset(holdout, 0, sizeof(RsHoldout));
	if (!rs_run_fits(run, division_memory(ratings)))
		return false;
	holdout->is_held = alloc_zero(sizeof(bool), ratings->n);
	d.item_hash = alloc_zero(sizeof(uint64), ratings->items.n);
	d.kept_rows = alloc_zero(sizeof(int32), ratings->users.n);
	d.held_rows = alloc_zero(sizeof(int32), ratings->users.n);
	d.is_asked = alloc_zero(sizeof(bool), ratings->users.n);
	for (int32 i = 0; i < ratings->items.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		d.item_hash[i] = rs_idlist_hash(&ratings->items, i, 0);
	}
	fits = divide(&d);
	pfree(d.item_hash);
	pfree(d.kept_rows);
	pfree(d.held_rows);
	pfree(d.is_asked);
	return fits;
}
