/*-------------------------------------------------------------------------
 *
 * rows.h
 *		Results with columns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_ROWS_H
#define RS_ROWS_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "fmgr.h"
#include "nodes/execnodes.h"

/*
 * Begin a set of rows, or one row, of so many columns.  Error: 42804 where the function
 * is declared with another number of them, as before ALTER EXTENSION recsys UPDATE.
 */
extern ReturnSetInfo *rs_rows_begin(FunctionCallInfo fcinfo, int natts);
extern TupleDesc rs_row_begin(FunctionCallInfo fcinfo, int natts);

/* A column of these rows must be of this type (42804). */
extern void rs_rows_check_type(TupleDesc desc, int column, Oid type);

#endif							/* RS_ROWS_H */
