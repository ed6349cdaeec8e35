/*-------------------------------------------------------------------------
 *
 * rewarm.h
 *		Bringing the item images in use back after a restart.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_REWARM_H
#define RS_REWARM_H

/* In the postmaster: register the process that does it. */
extern void rs_rewarm_install(void);

#endif							/* RS_REWARM_H */
