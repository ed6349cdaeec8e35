/*-------------------------------------------------------------------------
 *
 * guc.c
 *		The settings recsys.*, in alphabetical order.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "guc.h"
#include "rs_limits.h"

int			rs_cache_size = 1024 * 1024;
bool		rs_kafka_allow_superuser = false;
char	   *rs_kafka_databases = "";
char	   *rs_kafka_secret_directory = "";
int			rs_local_cache_size = 256 * 1024;
bool		rs_log_progress = false;
int			rs_serving_memory = 64 * 1024;
int			rs_training_memory = 4 * 1024 * 1024;
int			rs_training_threads = 0;

/* A list of names as they are, in double quotes where they hold a comma or a blank. */
static bool
check_databases(char **value, void **extra, GucSource source)
{
	char	   *copy = pstrdup(*value);
	List	   *names;
	bool		valid = SplitGUCList(copy, ',', &names);

	list_free(names);
	pfree(copy);
	if (!valid)
		GUC_check_errdetail("List syntax is invalid.");
	return valid;
}

/* What is read when the server starts can only be defined then. */
static void
define_at_start(void)
{
	if (process_shared_preload_libraries_in_progress)
		DefineCustomBoolVariable("recsys.kafka_allow_superuser",
								 "Lets superusers own Kafka sources.",
								 "Workers run with the rights of the source's owner.",
								 &rs_kafka_allow_superuser, false,
								 PGC_POSTMASTER, 0, NULL, NULL, NULL);
}

/* Define every setting and reserve the prefix. */
void
rs_guc_init(void)
{
	define_at_start();
	DefineCustomIntVariable("recsys.cache_size",
							"Shared memory for the item factors of the models that sessions ask.",
							"Each version is held once for all sessions; 0 lets each session hold its own.",
							&rs_cache_size, 1024 * 1024, 0, MAX_KILOBYTES,
							PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomStringVariable("recsys.kafka_databases",
							   "Databases whose Kafka sources are read.",
							   NULL,
							   &rs_kafka_databases, "",
							   PGC_SIGHUP, GUC_LIST_INPUT, check_databases, NULL, NULL);
	DefineCustomStringVariable("recsys.kafka_secret_directory",
							   "Directory of the files that sasl_password_file names.",
							   NULL,
							   &rs_kafka_secret_directory, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomIntVariable("recsys.local_cache_size",
							"Memory of one session for the item factors of the models it asks.",
							"A model that does not fit is read from its table at each call.",
							&rs_local_cache_size, 256 * 1024, 0, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomBoolVariable("recsys.log_progress",
							 "Reports each phase and iteration of a training, or of an answer for all users, as NOTICE.",
							 NULL,
							 &rs_log_progress, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("recsys.serving_memory",
							"Memory that the rows of one user may take while they are asked about.",
							"A user with more rows is refused; the option history_limit bounds them.",
							&rs_serving_memory, 64 * 1024, 64, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("recsys.training_memory",
							"Memory that one training, or one answer for all users, may use.",
							"What needs more is refused before it starts to compute.",
							&rs_training_memory, 4 * 1024 * 1024, 1024, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("recsys.training_threads",
							"Threads that one training, or one answer for all users, may use; 0 means one for each core that the server may use.",
							NULL,
							&rs_training_threads, 0, 0, RS_MAX_THREADS,
							PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("recsys");
}
