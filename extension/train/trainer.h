/*-------------------------------------------------------------------------
 *
 * trainer.h
 *		One training of a model, or a refresh.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_TRAINER_H
#define RS_TRAINER_H

#include "postgres.h"

#include "train/publish.h"

/*
 * Train the model on what its view shows now.  run_options (may be NULL) go
 * before the model's for this version.  Everything happens in the current
 * transaction.  Errors, besides those of reading and of the options: 55P03
 * when the model is being trained already, 22023 when there is nothing to
 * train on, 54000 when it needs more than recsys.training_memory, 22000 when
 * the factors are not determined, 22003 when they overflow.
 */
extern void rs_train(const char *name, Jsonb *run_options, bool deploy,
					 RsTrainResult *result);

/*
 * The same without iterating: the items of an earlier training keep their factors,
 * new ones are solved from their rows, then all users.  Errors, besides: 55000 when
 * there is no version to refresh, or none that would fit.
 */
extern void rs_refresh(const char *name, bool deploy, RsTrainResult *result);

#endif							/* RS_TRAINER_H */
