/*-------------------------------------------------------------------------
 *
 * factors.h
 *		Rows of the factor tables recsys_data.<model>_user_factors and
 *		recsys_data.<model>_item_factors.
 *
 * user: (version, user_id, factors, bias, preference); factors are x, or (x, 1)
 * when the model has biases.  item: (version, item_id, factors, users, preference,
 * neighbours, neighbour_weights, popularity); factors are y, or (y, b_i); users is how
 * many like the item (kernel/cells.h).  preference is the vector in the preference part;
 * neighbours are the items that this one speaks for to users who like it, in ascending
 * order, and neighbour_weights how much; each is NULL where the version lacks the part.
 * The rows of a version never change.  Reading needs no right on the tables: the caller has
 * checked the right on the view.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_FACTORS_H
#define RS_FACTORS_H

#include "postgres.h"

#include "store/model.h"
#include "type/recvec.h"

typedef struct RsUserFactors
{
	RsRecvec   *parts[RS_MAX_PARTS];	/* NULL where the version lacks the part */
	float4		bias;
} RsUserFactors;

/* Of the item part: the items that an item speaks for. */
typedef struct RsNeighbours
{
	int32		n;
	Datum	   *ids;			/* ascending, of the model's kind of items; NULL: the
								 * version has no item part */
	float4	   *weights;		/* finite */
} RsNeighbours;

typedef struct RsItemFactors
{
	RsRecvec   *parts[RS_MAX_PARTS];	/* the same */
	int32		users;
	RsNeighbours neighbours;
	float4		popularity;		/* NaN where the version lacks that part */
} RsItemFactors;

/* Components of the vectors of a part: k, or k + 1 with biases; 0 if there is none. */
extern int	rs_factors_dim(const RsVersion *version, int part);

/*
 * One row by id under the active snapshot, palloc'd; false if absent.  Errors,
 * of the next functions too: 55000 when the table is not as create_model() makes
 * it, XX001 when a value is not as training writes it.
 */
extern bool rs_factors_read_user(const RsModel *model, const RsVersion *version,
								 Datum user_id, RsUserFactors *row);
extern bool rs_factors_read_item(const RsModel *model, const RsVersion *version,
								 Datum item_id, RsItemFactors *row);

/* What takes the rows of items one by one; its arguments live until it returns. */
typedef void (*RsItemCallback) (void *arg, Datum item_id, const RsItemFactors *row);

/*
 * Every item of a version, as many as it was published with, in no particular order, with
 * its neighbours or, as if the version had no item part, without.  False if this
 * transaction wrote some of the rows: then they may be gone when it ends.
 * Error, besides: XX001 when there are fewer rows, or more.
 */
extern bool rs_factors_scan_items(const RsModel *model, const RsVersion *version,
								  bool neighbours, RsItemCallback callback, void *arg);

/*
 * The same with neighbours, sorted by id, which takes work_mem, and disk, where the ids are
 * text of another collation than C.
 */
extern bool rs_factors_scan_sorted(const RsModel *model, const RsVersion *version,
								   RsItemCallback callback, void *arg);

/*
 * Those of a list with a table that the version has, in no particular order: looked up,
 * or by a scan when they are many.
 */
extern void rs_factors_read_items(const RsModel *model, const RsVersion *version,
								  const RsIdList *items, bool neighbours,
								  RsItemCallback callback, void *arg);

/* The ids of the users of a version that have rows. */
typedef void (*RsUserIdCallback) (void *arg, Datum user_id);
extern void rs_factors_scan_users(const RsModel *model, const RsVersion *version,
								  RsUserIdCallback callback, void *arg);

/*
 * Bulk insertion, one table at a time, within rs_owner_begin/end.  A row is
 * copied.  The rows are visible to the transaction's next command.
 */
typedef struct RsFactorWriter RsFactorWriter;

extern RsFactorWriter *rs_factors_begin_insert_users(const RsModel *model, int version);
extern RsFactorWriter *rs_factors_begin_insert_items(const RsModel *model, int version);
extern void rs_factors_insert_user(RsFactorWriter *writer, Datum user_id,
								   const RsUserFactors *row);
extern void rs_factors_insert_item(RsFactorWriter *writer, Datum item_id,
								   const RsItemFactors *row);
extern void rs_factors_end_insert(RsFactorWriter *writer);

#endif							/* RS_FACTORS_H */
