/*-------------------------------------------------------------------------
 *
 * stop.h
 *		The question of a loop over data: shall I stop?
 *
 * Every loop whose length comes from data asks it every few milliseconds.  The
 * caller gives the function that answers: in the solver's threads it looks at the
 * pool's flag, and the loop returns what says "stopped"; in a backend it raises
 * the error itself (interrupt.h), so a loop that asks must hold nothing that an
 * error would leak.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_STOP_H
#define RS_STOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True says stop, and then always. */
typedef bool (*RsStopCheck) (void *arg);

/* Steps of a simple loop, up to a microsecond each, between two questions. */
#define RS_STOP_STEPS	4096

/* Ask in step i of a loop; stop may be NULL: nobody does. */
static inline bool
rs_stop_at(RsStopCheck stop, void *arg, int64_t i)
{
	return i % RS_STOP_STEPS == 0 && stop != NULL && stop(arg);
}

#endif							/* RS_STOP_H */
