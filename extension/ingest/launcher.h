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

/*
 * Are sources of this database read?  If not, say why and what to do, palloc'd; an
 * error that goes away by itself counts too.
 */
extern bool rs_kafka_served(char **reason, char **hint);

#endif							/* RS_LAUNCHER_H */
