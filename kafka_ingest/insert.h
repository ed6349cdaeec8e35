/*-------------------------------------------------------------------------
 *
 * insert.h
 *		Rows of text into the target table.
 *
 * on_conflict error goes through COPY's own path, the others through one
 * INSERT ... ON CONFLICT; either as the table's owner (if that is a superuser: as
 * the source's owner) in a security-restricted operation.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_INSERT_H
#define RK_INSERT_H

#include "postgres.h"

#include "batch.h"
#include "mapping.h"
#include "source.h"

typedef struct RkTarget RkTarget;

/*
 * Find the table of a source; its columns are NULL and 0 until rk_target_bind().
 * Errors: 3F000, 42P01 not there, 42809 no table, 42501 no USAGE on its schema.
 * In the current memory context.
 */
extern RkTarget *rk_target_open(const RkSource *source);

/* Its columns, for rk_mapping_build(). */
extern const RkColumn *rk_target_columns(const RkTarget *target, int *ncolumns);

/*
 * Say which columns the rows will have, and check the rights of the source's owner
 * on them.  Errors: 42703 no such column, 428C9 a generated one, 42501 no right, 0A000 row policies hold
 * for him, 42P10 nothing to tell a conflict by (on_conflict update).
 */
extern void rk_target_bind(RkTarget *target, const char *const *columns, int ncolumns);

extern Oid	rk_target_relation(const RkTarget *target);

/*
 * Write rows first .. first + n - 1.  When that raises an error and the row that
 * caused it is known, *failed_row is its index, else -1.
 */
extern void rk_target_insert(RkTarget *target, const RkRows *rows, int first, int n,
							 int *failed_row);

#endif							/* RK_INSERT_H */
