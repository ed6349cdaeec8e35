-- recvec: type modifier, casts from and to arrays
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

-- ---- type modifier
SELECT t, pg_temp.attempt(format('SELECT %L::recsys.recvec(%s)', '[1,2,3]', t)) FROM unnest(ARRAY[
    '3', '0', '-1', '16000', '16001', '99999999999999999999', '2,3', '1.5', 'x', '''3''', '''x''', '''''', ''' 3 x'''
]) WITH ORDINALITY AS u(t, n) ORDER BY n;
SELECT format_type('recsys.recvec'::regtype, 3);
-- called directly
SELECT pg_temp.attempt('SELECT recsys.recvec_typmod_in(' || a || ')') FROM unnest(ARRAY[
    '''{3}''::cstring[]', '''{}''::cstring[]', '''{{3}}''::cstring[]', '''{NULL}''::cstring[]', '''{3,4}''::cstring[]', 'NULL'
]) WITH ORDINALITY AS u(a, n) ORDER BY n;

-- other dimensions than declared: cast, INSERT, UPDATE, COPY, ALTER TYPE
CREATE TABLE recvec_typmod (id integer, v recsys.recvec(3));
SELECT pg_temp.attempt($$SELECT '[1,2]'::recsys.recvec(3)$$);
SELECT pg_temp.attempt($$SELECT '[1,2]'::recsys.recvec::recsys.recvec(3)$$);
SELECT pg_temp.attempt($$SELECT '{1,2}'::real[]::recsys.recvec(3)$$);
SELECT pg_temp.attempt($$INSERT INTO recvec_typmod VALUES (1, '[1,2]')$$);
SELECT pg_temp.attempt($$INSERT INTO recvec_typmod VALUES (1, '[1,2]'::recsys.recvec)$$);
SELECT pg_temp.attempt($$INSERT INTO recvec_typmod VALUES (1, '{1,2,3,4}'::float8[])$$);
INSERT INTO recvec_typmod VALUES (1, '[1,2,3]'), (2, '{4,5,6}'::real[]), (3, NULL);
SELECT pg_temp.attempt($$UPDATE recvec_typmod SET v = '[1]'::recsys.recvec WHERE id = 1$$);
\set VERBOSITY sqlstate
COPY recvec_typmod FROM STDIN;
4	[1,2]
\.
ALTER TABLE recvec_typmod ALTER COLUMN v TYPE recsys.recvec(2);
\set VERBOSITY default
ALTER TABLE recvec_typmod ALTER COLUMN v TYPE recsys.recvec;
ALTER TABLE recvec_typmod ALTER COLUMN v TYPE recsys.recvec(3);
SELECT * FROM recvec_typmod ORDER BY id;
DROP TABLE recvec_typmod;

-- ---- from arrays
SELECT t, pg_temp.attempt(format('SELECT %s::recsys.recvec', t)) FROM unnest(ARRAY[
    '''{1,2.5,-0}''::real[]', '''{1,2.5,0.1}''::float8[]', '''{1,-2147483648,16777217}''::integer[]', '''{1,2.5,0.1}''::numeric[]',
    '''[5:6]={1,2}''::real[]',
    '''{}''::real[]', '''{}''::numeric[]', '''{{1,2}}''::real[]', '''{{1},{2}}''::numeric[]',
    '''{1,NULL}''::real[]', '''{NULL}''::float8[]', '''{1,NULL}''::integer[]', '''{1,NULL}''::numeric[]',
    '''{NaN}''::real[]', '''{NaN}''::float8[]', '''{NaN}''::numeric[]',
    '''{Infinity}''::real[]', '''{1,-Infinity}''::float8[]', '''{-Infinity}''::numeric[]',
    '''{1e39}''::float8[]', '''{-1e39}''::float8[]', '''{1e39}''::numeric[]', '''{1e1000}''::numeric[]',
    '''{3.4028235677973362e38}''::float8[]', '''{3.4028235677973366e38}''::float8[]',
    '''{1e-46,-1e-300}''::float8[]', '''{1e-46,-1e-300}''::numeric[]',
    '''{1}''::text[]', '''{1}''::bigint[]', 'NULL::real[]'
]) WITH ORDINALITY AS u(t, n) ORDER BY n;
-- numeric is rounded once: a tie of floats, broken far behind
SELECT ARRAY[1.000000059604644775390625]::recsys.recvec = '[1]',
    ARRAY[('1.000000059604644775390625' || repeat('0', 300) || '1')::numeric]::recsys.recvec;
-- an array that had nulls
SELECT array_remove('{1,NULL,2}'::real[], NULL)::recsys.recvec;
SELECT recsys.dims(array_fill(1::real, ARRAY[16000])::recsys.recvec);
SELECT pg_temp.attempt('SELECT array_fill(1::real, ARRAY[16001])::recsys.recvec');
SELECT pg_temp.attempt('SELECT array_fill(1::numeric, ARRAY[1000000])::recsys.recvec');

-- ---- to arrays
SELECT '[1,2.5,-0,0.1]'::recsys.recvec::real[], '[1,2.5,-0,0.1]'::recsys.recvec::float8[];
SELECT bool_and(v::real[]::recsys.recvec = v AND v::float8[]::recsys.recvec = v)
FROM (SELECT ('[' || string_agg((i / 7.0)::real::text, ',') || ']')::recsys.recvec AS v FROM generate_series(1, 16000) AS i) AS s;
-- no implicit cast either way
SELECT pg_temp.attempt($$SELECT '{1}'::real[] = '[1]'::recsys.recvec$$);
SELECT pg_temp.attempt($$SELECT array_length('[1]'::recsys.recvec, 1)$$);

-- ---- C13: the C symbol of the array cast, declared for an array it does not know
SELECT format('CREATE FUNCTION pg_temp.misbound(text[], integer, boolean) RETURNS recsys.recvec AS %L, %L LANGUAGE C STRICT',
    probin, 'recsys_array_to_recvec') FROM pg_proc WHERE oid = 'recsys.recvec_out(recsys.recvec)'::regprocedure
\gexec
SELECT pg_temp.attempt($$SELECT pg_temp.misbound('{1}', -1, false)$$);
