/*-------------------------------------------------------------------------
 *
 * recsys.c
 *		Module magic and start-up of the library recsys, and calls that do not suit it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/regproc.h"

#include "compat.h"
#include "guc.h"
#include "ingest/hold.h"
#include "ingest/launcher.h"
#include "ingest/slots.h"
#include "kernel/kernel.h"
#include "serve/rewarm.h"
#include "serve/shared_image.h"
#include "train/progress.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void
rs_refuse_missing_argument(FunctionCallInfo fcinfo, int n)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
			 errmsg("function %s has no argument %d, which the installed library needs",
					fcinfo->flinfo == NULL ? "?" : format_procedure(fcinfo->flinfo->fn_oid), n + 1),
			 errhint("ALTER EXTENSION recsys UPDATE makes the functions those of the library.")));
}

/* Runs once per process, in the postmaster when preloaded. */
void
_PG_init(void)
{
	rs_kernel_init();
	rs_guc_init();
	if (!process_shared_preload_libraries_in_progress)
		return;
	rs_progress_install();
	rs_shared_image_install();
	rs_rewarm_install();
	rs_slots_install();
	rs_launcher_install();
	rs_hold_install();
}
