/*-------------------------------------------------------------------------
 *
 * changes.c
 *		Whether what a session found out about relations may have changed.
 *
 * The server tells it by invalidation messages, as it tells its own caches: of one
 * relation when its row in pg_class or pg_attribute changes, so also when its name,
 * owner, rights, options or triggers change, and when the query of a view or an index
 * does; of all relations when messages were lost.  Owns one number; no memory, no locks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/inval.h"
#include "utils/syscache.h"

#include "compat.h"
#include "store/changes.h"

static uint64 changes = 0;

static void
relation_changed(Datum arg, Oid relation)
{
	changes++;
}

static void
namespace_changed(Datum arg, int cache, uint32 hash)
{
	changes++;
}

uint64
rs_changes(void)
{
	static bool registered = false;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, namespace_changed, (Datum) 0);
		registered = true;
	}
	return changes;
}
