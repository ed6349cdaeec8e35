/*-------------------------------------------------------------------------
 *
 * recvec.c
 *		Input, output, type modifier and construction of recvec.
 *
 * The grammar is in recvec_codec.c; here its status codes become messages.
 * Everything is allocated in the current memory context and nothing is kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "type/recvec.h"
#include "type/recvec_codec.h"

/* How much of a literal a message quotes, in bytes. */
#define RS_QUOTED_BYTES		64

/* ---- construction and checks -------------------------------------------- */

RsRecvec *
rs_recvec_new(int dim)
{
	RsRecvec   *result;
	Size		size;

	rs_recvec_check_dim(dim);
	size = rs_recvec_size(dim);
	result = palloc0(size);
	SET_VARSIZE(result, size);
	result->dim = (int16) dim;
	return result;
}

RsRecvec *
rs_recvec_get(Datum value)
{
	RsRecvec   *result = DatumGetRecvecP(value);
	Size		size = VARSIZE(result);

	if (size < offsetof(RsRecvec, x) ||
		result->dim < 1 || result->dim > RS_MAX_DIM ||
		size != rs_recvec_size(result->dim))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("invalid value of type recvec"),
				 errdetail("Its length of %zu bytes does not fit its dimensions.",
						   size)));
	return result;
}

void
rs_recvec_check_dim(int64 dim)
{
	if (dim < 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("recvec must have at least 1 dimension")));
	if (dim > RS_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("recvec cannot have more than %d dimensions", RS_MAX_DIM)));
}

void
rs_recvec_check_typmod(int32 typmod, int dim)
{
	if (typmod != -1 && typmod != dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected %d dimensions, not %d", typmod, dim)));
}

void
rs_recvec_check_same_dim(const RsRecvec *a, const RsRecvec *b)
{
	if (a->dim != b->dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different recvec dimensions %d and %d", a->dim, b->dim)));
}

/* ---- text --------------------------------------------------------------- */

/* The start of a text of length bytes, whole characters, for a message. */
static char *
quote_start(const char *text, size_t length)
{
	int			limit = (int) Min(length, RS_QUOTED_BYTES);
	int			clipped = pg_mbcliplen(text, limit, RS_QUOTED_BYTES);

	if (length <= RS_QUOTED_BYTES)
		return pnstrdup(text, length);
	return psprintf("%.*s...", clipped, text);
}

/* What the grammar expected where it stopped. */
static const char *
syntax_detail(RsRecvecStatus status)
{
	switch (status)
	{
		case RS_RECVEC_NO_BRACKET:
			return "Expected \"[\" at byte %zu.";
		case RS_RECVEC_EMPTY:
			return "A recvec has at least one component, and there is none at byte %zu.";
		case RS_RECVEC_NO_NUMBER:
			return "Expected a number at byte %zu.";
		case RS_RECVEC_NOT_FINITE:
			return "The component at byte %zu is not a finite number.";
		case RS_RECVEC_NO_SEPARATOR:
			return "Expected \",\" or \"]\" at byte %zu.";
		case RS_RECVEC_TRAILING:
			return "Expected the end at byte %zu.";
		default:
			elog(ERROR, "unexpected status of recvec input: %d", (int) status);
			return NULL;
	}
}

/*
 * Turn what the parser found into an error: soft where the caller asked for
 * that (pg_input_is_valid, COPY with ON_ERROR), else raised.
 */
static Datum
report_parse_error(Node *escontext, RsRecvecStatus status, const char *text,
				   size_t length, RsRecvecSpan span)
{
	if (status == RS_RECVEC_TOO_MANY)
		ereturn(escontext, (Datum) 0,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("recvec cannot have more than %d dimensions", RS_MAX_DIM)));
	if (status == RS_RECVEC_OUT_OF_RANGE)
		ereturn(escontext, (Datum) 0,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("\"%s\" is out of range for type recvec",
						quote_start(text + span.offset, span.length))));
	ereturn(escontext, (Datum) 0,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type recvec: \"%s\"",
					quote_start(text, length)),
			 errdetail(syntax_detail(status), span.offset + 1)));
}

RS_FUNCTION(recsys_recvec_in);

/* recvec_in(cstring, oid, integer) returns recvec */
Datum
recsys_recvec_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	int32		typmod = PG_GETARG_INT32(2);
	size_t		length = strlen(text);
	float		x[RS_MAX_DIM];
	RsRecvecSpan span;
	RsRecvecStatus status;
	RsRecvec   *result;
	int			dim;

	status = rs_recvec_parse(text, length, x, &dim, &span);
	if (status != RS_RECVEC_OK)
		return report_parse_error(fcinfo->context, status, text, length, span);
	if (typmod != -1 && typmod != dim)
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected %d dimensions, not %d", typmod, dim)));

	result = rs_recvec_new(dim);
	memcpy(result->x, x, sizeof(float) * dim);
	PG_RETURN_RECVEC_P(result);
}

RS_FUNCTION(recsys_recvec_out);

/*
 * recvec_out(recvec) returns cstring
 *
 * The shortest decimals that read back as the same floats, whatever
 * extra_float_digits says.
 */
Datum
recsys_recvec_out(PG_FUNCTION_ARGS)
{
	RsRecvec   *v = PG_GETARG_RECVEC_P(0);
	char	   *text;
	char	   *end;

	/*
	 * FLOAT_SHORTEST_DECIMAL_LEN counts a terminator, which pays for the
	 * separator here; then two brackets and the terminator, of which the last
	 * component needs no separator.
	 */
	text = palloc((Size) v->dim * FLOAT_SHORTEST_DECIMAL_LEN + 2);
	end = text;
	*end++ = '[';
	for (int i = 0; i < v->dim; i++)
	{
		if (i > 0)
			*end++ = ',';
		end += float_to_shortest_decimal_bufn(v->x[i], end);
	}
	*end++ = ']';
	*end = '\0';
	PG_RETURN_CSTRING(text);
}

/* ---- binary ------------------------------------------------------------- */

static void
report_wire_error(RsRecvecStatus status)
{
	switch (status)
	{
		case RS_RECVEC_TRUNCATED:
			ereport(ERROR,
					(errcode(ERRCODE_PROTOCOL_VIOLATION),
					 errmsg("insufficient data left in binary recvec")));
			break;
		case RS_RECVEC_TRAILING:
			ereport(ERROR,
					(errcode(ERRCODE_PROTOCOL_VIOLATION),
					 errmsg("unexpected data after binary recvec")));
			break;
		case RS_RECVEC_RESERVED:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("reserved field of binary recvec is not zero")));
			break;
		case RS_RECVEC_NOT_FINITE:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("NaN and infinity are not allowed in recvec")));
			break;
		case RS_RECVEC_EMPTY:
			rs_recvec_check_dim(0);
			break;
		case RS_RECVEC_TOO_MANY:
			rs_recvec_check_dim((int64) RS_MAX_DIM + 1);
			break;
		default:
			elog(ERROR, "unexpected status of binary recvec: %d", (int) status);
	}
}

RS_FUNCTION(recsys_recvec_recv);

/* recvec_recv(internal, oid, integer) returns recvec */
Datum
recsys_recvec_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int32		typmod = PG_GETARG_INT32(2);
	int			length = buf->len - buf->cursor;
	const char *bytes = pq_getmsgbytes(buf, length);
	const unsigned char *wire = (const unsigned char *) bytes;
	RsRecvecStatus status;
	RsRecvec   *result;
	int			dim;

	status = rs_recvec_wire_dim(wire, length, &dim);
	if (status != RS_RECVEC_OK)
		report_wire_error(status);
	rs_recvec_check_typmod(typmod, dim);

	result = rs_recvec_new(dim);
	status = rs_recvec_decode(wire, dim, result->x);
	if (status != RS_RECVEC_OK)
		report_wire_error(status);
	PG_RETURN_RECVEC_P(result);
}

RS_FUNCTION(recsys_recvec_send);

/* recvec_send(recvec) returns bytea */
Datum
recsys_recvec_send(PG_FUNCTION_ARGS)
{
	RsRecvec   *v = PG_GETARG_RECVEC_P(0);
	Size		size = add_size(VARHDRSZ, RS_RECVEC_WIRE_SIZE(v->dim));
	bytea	   *result = palloc(size);

	SET_VARSIZE(result, size);
	rs_recvec_encode(v->x, v->dim, (unsigned char *) VARDATA(result));
	PG_RETURN_BYTEA_P(result);
}

/* ---- type modifier ------------------------------------------------------ */

/* The one text of a cstring array that is no type modifier of another kind. */
static const char *
single_modifier(ArrayType *array)
{
	Datum	   *elements;
	int			n;

	if (ARR_ELEMTYPE(array) != CSTRINGOID || ARR_NDIM(array) != 1 ||
		array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid type modifier")));
	deconstruct_array(array, CSTRINGOID, -2, false, TYPALIGN_CHAR,
					  &elements, NULL, &n);
	if (n != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid type modifier"),
				 errdetail("Type recvec takes one modifier, the number of dimensions.")));
	return DatumGetCString(elements[0]);
}

RS_FUNCTION(recsys_recvec_typmod_in);

/* recvec_typmod_in(cstring[]) returns integer */
Datum
recsys_recvec_typmod_in(PG_FUNCTION_ARGS)
{
	const char *text = single_modifier(PG_GETARG_ARRAYTYPE_P(0));
	char	   *end;
	long		dim;

	errno = 0;
	dim = strtol(text, &end, 10);
	if (end == text || *end != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid type modifier: \"%s\"",
						quote_start(text, strlen(text)))));
	if (errno != 0 || dim < 1 || dim > RS_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dimensions of type recvec must be between 1 and %d",
						RS_MAX_DIM)));
	PG_RETURN_INT32((int32) dim);
}

RS_FUNCTION(recsys_recvec);

/* recvec(recvec, integer, boolean) returns recvec: apply the type modifier */
Datum
recsys_recvec(PG_FUNCTION_ARGS)
{
	RsRecvec   *v = PG_GETARG_RECVEC_P(0);

	rs_recvec_check_typmod(PG_GETARG_INT32(1), v->dim);
	PG_RETURN_RECVEC_P(v);
}
