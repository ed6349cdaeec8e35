/*-------------------------------------------------------------------------
 *
 * notice.h
 *		What a training says of its source: what is most likely a mistake, but
 *		might be meant.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_NOTICE_H
#define RS_NOTICE_H

#include "train/publish.h"

/* NOTICE if the view reads a relation by another name than at the last training. */
extern void rs_notice_source(const RsTrained *trained);

/* WARNING if all ratings are equal (explicit); before the solver uses them up. */
extern void rs_notice_ratings(const RsTrained *trained);

/* WARNING if no weight is positive (implicit); after likes were counted. */
extern void rs_notice_likes(const RsTrained *trained);

#endif							/* RS_NOTICE_H */
