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
#include "utils/relcache.h"

#include "store/model.h"

/* Columns of both tables, in order. */
enum
{
	FACTORS_VERSION = 1,
	FACTORS_ID,
	FACTORS_FACTORS,
	FACTORS_EXTRA,				/* bias of a user, users of an item */
	FACTORS_NATTS = FACTORS_EXTRA
};

/*
 * Open the users' or the items' factor table and check that it is as
 * create_model() made it.  Errors: 55000 when it differs.
 */
extern Relation rs_factor_table_open(const RsModel *model, bool of_users, LOCKMODE lockmode);

/* Check both and keep no lock, for those who will open them much later. */
extern void rs_factor_tables_check(const RsModel *model);

#endif							/* RS_FACTOR_TABLE_H */
