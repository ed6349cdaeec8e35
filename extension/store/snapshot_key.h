/*-------------------------------------------------------------------------
 *
 * snapshot_key.h
 *		What of the active snapshot decides what it shows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_SNAPSHOT_KEY_H
#define RS_SNAPSHOT_KEY_H

#include "postgres.h"

#include "access/xact.h"
#include "storage/proc.h"
#include "utils/snapmgr.h"

#include "compat.h"

/*
 * Two snapshots of a server with the same xmax and as many transactions in progress
 * below it have the same ones: none can begin there any more.  A subtransaction that
 * aborted meanwhile is invisible to both.
 */
typedef struct RsSnapshotKey
{
	/* of other transactions */
	TransactionId xmin;
	TransactionId xmax;
	uint32		xcnt;
	int32		known;			/* in recovery: those in progress; else 0 */
	/* of its own */
	CommandId	curcid;
	LocalTransactionId transaction;
	SubTransactionId subtransaction;
} RsSnapshotKey;

static inline RsSnapshotKey
rs_snapshot_key(void)
{
	Snapshot	snapshot = GetActiveSnapshot();
	RsSnapshotKey key = {
		.xmin = snapshot->xmin,
		.xmax = snapshot->xmax,
		.xcnt = snapshot->xcnt,
		.known = snapshot->takenDuringRecovery ? snapshot->subxcnt : 0,
		.curcid = snapshot->curcid,
		.transaction = rs_local_transaction_id(),
		.subtransaction = GetCurrentSubTransactionId(),
	};

	return key;
}

/* Do two show the same of other transactions, those of the session that ended included? */
static inline bool
rs_snapshots_agree(const RsSnapshotKey *a, const RsSnapshotKey *b)
{
	return a->xmin == b->xmin && a->xmax == b->xmax && a->xcnt == b->xcnt &&
		a->known == b->known;
}

/* Do two show the same? */
static inline bool
rs_snapshots_are_same(const RsSnapshotKey *a, const RsSnapshotKey *b)
{
	return rs_snapshots_agree(a, b) && a->curcid == b->curcid &&
		a->transaction == b->transaction && a->subtransaction == b->subtransaction;
}

#endif							/* RS_SNAPSHOT_KEY_H */
