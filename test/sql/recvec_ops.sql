-- recvec: measures, arithmetic, order, hash, hostile values
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS recsys;
RESET client_min_messages;
SET search_path = public, recsys;
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

-- ---- measures
SELECT dims('[1,2,3]'), norm('[3,4]'), inner_product('[1,2,3]', '[4,5,6]'), cosine_similarity('[1,0]', '[1,1]');
SELECT '[1,2,3]'::recvec <#> '[4,5,6]', '[1,0]'::recvec <=> '[0,1]', '[0,0]'::recvec <-> '[3,4]';
SELECT '[1,0]'::recvec <#> '[0,1]', '[1,2]'::recvec <=> '[2,4]', '[1,2]'::recvec <=> '[-2,-4]', '[1,2]'::recvec <-> '[1,2]';
-- zero vectors: similarity 0, distance 1, whichever side
SELECT cosine_similarity('[0,0]', '[1,2]'), cosine_similarity('[1,2]', '[0,-0]'), cosine_similarity('[0]', '[0]'),
    '[0,0]'::recvec <=> '[1,2]', '[0]'::recvec <=> '[0]';
-- the ends of the range of real: double precision neither overflows nor underflows
SELECT norm('[3e38,3e38]') BETWEEN 4.24e38 AND 4.25e38, norm('[1e-45,1e-45]') > 0,
    inner_product('[3e38,3e38]', '[3e38,3e38]') BETWEEN 1.79e77 AND 1.81e77,
    '[3e38]'::recvec <-> '[-3e38]' BETWEEN 5.99e38 AND 6.01e38,
    '[3e38,3e38]'::recvec <=> '[3e38,3e38]', '[1e-45]'::recvec <=> '[1e-45]', '[1e-45]'::recvec <=> '[-3e38]';
SELECT bool_and(cosine_similarity(v, v) = 1 AND v <=> v = 0 AND v <-> v = 0)
FROM (SELECT array_agg(sin(i * j) ORDER BY j)::recvec AS v FROM generate_series(1, 100) AS i, generate_series(1, 33) AS j GROUP BY i) AS s;
-- against plain SQL
SELECT bool_and(abs(inner_product(a, b) - dot) < 1e-12 AND abs((a <-> b) - dist) < 1e-12 AND a <#> b = - inner_product(a, b))
FROM (SELECT n, array_agg(x ORDER BY j)::recvec AS a, array_agg(y ORDER BY j)::recvec AS b,
        sum(x::float8 * y) AS dot, sqrt(sum((x::float8 - y) ^ 2)) AS dist
    FROM generate_series(1, 70) AS n, generate_series(1, 70) AS j,
        LATERAL (SELECT sin(n + j)::real, cos(n * j)::real) AS s(x, y)
    WHERE j <= n GROUP BY n) AS t;

-- different dimensions
SELECT f, pg_temp.attempt(format(f, $$'[1,2]'::recsys.recvec$$, $$'[3]'::recsys.recvec$$)) FROM unnest(ARRAY[
    'SELECT inner_product(%s, %s)', 'SELECT cosine_similarity(%s, %s)', 'SELECT %s <#> %s', 'SELECT %s <=> %s', 'SELECT %s <-> %s',
    'SELECT %s + %s', 'SELECT %s - %s', 'SELECT %s * %s'
]) WITH ORDINALITY AS u(f, n) ORDER BY n;
-- NULL in, NULL out
SELECT num_nulls(dims(NULL), norm(NULL), inner_product('[1]', NULL), NULL::recvec <#> '[1]', NULL::recvec + '[1]', NULL::recvec = '[1]');

-- ---- arithmetic
SELECT '[1,2,3]'::recvec + '[4,5,6]', '[1,2,3]'::recvec - '[4,5,6]', '[1,2,3]'::recvec * '[4,5,6]';
SELECT e, pg_temp.attempt('SELECT ' || e) FROM unnest(ARRAY[
    '''[3e38]''::recvec + ''[3e38]''', '''[0,-3e38]''::recvec - ''[0,3e38]''', '''[1e20]''::recvec * ''[-1e20]''', '''[1e-30]''::recvec * ''[1e-30]'''
]) WITH ORDINALITY AS u(e, n) ORDER BY n;

-- ---- order: lexicographic, a prefix first
SELECT string_agg(v::text, ' ' ORDER BY v) FROM unnest('{"[2]","[1,2]","[1]","[-1,5]","[1,2,0]","[1,1]","[0]"}'::recvec[]) AS v;
SELECT a, b, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt, recvec_cmp(a, b)
FROM (VALUES ('[1,2]'::recvec, '[1,3]'::recvec), ('[1,2]', '[1,2]'), ('[1,2]', '[1]'), ('[-0]', '[0]')) AS s(a, b);

-- ---- -0 and 0: equal, same hash, one group; the sign is kept
SELECT '[-0,1]'::recvec, '[-0,1]'::recvec = '[0,1]', recvec_hash('[-0,1]') = recvec_hash('[0,1]'),
    recvec_hash_extended('[-0,1]', 7) = recvec_hash_extended('[0,1]', 7);
SELECT count(DISTINCT v), count(*) FROM unnest('{"[0]","[-0]","[1]"}'::recvec[]) AS v;
SELECT recvec_hash('[1,2]') <> recvec_hash('[2,1]'), recvec_hash_extended('[1,2]', 0) <> recvec_hash_extended('[1,2]', 1),
    recvec_hash_extended('[1,2]', 0)::bit(32) = recvec_hash('[1,2]')::bit(32);

-- ---- C10: one value in every form of storage
CREATE TABLE recvec_forms (form text, v recvec);
INSERT INTO recvec_forms SELECT 'plain', array_fill(0::real, ARRAY[1000])::recvec;
ALTER TABLE recvec_forms ALTER COLUMN v SET STORAGE external;
INSERT INTO recvec_forms SELECT 'toasted', array_fill('-0'::real, ARRAY[1000])::recvec;
ALTER TABLE recvec_forms ALTER COLUMN v SET STORAGE main;
INSERT INTO recvec_forms SELECT 'compressed', array_fill(0::real, ARRAY[1000])::recvec;
INSERT INTO recvec_forms VALUES ('short', '[1,2,3]');
SELECT form, pg_column_size(v), pg_column_compression(v) IS NOT NULL FROM recvec_forms ORDER BY form;
SELECT count(*) FILTER (WHERE a.v = b.v), count(DISTINCT recvec_hash(a.v)), count(DISTINCT recvec_hash_extended(a.v, 1)),
    count(*) FILTER (WHERE recvec_cmp(a.v, b.v) = 0), max(a.v <-> b.v), max(recsys.norm(a.v + b.v)), max(recsys.norm(a.v - b.v)),
    max(recsys.norm(a.v * b.v)), max(a.v <=> b.v), max(a.v <#> b.v), min(dims(a.v)), max(inner_product(a.v, b.v)),
    max(cosine_similarity(a.v, b.v)), min(length(recvec_send(a.v))), min(array_length(a.v::real[], 1)), min(array_length(a.v::float8[], 1)),
    recsys.norm(recsys.sum(a.v)), recsys.norm(recsys.avg(a.v)), bool_and(a.v::recvec(1000) = b.v)
FROM recvec_forms AS a, recvec_forms AS b WHERE a.form <> 'short' AND b.form <> 'short';
SELECT v, dims(v), norm(v) > 3, v + v, v * v, v - v, v <#> v, v <-> v, v <=> v, v = '[1,2,3]', v::real[] FROM recvec_forms WHERE form = 'short';
SELECT count(*), dims(v) FROM recvec_forms GROUP BY v ORDER BY 2;

-- ---- indexes, joins, sorts
CREATE TABLE recvec_index AS SELECT i, ARRAY[i % 7, i / 7]::recvec AS v FROM generate_series(0, 999) AS i;
CREATE UNIQUE INDEX recvec_index_btree ON recvec_index (v);
CREATE INDEX recvec_index_hash ON recvec_index USING hash (v);
ANALYZE recvec_index;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT i FROM recvec_index WHERE v = '[3,5]';
SELECT count(*) FROM recvec_index WHERE v < '[3,0]' AND v >= '[2]';
DROP INDEX recvec_index_btree;
EXPLAIN (COSTS OFF) SELECT i FROM recvec_index WHERE v = '[3,5]';
SELECT i FROM recvec_index WHERE v = '[3,5]';
RESET enable_seqscan;
RESET enable_bitmapscan;
DROP INDEX recvec_index_hash;
SET enable_nestloop = off;
SET enable_mergejoin = off;
SELECT count(*) FROM recvec_index AS a JOIN recvec_index AS b USING (v);
SET enable_mergejoin = on;
SET enable_hashjoin = off;
SELECT count(*) FROM recvec_index AS a JOIN recvec_index AS b USING (v);
RESET enable_nestloop;
RESET enable_mergejoin;
RESET enable_hashjoin;
DROP TABLE recvec_forms, recvec_index;

-- ---- C11: hostile values: a dimension that does not fit the length (the bytes are little-endian)
BEGIN;
CREATE CAST (bytea AS recvec) WITHOUT FUNCTION;
CREATE FUNCTION pg_temp.hostile(expression text) RETURNS text LANGUAGE sql RETURN (
    SELECT string_agg(DISTINCT left(pg_temp.attempt(format(expression, format('%L::bytea::recsys.recvec', bytes))), 5), ' ')
    FROM unnest(ARRAY['\x', '\x0100', '\x01000000', '\x0000000000000000', '\x0300000000000000', '\x010000000000000000000000',
        '\xff7f000000000000', '\xffff000000000000', '\x0080000000000000']::bytea[]) AS bytes);
SELECT pg_temp.attempt($$SELECT dims('\x0300000000000000'::bytea::recvec)$$);
SELECT e, pg_temp.hostile('SELECT ' || e) FROM unnest(ARRAY[
    'recvec_out(%1$s)', 'recvec_send(%1$s)', '(%1$s)::recvec(3)', '(%1$s)::real[]', '(%1$s)::float8[]', 'dims(%1$s)', 'norm(%1$s)',
    'recvec_hash(%1$s)', 'recvec_hash_extended(%1$s, 1)', 'recvec_accum(''{0}'', %1$s)', 'recsys.sum(%1$s)', 'recsys.avg(%1$s)'
]) WITH ORDINALITY AS u(e, n) ORDER BY n;
-- every function of two vectors, on either side
SELECT proname, pg_temp.hostile(format('SELECT recsys.%s(%%1$s, ''[1]'')', proname)), pg_temp.hostile(format('SELECT recsys.%s(''[1]'', %%1$s)', proname))
FROM pg_proc WHERE pronamespace = 'recsys'::regnamespace AND pronargs = 2
    AND proargtypes[0] = 'recvec'::regtype AND proargtypes[1] = 'recvec'::regtype
ORDER BY proname COLLATE "C";
ROLLBACK;
