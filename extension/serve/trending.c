/*-------------------------------------------------------------------------
 *
 * trending.c
 *		The items that most users like by the rows of a window of time.
 *
 * Likes go straight into an array with a place for each item of the image, which is
 * pinned, as reading the view may run code of its owner.
 *
 * Memory: a float and two bits for each item, k entries.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "serve/catalog.h"
#include "serve/trending.h"

/* Where likes go. */
typedef struct Liked
{
	const RsImage *image;
	float	   *scores;			/* of the items whose bits are set */
	uint64	   *words;
} Liked;

static void
take_likes(Datum item_id, double likes, void *arg)
{
	const Liked *liked = arg;
	int32		position = rs_idlist_find(&liked->image->ids, item_id);

	if (position < 0)
		return;
	liked->scores[position] = (float) likes;
	rs_eligible_add(liked->words, position);
}

int32
rs_trending(const RsModel *model, const RsVersion *version, const RsLikesWindow *window,
			const RsRequest *request, const RsImage **image, RsScored **entries)
{
	Liked		liked;
	RsRanking	ranking;
	int32		k;

	*image = rs_image_open(model, version);
	rs_image_pin(*image, CurrentMemoryContext);
	liked.image = *image;
	liked.words = rs_eligible_none(*image);
	liked.scores = palloc_extended(mul_size(sizeof(float), Max((*image)->ids.n, 1)),
								   MCXT_ALLOC_HUGE);
	rs_likes_read(model, version, window, take_likes, &liked);

	rs_ranking_of_scores(&ranking, *image, liked.scores,
						 rs_eligible_words(*image, request->candidates, request->exclude));
	rs_ranking_restrict(&ranking, liked.words);
	k = Min(rs_ranking_left(&ranking), request->k);
	*entries = palloc_extended(mul_size(sizeof(RsScored), Max(k, 1)), MCXT_ALLOC_HUGE);
	return rs_catalog_take(request->catalog, &ranking, k, *entries);
}
