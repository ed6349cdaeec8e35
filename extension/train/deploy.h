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
 * Make the greatest version below the active one the active one; 55000 when
 * there is none.
 */
extern void rs_rollback(const RsModel *model);

/*
 * What both come to, and a training that deploys: write down which version is
 * active.  SPI is connected and the model's row is locked.
 */
extern void rs_activate(const RsModel *model, int version);

#endif							/* RS_DEPLOY_H */
