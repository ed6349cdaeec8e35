/*-------------------------------------------------------------------------
 *
 * service.c
 *		Is a database served: the setting that lists it, and what is in the way.
 *
 * Owns nothing; copies one entry of shared memory under its lock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "compat.h"
#include "guc.h"
#include "ingest/service.h"
#include "ingest/slots.h"

List *
rs_kafka_databases_listed(void)
{
	List	   *names;

	if (!SplitGUCList(pstrdup(rs_kafka_databases), ',', &names))
		return NIL;
	return names;
}

bool
rs_kafka_database_listed(const char *database)
{
	ListCell   *cell;

	foreach(cell, rs_kafka_databases_listed())
	{
		if (strcmp(lfirst(cell), database) == 0)
			return true;
	}
	return false;
}

/* The line that adds a database to the setting. */
static char *
setting_line(const char *database)
{
	StringInfoData value;

	initStringInfo(&value);
	appendStringInfoString(&value, rs_kafka_databases);
	if (value.len > 0)
		appendStringInfoString(&value, ", ");
	if (strspn(database, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == strlen(database))
		appendStringInfoString(&value, database);
	else
	{
		appendStringInfoChar(&value, '"');
		for (const char *c = database; *c != '\0'; c++)
		{
			if (*c == '"')
				appendStringInfoChar(&value, '"');
			appendStringInfoChar(&value, *c);
		}
		appendStringInfoChar(&value, '"');
	}
	return psprintf("ALTER SYSTEM SET recsys.kafka_databases = %s; SELECT pg_reload_conf();",
					quote_literal_cstr(value.data));
}

bool
rs_kafka_served(char **reason, char **hint)
{
	RsKafkaShared *shared = rs_slots();
	const char *database = get_database_name(MyDatabaseId);
	RsKafkaDatabase found = {.pid = 0};
	int			launcher;

	if (shared == NULL)
	{
		*reason = pstrdup("recsys is not in shared_preload_libraries");
		*hint = pstrdup("Add it there and restart the server.");
		return false;
	}
	if (!rs_kafka_database_listed(database))
	{
		*reason = psprintf("database \"%s\" is not in recsys.kafka_databases", database);
		*hint = setting_line(database);
		return false;
	}

	LWLockAcquire(shared->common.lock, LW_SHARED);
	launcher = shared->common.launcher_pid;
	for (int i = 0; i < RS_KAFKA_DATABASES; i++)
	{
		if (strcmp(shared->databases[i].name, database) == 0)
			found = shared->databases[i];
	}
	LWLockRelease(shared->common.lock);
	if (launcher == 0)
	{
		*reason = pstrdup(RecoveryInProgress() ? "the server is a standby" :
						  "the launcher of recsys is not running");
		*hint = pstrdup(RecoveryInProgress() ? "Sources are read after a promotion." :
						"It is started again after 10 seconds; the server log says why it ended.");
		return false;
	}
	if (found.pid == 0)
	{
		*reason = pstrdup(found.reason[0] != '\0' ? found.reason : "the supervisor of this database is being started");
		*hint = found.reason[0] != '\0' ? pstrdup(found.hint) : NULL;
		return false;
	}
	return true;
}
