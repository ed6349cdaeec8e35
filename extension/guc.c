/*-------------------------------------------------------------------------
 *
 * guc.c
 *		The settings recsys.*, in alphabetical order.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "utils/guc.h"

#include "guc.h"
#include "rs_limits.h"

int			rs_local_cache_size = 256 * 1024;
bool		rs_log_progress = false;
int			rs_training_memory = 4 * 1024 * 1024;
int			rs_training_threads = 0;

/* Define every setting and reserve the prefix. */
void
rs_guc_init(void)
{
	DefineCustomIntVariable("recsys.local_cache_size",
							"Memory of one session for the item factors of the models it asks.",
							"A model that does not fit is read from its table at each call.",
							&rs_local_cache_size, 256 * 1024, 0, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomBoolVariable("recsys.log_progress",
							 "Reports each phase and iteration of a training as NOTICE.",
							 NULL,
							 &rs_log_progress, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("recsys.training_memory",
							"Memory that one training may use.",
							"A training that needs more is refused before it starts to compute.",
							&rs_training_memory, 4 * 1024 * 1024, 1024, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("recsys.training_threads",
							"Threads that one training may use; 0 means one for each core.",
							NULL,
							&rs_training_threads, 0, 0, RS_MAX_THREADS,
							PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("recsys");
}
