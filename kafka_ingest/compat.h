/*-------------------------------------------------------------------------
 *
 * compat.h
 *		The only file of this library that looks at PG_VERSION_NUM.
 *
 * Include it after the server's headers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_COMPAT_H
#define RK_COMPAT_H

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
#else
#include "varatt.h"
#endif

/* 18 made it a specifier, which goes first. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn _Noreturn
#endif

/* 18 asks whether a deferrable key will do; ON CONFLICT takes none. */
#if PG_VERSION_NUM >= 180000
#define RelationGetPrimaryKeyIndexCompat(rel) RelationGetPrimaryKeyIndex(rel, false)
#else
#define RelationGetPrimaryKeyIndexCompat(rel) RelationGetPrimaryKeyIndex(rel)
#endif

/* 16 folded the checks of one kind of object each into one function. */
#if PG_VERSION_NUM >= 160000
#define rk_may_use_schema(schema, role) \
	(object_aclcheck(NamespaceRelationId, schema, role, ACL_USAGE) == ACLCHECK_OK)
#else
#define rk_may_use_schema(schema, role) \
	(pg_namespace_aclcheck(schema, role, ACL_USAGE) == ACLCHECK_OK)
#endif

/* 17 gave wait sets a resource owner instead of a memory context. */
#if PG_VERSION_NUM >= 170000
#define CreateWaitEventSetCompat(n) CreateWaitEventSet(NULL, n)
#else
#define CreateWaitEventSetCompat(n) CreateWaitEventSet(TopMemoryContext, n)
#endif

/* From 17 on a worker may connect as a role that may not log in. */
#if PG_VERSION_NUM >= 170000
#define RK_CONNECT_FLAGS BGWORKER_BYPASS_ROLELOGINCHECK
#else
#define RK_CONNECT_FLAGS 0
#endif

#endif							/* RK_COMPAT_H */
