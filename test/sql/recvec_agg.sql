-- recvec: sum and avg, serial, parallel, over windows, called directly
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

CREATE TABLE recvec_agg (id integer, v recsys.recvec);
INSERT INTO recvec_agg SELECT i, ARRAY[i, -i, i % 3]::recsys.recvec FROM generate_series(1, 1000) AS i;

SELECT recsys.sum(v), recsys.avg(v) FROM recvec_agg;
-- no rows, only NULL, NULL among others
SELECT recsys.sum(v) IS NULL, recsys.avg(v) IS NULL FROM recvec_agg WHERE false;
SELECT recsys.sum(v) IS NULL, recsys.avg(v) IS NULL FROM unnest('{NULL,NULL}'::recsys.recvec[]) AS v;
SELECT recsys.sum(v), recsys.avg(v) FROM unnest('{NULL,"[1,2]",NULL,"[3,4]"}'::recsys.recvec[]) AS v;
SELECT recsys.sum(v), recsys.avg(v) FROM unnest('{"[1,2]"}'::recsys.recvec[]) AS v;
-- several groups at once
SELECT id % 3, recsys.sum(v), recsys.avg(v) FROM recvec_agg WHERE id <= 9 GROUP BY 1 ORDER BY 1;
SELECT recsys.sum(DISTINCT v) FROM unnest('{"[1]","[1]","[2]"}'::recsys.recvec[]) AS v;
-- mixed dimensions, overflow of the result; the average of the largest does not overflow
SELECT pg_temp.attempt($$SELECT recsys.sum(v) FROM unnest('{"[1,2]","[3]"}'::recsys.recvec[]) AS v$$);
SELECT pg_temp.attempt($$SELECT recsys.avg(v) FROM unnest('{"[1]","[3,4]"}'::recsys.recvec[]) AS v$$);
SELECT pg_temp.attempt($$SELECT recsys.sum(v) FROM unnest('{"[3e38]","[3e38]"}'::recsys.recvec[]) AS v$$);
SELECT pg_temp.attempt($$SELECT recsys.sum(v) FROM unnest('{"[3e38]","[3e38]","[-3e38]"}'::recsys.recvec[]) AS v$$);
SELECT recsys.avg(v) FROM unnest('{"[3.4028235e38]","[3.4028235e38]"}'::recsys.recvec[]) AS v;
-- the widest vectors
SELECT recsys.dims(recsys.avg(v)), recsys.norm(recsys.sum(v)) = 2 * recsys.norm(recsys.avg(v))
FROM (SELECT array_fill(i::real, ARRAY[16000])::recsys.recvec AS v FROM generate_series(1, 2) AS i) AS s;

-- windows: growing and moving frames
SELECT id, recsys.sum(v) OVER (ORDER BY id), recsys.avg(v) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW),
    recsys.sum(v) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING)
FROM recvec_agg WHERE id <= 4 ORDER BY id;

-- parallel: as serial, also where most workers see nothing
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
ALTER TABLE recvec_agg SET (parallel_workers = 2);
EXPLAIN (COSTS OFF) SELECT recsys.sum(v), recsys.avg(v) FROM recvec_agg;
SELECT recsys.sum(v), recsys.avg(v) FROM recvec_agg;
SELECT recsys.sum(v), recsys.avg(v) FROM recvec_agg WHERE id = 7;
SELECT recsys.sum(v) IS NULL, recsys.avg(v) IS NULL FROM recvec_agg WHERE id < 0;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;
DROP TABLE recvec_agg;

-- called directly: the argument is not changed
WITH s AS MATERIALIZED (SELECT array_fill(1::float8, ARRAY[31]) AS state)
SELECT (recsys.recvec_accum(state, array_fill(5, ARRAY[30])::recsys.recvec))[1:3], (recsys.recvec_combine(state, state))[1:3], state[1:3] FROM s;
SELECT recsys.recvec_combine('{0}', '{0}'), recsys.recvec_combine('{0}', '{1,2}'), recsys.recvec_combine('{1,2}', '{0}');
SELECT recsys.recvec_sum('{0}') IS NULL, recsys.recvec_avg('{0}') IS NULL, recsys.recvec_avg('{2,5}');
SELECT num_nulls(recsys.recvec_accum(NULL, '[1]'), recsys.recvec_accum('{0}', NULL), recsys.recvec_combine(NULL, '{0}'), recsys.recvec_sum(NULL));
-- C12: crafted states
SELECT state, string_agg(DISTINCT pg_temp.attempt(format(f, format('%L::float8[]', state))), ' / ')
FROM unnest(ARRAY['{}', '{{1,2}}', '{NULL}', '{1,NULL}', '{1}', '{0,1}', '{-1,1}', '{NaN,1}', '{Infinity,1}']) WITH ORDINALITY AS u(state, n),
    unnest(ARRAY['SELECT recsys.recvec_accum(%s, ''[1]'')', 'SELECT recsys.recvec_combine(%s, ''{0}'')', 'SELECT recsys.recvec_combine(''{0}'', %s)',
        'SELECT recsys.recvec_sum(%s)', 'SELECT recsys.recvec_avg(%s)']) AS f
GROUP BY n, state ORDER BY n;
SELECT pg_temp.attempt($$SELECT recsys.recvec_accum(array_fill(1::float8, ARRAY[16002]), '[1]')$$);
SELECT pg_temp.attempt($$SELECT recsys.recvec_accum('{1,2,3}', '[1]')$$);
SELECT pg_temp.attempt($$SELECT recsys.recvec_combine('{1,2,3}', '{1,2}')$$);
SELECT pg_temp.attempt($$SELECT recsys.recvec_sum('{1,NaN}')$$), pg_temp.attempt($$SELECT recsys.recvec_avg('{1,1e300}')$$);
-- C13: the C symbol declared for another state type
SELECT format('CREATE FUNCTION pg_temp.misbound(integer[], recsys.recvec) RETURNS float8[] AS %L, %L LANGUAGE C STRICT',
    probin, 'recsys_recvec_accum') FROM pg_proc WHERE oid = 'recsys.recvec_out(recsys.recvec)'::regprocedure
\gexec
SELECT pg_temp.attempt($$SELECT pg_temp.misbound('{1,2,3}', '[1]')$$);
