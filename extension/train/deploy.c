/*-------------------------------------------------------------------------
 *
 * deploy.c
 *		Which of a model's versions serves.
 *
 * The model's row is locked first and the versions are read by a later
 * statement: a training that is about to commit may be deleting some.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "compat.h"
#include "train/deploy.h"

static void
connect_spi(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

/* Run a statement with the model's name as $1 and perhaps a version as $2. */
static void
execute(const RsModel *model, const char *sql, int nargs, int version)
{
	Oid			types[] = {TEXTOID, INT4OID};
	Datum		values[] = {CStringGetTextDatum(model->name), Int32GetDatum(version)};

	rs_catalog_execute(sql, nargs, types, values, NULL, false);
}

/* The first column of the first row as int, 0 when there is none or NULL. */
static int
first_int(void)
{
	bool		isnull;
	Datum		value;

	if (SPI_processed == 0)
		return 0;
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? 0 : DatumGetInt32(value);
}

/* Lock the model's row against trainings that publish; the active version. */
static int
lock_model(const RsModel *model)
{
	execute(model, "SELECT active_version FROM recsys.model"
			" WHERE name = $1 FOR NO KEY UPDATE", 1, 0);
	if (SPI_processed != 1)
		rs_model_missing(model->name);
	return first_int();
}

void
rs_activate(const RsModel *model, int version)
{
	execute(model, "UPDATE recsys.model SET active_version = $2 WHERE name = $1",
			2, version);
}

void
rs_deploy(const RsModel *model, int version)
{
	connect_spi();
	lock_model(model);
	execute(model, "SELECT 1 FROM recsys.model_version"
			" WHERE model = $1 AND version = $2", 2, version);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no version %d", model->name, version),
				 errhint("The view recsys.model_versions lists the versions.")));
	rs_activate(model, version);
	SPI_finish();
}

void
rs_rollback(const RsModel *model)
{
	int			active;
	int			version;

	connect_spi();
	active = lock_model(model);
	execute(model, "SELECT pg_catalog.max(version) FROM recsys.model_version"
			" WHERE model = $1 AND version < $2", 2, active);
	version = first_int();
	if (version == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 active == 0 ? errmsg("model \"%s\" has no active version", model->name) :
				 errmsg("model \"%s\" has no version before %d", model->name, active),
				 errhint("The view recsys.model_versions lists the versions.")));
	rs_activate(model, version);
	SPI_finish();
}
