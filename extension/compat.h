/*-------------------------------------------------------------------------
 *
 * compat.h
 *		The only file that looks at PG_VERSION_NUM; how an SQL function is declared.
 *
 * Include it after the server's headers and before PG_FUNCTION_INFO_V1.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_COMPAT_H
#define RS_COMPAT_H

#include "fmgr.h"

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "recsys supports PostgreSQL 15 to 18"
#endif

/*
 * Before 16 the server builds extensions with every symbol visible and
 * PGDLLEXPORT is empty; we hide by default, so entry points must say so.
 */
#if PG_VERSION_NUM < 160000
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))

/* Before 16 there are no soft errors: what an input function finds is raised. */
#define ereturn(context, dummy_value, ...)	ereport(ERROR, __VA_ARGS__)
#else
#include "nodes/miscnodes.h"
#include "varatt.h"
#endif

/* 18 asks whether a deferrable key will do; ours never is. */
#if PG_VERSION_NUM >= 180000
#define RelationGetPrimaryKeyIndexCompat(rel) RelationGetPrimaryKeyIndex(rel, false)
#else
#define RelationGetPrimaryKeyIndexCompat(rel) RelationGetPrimaryKeyIndex(rel)
#endif

/* 16 folded the checks of one kind of object each into one function. */
#if PG_VERSION_NUM >= 160000
#define rs_has_schema_create(schema, role) \
	(object_aclcheck(NamespaceRelationId, schema, role, ACL_CREATE) == ACLCHECK_OK)
#define rs_has_schema_usage(schema, role) \
	(object_aclcheck(NamespaceRelationId, schema, role, ACL_USAGE) == ACLCHECK_OK)
#define rs_has_server_usage(server, role) \
	(object_aclcheck(ForeignServerRelationId, server, role, ACL_USAGE) == ACLCHECK_OK)
#define rs_may_execute(function, role) \
	(object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE) == ACLCHECK_OK)
#define rs_owns_relation(relation, role) \
	object_ownercheck(RelationRelationId, relation, role)
#define rs_owns_database(database, role) \
	object_ownercheck(DatabaseRelationId, database, role)
#define rs_may_connect(database, role) \
	(object_aclcheck(DatabaseRelationId, database, role, ACL_CONNECT) == ACLCHECK_OK)
#else
#define rs_has_schema_create(schema, role) \
	(pg_namespace_aclcheck(schema, role, ACL_CREATE) == ACLCHECK_OK)
#define rs_has_schema_usage(schema, role) \
	(pg_namespace_aclcheck(schema, role, ACL_USAGE) == ACLCHECK_OK)
#define rs_has_server_usage(server, role) \
	(pg_foreign_server_aclcheck(server, role, ACL_USAGE) == ACLCHECK_OK)
#define rs_may_execute(function, role) \
	(pg_proc_aclcheck(function, role, ACL_EXECUTE) == ACLCHECK_OK)
#define rs_owns_relation(relation, role) \
	pg_class_ownercheck(relation, role)
#define rs_owns_database(database, role) \
	pg_database_ownercheck(database, role)
#define rs_may_connect(database, role) \
	(pg_database_aclcheck(database, role, ACL_CONNECT) == ACLCHECK_OK)
#endif

/* 16 split membership: to give something to a role one must be able to become it. */
#if PG_VERSION_NUM >= 160000
#define rs_check_may_become(role) check_can_set_role(GetUserId(), role)
#else
#define rs_check_may_become(role) check_is_member_of_role(GetUserId(), role)
#endif

/* 16 moved what is checked of a relation out of its entry in the range table. */
#if PG_VERSION_NUM >= 160000
#define rs_check_as_user(pstate, entry, role) \
	(getRTEPermissionInfo((pstate)->p_rteperminfos, entry)->checkAsUser = (role))
#else
#define rs_check_as_user(pstate, entry, role) ((entry)->checkAsUser = (role))
#endif

/*
 * 17 lets a worker connect as a role without LOGIN.  Before, a process of ours connects
 * as the first superuser and becomes pg_monitor before it does anything, also for
 * pg_stat_activity.
 */
#if PG_VERSION_NUM >= 170000
#define RS_WORKERS_NEED_LOGIN false
#define rs_connect_as_monitor(database) \
	BackgroundWorkerInitializeConnection(database, "pg_monitor", BGWORKER_BYPASS_ROLELOGINCHECK)
#define rs_connect_as_monitor_by_oid(database) \
	BackgroundWorkerInitializeConnectionByOid(database, ROLE_PG_MONITOR, \
											  BGWORKER_BYPASS_ROLELOGINCHECK)
#else
#define RS_WORKERS_NEED_LOGIN true
#define rs_become_monitor() \
	do { \
		SetSessionAuthorization(ROLE_PG_MONITOR, false); \
		pgstat_bestart(); \
	} while (0)
#define rs_connect_as_monitor(database) \
	do { \
		BackgroundWorkerInitializeConnection(database, NULL, 0); \
		rs_become_monitor(); \
	} while (0)
#define rs_connect_as_monitor_by_oid(database) \
	do { \
		BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0); \
		rs_become_monitor(); \
	} while (0)
#endif

/* 16 added only_summarizing. */
#if PG_VERSION_NUM >= 160000
#define ExecInsertIndexTuplesCompat(result, slot, estate) \
	ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL, false)
#else
#define ExecInsertIndexTuplesCompat(result, slot, estate) \
	ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL)
#endif

/* 17 moved what numbers a session's transactions, also those without an xid. */
#if PG_VERSION_NUM >= 170000
#define rs_local_transaction_id()	(MyProc->vxid.lxid)
#else
#define rs_local_transaction_id()	(MyProc->lxid)
#endif

/* 17 brought named segments of shared memory, for which nothing need be preloaded. */
#if PG_VERSION_NUM >= 170000
#define RS_HAVE_DSM_REGISTRY
#include "storage/dsm_registry.h"
#endif

/* 17 brought transaction_timeout. */
#if PG_VERSION_NUM >= 170000
#define TransactionTimeoutPendingCompat TransactionTimeoutPending
#else
#define TransactionTimeoutPendingCompat false
#endif

/* 18 made it a specifier, which goes first. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn _Noreturn
#endif

/* Declare the entry point of an SQL function, ahead of its definition. */
#define RS_FUNCTION(name) \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

/*
 * An argument is read where it was passed.  A database whose extension was not updated
 * yet declares our functions as they were in its version, with fewer arguments.
 */
pg_noreturn extern void rs_refuse_missing_argument(FunctionCallInfo fcinfo, int n);

static inline const NullableDatum *
rs_passed_argument(FunctionCallInfo fcinfo, int n)
{
	if (unlikely(n >= fcinfo->nargs))
		rs_refuse_missing_argument(fcinfo, n);
	return &fcinfo->args[n];
}

#undef PG_ARGISNULL
#define PG_ARGISNULL(n) (rs_passed_argument(fcinfo, n)->isnull)
#undef PG_GETARG_DATUM
#define PG_GETARG_DATUM(n) (rs_passed_argument(fcinfo, n)->value)

#endif							/* RS_COMPAT_H */
