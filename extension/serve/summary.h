/*-------------------------------------------------------------------------
 *
 * summary.h
 *		What all items of a version tell together, where they cannot be kept.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_SUMMARY_H
#define RS_SUMMARY_H

#include "postgres.h"

#include "serve/image.h"

/*
 * A partial image without items, which knows what a whole one would of all of them: the
 * Gramian and mean vector to the same bits, whether biases differ, and how large it would be.  One scan
 * of the factor table under the active snapshot.  *settled, errors and where it lies as
 * for rs_image_build().
 */
extern RsImage *rs_summary_build(const RsModel *model, const RsVersion *version,
								 MemoryContext context, bool *settled);

#endif							/* RS_SUMMARY_H */
