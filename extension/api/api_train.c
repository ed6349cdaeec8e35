/*-------------------------------------------------------------------------
 *
 * api_train.c
 *		SQL functions: train, refresh, deploy, rollback, and the rows behind the view
 *		recsys.training_progress.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "api/arguments.h"
#include "api/rows.h"
#include "compat.h"
#include "train/deploy.h"
#include "train/progress.h"
#include "train/trainer.h"

RS_FUNCTION(recsys_train);
RS_FUNCTION(recsys_refresh);
RS_FUNCTION(recsys_deploy);
RS_FUNCTION(recsys_rollback);
RS_FUNCTION(recsys_training_progress_slots);

/* These functions write: refuse where nothing may be written. */
static void
require_writable(const char *command)
{
	PreventCommandDuringRecovery(command);
	PreventCommandIfReadOnly(command);
	PreventCommandIfParallelMode(command);
}

/* train(model text, options jsonb, deploy boolean): one row */
Datum
recsys_train(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo;
	char	   *model = rs_arg_text(fcinfo, 0, "model");
	Jsonb	   *options = DatumGetJsonbP(rs_arg(fcinfo, 1, "options"));
	bool		deploy = DatumGetBool(rs_arg(fcinfo, 2, "deploy"));
	RsTrainResult result;
	Datum		values[8];
	bool		nulls[8] = {false};

	require_writable("recsys.train()");
	rsinfo = rs_rows_begin(fcinfo, lengthof(values));
	rs_train(model, options, deploy, &result);

	values[0] = Int32GetDatum(result.version);
	values[1] = Int32GetDatum(result.users);
	values[2] = Int32GetDatum(result.items);
	values[3] = Int64GetDatum(result.ratings);
	values[4] = Int32GetDatum(result.iterations);
	values[5] = Float8GetDatum(result.loss);
	nulls[5] = !result.has_loss;
	values[6] = Float8GetDatum(result.seconds);
	values[7] = BoolGetDatum(result.deployed);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}

/* refresh(model text, deploy boolean): one row */
Datum
recsys_refresh(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo;
	char	   *model = rs_arg_text(fcinfo, 0, "model");
	bool		deploy = DatumGetBool(rs_arg(fcinfo, 1, "deploy"));
	RsTrainResult result;
	Datum		values[10];
	bool		nulls[10] = {false};

	require_writable("recsys.refresh()");
	rsinfo = rs_rows_begin(fcinfo, lengthof(values));
	rs_refresh(model, deploy, &result);

	values[0] = Int32GetDatum(result.version);
	values[1] = Int32GetDatum(result.refreshed_from);
	values[2] = Int32GetDatum(result.users);
	values[3] = Int32GetDatum(result.items);
	values[4] = Int32GetDatum(result.new_users);
	nulls[4] = !result.has_new_users;
	values[5] = Int32GetDatum(result.new_items);
	values[6] = Int64GetDatum(result.ratings);
	values[7] = Float8GetDatum(result.loss);
	nulls[7] = !result.has_loss;
	values[8] = Float8GetDatum(result.seconds);
	values[9] = BoolGetDatum(result.deployed);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}

/* deploy(model text, version int): void */
Datum
recsys_deploy(PG_FUNCTION_ARGS)
{
	char	   *model = rs_arg_text(fcinfo, 0, "model");
	int			version = DatumGetInt32(rs_arg(fcinfo, 1, "version"));

	require_writable("recsys.deploy()");
	rs_deploy(rs_model_open(model, RS_MODEL_OWN), version);
	PG_RETURN_VOID();
}

/* rollback(model text): void */
Datum
recsys_rollback(PG_FUNCTION_ARGS)
{
	char	   *model = rs_arg_text(fcinfo, 0, "model");

	require_writable("recsys.rollback()");
	rs_rollback(rs_model_open(model, RS_MODEL_OWN));
	PG_RETURN_VOID();
}

/* May the current user know of this training? */
static bool
may_see(const RsProgress *progress)
{
	bool		is_missing = false;

	if (progress->database != MyDatabaseId)
		return false;
	if (has_privs_of_role(GetUserId(), progress->owner))
		return true;
	return pg_class_aclcheck_ext(progress->view, GetUserId(), ACL_SELECT,
								 &is_missing) == ACLCHECK_OK && !is_missing;
}

/*
 * training_progress_slots(): model, pid, user_name, phase, rows_read,
 * iteration, iterations, rows_done, rows_total, loss, started_at
 */
Datum
recsys_training_progress_slots(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo;
	RsProgress *slots = palloc(sizeof(RsProgress) * RS_PROGRESS_SLOTS);
	int			n = rs_progress_read(slots);
	Datum		values[11];

	rsinfo = rs_rows_begin(fcinfo, lengthof(values));
	for (int i = 0; i < n; i++)
	{
		const RsProgress *p = &slots[i];
		char	   *user;
		bool		nulls[11] = {false};

		if (!may_see(p))
			continue;
		user = GetUserNameFromId(p->user, true);
		values[0] = CStringGetTextDatum(p->model);
		values[1] = Int32GetDatum(p->pid);
		nulls[2] = user == NULL;
		if (user != NULL)
			values[2] = CStringGetTextDatum(user);
		values[3] = CStringGetTextDatum(rs_progress_phase_name(p->phase));
		values[4] = Int64GetDatum(p->rows_read);
		values[5] = Int32GetDatum(p->iteration);
		values[6] = Int32GetDatum(p->iterations);
		values[7] = Int64GetDatum(p->rows_done);
		values[8] = Int64GetDatum(p->rows_total);
		values[9] = Float8GetDatum(p->loss);
		nulls[9] = p->iteration == 0;
		values[10] = TimestampTzGetDatum(p->started_at);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
