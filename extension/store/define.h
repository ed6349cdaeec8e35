/*-------------------------------------------------------------------------
 *
 * define.h
 *		Creating, altering and dropping models.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_DEFINE_H
#define RS_DEFINE_H

#include "postgres.h"

#include "store/options.h"

/* What create_model() was asked for; columns NULL where not given. */
typedef struct RsModelDefinition
{
	const char *name;
	Oid			source;
	const char *user_column;
	const char *item_column;
	const char *rating_column;
	const char *time_column;
	RsFeedback	feedback;
	RsAlgorithm algorithm;
	bool		run_as_owner;
	Jsonb	   *options;
	Oid			catalog;		/* InvalidOid: none */
	const char *catalog_column;
} RsModelDefinition;

/* What alter_model() was asked to change; NULL = unchanged. */
typedef struct RsModelChange
{
	const char *feedback;
	const char *algorithm;
	const char *run_as;
	Jsonb	   *options;
	Oid			catalog;		/* InvalidOid: unchanged */
	const char *catalog_column;
	bool		drop_catalog;
} RsModelChange;

/* "caller" or "owner"; true for the latter. */
extern bool rs_run_as_parse(const char *name);

extern void rs_model_create(RsModelDefinition *definition);
extern void rs_model_alter(const char *name, const RsModelChange *change);
extern void rs_model_drop(const char *name, bool if_exists);

#endif							/* RS_DEFINE_H */
