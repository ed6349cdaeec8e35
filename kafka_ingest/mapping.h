/*-------------------------------------------------------------------------
 *
 * mapping.h
 *		From kafka_source.columns and the target's columns to an RkMapping.
 *
 * columns is a JSON object: target column to "$.path.of.names", "@key",
 * "@timestamp", "@partition", "@offset", "@header.NAME", or an object of path
 * (one of these), map (an object: value to value) and default.  A name in a path
 * that holds a dot or the like is written in double quotes: $."user.id".
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_MAPPING_H
#define RK_MAPPING_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "event.h"

typedef struct RkColumn
{
	const char *name;
	Oid			type;
	int32		typmod;
	bool		not_null;
} RkColumn;

/*
 * Build the mapping in the current memory context, its fields in the order in
 * which columns lists them (jsonb: by length, then bytes).  Errors: 42703 a column
 * that is not among the target's, 22023 anything else that is wrong with columns.
 */
extern RkMapping *rk_mapping_build(Jsonb *columns,
								   const RkColumn *target, int ntarget);

#endif							/* RK_MAPPING_H */
