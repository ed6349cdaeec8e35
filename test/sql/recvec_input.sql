-- recvec: what text is read, what is refused and with which message
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

CREATE FUNCTION pg_temp.read(literal text) RETURNS text LANGUAGE sql
RETURN pg_temp.attempt(format('SELECT %L::recsys.recvec', literal));

-- accepted
SELECT t, pg_temp.read(t) FROM unnest(ARRAY[
    '[1]', '[1,2,3]', '[+1,-1,.5,5.,1e2,1E+2,1e-2]', '[ 1 , 2 ]', '  [1]  ',
    '[0.1,123456789,1e10,1e-5,3.4028235e38]', '[007]'
]) WITH ORDINALITY AS u(t, n) ORDER BY n;

-- every ASCII character as a blank: which are accepted
SELECT string_agg(c::text, ' ' ORDER BY c) FROM generate_series(1, 127) AS c
WHERE pg_temp.read('[1' || chr(c) || ',2]') = '[1,2]'
    AND pg_temp.read(chr(c) || '[1,2]' || chr(c)) = '[1,2]';

-- malformed
SELECT t, pg_temp.read(t) FROM unnest(ARRAY[
    '', '   ', '[', ']', '[]', '[ ]', '[,]', '[1,]', '[,1]', '[1,,2]', '[1 2]', '1', '1,2', '{1}', '(1)',
    '[1', '[1,', '[a]', '[1a]', '[1;2]', '[1]]', '[1][2]', '[1] [2]', '[1]x', '[[1]]', '[[[[',
    '[-]', '[+]', '[.]', '[e5]', '[1e]', '[1e+]', '[- 1]', '[+-1]', '[1.2.3]', '["1"]', '[null]', '[''1'']'
]) WITH ORDINALITY AS u(t, n) ORDER BY n;

-- no-break space, full-width digits, a comma within a number, underscores, hexadecimal
SELECT pg_temp.read(U&'[\00A01]') LIKE '22P02%', pg_temp.read(U&'\00A0[1]') LIKE '22P02%',
    pg_temp.read(U&'[\FF11]') LIKE '22P02%';
SELECT t, pg_temp.read(t) FROM unnest(ARRAY['[1,5]', '[1_000]', '[0x1p3]', '[0x10]', '[0b1]'])
    WITH ORDINALITY AS u(t, n) ORDER BY n;

-- NUL does not pass the server's own check
SELECT pg_temp.attempt($$SELECT E'[1]\x00'::recsys.recvec$$);

-- not finite, out of range
SELECT t, pg_temp.read(t) FROM unnest(ARRAY[
    '[NaN]', '[nan(123)]', '[-nan]', '[Infinity]', '[-inf]', '[1,iNf]', '[1e39]', '[1e400]', '[-1e39]', '[1,3.4028236e38]'
]) WITH ORDINALITY AS u(t, n) ORDER BY n;

-- too small becomes zero; denormals and the sign of zero are kept
SELECT t, pg_temp.read(t) FROM unnest(ARRAY['[1e-46,-1e-46,1e-400]', '[1e-45,1.17549435e-38,-1e-40]', '[-0,0]'])
    WITH ORDINALITY AS u(t, n) ORDER BY n;

-- limits: 16000 components, one more, ten million; long and deep literals
SELECT recsys.dims(('[1' || repeat(',1', 15999) || ']')::recsys.recvec);
SELECT pg_temp.read('[1' || repeat(',1', 16000) || ']');
SELECT pg_temp.read('[1' || repeat(',1', 9999999) || ']');
SELECT pg_temp.read(repeat('[', 1000000));
SELECT pg_temp.read('[' || repeat('0', 1000000) || '7]'), pg_temp.read('[0.' || repeat('0', 1000000) || '7]');
SELECT pg_temp.read('[' || repeat('9', 1000000) || ']');
SELECT pg_temp.read('[1e' || repeat('9', 10000) || ']');
SELECT pg_temp.read('[1e-' || repeat('9', 10000) || ']');
-- a quoted literal is cut between characters
SELECT pg_temp.read(repeat(U&'\00E4', 100));

-- output: the longest form in every component at the limit
SELECT length(v::text) = 1 + 16000 * (length('-1.1754944e-38') + 1), v::text::recsys.recvec = v
FROM (SELECT ('[-1.1754944e-38' || repeat(',-1.1754944e-38', 15999) || ']')::recsys.recvec AS v) AS s;

-- extra_float_digits has no say: always the shortest form that reads back
CREATE FUNCTION pg_temp.with_digits(digits integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('extra_float_digits', digits::text, true);
    RETURN '[0.1,0.333333343,16777216,1e-45]'::recsys.recvec::text;
END
$$;
SELECT DISTINCT pg_temp.with_digits(d) FROM generate_series(-15, 3) AS d;

-- text to vector to text to vector for random numbers of all sizes
SELECT setseed(0.5);
SELECT count(*), bool_and(v::text::recsys.recvec = v AND (v::text::recsys.recvec)::text = v::text
    AND recsys.recvec_send(v::text::recsys.recvec) = recsys.recvec_send(v))
FROM (SELECT array_agg(((random() - 0.5) * 10 ^ (random() * 82 - 44))::float8 ORDER BY i)::recsys.recvec AS v
    FROM generate_series(1, 10000) AS i GROUP BY i % 100) AS s;
