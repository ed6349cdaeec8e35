/*-------------------------------------------------------------------------
 *
 * refresh.h
 *		What a refresh takes over from an earlier training.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_REFRESH_H
#define RS_REFRESH_H

#include "postgres.h"

#include "train/publish.h"
#include "train/solver_run.h"

/*
 * The version whose items a refresh takes over, of a model that is being changed: the
 * active one or, where that is itself a refresh, the one it was refreshed from.
 * Errors: 55000 when there is none, or when the model's feedback or algorithm was
 * altered since it was trained.
 */
extern const RsVersion *rs_refresh_version(const RsModel *model);

/*
 * Which items of the ratings the version trained->refreshed knows, and their factors,
 * into trained->known; and their neighbours.  Errors: 55000 when it knows none, 54000 beyond
 * recsys.training_memory, and those of rs_factors_scan_items().
 */
extern void rs_refresh_items(const RsRunWords *words, RsTrained *trained);

/*
 * After the computation: how many of the users and items that will be published the
 * version has, too; into trained->known_users and known_items.  Error: 55000 when it has
 * none of the items.
 */
extern void rs_refresh_count(RsTrained *trained);

#endif							/* RS_REFRESH_H */
