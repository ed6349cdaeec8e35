/*-------------------------------------------------------------------------
 *
 * recsys.c
 *		Module magic and start-up of the library recsys.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "compat.h"
#include "guc.h"
#include "ingest/hold.h"
#include "ingest/launcher.h"
#include "ingest/slots.h"
#include "kernel/kernel.h"
#include "serve/shared_image.h"
#include "train/progress.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

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
	rs_slots_install();
	rs_launcher_install();
	rs_hold_install();
}
