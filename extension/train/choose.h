/*-------------------------------------------------------------------------
 *
 * choose.h
 *		What a model with the algorithm "auto" is trained with.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_CHOOSE_H
#define RS_CHOOSE_H

#include "train/publish.h"

/*
 * Hold some of the ratings out, try candidates on the others, and set the algorithm and
 * the options of the training to those that did best, and trained->choice to what was
 * tried.  Options that the user gave are kept.  The ratings stay as they are.  Where
 * nothing can be tried, for want of users or of memory, the defaults stay, and the
 * choice says why.
 */
extern void rs_choose(RsTrained *trained);

#endif							/* RS_CHOOSE_H */
