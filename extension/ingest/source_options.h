/*-------------------------------------------------------------------------
 *
 * source_options.h
 *		The options of a Kafka source: names and ranges.
 *
 * The worker knows the defaults; here is what may be written.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_SOURCE_OPTIONS_H
#define RS_SOURCE_OPTIONS_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * Refuse with 22023 what is no object, names an unknown option or has a value out of
 * range; a JSON null is always allowed.
 */
extern void rs_source_options_check(Jsonb *options);

#endif							/* RS_SOURCE_OPTIONS_H */
