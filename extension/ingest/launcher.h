/*-------------------------------------------------------------------------
 *
 * launcher.h
 *		The one process that starts a supervisor for each listed database.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_LAUNCHER_H
#define RS_LAUNCHER_H

#include "postgres.h"

/* In the postmaster: register the launcher. */
extern void rs_launcher_install(void);

#endif							/* RS_LAUNCHER_H */
