/*-------------------------------------------------------------------------
 *
 * hold.h
 *		Commands that want a database for themselves.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_HOLD_H
#define RS_HOLD_H

#include "postgres.h"

/* In the postmaster: watch commands on databases. */
extern void rs_hold_install(void);

#endif							/* RS_HOLD_H */
