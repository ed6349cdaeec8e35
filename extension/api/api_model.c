/*-------------------------------------------------------------------------
 *
 * api_model.c
 *		create_model, alter_model, drop_model, model_view, options: arguments and
 *		results; the trigger model_bind.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "api/arguments.h"
#include "api/rows.h"
#include "compat.h"
#include "store/define.h"
#include "store/known.h"
#include "store/model.h"

RS_FUNCTION(recsys_create_model);
RS_FUNCTION(recsys_alter_model);
RS_FUNCTION(recsys_drop_model);
RS_FUNCTION(recsys_model_view);
RS_FUNCTION(recsys_model_bind);
RS_FUNCTION(recsys_options);

/* A trigger of recsys.model, after a row was inserted; the name is the first column. */
Datum
recsys_model_bind(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	char	   *name;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || !TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
		RelationGetRelid(trigger->tg_relation) != rs_model_table())
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"recsys.model_bind\" is a trigger for inserted rows of recsys.model")));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	name = SPI_getvalue(trigger->tg_trigtuple, RelationGetDescr(trigger->tg_relation), 1);
	rs_model_bind(name);
	SPI_finish();
	return PointerGetDatum(NULL);
}

/*
 * The arguments catalog and catalog_column, from this number on; there are none while
 * the extension is not updated from 0.1.0.
 */
static void
catalog_args(FunctionCallInfo fcinfo, int n, Oid *catalog, const char **column)
{
	if (PG_NARGS() > n && !PG_ARGISNULL(n))
		*catalog = PG_GETARG_OID(n);
	if (PG_NARGS() > n + 1 && !PG_ARGISNULL(n + 1))
		*column = rs_arg_name(fcinfo, n + 1, "catalog_column");
}

/*
 * create_model(model, source, user_column, item_column, rating_column,
 *				time_column, feedback, algorithm, run_as, options, catalog,
 *				catalog_column)
 */
Datum
recsys_create_model(PG_FUNCTION_ARGS)
{
	RsModelDefinition definition = {0};

	PreventCommandIfReadOnly("recsys.create_model()");
	definition.name = rs_arg_text(fcinfo, 0, "model");
	definition.source = DatumGetObjectId(rs_arg(fcinfo, 1, "source"));
	definition.user_column = rs_arg_name(fcinfo, 2, "user_column");
	definition.item_column = rs_arg_name(fcinfo, 3, "item_column");
	if (!PG_ARGISNULL(4))
		definition.rating_column = rs_arg_name(fcinfo, 4, "rating_column");
	if (!PG_ARGISNULL(5))
		definition.time_column = rs_arg_name(fcinfo, 5, "time_column");
	definition.feedback = rs_feedback_parse(rs_arg_text(fcinfo, 6, "feedback"));
	definition.algorithm = rs_algorithm_parse(rs_arg_text(fcinfo, 7, "algorithm"));
	definition.run_as_owner = rs_run_as_parse(rs_arg_text(fcinfo, 8, "run_as"));
	definition.options = DatumGetJsonbP(rs_arg(fcinfo, 9, "options"));
	catalog_args(fcinfo, 10, &definition.catalog, &definition.catalog_column);
	rs_model_create(&definition);
	PG_RETURN_VOID();
}

/*
 * alter_model(model, feedback, algorithm, run_as, options, catalog, catalog_column,
 *			   drop_catalog); NULL = unchanged
 */
Datum
recsys_alter_model(PG_FUNCTION_ARGS)
{
	RsModelChange change = {0};

	PreventCommandIfReadOnly("recsys.alter_model()");
	if (!PG_ARGISNULL(1))
		change.feedback = rs_arg_text(fcinfo, 1, "feedback");
	if (!PG_ARGISNULL(2))
		change.algorithm = rs_arg_text(fcinfo, 2, "algorithm");
	if (!PG_ARGISNULL(3))
		change.run_as = rs_arg_text(fcinfo, 3, "run_as");
	if (!PG_ARGISNULL(4))
		change.options = PG_GETARG_JSONB_P(4);
	catalog_args(fcinfo, 5, &change.catalog, &change.catalog_column);
	change.drop_catalog = PG_NARGS() > 7 && DatumGetBool(rs_arg(fcinfo, 7, "drop_catalog"));
	rs_model_alter(rs_arg_text(fcinfo, 0, "model"), &change);
	PG_RETURN_VOID();
}

/* drop_model(model, if_exists) */
Datum
recsys_drop_model(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("recsys.drop_model()");
	rs_model_drop(rs_arg_text(fcinfo, 0, "model"),
				  DatumGetBool(rs_arg(fcinfo, 1, "if_exists")));
	PG_RETURN_VOID();
}

/* model_view(model): NULL unless the view and both factor tables are there */
Datum
recsys_model_view(PG_FUNCTION_ARGS)
{
	Oid			view = rs_model_view(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	if (!OidIsValid(view))
		PG_RETURN_NULL();
	PG_RETURN_OID(view);
}

/* Columns of options(), */
#define OPTION_NATTS 7

/* which has one row for each option. */
Datum
recsys_options(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = rs_rows_begin(fcinfo, OPTION_NATTS);
	RsOptionDescription option;

	for (int i = 0; rs_options_describe(i, &option); i++)
	{
		const char *texts[OPTION_NATTS] = {
			option.name, option.type, option.default_explicit,
			option.default_implicit, option.range, option.algorithms, option.meaning
		};
		Datum		values[OPTION_NATTS];
		bool		nulls[OPTION_NATTS];

		for (int column = 0; column < OPTION_NATTS; column++)
		{
			nulls[column] = texts[column] == NULL;
			values[column] = nulls[column] ? (Datum) 0 : CStringGetTextDatum(texts[column]);
		}
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
