/*-------------------------------------------------------------------------
 *
 * test_reader.c
 *		The held-out data of evaluate() and its kin, user by user.
 *
 * The test relation is read once, ordered by user, through a cursor.
 *
 * Memory: a batch of the cursor, and the rows of one user in the caller's
 * context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/uuid.h"

#include "compat.h"
#include "serve/test_reader.h"

/* Rows of the test relation that are fetched at a time. */
#define BATCH_ROWS	10000

/* The column that is called like the one of the source, or by the usual name. */
static const char *
find_column(Oid test, const char *of_source, const char *usual)
{
	if (of_source != NULL && get_attnum(test, of_source) != InvalidAttrNumber)
		return of_source;
	if (get_attnum(test, usual) != InvalidAttrNumber)
		return usual;
	if (of_source == NULL || strcmp(of_source, usual) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("relation \"%s\" has no column \"%s\"",
						get_rel_name(test), usual)));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("relation \"%s\" has neither a column \"%s\" nor a column \"%s\"",
					get_rel_name(test), of_source, usual)));
}

/*
 * The column as an id of a kind, such as t.customer::pg_catalog.int8.  A cast of
 * what cannot be an id would round 1.4 to user 1, or write 5 as "5.0".
 */
static const char *
id_expression(Oid test, RsIdKind kind, const char *column)
{
	Oid			type = getBaseType(get_atttype(test, get_attnum(test, column)));
	RsIdKind	given;

	if (!rs_id_kind_of_type(type, &given))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot be an id", column, format_type_be(type)),
				 errhint("Ids may be smallint, integer, bigint, text, varchar or uuid; a view can cast others.")));
	switch (kind)
	{
		case RS_ID_BIGINT:
			return psprintf("t.%s::pg_catalog.int8", quote_identifier(column));
		case RS_ID_TEXT:
			return psprintf("(t.%s::pg_catalog.text COLLATE pg_catalog.\"C\")",
							quote_identifier(column));
		case RS_ID_UUID:
			return psprintf("t.%s::pg_catalog.uuid", quote_identifier(column));
	}
	elog(ERROR, "unrecognized id kind: %d", (int) kind);
}

/*
 * All rows with a user, in ascending order of ids, such as
 *
 *	SELECT t.who::pg_catalog.int8, t.what::pg_catalog.int8, t.stars::pg_catalog.float8
 *	FROM public.held_out AS t WHERE t.who::pg_catalog.int8 IS NOT NULL ORDER BY 1, 2, 3
 */
static char *
test_query(const RsModel *model, Oid test, const char *name, bool with_rating)
{
	const char *rating = "NULL::pg_catalog.float8";
	const char *user;
	const char *item;

	user = id_expression(test, model->user_kind,
						 find_column(test, model->user_column, "user_id"));
	item = id_expression(test, model->item_kind,
						 find_column(test, model->item_column, "item_id"));
	if (with_rating)
		rating = psprintf("t.%s::pg_catalog.float8",
						  quote_identifier(find_column(test, model->rating_column, "rating")));
	return psprintf("SELECT %s, %s, %s FROM %s AS t WHERE %s IS NOT NULL"
					" ORDER BY 1, 2, 3",
					user, item, rating, name, user);
}

/* Such as public.held_out */
static const char *
qualified_name(Oid test)
{
	const char *name = get_rel_name(test);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", test)));
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(test)), name);
}

void
rs_test_open(RsTestReader *reader, const RsModel *model, Oid test, bool with_rating)
{
	const char *name = qualified_name(test);
	SPIPlanPtr	plan = SPI_prepare(test_query(model, test, name, with_rating), 0, NULL);

	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	memset(reader, 0, sizeof(RsTestReader));
	reader->model = model;
	reader->name = name;		/* a view may be dropped while it is read */
	reader->portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	/* out of reach of a CLOSE ALL in a function of the model's view */
	PinPortal(reader->portal);
}

void
rs_test_close(RsTestReader *reader)
{
	UnpinPortal(reader->portal);
	SPI_cursor_close(reader->portal);
}

/* Such as: test data public.held_out of model "shop" */
static void
tell_test(void *arg)
{
	const RsTestReader *reader = arg;

	errcontext("test data %s of model \"%s\"", reader->name, reader->model->name);
}

/* Is there one more row?  Fetches the next batch when the last is used up. */
static bool
has_row(RsTestReader *reader)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorContextCallback callback = {error_context_stack, tell_test, reader};

	if (reader->next < reader->n)
		return true;
	if (reader->batch != NULL)
		SPI_freetuptable(reader->batch);
	error_context_stack = &callback;
	SPI_cursor_fetch(reader->portal, true, BATCH_ROWS);
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(caller);	/* SPI leaves another one current */
	reader->batch = SPI_tuptable;
	reader->n = SPI_processed;
	reader->next = 0;
	return reader->n > 0;
}

static Datum
copy_id(Datum id, RsIdKind kind)
{
	if (kind == RS_ID_TEXT)
		return PointerGetDatum(PG_DETOAST_DATUM_COPY(id));
	return datumCopy(id, kind == RS_ID_BIGINT,
					 kind == RS_ID_UUID ? UUID_LEN : (int) sizeof(int64));
}

static void
check_rating(const RsModel *model, const RsTestRow *row)
{
	if (!row->has_rating || isfinite(row->rating))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("rating is not a finite number"),
			 errdetail("User \"%s\", item \"%s\" of the test data.",
					   rs_id_to_cstring(row->user_id, model->user_kind),
					   row->has_item ?
					   rs_id_to_cstring(row->item_id, model->item_kind) : "")));
}

/* The next row; ids still point into the batch. */
static RsTestRow
peek_row(const RsTestReader *reader)
{
	const SPITupleTable *batch = reader->batch;
	HeapTuple	tuple = batch->vals[reader->next];
	RsTestRow		row = {0};
	bool		isnull;
	Datum		rating;

	row.user_id = SPI_getbinval(tuple, batch->tupdesc, 1, &isnull);
	row.item_id = SPI_getbinval(tuple, batch->tupdesc, 2, &isnull);
	row.has_item = !isnull;
	rating = SPI_getbinval(tuple, batch->tupdesc, 3, &isnull);
	row.has_rating = !isnull;
	row.rating = isnull ? 0 : DatumGetFloat8(rating);
	return row;
}

static void
append_row(RsTestUser *user, const RsTestRow *row)
{
	if (user->n == user->capacity)
	{
		if (user->capacity > PG_INT32_MAX / 2)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many rows for one user")));
		user->capacity *= 2;
		user->rows = repalloc_huge(user->rows, mul_size(sizeof(RsTestRow), user->capacity));
	}
	user->rows[user->n++] = *row;
}

bool
rs_test_next_user(RsTestReader *reader, RsTestUser *user)
{
	RsIdKind	user_kind = reader->model->user_kind;

	if (!has_row(reader))
		return false;
	user->id = copy_id(peek_row(reader).user_id, user_kind);
	user->n = 0;
	user->capacity = 16;
	user->rows = palloc(user->capacity * sizeof(RsTestRow));
	while (has_row(reader))
	{
		RsTestRow		row = peek_row(reader);

		if (user_kind == RS_ID_TEXT)
			row.user_id = PointerGetDatum(PG_DETOAST_DATUM_PACKED(row.user_id));
		if (rs_id_compare(row.user_id, user->id, user_kind) != 0)
			break;
		row.user_id = user->id;
		if (row.has_item)
			row.item_id = copy_id(row.item_id, reader->model->item_kind);
		check_rating(reader->model, &row);
		append_row(user, &row);
		reader->next++;
	}
	return true;
}
