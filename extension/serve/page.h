/*-------------------------------------------------------------------------
 *
 * page.h
 *		A list in pages: where the next one begins.
 *
 * A token names the last item of a page.  Where version and vector are what they
 * were, that item's preference is, too, and the next page begins right below it:
 * nothing comes twice, nothing is left out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_PAGE_H
#define RS_PAGE_H

#include "postgres.h"

#include "serve/serving.h"

/* Where a page begins. */
typedef struct RsPage
{
	int32		rank;			/* of the last item before it; 0: it is the first */
	int32		after;			/* position of that item in the image, or -1 */
	uint32		fingerprint;	/* of all that ranks the items, for tokens */
} RsPage;

/*
 * Read a token; an empty one begins the first page.  A NOTICE says when the version or
 * the user's vector is not that of the page before; then the page begins after the item's
 * new place, or at the top if the version does not know the item.  Errors: 22023 the token
 * is not one of rs_page_token(), 22P02 it is of a model with ids of another type.
 */
extern RsPage rs_page_read(RsServing *serving, const char *token);

/* The token of the page that follows the item at a position in ids, palloc'd. */
extern char *rs_page_token(const RsServing *serving, const RsPage *page, int32 rank,
						   const RsIdList *ids, int32 position);

#endif							/* RS_PAGE_H */
