/*-------------------------------------------------------------------------
 *
 * user_index.h
 *		Does an index find the rows of one user, and the items of a catalogue?
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_USER_INDEX_H
#define RS_USER_INDEX_H

#include "postgres.h"

#include "store/model.h"

/*
 * Raise a WARNING when serving has to read a whole table to find the rows of one
 * user, as the plan of its very statement tells.  The source is what the model
 * was created on, column that of the user there, definition the columns of an
 * index that answers without the table, as CREATE INDEX takes them.  SPI is connected.
 */
extern void rs_user_index_check(const RsModel *model, Oid source, const char *column,
								const char *definition);

/* The same of items in the catalogue, a view over source. */
extern void rs_catalog_index_check(const RsModel *model, Oid view, Oid source, const char *column);

#endif							/* RS_USER_INDEX_H */
