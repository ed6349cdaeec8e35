/*-------------------------------------------------------------------------
 *
 * compat.h
 *		The only file that looks at PG_VERSION_NUM.
 *
 * Include it after the server's headers and before PG_FUNCTION_INFO_V1.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_COMPAT_H
#define RS_COMPAT_H

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
#else
#define rs_has_schema_create(schema, role) \
	(pg_namespace_aclcheck(schema, role, ACL_CREATE) == ACLCHECK_OK)
#endif

/* 16 added only_summarizing. */
#if PG_VERSION_NUM >= 160000
#define ExecInsertIndexTuplesCompat(result, slot, estate) \
	ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL, false)
#else
#define ExecInsertIndexTuplesCompat(result, slot, estate) \
	ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL)
#endif

/* 17 brought transaction_timeout. */
#if PG_VERSION_NUM >= 170000
#define TransactionTimeoutPendingCompat TransactionTimeoutPending
#else
#define TransactionTimeoutPendingCompat false
#endif

/* Declare the entry point of an SQL function, ahead of its definition. */
#define RS_FUNCTION(name) \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

#endif							/* RS_COMPAT_H */
