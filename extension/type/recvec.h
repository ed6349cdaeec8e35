/*-------------------------------------------------------------------------
 *
 * recvec.h
 *		The vector type recsys.recvec: layout in memory and on disk, access.
 *
 * A varlena like pgvector's vector.  Every value made here has between 1 and
 * RS_MAX_DIM components, all of them finite; unused is zero.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_RECVEC_H
#define RS_RECVEC_H

#include "fmgr.h"
#include "storage/shmem.h"

#include "compat.h"
#include "rs_limits.h"

typedef struct RsRecvec
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	int16		dim;			/* number of components */
	int16		unused;			/* zero */
	float		x[FLEXIBLE_ARRAY_MEMBER];
} RsRecvec;

/* Bytes of a recvec of dim components, header included. */
static inline Size
rs_recvec_size(int dim)
{
	return add_size(offsetof(RsRecvec, x), mul_size(sizeof(float), dim));
}

/* A detoasted recvec, for data that this extension itself has just made. */
#define DatumGetRecvecP(d)		((RsRecvec *) PG_DETOAST_DATUM(d))
#define RecvecPGetDatum(v)		PointerGetDatum(v)

/* An argument, detoasted and checked. */
#define PG_GETARG_RECVEC_P(n)	rs_recvec_get(PG_GETARG_DATUM(n))
#define PG_RETURN_RECVEC_P(v)	return RecvecPGetDatum(v)

/*
 * Detoast and check that the length fits the dimensions: what reads at most
 * dim components then stays inside the value, whatever its origin.
 * Raises ERRCODE_DATA_CORRUPTED.
 */
extern RsRecvec *rs_recvec_get(Datum value);

/* A vector of zeros in the current memory context; checks dim. */
extern RsRecvec *rs_recvec_new(int dim);

/* Raise an error unless a recvec may have so many components. */
extern void rs_recvec_check_dim(int64 dim);

/* Raise an error if the type modifier asks for other dimensions (-1: any). */
extern void rs_recvec_check_typmod(int32 typmod, int dim);

/* Raise an error unless both have as many components. */
extern void rs_recvec_check_same_dim(const RsRecvec *a, const RsRecvec *b);

/* Cosine of the angle in [-1, 1]; 0 when either vector is zero. */
extern double rs_recvec_cosine(const RsRecvec *a, const RsRecvec *b);

#endif							/* RS_RECVEC_H */
