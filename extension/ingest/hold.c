/*-------------------------------------------------------------------------
 *
 * hold.c
 *		DROP DATABASE, ALTER DATABASE ... RENAME and SET TABLESPACE, and CREATE
 *		DATABASE from a template need a database without sessions: our processes
 *		leave it for as long as the command runs.
 *
 * Active in every database of a server that preloads recsys, whether or not the
 * extension is in it.  A hold is a name in RkShared.holds, under the lock; the
 * session that has it gives it back on any way out.  Only for those who may give
 * the command: others would stop ingestion by failing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "ingest/hold.h"
#include "ingest/service.h"
#include "ingest/slots.h"

#define LEAVE_MS	5000		/* how long they may take; then the command says so */
#define LOOK_MS		20

static ProcessUtility_hook_type prev_process_utility = NULL;
static int	own_hold = -1;		/* our place in RkShared.holds */
static bool exit_registered = false;

/* ---- which database a command wants ----------------------------------------------- */

/* The value of an option of CREATE or ALTER DATABASE, NULL when it is not given. */
static const char *
option_text(List *options, const char *name)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0 && option->arg != NULL)
			return defGetString(option);
	}
	return NULL;
}

/* The database that must be without sessions, NULL when it is none. */
static const char *
wanted_database(Node *command)
{
	const char *template;

	switch (nodeTag(command))
	{
		case T_DropdbStmt:
			return castNode(DropdbStmt, command)->dbname;
		case T_RenameStmt:
			if (castNode(RenameStmt, command)->renameType == OBJECT_DATABASE)
				return castNode(RenameStmt, command)->subname;
			return NULL;
		case T_AlterDatabaseStmt:
			if (option_text(castNode(AlterDatabaseStmt, command)->options, "tablespace") != NULL)
				return castNode(AlterDatabaseStmt, command)->dbname;
			return NULL;
		case T_CreatedbStmt:
			template = option_text(castNode(CreatedbStmt, command)->options, "template");
			return template != NULL ? template : "template1";
		default:
			return NULL;
	}
}

static bool
may_create_databases(Oid role)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool		may = false;

	if (HeapTupleIsValid(tuple))
	{
		may = ((Form_pg_authid) GETSTRUCT(tuple))->rolcreatedb;
		ReleaseSysCache(tuple);
	}
	return may || superuser_arg(role);
}

/* May the current user give this command?  It checks again itself. */
static bool
may_have(Node *command, Oid database)
{
	HeapTuple	tuple;
	bool		is_template = false;

	if (rs_owns_database(database, GetUserId()))
		return !IsA(command, CreatedbStmt) || may_create_databases(GetUserId());
	if (!IsA(command, CreatedbStmt))
		return false;
	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
	if (HeapTupleIsValid(tuple))
	{
		is_template = ((Form_pg_database) GETSTRUCT(tuple))->datistemplate;
		ReleaseSysCache(tuple);
	}
	return is_template && may_create_databases(GetUserId());
}

/* Is anything of ours in the database, or will be? */
static bool
is_served(const char *name)
{
	RsKafkaShared *shared = rs_slots();
	bool		served = rs_kafka_database_listed(name);

	LWLockAcquire(shared->common.lock, LW_SHARED);
	for (int i = 0; i < RS_KAFKA_DATABASES; i++)
	{
		if (strcmp(shared->databases[i].name, name) == 0)
			served = true;
	}
	LWLockRelease(shared->common.lock);
	return served;
}

/* ---- holding ------------------------------------------------------------------------ */

static void
release_hold(void)
{
	RsKafkaShared *shared = rs_slots();

	if (own_hold < 0)
		return;
	LWLockAcquire(shared->common.lock, LW_EXCLUSIVE);
	shared->common.holds[own_hold][0] = '\0';
	LWLockRelease(shared->common.lock);
	own_hold = -1;
	rs_slots_wake_launcher();
}

static void
release_at_exit(int code, Datum arg)
{
	release_hold();
}

static void
take_hold(const char *name)
{
	RsKafkaShared *shared = rs_slots();

	if (!exit_registered)
	{
		before_shmem_exit(release_at_exit, (Datum) 0);
		exit_registered = true;
	}
	LWLockAcquire(shared->common.lock, LW_EXCLUSIVE);
	for (int i = 0; i < RK_HOLDS && own_hold < 0; i++)
	{
		if (shared->common.holds[i][0] == '\0')
		{
			strlcpy(shared->common.holds[i], name, NAMEDATALEN);
			own_hold = i;
		}
	}
	LWLockRelease(shared->common.lock);
	if (own_hold < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many commands want a database without Kafka workers at once"),
				 errhint("Try again when the others are done.")));
}

/* End our processes in the database and wait until they are gone, but not for ever. */
static void
wait_until_left(const char *name, Oid database)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LEAVE_MS);

	while (rs_slots_terminate(name, database) > 0 && GetCurrentTimestamp() < deadline)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 LOOK_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

static void
run_command(PlannedStmt *pstmt, const char *text, bool read_only, ProcessUtilityContext context,
			ParamListInfo params, QueryEnvironment *environment,
			DestReceiver *destination, QueryCompletion *completion)
{
	(prev_process_utility != NULL ? prev_process_utility : standard_ProcessUtility)
		(pstmt, text, read_only, context, params, environment, destination, completion);
}

static void
process_utility(PlannedStmt *pstmt, const char *text, bool read_only, ProcessUtilityContext context,
				ParamListInfo params, QueryEnvironment *environment,
				DestReceiver *destination, QueryCompletion *completion)
{
	const char *name = wanted_database(pstmt->utilityStmt);
	Oid			database = InvalidOid;

	if (name != NULL && rs_slots() != NULL && own_hold < 0 && is_served(name))
		database = get_database_oid(name, true);
	if (!OidIsValid(database) || !may_have(pstmt->utilityStmt, database))
	{
		run_command(pstmt, text, read_only, context, params, environment, destination, completion);
		return;
	}

	take_hold(name);
	PG_TRY();
	{
		wait_until_left(name, database);
		run_command(pstmt, text, read_only, context, params, environment, destination, completion);
	}
	PG_FINALLY();
	{
		release_hold();
	}
	PG_END_TRY();
}

void
rs_hold_install(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}
