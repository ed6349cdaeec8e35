/*-------------------------------------------------------------------------
 *
 * factor_table.h
 *		Opening a factor table, and refusing one that was changed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_FACTOR_TABLE_H
#define RS_FACTOR_TABLE_H

#include "postgres.h"

#include "storage/lockdefs.h"
#include "utils/rel.h"

#include "store/model.h"

/* Columns of both tables, in order.  Tables of before 0.2.0 lack the last one. */
enum
{
	FACTORS_VERSION = 1,
	FACTORS_ID,
	FACTORS_FACTORS,
	FACTORS_EXTRA,				/* bias of a user, users of an item */
	FACTORS_PREFERENCE,			/* vector in the preference part, or NULL */
	FACTORS_NATTS = FACTORS_PREFERENCE
};

/*
 * Open the users' or the items' factor table and check that it is as
 * create_model() made it.  Errors: 55000 when it differs.
 */
extern Relation rs_factor_table_open(const RsModel *model, bool of_users, LOCKMODE lockmode);

/* Has an open factor table the column of the preference part? */
static inline bool
rs_factor_table_has_preference(Relation table)
{
	return RelationGetDescr(table)->natts == FACTORS_NATTS;
}

/*
 * Check both and keep no lock, for those who will open them much later.  Error, besides:
 * 55000 when one lacks the column of the preference part, which is needed.
 */
extern void rs_factor_tables_check(const RsModel *model, bool needs_preference);

#endif							/* RS_FACTOR_TABLE_H */
