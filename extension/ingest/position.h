/*-------------------------------------------------------------------------
 *
 * position.h
 *		Where reading begins, as users write it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_POSITION_H
#define RS_POSITION_H

#include "postgres.h"

#include "datatype/timestamp.h"

typedef enum RsPositionKind
{
	RS_POSITION_TIME,			/* earliest, latest or a timestamp: time_ms */
	RS_POSITION_NUMBER,			/* the same offset in every partition meant */
	RS_POSITION_OFFSETS			/* {"0": 17, ...} */
} RsPositionKind;

typedef struct RsPosition
{
	RsPositionKind kind;
	int64		time_ms;		/* since 1970, -2 earliest, -1 latest */
	int64		number;
	char	   *offsets;		/* JSON text */
} RsPosition;

/* Parse; anything else is 22023. */
extern void rs_position_parse(const char *text, RsPosition *position);

#endif							/* RS_POSITION_H */
