/*-------------------------------------------------------------------------
 *
 * trending.c
 *		The items that most users like by the rows of a window of time.
 *
 * Likes are read before the image is opened, as reading the view may run code of its
 * owner.
 *
 * Memory: the liked items and their likes, and what the list takes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "serve/catalog.h"
#include "serve/trending.h"
#include "store/id_list.h"

/* Room for items, to begin with. */
#define LEAST_ITEMS		1024

/* Where likes go. */
typedef struct Liked
{
	RsIdList	items;
	RsIdListMaker maker;
	float	   *likes;			/* as many as items */
	int32		capacity;
} Liked;

static void
take_likes(Datum item_id, double likes, void *arg)
{
	Liked	   *liked = arg;

	if (liked->items.n == liked->capacity)
	{
		liked->capacity *= 2;
		liked->likes = repalloc_huge(liked->likes, mul_size(sizeof(float), liked->capacity));
	}
	liked->likes[liked->items.n] = (float) likes;
	rs_idlist_append(&liked->maker, item_id);
}

void
rs_trending(const RsModel *model, const RsVersion *version, const RsLikesWindow *window,
			const RsRequest *request, RsRecommendation *result)
{
	Liked		liked;
	RsServing	serving;
	RsRanking	ranking;

	rs_idlist_begin(&liked.maker, &liked.items, model->item_kind, LEAST_ITEMS,
					CurrentMemoryContext);
	liked.capacity = LEAST_ITEMS;
	liked.likes = palloc(LEAST_ITEMS * sizeof(float));
	rs_likes_read(model, version, window, take_likes, &liked);

	rs_serving_open_nobody(&serving, model, version);
	rs_ranking_of_scores(&ranking, &serving, &liked.items, liked.likes, request);
	rs_catalog_list(request->catalog, &ranking, request->k, result);
	rs_ranking_end(&ranking);
}
