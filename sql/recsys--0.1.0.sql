-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION recsys" to load this file. \quit

-- A schema recsys that was there before is used as it is: whoever else could
-- create objects in it could put functions before ours.
DO LANGUAGE plpgsql $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_namespace AS n
          LEFT JOIN LATERAL pg_catalog.aclexplode(n.nspacl) AS a
            ON a.privilege_type OPERATOR(pg_catalog.=) 'CREATE'
          LEFT JOIN pg_catalog.pg_roles AS r
            ON r.oid OPERATOR(pg_catalog.=) COALESCE(a.grantee, n.nspowner)
          JOIN pg_catalog.pg_roles AS o ON o.oid OPERATOR(pg_catalog.=) n.nspowner
         WHERE n.nspname OPERATOR(pg_catalog.=) 'recsys'
           AND NOT (o.rolsuper AND COALESCE(r.rolsuper, false)))
    THEN
        RAISE EXCEPTION 'schema "recsys" is not safe to install into'
              USING ERRCODE = 'insufficient_privilege',
                    DETAIL = 'A role that is not superuser owns it or may create objects in it.',
                    HINT = 'Drop the schema, or give it to a superuser and REVOKE CREATE on it.';
    END IF;
END
$$;

-- The schema of the models' views and factor tables.  A member of the
-- extension, so that DROP EXTENSION knows what hangs on it.
CREATE SCHEMA recsys_data;
COMMENT ON SCHEMA recsys IS 'recommendations: functions, types and catalog of the extension recsys';
COMMENT ON SCHEMA recsys_data IS 'one view and two factor tables for each model; CREATE on this schema is the right to create models';
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
-- ---------------------------------------------------------------------------
-- The catalog: models and their trained versions.
--
-- Nobody but the extension's owner touches these tables; the C functions do it
-- for those who have the right, and the views below show each reader what he
-- may see.  No OID is stored: a dump would carry a bare number.  No foreign key
-- ties the two: a parallel restore would load them in the wrong order.
-- ---------------------------------------------------------------------------

CREATE TABLE recsys.model (
    name           text COLLATE "C" PRIMARY KEY
                   CHECK (pg_catalog.octet_length(name) BETWEEN 1 AND 48),
    feedback       text NOT NULL,
    algorithm      text NOT NULL,
    options        jsonb NOT NULL,
    active_version int,
    last_version   int NOT NULL,
    user_column    text NOT NULL,
    item_column    text NOT NULL,
    rating_column  text,
    time_column    text,
    created_at     timestamptz NOT NULL
);
COMMENT ON TABLE recsys.model IS 'one row for each model; see the view recsys.models';

CREATE TABLE recsys.model_version (
    model           text COLLATE "C" NOT NULL,
    version         int NOT NULL,
    stamp           bigint NOT NULL,
    feedback        text NOT NULL,
    algorithm       text NOT NULL,
    options         jsonb NOT NULL,
    mean            double precision NOT NULL,
    users           int NOT NULL,
    items           int NOT NULL,
    ratings         bigint NOT NULL,
    rows_read       bigint NOT NULL,
    rows_skipped    bigint NOT NULL,
    iterations      int NOT NULL,
    loss            double precision[] NOT NULL,
    started_at      timestamptz NOT NULL,
    seconds         double precision NOT NULL,
    trained_by      text NOT NULL,
    library_version text NOT NULL,
    kernel          text NOT NULL,
    threads         int NOT NULL,
    source          text NOT NULL,
    snapshot        text NOT NULL,
    PRIMARY KEY (model, version)
);
COMMENT ON TABLE recsys.model_version IS 'one row for each result of a training, immutable; see the view recsys.model_versions';
COMMENT ON COLUMN recsys.model_version.stamp IS 'random; tells this result from any other that ever carried this number';
COMMENT ON COLUMN recsys.model_version.loss IS 'the objective after each iteration';

SELECT pg_catalog.pg_extension_config_dump('recsys.model', '');
SELECT pg_catalog.pg_extension_config_dump('recsys.model_version', '');
-- ---------------------------------------------------------------------------
-- Models: create, alter, drop, look at.
--
-- PUBLIC may execute these functions: each checks the rights itself.  Creating
-- needs CREATE on the schema recsys_data and SELECT on the source's columns;
-- altering and dropping need the ownership of the model's view.
-- ---------------------------------------------------------------------------

CREATE FUNCTION recsys.create_model(
    model         text,
    source        regclass,
    user_column   name    DEFAULT 'user_id',
    item_column   name    DEFAULT 'item_id',
    rating_column name    DEFAULT NULL,
    time_column   name    DEFAULT NULL,
    feedback      text    DEFAULT 'explicit',
    algorithm     text    DEFAULT 'als',
    run_as        text    DEFAULT 'caller',
    options       jsonb   DEFAULT '{}')
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_create_model';
COMMENT ON FUNCTION recsys.create_model(text, regclass, name, name, name, name, text, text, text, jsonb) IS
'Defines a model over a table or view: makes the view recsys_data.<model> and two factor tables, owned by the caller. Explicit feedback without rating_column takes the column "rating"; implicit feedback without one counts rows. run_as "caller" reads the source with the rights of whoever asks, "owner" with those of the model''s owner. Errors: 42710 the model exists, 42P07 another relation of recsys_data has its name, 42703 no such column, 0A000 or 42804 wrong column type, 42809 not a table or view, 42501 no right, 22023 wrong option.';

CREATE FUNCTION recsys.alter_model(
    model     text,
    feedback  text  DEFAULT NULL,
    algorithm text  DEFAULT NULL,
    run_as    text  DEFAULT NULL,
    options   jsonb DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_alter_model';
COMMENT ON FUNCTION recsys.alter_model(text, text, text, text, jsonb) IS
'Changes what is given and leaves what is NULL. options are laid over the model''s; a JSON null takes an option back to its default. Holds from the next training on; run_as holds at once. Errors: 42704 no such model, 42501 not the owner, 55P03 run_as is given and the model is being trained, 22023 wrong value.';

CREATE FUNCTION recsys.drop_model(model text, if_exists boolean DEFAULT false)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_drop_model';
COMMENT ON FUNCTION recsys.drop_model(text, boolean) IS
'Drops a model with its view, its factor tables and all its versions, or what is left of it after its view went with its source. Errors: 42704 no such model, 42501 not the owner, 55P03 it is being trained, 2BP01 something depends on its view.';

CREATE FUNCTION recsys.options(
    OUT name             text,
    OUT type             text,
    OUT default_explicit text,
    OUT default_implicit text,
    OUT range            text,
    OUT algorithms       text,
    OUT meaning          text)
RETURNS SETOF record
LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 20
AS 'MODULE_PATHNAME', 'recsys_options';
COMMENT ON FUNCTION recsys.options() IS
'Every option of create_model, alter_model and train; a NULL default says that the option does not apply to that kind of feedback.';

CREATE VIEW recsys.models WITH (security_barrier) AS
SELECT m.name AS model,
       pg_catalog.pg_get_userbyid(c.relowner) AS owner,
       m.feedback,
       m.algorithm,
       CASE WHEN (SELECT o.option_value::boolean
                    FROM pg_catalog.pg_options_to_table(c.reloptions) AS o
                   WHERE o.option_name OPERATOR(pg_catalog.=) 'security_invoker')
            THEN 'caller' ELSE 'owner' END AS run_as,
       m.options,
       m.active_version,
       v.users,
       v.items,
       v.ratings,
       v.started_at AS trained_at,
       pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) v.started_at AS age,
       (SELECT pg_catalog.count(*) FROM recsys.model_version AS n
         WHERE n.model OPERATOR(pg_catalog.=) m.name) AS versions,
       m.created_at
  FROM recsys.model AS m
  JOIN pg_catalog.pg_class AS c
    ON c.relname OPERATOR(pg_catalog.=) m.name::name
   AND c.relnamespace OPERATOR(pg_catalog.=) 'recsys_data'::regnamespace
   AND c.relkind OPERATOR(pg_catalog.=) 'v'
  LEFT JOIN recsys.model_version AS v
    ON v.model OPERATOR(pg_catalog.=) m.name
   AND v.version OPERATOR(pg_catalog.=) m.active_version
 WHERE pg_catalog.has_table_privilege(c.oid, 'SELECT');
COMMENT ON VIEW recsys.models IS 'the models that the reader may use, with what their active version was trained on';

CREATE VIEW recsys.model_versions WITH (security_barrier) AS
SELECT v.model,
       v.version,
       v.version OPERATOR(pg_catalog.=) m.active_version IS TRUE AS active,
       v.feedback,
       v.algorithm,
       v.options,
       v.users,
       v.items,
       v.ratings,
       v.rows_read,
       v.rows_skipped,
       v.mean,
       v.iterations,
       v.loss,
       v.started_at,
       v.seconds,
       v.trained_by,
       v.library_version,
       v.kernel,
       v.threads,
       v.source,
       v.snapshot
  FROM recsys.model_version AS v
  JOIN recsys.model AS m ON m.name OPERATOR(pg_catalog.=) v.model
  JOIN pg_catalog.pg_class AS c
    ON c.relname OPERATOR(pg_catalog.=) m.name::name
   AND c.relnamespace OPERATOR(pg_catalog.=) 'recsys_data'::regnamespace
   AND c.relkind OPERATOR(pg_catalog.=) 'v'
 WHERE pg_catalog.has_table_privilege(c.oid, 'SELECT');
COMMENT ON VIEW recsys.model_versions IS 'the versions of the models that the reader may use: options, counts, loss by iteration and where they came from';
-- ---------------------------------------------------------------------------
-- Training, and which version serves.
--
-- EXECUTE stays with PUBLIC: the functions themselves require that the caller
-- is the model's owner or a member of that role, which no ACL could say.
-- ---------------------------------------------------------------------------

CREATE FUNCTION recsys.train(
    model       text,
    options     jsonb DEFAULT '{}',
    deploy      boolean DEFAULT true,
    OUT version    int,
    OUT users      int,
    OUT items      int,
    OUT ratings    bigint,
    OUT iterations int,
    OUT loss       double precision,
    OUT seconds    double precision,
    OUT deployed   boolean
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'recsys_train' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1 COST 1000000;
COMMENT ON FUNCTION recsys.train(text, jsonb, boolean) IS
    'Trains a model on what its view shows now and makes the result a new version; options go before the model''s for this version only, deploy => false leaves the active version as it is. One row: the version, users and items published, ratings after the rule for repeated ones, iterations done, the objective after the last (NULL for popular), seconds. Errors: 42704 no such model, 42501 not its owner, 55P03 it is being trained, 22004 an argument is NULL, 22023 wrong option or nothing to train on, 22000 a rating that is no number or factors that are not determined, 22003 a value out of range, 54000 more memory than recsys.training_memory, 25006 read-only.';

CREATE FUNCTION recsys.deploy(model text, version int) RETURNS void
    AS 'MODULE_PATHNAME', 'recsys_deploy' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION recsys.deploy(text, int) IS
    'Makes a version of a model the active one, from the commit of this transaction on. Errors: 42704 no such model, 42501 not its owner, 55000 no such version, 25006 read-only.';

CREATE FUNCTION recsys.rollback(model text) RETURNS void
    AS 'MODULE_PATHNAME', 'recsys_rollback' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION recsys.rollback(text) IS
    'Makes the greatest version below the active one the active one. Errors: 42704 no such model, 42501 not its owner, 55000 there is none, 25006 read-only.';

CREATE FUNCTION recsys.training_progress_slots(
    OUT model      text,
    OUT pid        int,
    OUT user_name  text,
    OUT phase      text,
    OUT rows_read  bigint,
    OUT iteration  int,
    OUT iterations int,
    OUT rows_done  bigint,
    OUT rows_total bigint,
    OUT loss       double precision,
    OUT started_at timestamptz
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'recsys_training_progress_slots'
    LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION recsys.training_progress_slots() IS
    'the rows of the view recsys.training_progress: trainings in this database of models that the caller may use or owns';

CREATE VIEW recsys.training_progress AS
    SELECT model, pid, user_name, phase, rows_read, iteration, iterations,
           rows_done, rows_total, loss, started_at
    FROM recsys.training_progress_slots();
COMMENT ON VIEW recsys.training_progress IS
    'trainings that run now; empty unless the library recsys is in shared_preload_libraries';
COMMENT ON COLUMN recsys.training_progress.phase IS 'reading, preparing, iterating or publishing';
COMMENT ON COLUMN recsys.training_progress.iteration IS 'iterations finished';
COMMENT ON COLUMN recsys.training_progress.rows_done IS 'users or items solved in the current half of an iteration';
COMMENT ON COLUMN recsys.training_progress.loss IS 'the objective after the last finished iteration';
GRANT SELECT ON recsys.training_progress TO PUBLIC;
-- ---------------------------------------------------------------------------
-- Answers from a model: recommend, predict, user_vector, item_vector.
--
-- The type of the items is in the name, the user id is overloaded.  STABLE:
-- within a statement an answer does not change.  They write nothing, so they
-- work on a standby and in a read-only transaction.  RESTRICTED are those that
-- read the model's view, which may hold functions and foreign tables that are
-- not for a parallel worker; item_vector() reads the factor table only.
-- PUBLIC may execute them: each needs SELECT on the model's view.
--
-- The comment of the bigint form says all; the others say what differs.
-- ---------------------------------------------------------------------------

CREATE FUNCTION recsys.recommend(
    model        text,
    user_id      bigint,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   bigint[] DEFAULT NULL,
    exclude      bigint[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    OUT rank     int,
    OUT item_id  bigint,
    OUT score    real,
    OUT source   text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend';
COMMENT ON FUNCTION recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int) IS
'The k best items for a user, best first: items with bigint ids (smallint and integer included). Exact: every eligible item is scored; equal scores by ascending id. The score is the predicted rating (explicit) or preference (implicit), equal to predict() to the last bit. source tells where the answer comes from: "folded", the vector solved from the user''s rows of this moment; "model", the vector that training stored (fresh => false); "popular", no vector: the items most users have, the score being their number. exclude_seen leaves out every item of the user''s rows. candidates NULL means all items, an empty array none; in both arrays NULL elements and unknown ids are ignored. Fewer than k rows come only when fewer items are eligible. Errors: 42704 no such model, 42501 no SELECT on its view, 55000 no such version, 42804 the items are of another type, 22004 an argument is NULL, 22023 k is negative, 22P02 the id is not of the model''s type. Fold-in: Hu, Koren, Volinsky 2008, section 4; Zhou et al. 2008, section 3.';

CREATE FUNCTION recsys.recommend(
    model        text,
    user_id      text,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   bigint[] DEFAULT NULL,
    exclude      bigint[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    OUT rank     int,
    OUT item_id  bigint,
    OUT score    real,
    OUT source   text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend';
COMMENT ON FUNCTION recsys.recommend(text, text, int, boolean, bigint[], bigint[], boolean, int) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int), but for the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.recommend(
    model        text,
    user_id      uuid,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   bigint[] DEFAULT NULL,
    exclude      bigint[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    OUT rank     int,
    OUT item_id  bigint,
    OUT score    real,
    OUT source   text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend';
COMMENT ON FUNCTION recsys.recommend(text, uuid, int, boolean, bigint[], bigint[], boolean, int) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int), but for the user id given as uuid.';

CREATE FUNCTION recsys.recommend_text(
    model        text,
    user_id      bigint,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   text[] DEFAULT NULL,
    exclude      text[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    OUT rank     int,
    OUT item_id  text,
    OUT score    real,
    OUT source   text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_text';
COMMENT ON FUNCTION recsys.recommend_text(text, bigint, int, boolean, text[], text[], boolean, int) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int), but for items of any model with their ids as text and the user id given as bigint.';

CREATE FUNCTION recsys.recommend_text(
    model        text,
    user_id      text,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   text[] DEFAULT NULL,
    exclude      text[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    OUT rank     int,
    OUT item_id  text,
    OUT score    real,
    OUT source   text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_text';
COMMENT ON FUNCTION recsys.recommend_text(text, text, int, boolean, text[], text[], boolean, int) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int), but for items of any model with their ids as text and the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.recommend_text(
    model        text,
    user_id      uuid,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   text[] DEFAULT NULL,
    exclude      text[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    OUT rank     int,
    OUT item_id  text,
    OUT score    real,
    OUT source   text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_text';
COMMENT ON FUNCTION recsys.recommend_text(text, uuid, int, boolean, text[], text[], boolean, int) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int), but for items of any model with their ids as text and the user id given as uuid.';

CREATE FUNCTION recsys.recommend_uuid(
    model        text,
    user_id      bigint,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   uuid[] DEFAULT NULL,
    exclude      uuid[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    OUT rank     int,
    OUT item_id  uuid,
    OUT score    real,
    OUT source   text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_uuid';
COMMENT ON FUNCTION recsys.recommend_uuid(text, bigint, int, boolean, uuid[], uuid[], boolean, int) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int), but for items with uuid ids and the user id given as bigint.';

CREATE FUNCTION recsys.recommend_uuid(
    model        text,
    user_id      text,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   uuid[] DEFAULT NULL,
    exclude      uuid[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    OUT rank     int,
    OUT item_id  uuid,
    OUT score    real,
    OUT source   text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_uuid';
COMMENT ON FUNCTION recsys.recommend_uuid(text, text, int, boolean, uuid[], uuid[], boolean, int) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int), but for items with uuid ids and the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.recommend_uuid(
    model        text,
    user_id      uuid,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   uuid[] DEFAULT NULL,
    exclude      uuid[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    OUT rank     int,
    OUT item_id  uuid,
    OUT score    real,
    OUT source   text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_uuid';
COMMENT ON FUNCTION recsys.recommend_uuid(text, uuid, int, boolean, uuid[], uuid[], boolean, int) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int), but for items with uuid ids and the user id given as uuid.';

CREATE FUNCTION recsys.predict(
    model   text,
    user_id bigint,
    item_id bigint,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_predict';
COMMENT ON FUNCTION recsys.predict(text, bigint, bigint, boolean, int) IS
'The score of one item for a user, as recommend() gives it: the predicted rating (explicit) or preference (implicit). mean + user bias + item bias + inner product (Koren, Bell, Volinsky 2009, equation 4), in double precision, rounded once. NULL when the item is unknown, when the user has no usable rows (fresh) or no stored vector (fresh => false), and for the popular algorithm; NULL for a NULL id. Errors as for recommend().';

CREATE FUNCTION recsys.predict(
    model   text,
    user_id text,
    item_id bigint,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_predict';
COMMENT ON FUNCTION recsys.predict(text, text, bigint, boolean, int) IS
'As recsys.predict(text, bigint, bigint, boolean, int), but for the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.predict(
    model   text,
    user_id uuid,
    item_id bigint,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_predict';
COMMENT ON FUNCTION recsys.predict(text, uuid, bigint, boolean, int) IS
'As recsys.predict(text, bigint, bigint, boolean, int), but for the user id given as uuid.';

CREATE FUNCTION recsys.predict_text(
    model   text,
    user_id bigint,
    item_id text,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_predict_text';
COMMENT ON FUNCTION recsys.predict_text(text, bigint, text, boolean, int) IS
'As recsys.predict(text, bigint, bigint, boolean, int), but for items of any model with their ids as text and the user id given as bigint.';

CREATE FUNCTION recsys.predict_text(
    model   text,
    user_id text,
    item_id text,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_predict_text';
COMMENT ON FUNCTION recsys.predict_text(text, text, text, boolean, int) IS
'As recsys.predict(text, bigint, bigint, boolean, int), but for items of any model with their ids as text and the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.predict_text(
    model   text,
    user_id uuid,
    item_id text,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_predict_text';
COMMENT ON FUNCTION recsys.predict_text(text, uuid, text, boolean, int) IS
'As recsys.predict(text, bigint, bigint, boolean, int), but for items of any model with their ids as text and the user id given as uuid.';

CREATE FUNCTION recsys.predict_uuid(
    model   text,
    user_id bigint,
    item_id uuid,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_predict_uuid';
COMMENT ON FUNCTION recsys.predict_uuid(text, bigint, uuid, boolean, int) IS
'As recsys.predict(text, bigint, bigint, boolean, int), but for items with uuid ids and the user id given as bigint.';

CREATE FUNCTION recsys.predict_uuid(
    model   text,
    user_id text,
    item_id uuid,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_predict_uuid';
COMMENT ON FUNCTION recsys.predict_uuid(text, text, uuid, boolean, int) IS
'As recsys.predict(text, bigint, bigint, boolean, int), but for items with uuid ids and the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.predict_uuid(
    model   text,
    user_id uuid,
    item_id uuid,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_predict_uuid';
COMMENT ON FUNCTION recsys.predict_uuid(text, uuid, uuid, boolean, int) IS
'As recsys.predict(text, bigint, bigint, boolean, int), but for items with uuid ids and the user id given as uuid.';

CREATE FUNCTION recsys.user_vector(
    model   text,
    user_id bigint,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS recsys.recvec
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_user_vector';
COMMENT ON FUNCTION recsys.user_vector(text, bigint, boolean, int) IS
'The vector of a user: x of "factors" components, or (x, 1) when the model has biases, so that "ORDER BY f.factors <#> user_vector" over the rows of the version in recsys_data.<model>_item_factors ranks as recommend() does. fresh solves it from the user''s rows of this moment, else it is the one that training stored. NULL when there is none, and for a NULL id. Errors: 42704, 42501, 55000, 22004, 22P02 as for recommend().';

CREATE FUNCTION recsys.user_vector(
    model   text,
    user_id text,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS recsys.recvec
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_user_vector';
COMMENT ON FUNCTION recsys.user_vector(text, text, boolean, int) IS
'As recsys.user_vector(text, bigint, boolean, int), but for the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.user_vector(
    model   text,
    user_id uuid,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS recsys.recvec
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_user_vector';
COMMENT ON FUNCTION recsys.user_vector(text, uuid, boolean, int) IS
'As recsys.user_vector(text, bigint, boolean, int), but for the user id given as uuid.';

CREATE FUNCTION recsys.item_vector(
    model   text,
    item_id bigint,
    version int DEFAULT NULL)
RETURNS recsys.recvec
LANGUAGE c STABLE PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'recsys_item_vector';
COMMENT ON FUNCTION recsys.item_vector(text, bigint, int) IS
'The vector of an item as training stored it: y of "factors" components, or (y, bias) when the model has biases. NULL for an unknown item, for a NULL id and for the popular algorithm. Errors: 42704, 42501, 55000, 22004, 22P02 as for recommend().';

CREATE FUNCTION recsys.item_vector(
    model   text,
    item_id text,
    version int DEFAULT NULL)
RETURNS recsys.recvec
LANGUAGE c STABLE PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'recsys_item_vector';
COMMENT ON FUNCTION recsys.item_vector(text, text, int) IS
'As recsys.item_vector(text, bigint, int), but for the item id given as text, which is converted to the type of the model''s items.';

CREATE FUNCTION recsys.item_vector(
    model   text,
    item_id uuid,
    version int DEFAULT NULL)
RETURNS recsys.recvec
LANGUAGE c STABLE PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'recsys_item_vector';
COMMENT ON FUNCTION recsys.item_vector(text, uuid, int) IS
'As recsys.item_vector(text, bigint, int), but for the item id given as uuid.';
-- ---------------------------------------------------------------------------
-- How good a model is on held-out data.
--
-- STABLE: it reads only.  RESTRICTED, because it keeps a cursor open for as
-- long as it runs, which may be minutes.
-- ---------------------------------------------------------------------------

CREATE FUNCTION recsys.evaluate(
    model   text,
    test    regclass,
    k       int[] DEFAULT '{10,20}',
    version int   DEFAULT NULL,
    OUT metric         text,
    OUT k              int,
    OUT value          double precision,
    OUT users          int,
    OUT users_skipped  int,
    OUT standard_error double precision)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 9
AS 'MODULE_PATHNAME', 'recsys_evaluate';
COMMENT ON FUNCTION recsys.evaluate(text, regclass, int[], int) IS
'Measures a version on held-out data by asking what recommend() and predict() answer, with vectors folded in from the model''s rows of this moment. test is read as the caller: its columns are called as the source''s were, or user_id, item_id, rating. For each user of test, T is the set of distinct items of his test rows, every one counting as relevant whatever its rating, also those the model does not know or he has already seen; R is the list of all items but those of his rows in the model''s view, cut at k; hits = |R and T|. recall = hits / |T|; hit_rate = 1 if there is a hit, else 0; ndcg = sum over hits of 1 / log2(rank + 1), divided by the same sum for min(k, |T|) hits at the top (binary gains; Jarvelin and Kekalainen 2002). These are means over users; a user the model does not know is evaluated on the popular items, an empty list scores 0; users_skipped counts users all of whose test items are NULL; standard_error is s / sqrt(users). Explicit feedback adds, over all test rows that have a rating and a prediction: rmse, the root of the mean squared error, and mae, the mean absolute error, in units of the rating; users_skipped counts users without any prediction; standard_error takes users as the sampling units of a ratio estimator (Cochran 1977, section 2.11). predicted_share is the share of rated test rows that have a prediction. Rows with a NULL user are ignored. value is NULL when there is nothing to measure, standard_error when fewer than two users were. Ordered by metric, k. Errors: 42704, 42501, 55000 as for recommend(), 42P01 no such relation, 42703 no such column, 22023 k is empty, not positive or not one-dimensional, 22004 an argument or an element of k is NULL, 22000 a test rating is not finite.';
-- ---------------------------------------------------------------------------
-- Kafka: sources, how far each partition is read, and what could not be a row.
--
-- Nobody but the extension's owner touches these tables; functions and workers do
-- it for those who have the right, and the views show each reader what he may see.
-- No foreign keys: a parallel restore would load the tables in the wrong order.
-- Target and transform are names, not OIDs: a table that was dropped and made
-- again is found again.
-- ---------------------------------------------------------------------------

CREATE TABLE recsys.kafka_source (
    source          text COLLATE "C" PRIMARY KEY
                    CHECK (pg_catalog.octet_length(source) BETWEEN 1 AND 63),
    owner           regrole NOT NULL,
    server          text NOT NULL,
    topic           text NOT NULL,
    target_schema   text NOT NULL,
    target_table    text NOT NULL,
    columns         jsonb,
    transform       text,
    transform_owner regrole,
    on_conflict     text NOT NULL,
    options         jsonb NOT NULL,
    cluster_id      text,
    enabled         boolean NOT NULL,
    generation      int NOT NULL,
    failed_at       timestamptz,
    failed_sqlstate text,
    failed_reason   text,
    failed_hint     text,
    created_at      timestamptz NOT NULL,
    CHECK ((columns IS NULL) <> (transform IS NULL))
);
COMMENT ON TABLE recsys.kafka_source IS 'one row for each topic that is read into a table; see the view recsys.kafka_sources';
COMMENT ON COLUMN recsys.kafka_source.generation IS 'goes up with every change of the row; a worker that was started for another generation ends';
COMMENT ON COLUMN recsys.kafka_source.transform_owner IS 'who owned the function when it was chosen: another one''s of its name is refused';
COMMENT ON COLUMN recsys.kafka_source.failed_at IS 'set where only a person can decide: the source stays failed until kafka_start, kafka_seek or kafka_alter_source';
COMMENT ON COLUMN recsys.kafka_source.cluster_id IS 'id of the cluster that was read from; another one is refused';

CREATE TABLE recsys.kafka_partition (
    source        text COLLATE "C" NOT NULL,
    partition     int NOT NULL,
    next_offset   bigint NOT NULL CHECK (next_offset >= 0),
    messages      bigint NOT NULL DEFAULT 0,
    rows          bigint NOT NULL DEFAULT 0,
    dead_letters  bigint NOT NULL DEFAULT 0,
    anchor_offset bigint,
    anchor_time   bigint,
    anchor_hash   bigint,
    low           bigint,
    high          bigint,
    seen_at       timestamptz,
    committed_at  timestamptz,
    PRIMARY KEY (source, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE recsys.kafka_partition IS 'how far each partition is read: changed in the transaction that writes the rows, and only from the offset it had when they were read';
COMMENT ON COLUMN recsys.kafka_partition.anchor_offset IS 'the last message read: its offset, time in milliseconds and a hash; found different, the topic is another one';
COMMENT ON COLUMN recsys.kafka_partition.high IS 'last stable offset when seen_at; next_offset up to it is the lag';

CREATE TABLE recsys.kafka_dead_letter (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source        text COLLATE "C" NOT NULL,
    topic         text NOT NULL,
    partition     int NOT NULL,
    "offset"      bigint NOT NULL,
    message_time  timestamptz,
    key           bytea,
    payload       bytea,
    payload_bytes int,
    sha256        bytea,
    headers       jsonb,
    sqlstate      text NOT NULL,
    reason        text NOT NULL,
    attempts      int NOT NULL DEFAULT 1,
    first_at      timestamptz NOT NULL,
    last_at       timestamptz NOT NULL,
    UNIQUE (source, partition, "offset", id)
);
COMMENT ON TABLE recsys.kafka_dead_letter IS 'messages that could not become rows, as they came; see the view recsys.kafka_dead_letters';
COMMENT ON SEQUENCE recsys.kafka_dead_letter_id_seq IS 'ids of dead letters';
COMMENT ON COLUMN recsys.kafka_dead_letter.payload IS 'as it came; cut where it is longer than max_message_bytes, payload_bytes and sha256 are of the whole';

CREATE TABLE recsys.kafka_gap (
    source      text COLLATE "C" NOT NULL,
    partition   int NOT NULL,
    from_offset bigint NOT NULL,
    to_offset   bigint NOT NULL,
    reason      text NOT NULL,
    found_at    timestamptz NOT NULL,
    PRIMARY KEY (source, partition, from_offset, found_at)
);
COMMENT ON TABLE recsys.kafka_gap IS 'offsets that were passed over because the broker no longer had them; to_offset is the first that was read again';

-- Not those whose owner was dropped: a dump would have his OID, which is another role's
-- where it is restored.
SELECT pg_catalog.pg_extension_config_dump('recsys.kafka_source',
    'WHERE EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid = owner)');
SELECT pg_catalog.pg_extension_config_dump('recsys.kafka_partition',
    'WHERE source IN (SELECT s.source FROM recsys.kafka_source AS s JOIN pg_catalog.pg_roles AS r ON r.oid = s.owner)');
SELECT pg_catalog.pg_extension_config_dump('recsys.kafka_dead_letter',
    'WHERE source IN (SELECT s.source FROM recsys.kafka_source AS s JOIN pg_catalog.pg_roles AS r ON r.oid = s.owner)');
SELECT pg_catalog.pg_extension_config_dump('recsys.kafka_gap',
    'WHERE source IN (SELECT s.source FROM recsys.kafka_source AS s JOIN pg_catalog.pg_roles AS r ON r.oid = s.owner)');
SELECT pg_catalog.pg_extension_config_dump('recsys.kafka_dead_letter_id_seq', '');
-- ---------------------------------------------------------------------------
-- Kafka: servers, sources, and what is known of them.
--
-- PUBLIC may execute the functions: each checks the rights itself.  Creating a
-- source needs USAGE on its server and rights on its target, everything else the
-- ownership of the source.  Who may make servers is up to whoever grants USAGE on
-- the foreign-data wrapper.
-- ---------------------------------------------------------------------------

CREATE FUNCTION recsys.kafka_validator(options text[], catalog oid)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_kafka_validator';
COMMENT ON FUNCTION recsys.kafka_validator(text[], oid) IS
'Checks the options of servers and user mappings of the foreign-data wrapper recsys_kafka. Errors: HV00D not an option, HV002 one is missing, 22023 wrong value, 42501 sasl_password_file without the right to read files of the server.';

CREATE FOREIGN DATA WRAPPER recsys_kafka VALIDATOR recsys.kafka_validator;
COMMENT ON FOREIGN DATA WRAPPER recsys_kafka IS
'Kafka clusters: CREATE SERVER ... OPTIONS (brokers, security_protocol, sasl_mechanism, ssl_ca, client_rack), CREATE USER MAPPING ... OPTIONS (sasl_username, sasl_password or sasl_password_file, ssl_certificate, ssl_key, ssl_key_password)';

CREATE FUNCTION recsys.kafka_connection(server text, role regrole)
RETURNS jsonb
LANGUAGE c STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_kafka_connection';
COMMENT ON FUNCTION recsys.kafka_connection(text, regrole) IS
'internal, for workers: a server and the user mapping of a role as properties of librdkafka, passwords included';

-- ---- sources --------------------------------------------------------------

CREATE FUNCTION recsys.kafka_create_source(
    source      text,
    server      name,
    topic       text,
    target      regclass,
    columns     jsonb   DEFAULT NULL,
    transform   regproc DEFAULT NULL,
    start       text    DEFAULT 'earliest',
    on_conflict text    DEFAULT 'error',
    options     jsonb   DEFAULT '{}')
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_kafka_create_source';
COMMENT ON FUNCTION recsys.kafka_create_source(text, name, text, regclass, jsonb, regproc, text, text, jsonb) IS
'Lets events of a topic become rows of a table, owned and read by the caller, from the commit on. Either columns, a JSON object from column to a place in the message, or transform, a function (payload bytea or jsonb, metadata jsonb) that returns rows. start is earliest, latest, a timestamp, an offset, or offsets by partition, and becomes numbers before the function returns. Warns when nothing reads sources of this database. Errors: 42710 the source exists, 42704 no such server or user mapping, 42501 no right on server, table, column or function, or a superuser owns it, 42703 no such column, 428C9 a generated column, 42809 not a table, 42P13 not a transform, 42P10 no primary key for on_conflict update, 0A000 row policies hold, 22023 wrong value, 53400 no worker slot, 58P01 built without Kafka, 08006 no broker answers.';

CREATE FUNCTION recsys.kafka_alter_source(
    source      text,
    server      name     DEFAULT NULL,
    target      regclass DEFAULT NULL,
    columns     jsonb    DEFAULT NULL,
    transform   regproc  DEFAULT NULL,
    on_conflict text     DEFAULT NULL,
    options     jsonb    DEFAULT NULL,
    owner       regrole  DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_kafka_alter_source';
COMMENT ON FUNCTION recsys.kafka_alter_source(text, name, regclass, jsonb, regproc, text, jsonb, regrole) IS
'Changes what is given and leaves what is NULL; columns take the place of a transform and the reverse. options are laid over the source''s; a JSON null takes an option back to its default. The worker goes on with the next message. A source that had failed is tried again. Errors: 42704 no such source, 42501 not its owner or no right of the owner that results, and those of kafka_create_source.';

CREATE FUNCTION recsys.kafka_drop_source(source text, if_exists boolean DEFAULT false)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_kafka_drop_source';
COMMENT ON FUNCTION recsys.kafka_drop_source(text, boolean) IS
'Drops a source with its positions, dead letters and gap records; the target keeps its rows. Errors: 42704 no such source, 42501 not its owner.';

CREATE FUNCTION recsys.kafka_start(source text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_kafka_start';
COMMENT ON FUNCTION recsys.kafka_start(text) IS
'Starts a source that was stopped or has failed, from where it was. Errors: 42704 no such source, 42501 not its owner, or a superuser owns it.';

CREATE FUNCTION recsys.kafka_stop(source text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_kafka_stop';
COMMENT ON FUNCTION recsys.kafka_stop(text) IS
'Stops a source, from the commit on. Errors: 42704 no such source, 42501 not its owner.';

CREATE FUNCTION recsys.kafka_seek(source text, "position" text, partition int DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_kafka_seek';
COMMENT ON FUNCTION recsys.kafka_seek(text, text, int) IS
'Lets a source go on at another position, which is written as start of kafka_create_source is; for one partition or for all. Messages in between are passed over or read again. A source that had failed is tried again; when all partitions go to one position, another cluster than before is accepted. Errors: 42704 no such source, 42501 not its owner, 22023 no such position or partition, and those of the broker.';

-- ---- messages -------------------------------------------------------------

CREATE FUNCTION recsys.kafka_preview(
    source text,
    n      int DEFAULT 10,
    OUT partition    int,
    OUT "offset"     bigint,
    OUT message_time timestamptz,
    OUT rows         jsonb,
    OUT sqlstate     text,
    OUT reason       text)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 10 COST 1000000
AS 'MODULE_PATHNAME', 'recsys_kafka_preview';
COMMENT ON FUNCTION recsys.kafka_preview(text, int) IS
'What the next n messages of a source would become: an array of rows, or the SQLSTATE and the reason of a dead letter. Writes nothing, and sees what is committed. Errors: 42704 no such source, 42501 not its owner, 22023 n is not between 1 and 1000, 25006 on a standby, 55P03 the table is locked.';

CREATE FUNCTION recsys.kafka_retry(
    source text,
    ids    bigint[] DEFAULT NULL,
    OUT retried bigint,
    OUT rows    bigint,
    OUT failed  bigint)
RETURNS record
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000000
AS 'MODULE_PATHNAME', 'recsys_kafka_retry';
COMMENT ON FUNCTION recsys.kafka_retry(text, bigint[]) IS
'Tries dead letters of a source again, those of these ids or all: what becomes rows is deleted, the rest stays with its new reason. Commits by itself. Errors: 42704 no such source, 42501 not its owner, 25001 the transaction has written.';

CREATE FUNCTION recsys.kafka_discard(source text, ids bigint[] DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_kafka_discard';
COMMENT ON FUNCTION recsys.kafka_discard(text, bigint[]) IS
'Deletes dead letters of a source, those of these ids or all, and returns how many. Errors: 42704 no such source, 42501 not its owner.';

-- ---- what is known ----------------------------------------------------------

CREATE FUNCTION recsys.kafka_slots(
    OUT source       text,
    OUT state        text,
    OUT since        timestamptz,
    OUT sqlstate     text,
    OUT reason       text,
    OUT hint         text,
    OUT pid          int,
    OUT generation   int,
    OUT retry_at     timestamptz,
    OUT started_at   timestamptz,
    OUT last_commit  timestamptz,
    OUT messages     bigint,
    OUT rows         bigint,
    OUT bytes        bigint,
    OUT dead_letters bigint,
    OUT batches      bigint,
    OUT rate_1m      double precision,
    OUT rate_5m      double precision,
    OUT rate_15m     double precision,
    OUT batch_ms_p50 double precision,
    OUT batch_ms_p99 double precision,
    OUT queued       bigint)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 10
AS 'MODULE_PATHNAME', 'recsys_kafka_slots';
COMMENT ON FUNCTION recsys.kafka_slots() IS
'the workers of this database as they report themselves, of sources that the caller owns or, with pg_monitor, of all; see the view recsys.kafka_status';

CREATE FUNCTION recsys.kafka_service(
    OUT served boolean,
    OUT reason text,
    OUT hint   text)
RETURNS record
LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'recsys_kafka_service';
COMMENT ON FUNCTION recsys.kafka_service() IS
'Are sources of this database read, and if not, why and what to do about it';

CREATE VIEW recsys.kafka_sources WITH (security_barrier) AS
SELECT s.source,
       s.owner,
       s.server,
       s.topic,
       pg_catalog.format('%I.%I', s.target_schema, s.target_table) AS target,
       s.columns,
       s.transform,
       s.on_conflict,
       s.options,
       s.enabled,
       s.cluster_id,
       p.partitions,
       p.messages,
       p.rows,
       p.dead_letters,
       s.created_at
  FROM recsys.kafka_source AS s
 CROSS JOIN LATERAL (
        SELECT pg_catalog.count(*) AS partitions,
               COALESCE(pg_catalog.sum(k.messages), 0)::bigint AS messages,
               COALESCE(pg_catalog.sum(k.rows), 0)::bigint AS rows,
               COALESCE(pg_catalog.sum(k.dead_letters), 0)::bigint AS dead_letters
          FROM recsys.kafka_partition AS k
         WHERE k.source OPERATOR(pg_catalog.=) s.source) AS p
 WHERE pg_catalog.pg_has_role(s.owner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE');
COMMENT ON VIEW recsys.kafka_sources IS
'the sources that the reader owns, with pg_monitor all of them: their definition, and what was read since they were created';

CREATE VIEW recsys.kafka_status WITH (security_barrier) AS
SELECT s.source,
       CASE WHEN NOT s.enabled THEN 'stopped'
            WHEN s.failed_at IS NOT NULL THEN 'failed'
            WHEN w.pid IS NOT NULL THEN w.state
            WHEN NOT v.served THEN 'not running'
            ELSE COALESCE(w.state, 'waiting') END AS state,
       CASE WHEN NOT s.enabled THEN NULL
            WHEN s.failed_at IS NOT NULL THEN s.failed_at
            WHEN w.pid IS NULL AND NOT v.served THEN NULL
            ELSE w.since END AS since,
       CASE WHEN s.failed_at IS NOT NULL THEN s.failed_sqlstate
            WHEN NOT s.enabled OR w.pid IS NULL AND NOT v.served THEN NULL
            ELSE w.sqlstate END AS sqlstate,
       CASE WHEN s.failed_at IS NOT NULL THEN s.failed_reason
            WHEN NOT s.enabled THEN NULL
            WHEN w.pid IS NULL AND NOT v.served THEN v.reason
            ELSE w.reason END AS reason,
       CASE WHEN s.failed_at IS NOT NULL THEN s.failed_hint
            WHEN NOT s.enabled THEN 'Start it with recsys.kafka_start().'
            WHEN w.pid IS NULL AND NOT v.served THEN v.hint
            ELSE w.hint END AS hint,
       w.pid,
       w.retry_at,
       w.started_at,
       w.last_commit,
       w.messages,
       w.rows,
       w.bytes,
       w.dead_letters,
       w.batches,
       w.rate_1m,
       w.rate_5m,
       w.rate_15m,
       w.batch_ms_p50,
       w.batch_ms_p99,
       w.queued
  FROM recsys.kafka_source AS s
 CROSS JOIN recsys.kafka_service() AS v
  LEFT JOIN recsys.kafka_slots() AS w ON w.source OPERATOR(pg_catalog.=) s.source
 WHERE pg_catalog.pg_has_role(s.owner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE');
COMMENT ON VIEW recsys.kafka_status IS
'one row for each source: what it does, since when, why and what to do; the figures are those of its worker since it started';
COMMENT ON COLUMN recsys.kafka_status.state IS
'stopped by kafka_stop; not running: nothing reads sources of this database; waiting for a worker slot; starting; connecting: no broker was heard of yet; running; idle: all is read; degraded: a batch is held until an outage is over; failed: see reason';
COMMENT ON COLUMN recsys.kafka_status.retry_at IS 'when a worker is started again';
COMMENT ON COLUMN recsys.kafka_status.rate_1m IS 'messages a second over the last minute';
COMMENT ON COLUMN recsys.kafka_status.batch_ms_p50 IS 'milliseconds from the first row of a batch to its commit: the median of the latest 128 batches';
COMMENT ON COLUMN recsys.kafka_status.queued IS 'messages fetched ahead';

CREATE VIEW recsys.kafka_lag WITH (security_barrier) AS
SELECT s.source,
       p.partition,
       p.next_offset,
       p.low,
       p.high,
       CASE WHEN p.high IS NOT NULL
            THEN GREATEST(p.high OPERATOR(pg_catalog.-) p.next_offset, 0::bigint) END AS lag,
       CASE WHEN p.high OPERATOR(pg_catalog.<=) p.next_offset THEN 0
            WHEN p.high IS NOT NULL AND p.anchor_time IS NOT NULL
            THEN GREATEST(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.-)
                          (p.anchor_time::double precision OPERATOR(pg_catalog./) 1000), 0) END AS lag_seconds,
       p.seen_at,
       pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) p.seen_at AS age,
       p.committed_at,
       p.messages,
       p.rows,
       p.dead_letters
  FROM recsys.kafka_partition AS p
  JOIN recsys.kafka_source AS s ON s.source OPERATOR(pg_catalog.=) p.source
 WHERE pg_catalog.pg_has_role(s.owner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE');
COMMENT ON VIEW recsys.kafka_lag IS 'how far each partition of each source is read, and how far behind that is';
COMMENT ON COLUMN recsys.kafka_lag.high IS 'end of what could be read when seen_at';
COMMENT ON COLUMN recsys.kafka_lag.lag IS 'offsets up to high that are not read yet; NULL while high is unknown';
COMMENT ON COLUMN recsys.kafka_lag.lag_seconds IS 'age of the last message that was read when there are more, 0 when there are none; NULL while that is unknown';
COMMENT ON COLUMN recsys.kafka_lag.age IS 'of high, and so of the lag';

CREATE VIEW recsys.kafka_dead_letters WITH (security_barrier) AS
SELECT d.id,
       d.source,
       d.topic,
       d.partition,
       d."offset",
       d.message_time,
       d.sqlstate,
       d.reason,
       d.attempts,
       d.first_at,
       d.last_at,
       d.key,
       d.payload,
       d.payload_bytes,
       d.sha256,
       d.headers
  FROM recsys.kafka_dead_letter AS d
  JOIN recsys.kafka_source AS s ON s.source OPERATOR(pg_catalog.=) d.source
 WHERE pg_catalog.pg_has_role(s.owner, 'USAGE');
COMMENT ON VIEW recsys.kafka_dead_letters IS
'messages of the reader''s own sources that could not become rows, as they came, and why; see recsys.kafka_retry and recsys.kafka_discard';

CREATE VIEW recsys.kafka_gaps WITH (security_barrier) AS
SELECT g.source,
       g.partition,
       g.from_offset,
       g.to_offset,
       g.reason,
       g.found_at
  FROM recsys.kafka_gap AS g
  JOIN recsys.kafka_source AS s ON s.source OPERATOR(pg_catalog.=) g.source
 WHERE pg_catalog.pg_has_role(s.owner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE');
COMMENT ON VIEW recsys.kafka_gaps IS
'offsets that were passed over because the broker no longer had them, from from_offset up to but not including to_offset';
-- ---------------------------------------------------------------------------
-- What PUBLIC gets: to call functions, use the type and look at the views,
-- which show each reader what he may see.  Nothing on the catalog tables, nothing
-- that tells passwords, and not CREATE on recsys_data.
-- ---------------------------------------------------------------------------
GRANT USAGE ON SCHEMA recsys, recsys_data TO PUBLIC;
GRANT SELECT ON recsys.models, recsys.model_versions TO PUBLIC;
GRANT SELECT ON recsys.kafka_sources, recsys.kafka_status, recsys.kafka_lag,
    recsys.kafka_dead_letters, recsys.kafka_gaps TO PUBLIC;

-- whatever ALTER DEFAULT PRIVILEGES says
REVOKE ALL ON recsys.model, recsys.model_version FROM PUBLIC;
REVOKE ALL ON recsys.kafka_source, recsys.kafka_partition, recsys.kafka_dead_letter,
    recsys.kafka_gap FROM PUBLIC;
REVOKE ALL ON FUNCTION recsys.kafka_connection(text, regrole) FROM PUBLIC;

-- supervisors read as this role which sources there are
GRANT SELECT ON recsys.kafka_source TO pg_monitor;
