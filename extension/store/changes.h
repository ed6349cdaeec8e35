/*-------------------------------------------------------------------------
 *
 * changes.h
 *		Whether what a session found out about relations may have changed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_CHANGES_H
#define RS_CHANGES_H

#include "postgres.h"

/*
 * Grows whenever this session learns that any relation or schema was changed.  What
 * was found in the caches of the server holds as long as this number does; it must be
 * read before the search begins, which may itself learn of changes.
 */
extern uint64 rs_changes(void);

#endif							/* RS_CHANGES_H */
