/*-------------------------------------------------------------------------
 *
 * rs_limits.h
 *		Limits that more than one layer checks.  README.md documents them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_LIMITS_H
#define RS_LIMITS_H

#define RS_MAX_DIM			16000	/* components of a recvec */
#define RS_MAX_FACTORS		1024	/* latent dimension of a model */
#define RS_MAX_ITERATIONS	1000
#define RS_MAX_WEIGHT		1e38	/* of a cell, of a norm; less than FLT_MAX */
#define RS_MAX_THREADS		256
#define RS_MAX_MODEL_NAME	48		/* bytes; leaves room for _item_factors */
#define RS_MAX_TEXT_ID		2000	/* bytes; an id is part of an index key */

#endif							/* RS_LIMITS_H */
