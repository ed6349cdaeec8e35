/*-------------------------------------------------------------------------
 *
 * factor_table.h
 *		How a factor table is made, opening one, and refusing one that was changed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_FACTOR_TABLE_H
#define RS_FACTOR_TABLE_H

#include "postgres.h"

#include "storage/lockdefs.h"
#include "utils/rel.h"

#include "store/model.h"

/*
 * Columns of both tables, in order; those from the neighbours on are of items only.  Tables
 * of before 0.2.0 lack all from the preference on.
 */
enum
{
	FACTORS_VERSION = 1,
	FACTORS_ID,
	FACTORS_FACTORS,
	FACTORS_EXTRA,				/* bias of a user, users of an item */
	FACTORS_PREFERENCE,			/* vector in the preference part, or NULL */
	FACTORS_NEIGHBOURS,			/* bigint[], text[] or uuid[]: items that it speaks for */
	FACTORS_NEIGHBOUR_WEIGHTS,	/* real[]: how much, each */
	FACTORS_POPULARITY,			/* real, or NULL */
	FACTORS_NATTS = FACTORS_POPULARITY
};

/*
 * Open the users' or the items' factor table and check that it is as
 * create_model() made it.  Errors: 55000 when it differs.
 */
extern Relation rs_factor_table_open(const RsModel *model, bool of_users, LOCKMODE lockmode);

/*
 * SQL that makes a factor table of recsys_data, whose ids are of this kind and stored as
 * this type; and that adds the columns that it lacks where it was made before 0.2.0.
 */
extern char *rs_factor_table_sql(const char *table, bool of_users, const char *id_type,
								 RsIdKind kind);
extern char *rs_factor_table_extend_sql(const RsModel *model, bool of_users);

/* Has an open factor table the columns of the parts that the algorithm auto has? */
static inline bool
rs_factor_table_is_extended(Relation table)
{
	return RelationGetDescr(table)->natts > FACTORS_EXTRA;
}

/*
 * Check both and keep no lock, for those who will open them much later.  Error, besides:
 * 55000 when one lacks the columns of these parts, which are needed.
 */
extern void rs_factor_tables_check(const RsModel *model, bool needs_extended);

#endif							/* RS_FACTOR_TABLE_H */
