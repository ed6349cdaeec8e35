/*-------------------------------------------------------------------------
 *
 * test_reader.h
 *		The held-out data of evaluate() and its kin, user by user.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_TEST_READER_H
#define RS_TEST_READER_H

#include "postgres.h"

#include "executor/spi.h"
#include "utils/portal.h"

#include "store/model.h"

/* One row of the test relation. */
typedef struct RsTestRow
{
	Datum		user_id;
	bool		has_item;
	Datum		item_id;
	bool		has_rating;
	double		rating;
} RsTestRow;

/* All rows of one user, ordered by item and rating. */
typedef struct RsTestUser
{
	Datum		id;
	RsTestRow  *rows;
	int32		n;
	int32		capacity;
} RsTestUser;

typedef struct RsTestReader
{
	const RsModel *model;
	const char *name;			/* of the relation, for messages */
	Portal		portal;
	SPITupleTable *batch;
	uint64		next;			/* in the batch */
	uint64		n;
} RsTestReader;

/*
 * Start to read a relation as the current user, under the active snapshot.  SPI
 * is connected until the end.  Its columns are called as the model's source
 * calls them, or user_id, item_id, rating; the last is read with_rating only.
 * Errors: 42P01 no such relation, 42703 no such column, 42804 a column whose type
 * cannot be an id, though a cast might make one of it.
 */
extern void rs_test_open(RsTestReader *reader, const RsModel *model, Oid test,
						 bool with_rating);

/*
 * The rows of the next user, in ascending order of ids, in the current memory
 * context; false at the end.  Rows without a user are left out.  Errors: 22000
 * for a rating that is not finite (names user and item).
 */
extern bool rs_test_next_user(RsTestReader *reader, RsTestUser *user);

extern void rs_test_close(RsTestReader *reader);

#endif							/* RS_TEST_READER_H */
