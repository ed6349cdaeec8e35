/*-------------------------------------------------------------------------
 *
 * rows.c
 *		Results with columns: as many, and of the types, as the function fills in.
 *
 * How a function is declared is up to the database, not to the library.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"

#include "api/rows.h"

static void
refuse_result(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("function is declared with another result than the installed library returns"),
			 errhint("ALTER EXTENSION recsys UPDATE makes the functions those of the library.")));
}

ReturnSetInfo *
rs_rows_begin(FunctionCallInfo fcinfo, int natts)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	/* the executor has found how the function is declared */
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (rsinfo->setDesc->natts != natts)
		refuse_result();
	return rsinfo;
}

TupleDesc
rs_row_begin(FunctionCallInfo fcinfo, int natts)
{
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE || desc->natts != natts)
		refuse_result();
	return BlessTupleDesc(desc);
}

void
rs_rows_check_type(TupleDesc desc, int column, Oid type)
{
	if (TupleDescAttr(desc, column)->atttypid != type)
		refuse_result();
}
