/*-------------------------------------------------------------------------
 *
 * visible.h
 *		Whether the view of a model shows everybody the same rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_VISIBLE_H
#define RS_VISIBLE_H

#include "postgres.h"

#include "store/model.h"

/*
 * May the view show the current user other rows than it showed when the model
 * was trained?  False only where that is plain: the view is a list of columns of
 * one local table, without anything else, the role whose rights count may SELECT
 * from it, and no row policy applies to that role.
 */
extern bool rs_view_may_hide_rows(const RsModel *model);

#endif							/* RS_VISIBLE_H */
