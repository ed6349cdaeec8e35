/*-------------------------------------------------------------------------
 *
 * interrupt.h
 *		What a backend answers when a loop of the kernel asks whether to stop.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_INTERRUPT_H
#define RS_INTERRUPT_H

#include "postgres.h"

#include "miscadmin.h"

/* An RsStopCheck that raises the error, so that it never says true; arg is not used. */
static inline bool
rs_interrupt(void *arg)
{
	(void) arg;
	CHECK_FOR_INTERRUPTS();
	return false;
}

#endif							/* RS_INTERRUPT_H */
