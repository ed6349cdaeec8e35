-- ---- recvec: a vector of real numbers -----------------------------------------
-- Text and binary forms are those of pgvector's vector.

CREATE TYPE recsys.recvec;

CREATE FUNCTION recsys.recvec_in(cstring, oid, integer) RETURNS recsys.recvec
    AS 'MODULE_PATHNAME', 'recsys_recvec_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_in(cstring, oid, integer) IS 'input of recvec: [1,2,3]; a number too small for real becomes zero, one too large is an error';

CREATE FUNCTION recsys.recvec_out(recsys.recvec) RETURNS cstring
    AS 'MODULE_PATHNAME', 'recsys_recvec_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_out(recsys.recvec) IS 'output of recvec: the shortest decimals that read back as the same numbers';

CREATE FUNCTION recsys.recvec_recv(internal, oid, integer) RETURNS recsys.recvec
    AS 'MODULE_PATHNAME', 'recsys_recvec_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_recv(internal, oid, integer) IS 'binary input of recvec';

CREATE FUNCTION recsys.recvec_send(recsys.recvec) RETURNS bytea
    AS 'MODULE_PATHNAME', 'recsys_recvec_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_send(recsys.recvec) IS 'binary output of recvec';

CREATE FUNCTION recsys.recvec_typmod_in(cstring[]) RETURNS integer
    AS 'MODULE_PATHNAME', 'recsys_recvec_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_typmod_in(cstring[]) IS 'type modifier of recvec: the number of dimensions';

-- Aligned for real, the widest part.  Out of line without compression: the
-- mantissas of factors do not compress, and an attempt costs time at each write.
CREATE TYPE recsys.recvec (
    INPUT = recsys.recvec_in,
    OUTPUT = recsys.recvec_out,
    RECEIVE = recsys.recvec_recv,
    SEND = recsys.recvec_send,
    TYPMOD_IN = recsys.recvec_typmod_in,
    ALIGNMENT = int4,
    STORAGE = external
);
COMMENT ON TYPE recsys.recvec IS 'vector of 1 to 16000 finite real numbers; recvec(n) has exactly n dimensions';

-- ---- casts ----------------------------------------------------------------------

CREATE FUNCTION recsys.recvec(recsys.recvec, integer, boolean) RETURNS recsys.recvec
    AS 'MODULE_PATHNAME', 'recsys_recvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec(recsys.recvec, integer, boolean) IS 'apply the type modifier: an error unless the dimensions are as declared';

CREATE CAST (recsys.recvec AS recsys.recvec)
    WITH FUNCTION recsys.recvec(recsys.recvec, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (recsys.recvec AS recsys.recvec) IS 'check the dimensions';

CREATE FUNCTION recsys.array_to_recvec(real[], integer, boolean) RETURNS recsys.recvec
    AS 'MODULE_PATHNAME', 'recsys_array_to_recvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.array_to_recvec(real[], integer, boolean) IS 'vector of the elements of a one-dimensional array, each rounded to the nearest real; NULL, NaN and infinity are errors';

CREATE CAST (real[] AS recsys.recvec)
    WITH FUNCTION recsys.array_to_recvec(real[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (real[] AS recsys.recvec) IS 'vector of the elements of an array';

CREATE FUNCTION recsys.array_to_recvec(double precision[], integer, boolean) RETURNS recsys.recvec
    AS 'MODULE_PATHNAME', 'recsys_array_to_recvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.array_to_recvec(double precision[], integer, boolean) IS 'vector of the elements of a one-dimensional array, each rounded to the nearest real; NULL, NaN and infinity are errors';

CREATE CAST (double precision[] AS recsys.recvec)
    WITH FUNCTION recsys.array_to_recvec(double precision[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (double precision[] AS recsys.recvec) IS 'vector of the elements of an array';

CREATE FUNCTION recsys.array_to_recvec(integer[], integer, boolean) RETURNS recsys.recvec
    AS 'MODULE_PATHNAME', 'recsys_array_to_recvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.array_to_recvec(integer[], integer, boolean) IS 'vector of the elements of a one-dimensional array, each rounded to the nearest real; NULL, NaN and infinity are errors';

CREATE CAST (integer[] AS recsys.recvec)
    WITH FUNCTION recsys.array_to_recvec(integer[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (integer[] AS recsys.recvec) IS 'vector of the elements of an array';

CREATE FUNCTION recsys.array_to_recvec(numeric[], integer, boolean) RETURNS recsys.recvec
    AS 'MODULE_PATHNAME', 'recsys_array_to_recvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.array_to_recvec(numeric[], integer, boolean) IS 'vector of the elements of a one-dimensional array, each rounded to the nearest real; NULL, NaN and infinity are errors';

CREATE CAST (numeric[] AS recsys.recvec)
    WITH FUNCTION recsys.array_to_recvec(numeric[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (numeric[] AS recsys.recvec) IS 'vector of the elements of an array';

CREATE FUNCTION recsys.recvec_to_real(recsys.recvec) RETURNS real[]
    AS 'MODULE_PATHNAME', 'recsys_recvec_to_real' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_to_real(recsys.recvec) IS 'array of the components';

CREATE CAST (recsys.recvec AS real[])
    WITH FUNCTION recsys.recvec_to_real(recsys.recvec) AS ASSIGNMENT;
COMMENT ON CAST (recsys.recvec AS real[]) IS 'array of the components';

CREATE FUNCTION recsys.recvec_to_double(recsys.recvec) RETURNS double precision[]
    AS 'MODULE_PATHNAME', 'recsys_recvec_to_double' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_to_double(recsys.recvec) IS 'array of the components';

CREATE CAST (recsys.recvec AS double precision[])
    WITH FUNCTION recsys.recvec_to_double(recsys.recvec) AS ASSIGNMENT;
COMMENT ON CAST (recsys.recvec AS double precision[]) IS 'array of the components';

-- ---- measures -------------------------------------------------------------------

CREATE FUNCTION recsys.dims(recsys.recvec) RETURNS integer
    AS 'MODULE_PATHNAME', 'recsys_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.dims(recsys.recvec) IS 'number of components';

CREATE FUNCTION recsys.norm(recsys.recvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'recsys_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.norm(recsys.recvec) IS 'Euclidean length';

CREATE FUNCTION recsys.inner_product(recsys.recvec, recsys.recvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'recsys_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.inner_product(recsys.recvec, recsys.recvec) IS 'sum of the products of the components; an error if the dimensions differ';

CREATE FUNCTION recsys.cosine_similarity(recsys.recvec, recsys.recvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'recsys_cosine_similarity' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.cosine_similarity(recsys.recvec, recsys.recvec) IS 'cosine of the angle between two vectors, from -1 to 1; 0 when either is zero';

CREATE FUNCTION recsys.recvec_negative_inner_product(recsys.recvec, recsys.recvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'recsys_recvec_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_negative_inner_product(recsys.recvec, recsys.recvec) IS 'negative inner product: ascending order puts the largest inner product first';

CREATE OPERATOR recsys.<#> (
    LEFTARG = recsys.recvec, RIGHTARG = recsys.recvec, FUNCTION = recsys.recvec_negative_inner_product,
    COMMUTATOR = OPERATOR(recsys.<#>)
);
COMMENT ON OPERATOR recsys.<#> (recsys.recvec, recsys.recvec) IS 'negative inner product: ascending order puts the largest inner product first';

CREATE FUNCTION recsys.recvec_cosine_distance(recsys.recvec, recsys.recvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'recsys_recvec_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_cosine_distance(recsys.recvec, recsys.recvec) IS 'cosine distance, 1 - cosine similarity, from 0 to 2; 1 when either vector is zero';

CREATE OPERATOR recsys.<=> (
    LEFTARG = recsys.recvec, RIGHTARG = recsys.recvec, FUNCTION = recsys.recvec_cosine_distance,
    COMMUTATOR = OPERATOR(recsys.<=>)
);
COMMENT ON OPERATOR recsys.<=> (recsys.recvec, recsys.recvec) IS 'cosine distance, 1 - cosine similarity, from 0 to 2; 1 when either vector is zero';

CREATE FUNCTION recsys.recvec_euclidean_distance(recsys.recvec, recsys.recvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'recsys_recvec_euclidean_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_euclidean_distance(recsys.recvec, recsys.recvec) IS 'Euclidean distance';

CREATE OPERATOR recsys.<-> (
    LEFTARG = recsys.recvec, RIGHTARG = recsys.recvec, FUNCTION = recsys.recvec_euclidean_distance,
    COMMUTATOR = OPERATOR(recsys.<->)
);
COMMENT ON OPERATOR recsys.<-> (recsys.recvec, recsys.recvec) IS 'Euclidean distance';

-- ---- arithmetic, component by component -----------------------------------------

CREATE FUNCTION recsys.recvec_add(recsys.recvec, recsys.recvec) RETURNS recsys.recvec
    AS 'MODULE_PATHNAME', 'recsys_recvec_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_add(recsys.recvec, recsys.recvec) IS 'add component by component; an error beyond the range of real';

CREATE OPERATOR recsys.+ (
    LEFTARG = recsys.recvec, RIGHTARG = recsys.recvec, FUNCTION = recsys.recvec_add,
    COMMUTATOR = OPERATOR(recsys.+)
);
COMMENT ON OPERATOR recsys.+ (recsys.recvec, recsys.recvec) IS 'add component by component; an error beyond the range of real';

CREATE FUNCTION recsys.recvec_subtract(recsys.recvec, recsys.recvec) RETURNS recsys.recvec
    AS 'MODULE_PATHNAME', 'recsys_recvec_subtract' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_subtract(recsys.recvec, recsys.recvec) IS 'subtract component by component; an error beyond the range of real';

CREATE OPERATOR recsys.- (
    LEFTARG = recsys.recvec, RIGHTARG = recsys.recvec, FUNCTION = recsys.recvec_subtract
);
COMMENT ON OPERATOR recsys.- (recsys.recvec, recsys.recvec) IS 'subtract component by component; an error beyond the range of real';

CREATE FUNCTION recsys.recvec_multiply(recsys.recvec, recsys.recvec) RETURNS recsys.recvec
    AS 'MODULE_PATHNAME', 'recsys_recvec_multiply' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_multiply(recsys.recvec, recsys.recvec) IS 'multiply component by component; an error beyond the range of real';

CREATE OPERATOR recsys.* (
    LEFTARG = recsys.recvec, RIGHTARG = recsys.recvec, FUNCTION = recsys.recvec_multiply,
    COMMUTATOR = OPERATOR(recsys.*)
);
COMMENT ON OPERATOR recsys.* (recsys.recvec, recsys.recvec) IS 'multiply component by component; an error beyond the range of real';

-- ---- comparison -------------------------------------------------------------------
-- Lexicographic, a prefix before the longer vector; -0 equals 0.

CREATE FUNCTION recsys.recvec_lt(recsys.recvec, recsys.recvec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'recsys_recvec_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_lt(recsys.recvec, recsys.recvec) IS 'less than';

CREATE OPERATOR recsys.< (
    LEFTARG = recsys.recvec, RIGHTARG = recsys.recvec, FUNCTION = recsys.recvec_lt,
    COMMUTATOR = OPERATOR(recsys.>), NEGATOR = OPERATOR(recsys.>=),
    RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);
COMMENT ON OPERATOR recsys.< (recsys.recvec, recsys.recvec) IS 'less than';

CREATE FUNCTION recsys.recvec_le(recsys.recvec, recsys.recvec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'recsys_recvec_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_le(recsys.recvec, recsys.recvec) IS 'less than or equal';

CREATE OPERATOR recsys.<= (
    LEFTARG = recsys.recvec, RIGHTARG = recsys.recvec, FUNCTION = recsys.recvec_le,
    COMMUTATOR = OPERATOR(recsys.>=), NEGATOR = OPERATOR(recsys.>),
    RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);
COMMENT ON OPERATOR recsys.<= (recsys.recvec, recsys.recvec) IS 'less than or equal';

CREATE FUNCTION recsys.recvec_eq(recsys.recvec, recsys.recvec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'recsys_recvec_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_eq(recsys.recvec, recsys.recvec) IS 'equal';

CREATE OPERATOR recsys.= (
    LEFTARG = recsys.recvec, RIGHTARG = recsys.recvec, FUNCTION = recsys.recvec_eq,
    COMMUTATOR = OPERATOR(recsys.=), NEGATOR = OPERATOR(recsys.<>),
    RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel,
    HASHES, MERGES
);
COMMENT ON OPERATOR recsys.= (recsys.recvec, recsys.recvec) IS 'equal';

CREATE FUNCTION recsys.recvec_ne(recsys.recvec, recsys.recvec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'recsys_recvec_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_ne(recsys.recvec, recsys.recvec) IS 'not equal';

CREATE OPERATOR recsys.<> (
    LEFTARG = recsys.recvec, RIGHTARG = recsys.recvec, FUNCTION = recsys.recvec_ne,
    COMMUTATOR = OPERATOR(recsys.<>), NEGATOR = OPERATOR(recsys.=),
    RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR recsys.<> (recsys.recvec, recsys.recvec) IS 'not equal';

CREATE FUNCTION recsys.recvec_ge(recsys.recvec, recsys.recvec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'recsys_recvec_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_ge(recsys.recvec, recsys.recvec) IS 'greater than or equal';

CREATE OPERATOR recsys.>= (
    LEFTARG = recsys.recvec, RIGHTARG = recsys.recvec, FUNCTION = recsys.recvec_ge,
    COMMUTATOR = OPERATOR(recsys.<=), NEGATOR = OPERATOR(recsys.<),
    RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);
COMMENT ON OPERATOR recsys.>= (recsys.recvec, recsys.recvec) IS 'greater than or equal';

CREATE FUNCTION recsys.recvec_gt(recsys.recvec, recsys.recvec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'recsys_recvec_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_gt(recsys.recvec, recsys.recvec) IS 'greater than';

CREATE OPERATOR recsys.> (
    LEFTARG = recsys.recvec, RIGHTARG = recsys.recvec, FUNCTION = recsys.recvec_gt,
    COMMUTATOR = OPERATOR(recsys.<), NEGATOR = OPERATOR(recsys.<=),
    RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);
COMMENT ON OPERATOR recsys.> (recsys.recvec, recsys.recvec) IS 'greater than';

CREATE FUNCTION recsys.recvec_cmp(recsys.recvec, recsys.recvec) RETURNS integer
    AS 'MODULE_PATHNAME', 'recsys_recvec_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_cmp(recsys.recvec, recsys.recvec) IS '-1, 0 or 1 as the first vector is less than, equal to or greater than the second';

CREATE FUNCTION recsys.recvec_hash(recsys.recvec) RETURNS integer
    AS 'MODULE_PATHNAME', 'recsys_recvec_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_hash(recsys.recvec) IS 'hash of the components';

CREATE FUNCTION recsys.recvec_hash_extended(recsys.recvec, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'recsys_recvec_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_hash_extended(recsys.recvec, bigint) IS '64-bit hash of the components with a seed';

CREATE OPERATOR FAMILY recsys.recvec_ops USING btree;
COMMENT ON OPERATOR FAMILY recsys.recvec_ops USING btree IS 'lexicographic order of recvec';
CREATE OPERATOR CLASS recsys.recvec_ops
    DEFAULT FOR TYPE recsys.recvec USING btree FAMILY recsys.recvec_ops AS
    OPERATOR 1 recsys.<,
    OPERATOR 2 recsys.<=,
    OPERATOR 3 recsys.=,
    OPERATOR 4 recsys.>=,
    OPERATOR 5 recsys.>,
    FUNCTION 1 recsys.recvec_cmp(recsys.recvec, recsys.recvec);
COMMENT ON OPERATOR CLASS recsys.recvec_ops USING btree IS 'lexicographic order of recvec';

CREATE OPERATOR FAMILY recsys.recvec_ops USING hash;
COMMENT ON OPERATOR FAMILY recsys.recvec_ops USING hash IS 'equality of recvec';
CREATE OPERATOR CLASS recsys.recvec_ops
    DEFAULT FOR TYPE recsys.recvec USING hash FAMILY recsys.recvec_ops AS
    OPERATOR 1 recsys.=,
    FUNCTION 1 recsys.recvec_hash(recsys.recvec),
    FUNCTION 2 recsys.recvec_hash_extended(recsys.recvec, bigint);
COMMENT ON OPERATOR CLASS recsys.recvec_ops USING hash IS 'equality of recvec';

-- ---- aggregates --------------------------------------------------------------------

CREATE FUNCTION recsys.recvec_accum(double precision[], recsys.recvec) RETURNS double precision[]
    AS 'MODULE_PATHNAME', 'recsys_recvec_accum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_accum(double precision[], recsys.recvec) IS 'transition function of sum and avg; the state is the count, then the sums';

CREATE FUNCTION recsys.recvec_combine(double precision[], double precision[]) RETURNS double precision[]
    AS 'MODULE_PATHNAME', 'recsys_recvec_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_combine(double precision[], double precision[]) IS 'combine function of sum and avg';

CREATE FUNCTION recsys.recvec_sum(double precision[]) RETURNS recsys.recvec
    AS 'MODULE_PATHNAME', 'recsys_recvec_sum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_sum(double precision[]) IS 'final function of sum';

CREATE AGGREGATE recsys.sum(recsys.recvec) (
    SFUNC = recsys.recvec_accum,
    STYPE = double precision[],
    INITCOND = '{0}',
    FINALFUNC = recsys.recvec_sum,
    COMBINEFUNC = recsys.recvec_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE recsys.sum(recsys.recvec) IS 'sum of the vectors, component by component; NULL without vectors';

CREATE FUNCTION recsys.recvec_avg(double precision[]) RETURNS recsys.recvec
    AS 'MODULE_PATHNAME', 'recsys_recvec_avg' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recsys.recvec_avg(double precision[]) IS 'final function of avg';

CREATE AGGREGATE recsys.avg(recsys.recvec) (
    SFUNC = recsys.recvec_accum,
    STYPE = double precision[],
    INITCOND = '{0}',
    FINALFUNC = recsys.recvec_avg,
    COMBINEFUNC = recsys.recvec_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE recsys.avg(recsys.recvec) IS 'average of the vectors, component by component; NULL without vectors';
