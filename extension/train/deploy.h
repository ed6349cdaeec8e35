/*-------------------------------------------------------------------------
 *
 * deploy.h
 *		Which of a model's versions serves.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_DEPLOY_H
#define RS_DEPLOY_H

#include "store/model.h"

/* Make a version the active one; 55000 when there is no such version. */
extern void rs_deploy(const RsModel *model, int version);

/*
 * Make the greatest version below the active one the active one, and return
 * it; 55000 when there is none.
 */
extern int	rs_rollback(const RsModel *model);

#endif							/* RS_DEPLOY_H */
