/*-------------------------------------------------------------------------
 *
 * errors.h
 *		From an SQLSTATE to what to do about it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_ERRORS_H
#define RK_ERRORS_H

#include "postgres.h"

typedef enum RkErrorClass
{
	RK_CLASS_DATA,				/* of one row: a dead letter */
	RK_CLASS_TRANSIENT,			/* the same batch again */
	RK_CLASS_RESOURCES,			/* the same batch again, and nothing more fetched */
	RK_CLASS_STRUCTURE,			/* somebody must mend the target */
	RK_CLASS_OTHER				/* as structure: nothing is known to help */
} RkErrorClass;

extern RkErrorClass rk_error_class(int sqlerrcode);

#endif							/* RK_ERRORS_H */
