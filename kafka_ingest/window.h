/*-------------------------------------------------------------------------
 *
 * window.h
 *		How many of the latest messages became dead letters.
 *
 * Counted by the thousand: a thousand messages are forgotten at once.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_WINDOW_H
#define RK_WINDOW_H

#include "postgres.h"

#include "source.h"

#define RK_WINDOW_STEP	1000
#define RK_WINDOW_STEPS	(RK_DEAD_LETTER_WINDOW / RK_WINDOW_STEP)

/* Zero it to begin with. */
typedef struct RkWindow
{
	int			counts[RK_WINDOW_STEPS];	/* a ring */
	int			step;			/* the one that is filled now */
	int			messages;		/* in it */
	int			total;			/* dead letters in all steps */
} RkWindow;

/* One more message. */
static inline void
rk_window_add(RkWindow *window, bool dead_letter)
{
	if (window->messages == RK_WINDOW_STEP)
	{
		window->step = (window->step + 1) % RK_WINDOW_STEPS;
		window->total -= window->counts[window->step];
		window->counts[window->step] = 0;
		window->messages = 0;
	}
	window->messages++;
	if (dead_letter)
	{
		window->counts[window->step]++;
		window->total++;
	}
}

static inline int
rk_window_count(const RkWindow *window)
{
	return window->total;
}

#endif							/* RK_WINDOW_H */
