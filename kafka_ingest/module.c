/*-------------------------------------------------------------------------
 *
 * module.c
 *		The library's magic.  It is loaded by its workers alone; all settings are
 *		those of recsys.so.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "compat.h"

PG_MODULE_MAGIC;
