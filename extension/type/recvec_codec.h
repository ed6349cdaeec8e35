/*-------------------------------------------------------------------------
 *
 * recvec_codec.h
 *		Between the external forms of a recvec, text and binary, and floats.
 *
 * Pure C, no PostgreSQL: the fuzzer and the unit tests link it alone.  All
 * input is given by address and length; nothing is read beyond it, nothing is
 * allocated, the time is linear, and the locale does not matter.
 *
 * text: "[" number {"," number} "]", ASCII blanks between tokens.  A number is
 * decimal, as in SQL, with an optional sign; hexadecimal, NaN and infinity are
 * refused.  It is rounded once, to the nearest float; what is too small
 * becomes zero, what is too large is an error; the sign of zero is kept.
 *
 * binary, big-endian, as pgvector's vector: int16 dimensions, int16 zero, then
 * as many IEEE 754 single precision numbers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_RECVEC_CODEC_H
#define RS_RECVEC_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "rs_limits.h"

#define RS_RECVEC_WIRE_HEADER	4
#define RS_RECVEC_WIRE_SIZE(dim) \
	(RS_RECVEC_WIRE_HEADER + (size_t) (dim) * sizeof(uint32_t))

typedef enum RsRecvecStatus
{
	RS_RECVEC_OK = 0,
	RS_RECVEC_NOT_FINITE,		/* NaN or infinity */
	RS_RECVEC_TOO_MANY,			/* more than RS_MAX_DIM components */
	/* text alone */
	RS_RECVEC_NO_BRACKET,		/* does not start with "[" */
	RS_RECVEC_EMPTY,			/* "[]"; in binary, 0 dimensions */
	RS_RECVEC_NO_NUMBER,		/* something else where a number belongs */
	RS_RECVEC_NO_SEPARATOR,		/* neither "," nor "]" after a number */
	RS_RECVEC_TRAILING,			/* something follows the end */
	RS_RECVEC_OUT_OF_RANGE,		/* beyond the range of float */
	/* binary alone */
	RS_RECVEC_TRUNCATED,		/* shorter than its header says */
	RS_RECVEC_RESERVED			/* the unused field is not zero */
} RsRecvecStatus;

/* Where in the text an error is: what is quoted in the message. */
typedef struct RsRecvecSpan
{
	size_t		offset;
	size_t		length;
} RsRecvecSpan;

/*
 * Read text into x, which has room for RS_MAX_DIM floats.  *dim receives the
 * number of components; on error *span the place and the rest is undefined.
 */
extern RsRecvecStatus rs_recvec_parse(const char *text, size_t length,
									  float *x, int *dim, RsRecvecSpan *span);

/*
 * Read one number that fills the whole text, without blanks: OK, NO_NUMBER,
 * NOT_FINITE or OUT_OF_RANGE.
 */
extern RsRecvecStatus rs_recvec_parse_number(const char *text, size_t length,
											 float *value);

/* Check the header against the length; *dim receives the dimensions. */
extern RsRecvecStatus rs_recvec_wire_dim(const unsigned char *wire, size_t length,
										 int *dim);

/* Read the dim floats after a header that rs_recvec_wire_dim() accepted. */
extern RsRecvecStatus rs_recvec_decode(const unsigned char *wire, int dim, float *x);

/* Write RS_RECVEC_WIRE_SIZE(dim) bytes. */
extern void rs_recvec_encode(const float *x, int dim, unsigned char *wire);

#endif							/* RS_RECVEC_CODEC_H */
