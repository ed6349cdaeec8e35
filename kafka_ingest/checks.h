/*-------------------------------------------------------------------------
 *
 * checks.h
 *		Is this text a value of that type?  Pure C.
 *
 * What is called invalid here, the type's input function would refuse as well,
 * on every supported version; with one exception that is meant: NaN and
 * infinities are refused for floats and numerics, because training refuses them.
 *
 * Left to the server, that is called valid: spellings that only some versions or
 * settings know (0x10, 1_000, hexadecimal floats, dates other than ISO 8601, time
 * zones by name), magnitudes at the edge of a float's range, digits and scale of
 * a numeric, limits of jsonb, and everything of RK_KIND_ANY.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_CHECKS_H
#define RK_CHECKS_H

#include "event.h"

/* Text must be valid UTF-8.  max_chars is of RK_KIND_TEXT, 0 = no limit. */
extern bool rk_check(RkKind kind, RkText text, int max_chars, RkReason *reason);

/* ---- reasons ---------------------------------------------------------------------- */

#define RK_SHOWN_BYTES	48		/* of a value or a name */

/* The beginning of a text, for a reason. */
typedef struct RkShown
{
	char		text[RK_SHOWN_BYTES + sizeof("...")];
} RkShown;

extern RkShown rk_show(RkText text);

/* Set a reason; a message that is too long is cut between two characters. */
extern void rk_reason(RkReason *reason, const char *sqlstate, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif							/* RK_CHECKS_H */
