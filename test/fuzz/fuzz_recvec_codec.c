/*-------------------------------------------------------------------------
 *
 * fuzz_recvec_codec.c
 *		libFuzzer target: text and binary input of recvec.
 *
 * The first byte of an input chooses the form: even for text, odd for binary.
 * Beyond the absence of crashes and over-reads it checks that what is accepted
 * is finite, within the limits, and reads back as the same bits.
 *
 * `make fuzz` builds and runs it.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "type/recvec_codec.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static float components[RS_MAX_DIM];
static float again[RS_MAX_DIM];
static unsigned char wire[RS_RECVEC_WIRE_SIZE(RS_MAX_DIM)];
static char text[RS_MAX_DIM * 20];

static void
require(int condition)
{
	if (!condition)
		abort();
}

static void
check_components(int dim)
{
	require(dim >= 1 && dim <= RS_MAX_DIM);
	for (int i = 0; i < dim; i++)
		require(isfinite(components[i]));
}

/* Printed with nine digits, the components must be read as they were. */
static void
check_text_round_trip(int dim)
{
	char	   *end = text;
	RsRecvecSpan span;
	int			dim_again;

	for (int i = 0; i < dim; i++)
		end += sprintf(end, "%c%.9g", i == 0 ? '[' : ',', components[i]);
	*end++ = ']';
	require(rs_recvec_parse(text, (size_t) (end - text), again, &dim_again,
							&span) == RS_RECVEC_OK);
	require(dim_again == dim);
	require(memcmp(components, again, sizeof(float) * (size_t) dim) == 0);
}

static void
fuzz_text(const uint8_t *data, size_t size)
{
	RsRecvecSpan span;
	RsRecvecStatus status;
	int			dim;

	status = rs_recvec_parse((const char *) data, size, components, &dim, &span);
	require(span.offset <= size && span.length <= size - span.offset);
	if (status != RS_RECVEC_OK)
		return;
	check_components(dim);
	check_text_round_trip(dim);
}

static void
fuzz_binary(const uint8_t *data, size_t size)
{
	int			dim;

	if (rs_recvec_wire_dim(data, size, &dim) != RS_RECVEC_OK)
		return;
	if (rs_recvec_decode(data, dim, components) != RS_RECVEC_OK)
		return;
	check_components(dim);
	require(size == RS_RECVEC_WIRE_SIZE(dim));
	rs_recvec_encode(components, dim, wire);
	require(memcmp(data, wire, size) == 0);
	check_text_round_trip(dim);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] % 2 == 0)
		fuzz_text(data + 1, size - 1);
	else
		fuzz_binary(data + 1, size - 1);
	return 0;
}
