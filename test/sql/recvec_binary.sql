-- recvec: binary form; COPY with files in the results directory
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS recsys;
RESET client_min_messages;
\pset format unaligned
\pset tuples_only on

-- the result of a query, or its error
CREATE FUNCTION pg_temp.attempt(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    detail text;
BEGIN
    EXECUTE query INTO result;
    RETURN result;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''));
END
$$;

\getenv abs_builddir PG_ABS_BUILDDIR
\set text_file :abs_builddir '/results/recvec_text.data'
\set binary_file :abs_builddir '/results/recvec_binary.data'
\set crafted_file :abs_builddir '/results/recvec_crafted.data'

-- network byte order: int16 dimensions, int16 zero, big-endian floats
SELECT recsys.recvec_send('[1,-2.5,1e-45,-0]');
SELECT recsys.recvec_send(NULL) IS NULL;

-- ---- ten thousand vectors through both forms of COPY
CREATE TABLE recvec_copy (id integer, v recsys.recvec);
CREATE TABLE recvec_copied (id integer, v recsys.recvec);
SELECT setseed(0.25);
INSERT INTO recvec_copy
SELECT i, array_agg(((random() - 0.5) * 10 ^ (random() * 82 - 44))::float8 ORDER BY j)::recsys.recvec
FROM generate_series(1, 10000) AS i, generate_series(1, 1 + i % 40) AS j GROUP BY i;
INSERT INTO recvec_copy VALUES (0, NULL), (10001, array_fill(0.1::real, ARRAY[16000])::recsys.recvec);
COPY recvec_copy TO :'text_file';
COPY recvec_copy TO :'binary_file' (FORMAT binary);
COPY recvec_copied FROM :'text_file';
COPY recvec_copied FROM :'binary_file' (FORMAT binary);
SELECT count(*), count(*) FILTER (WHERE recsys.recvec_send(a.v) IS DISTINCT FROM recsys.recvec_send(b.v))
FROM recvec_copy AS a JOIN recvec_copied AS b USING (id);

-- ---- crafted messages: what COPY makes of a file that holds one row with the field
CREATE TABLE recvec_read (v recsys.recvec);
CREATE TABLE recvec_read_3 (v recsys.recvec(3));
CREATE FUNCTION pg_temp.copy_file(file bytea, path text, target regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    object oid := lo_from_bytea(0, file);
    result text;
BEGIN
    PERFORM lo_export(object, path);
    PERFORM lo_unlink(object);
    EXECUTE format('TRUNCATE %s', target);
    EXECUTE format('COPY %s FROM %L (FORMAT binary)', target, path);
    EXECUTE format('SELECT v FROM %s', target) INTO result;
    RETURN result;
EXCEPTION WHEN OTHERS THEN
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM);
END
$$;
CREATE FUNCTION pg_temp.copy_header() RETURNS bytea LANGUAGE sql
RETURN '\x5047434f50590aff0d0a00'::bytea || int4send(0) || int4send(0);
CREATE FUNCTION pg_temp.copy_field(field bytea) RETURNS bytea LANGUAGE sql
RETURN pg_temp.copy_header() || int2send(1::smallint) || int4send(length(field)) || field || int2send((-1)::smallint);

SELECT what, pg_temp.copy_file(pg_temp.copy_field(field), :'crafted_file', 'recvec_read') FROM (VALUES
    ('fixture', '\x000300003f800000c020000000000001'::bytea),
    ('fixture, little-endian', '\x030000000000803f000020c001000000'),
    ('little-endian floats', '\x000100000000803f'),
    ('negative zero', '\x0001000080000000'),
    ('no bytes', '\x'),
    ('one byte', '\x00'),
    ('two bytes', '\x0001'),
    ('three bytes', '\x000100'),
    ('no dimensions', '\x00000000'),
    ('no data', '\x00010000'),
    ('65535 dimensions', '\xffff0000'),
    ('32768 dimensions', '\x80000000'),
    ('16001 dimensions', '\x3e810000'),
    ('more declared than sent', '\x000200003f800000'),
    ('half a float', '\x000100003f80'),
    ('less declared than sent', '\x000100003f8000003f800000'),
    ('one byte too many', '\x000100003f80000000'),
    ('reserved field 1', '\x000100013f800000'),
    ('reserved field -1', '\x0001ffff3f800000'),
    ('quiet NaN', '\x000100007fc00000'),
    ('NaN with payload', '\x00010000ffc12345'),
    ('signalling NaN', '\x000100007f800001'),
    ('infinity', '\x000200003f8000007f800000'),
    ('negative infinity', '\x00010000ff800000'),
    ('denormals', '\x0002000000000001807fffff'),
    ('largest', '\x000100007f7fffff')
) AS s(what, field);
SELECT pg_temp.copy_file(pg_temp.copy_field('\x00030000000000000000000000000000'), :'crafted_file', 'recvec_read_3');
SELECT pg_temp.copy_file(pg_temp.copy_field('\x000200003f8000003f800000'), :'crafted_file', 'recvec_read_3');

-- ---- damaged files
SELECT what, pg_temp.copy_file(file, :'crafted_file', 'recvec_read') FROM (VALUES
    ('cut in the vector', substr(pg_temp.copy_field('\x000200003f8000003f800000'), 1, 30)),
    ('cut in the length', substr(pg_temp.copy_field('\x000200003f8000003f800000'), 1, 23)),
    ('cut in the header', substr(pg_temp.copy_header(), 1, 15)),
    ('two fields declared', pg_temp.copy_header() || '\x0002' || substr(pg_temp.copy_field('\x000100003f800000'), 22)),
    ('negative length', pg_temp.copy_header() || '\x0001fffffffe'),
    ('flipped signature', set_byte(pg_temp.copy_field('\x000100003f800000'), 7, 127)),
    ('critical flag', set_byte(pg_temp.copy_field('\x000100003f800000'), 12, 255))
) AS s(what, file);

-- ---- support functions do not take made-up pointers
-- (which of the server's errors it is depends on the minor release)
SELECT pg_temp.attempt(q) ~ '^(42883|0A000|42846) ' AS refused, q FROM unnest(ARRAY[
    $$SELECT recsys.recvec_recv('x', 0, -1)$$,
    $$SELECT recsys.recvec_recv('\x00010000'::bytea, 0, -1)$$,
    $$SELECT recsys.recvec_recv(NULL, 0, -1)$$,
    $$SELECT recsys.recvec_recv(NULL::internal, 0, -1)$$]) AS q;
SELECT recsys.recvec_in(NULL, 0, -1) IS NULL;
SELECT recsys.recvec_in('[1]', 0, 1), pg_temp.attempt($$SELECT recsys.recvec_in('[1]', 0, 2)$$);

DROP TABLE recvec_copy, recvec_copied, recvec_read, recvec_read_3;

-- ---- marks of the functions: pure, strict, parallel safe, nothing leakproof
SELECT count(*) > 30, bool_and(provolatile = 'i' AND proisstrict AND proparallel = 's' AND NOT proleakproof)
FROM pg_proc WHERE pronamespace = 'recsys'::regnamespace AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'c')
    AND (proname LIKE 'recvec%' OR proname IN ('array_to_recvec', 'dims', 'norm', 'inner_product', 'cosine_similarity'));
SELECT typlen, typbyval, typalign, typstorage, typcategory FROM pg_type WHERE oid = 'recsys.recvec'::regtype;
