/*-------------------------------------------------------------------------
 *
 * catalog.h
 *		The items of a list of which the current user sees a row in the catalogue.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_CATALOG_H
#define RS_CATALOG_H

#include "postgres.h"

#include "serve/ranking.h"
#include "store/item_catalog.h"

/*
 * The best k of a ranking that the catalogue shows, or fewer when it shows no more;
 * returns how many.  Without a catalogue (NULL) just the best k.  Code of its owner runs
 * meanwhile, so the image is pinned while the current context lives.  Memory beside the
 * entries: one bit for each item, and the items of one look-up.  Errors: those that
 * reading the catalogue's view raises.
 */
extern int32 rs_catalog_take(const RsItemCatalog *catalog, RsRanking *ranking, int32 k,
							 RsScored *entries);

/* The same as a list. */
extern void rs_catalog_list(const RsItemCatalog *catalog, RsRanking *ranking, int32 k,
							RsRecommendation *list);

/* The items of a pinned image that the catalogue shows: a bit for each position, palloc'd. */
extern uint64 *rs_catalog_words(const RsItemCatalog *catalog, const RsImage *image);

#endif							/* RS_CATALOG_H */
