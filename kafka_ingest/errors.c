/*-------------------------------------------------------------------------
 *
 * errors.c
 *		From an SQLSTATE to what to do about it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "errors.h"

/*
 * What depends on the row: values, constraints, limits that its size breaks (an
 * index entry too long), and what triggers and transforms raise themselves.
 */
static bool
is_data(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION:
		case ERRCODE_CARDINALITY_VIOLATION:
		case ERRCODE_WITH_CHECK_OPTION_VIOLATION:
		case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
		case ERRCODE_PLPGSQL_ERROR:
		case ERRCODE_EXTERNAL_ROUTINE_EXCEPTION:
			return true;
	}
	return false;
}

/* Conflicts with others, which pass by themselves. */
static bool
is_transient(int sqlerrcode)
{
	switch (sqlerrcode)
	{
		case ERRCODE_QUERY_CANCELED:	/* somebody's pg_cancel_backend, a timeout */
		case ERRCODE_LOCK_NOT_AVAILABLE:
		case ERRCODE_OBJECT_IN_USE:
		case ERRCODE_CANNOT_CONNECT_NOW:
			return true;
	}
	return ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK ||
		ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_CONNECTION_EXCEPTION;
}

/* Disk full, out of memory or connections; a read or write that failed. */
static bool
is_resources(int sqlerrcode)
{
	return ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_INSUFFICIENT_RESOURCES ||
		ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_SYSTEM_ERROR;
}

/* Objects missing, of another kind or forbidden; a server that may not be written to. */
static bool
is_structure(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION:
		case ERRCODE_FEATURE_NOT_SUPPORTED:
		case ERRCODE_INVALID_SCHEMA_NAME:
		case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:
		case ERRCODE_INVALID_TRANSACTION_STATE:
		case ERRCODE_FDW_ERROR:
		case ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION:
			return true;
	}
	return false;
}

RkErrorClass
rk_error_class(int sqlerrcode)
{
	if (is_data(sqlerrcode))
		return RK_CLASS_DATA;
	if (is_transient(sqlerrcode))
		return RK_CLASS_TRANSIENT;
	if (is_resources(sqlerrcode))
		return RK_CLASS_RESOURCES;
	if (is_structure(sqlerrcode))
		return RK_CLASS_STRUCTURE;
	return RK_CLASS_OTHER;
}
