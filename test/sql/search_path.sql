-- Nothing that others put before our names, or before PostgreSQL's, is ever called:
-- every function here that is planted first in search_path, and in pg_temp, fails.
SET client_min_messages = error;
CREATE SCHEMA sp;
CREATE TABLE sp.ratings AS SELECT u AS user_id, i AS item_id, ((u * i) % 5 + 1)::real AS rating, now() AS at, 'u' || u AS name
  FROM generate_series(1, 6) AS u, generate_series(1, 6) AS i WHERE u <> i;
CREATE INDEX ON sp.ratings (user_id);

-- what the calls answer before anything is planted, and what they answer after
CREATE TABLE sp.answer (run int, place int, said text);
CREATE PROCEDURE sp.ask(run int) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM recsys.create_model('sp', 'sp.ratings', time_column => 'at', options => '{"factors": 2, "iterations": 2, "history_limit": 3, "keep_versions": 1}', algorithm => 'als');
    PERFORM recsys.create_model('sp_text', 'sp.ratings', user_column => 'name', feedback => 'implicit', run_as => 'owner', options => '{"factors": 2}', algorithm => 'als');
    PERFORM recsys.alter_model('sp', run_as => 'owner', options => '{"seed": 7}');
    PERFORM recsys.train('sp');
    PERFORM recsys.train('sp', '{"regularization": 0.5}', deploy => false);
    PERFORM recsys.deploy('sp', 2);
    PERFORM recsys.train('sp', deploy => false);
    PERFORM recsys.train('sp_text');
    INSERT INTO sp.answer SELECT run, 1, m.model FROM recsys.models AS m;
    INSERT INTO sp.answer SELECT run, 2, m.run_as FROM recsys.models AS m;
    INSERT INTO sp.answer SELECT run, 3, v.options::pg_catalog.text FROM recsys.model_versions AS v;
    INSERT INTO sp.answer SELECT run, 4, r.item_id::pg_catalog.text FROM recsys.recommend('sp', 1) AS r;
    INSERT INTO sp.answer SELECT run, 5, r.item_id::pg_catalog.text FROM recsys.recommend_text('sp_text', 'u1') AS r;
    INSERT INTO sp.answer SELECT run, 6, recsys.predict('sp', 1, 2)::pg_catalog.text;
    INSERT INTO sp.answer SELECT run, 7, recsys.user_vector('sp', 1)::pg_catalog.text;
    INSERT INTO sp.answer SELECT run, 8, e.value::pg_catalog.text FROM recsys.evaluate('sp', 'sp.ratings') AS e;
    INSERT INTO sp.answer SELECT run, 9, o.name FROM recsys.options() AS o;
    INSERT INTO sp.answer SELECT run, 10, u.ndcg::pg_catalog.text FROM recsys.evaluate_users('sp', 'sp.ratings', exclude_seen => false) AS u;
    INSERT INTO sp.answer SELECT run, 11, f.rows::pg_catalog.text FROM recsys.split('sp.ratings', 'last', time_column => 'at', n => 2) AS f;
    INSERT INTO sp.answer SELECT run, 12, t.item_id::pg_catalog.text FROM sp.ratings_test AS t;
    INSERT INTO sp.answer SELECT run, 13, f.relation::pg_catalog.text FROM recsys.split('sp.ratings', 'time', time_column => 'at', train => 'sp.early', test => 'sp.late') AS f;
    INSERT INTO sp.answer SELECT run, 14, f.rows::pg_catalog.text FROM recsys.split('sp.ratings', 'random', train => 'sp.some', test => 'sp.others') AS f;
    DROP VIEW sp.ratings_train, sp.ratings_test, sp.early, sp.late, sp.some, sp.others;
    PERFORM recsys.drop_model('sp');
    PERFORM recsys.drop_model('sp_text');
END $$;
CALL sp.ask(1);

-- plant: a function for each name in pg_catalog that a call of ours could mean, every operator, casts, types, tables, a collation
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.called(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'planted object called: %', what;
END $$;
DO $$
DECLARE
    place text;
    o record;
    f record;
BEGIN
    FOREACH place IN ARRAY ARRAY['hostile', 'pg_temp'] LOOP
        FOR o IN SELECT 'op' || oid AS name, oprname, format_type(oprleft, NULL) AS l, format_type(oprright, NULL) AS r, format_type(oprresult, NULL) AS result
                   FROM pg_operator
                  WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprleft <> 0
                    AND oprname IN ('=', '<>', '<', '>', '<=', '>=', '||', '@>', '-', '+', '~', '->>', '->')
                    AND oprleft IN ('int4'::regtype, 'int8'::regtype, 'text'::regtype, 'name'::regtype, 'jsonb'::regtype, 'oid'::regtype, 'uuid'::regtype,
                                    'float8'::regtype, 'float4'::regtype, 'timestamptz'::regtype, '"char"'::regtype, 'numeric'::regtype, 'anyarray'::regtype)
        LOOP
            EXECUTE format('CREATE FUNCTION %s.%s(a %s, b %s) RETURNS %s LANGUAGE plpgsql AS %L', place, o.name, o.l, o.r, o.result,
                           'BEGIN PERFORM hostile.called(''operator ' || o.oprname || '''); RETURN NULL; END');
            EXECUTE format('CREATE OPERATOR %s.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = %s.%s)', place, o.oprname, o.l, o.r, place, o.name);
        END LOOP;
        FOR f IN SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments, format_type(p.prorettype, NULL) AS result
                   FROM pg_proc AS p
                  WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND NOT p.proretset AND p.provariadic = 0
                    AND p.proname IN ('now', 'clock_timestamp', 'pg_get_userbyid', 'has_table_privilege', 'jsonb_strip_nulls', 'pg_get_viewdef', 'octet_length',
                                      'current_setting', 'set_config', 'int4', 'int8', 'float4', 'float8', 'text', 'numeric', 'timestamptz', 'timestamp')
        LOOP
            EXECUTE format('CREATE FUNCTION %s.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', place, f.proname, f.arguments, f.result,
                           'BEGIN PERFORM hostile.called(''function ' || f.proname || '''); RETURN NULL; END');
        END LOOP;
        EXECUTE format('CREATE FUNCTION %s.recvec(a text) RETURNS text LANGUAGE plpgsql AS %L', place, 'BEGIN PERFORM hostile.called(''recvec''); END');
        EXECUTE format('CREATE DOMAIN %s.int4 AS text CHECK (hostile.called(VALUE) IS NULL)', place);
        EXECUTE format('CREATE DOMAIN %s.int8 AS text CHECK (hostile.called(VALUE) IS NULL)', place);
        EXECUTE format('CREATE DOMAIN %s.float8 AS text CHECK (hostile.called(VALUE) IS NULL)', place);
        EXECUTE format('CREATE DOMAIN %s.text AS int CHECK (hostile.called(''text'') IS NULL)', place);
        EXECUTE format('CREATE DOMAIN %s.name AS int CHECK (hostile.called(''name'') IS NULL)', place);
        EXECUTE format('CREATE DOMAIN %s.recvec AS int CHECK (hostile.called(''recvec'') IS NULL)', place);
        EXECUTE format('CREATE TABLE %s.pg_class (relname int)', place);
        EXECUTE format('CREATE TABLE %s.pg_extension (extname int)', place);
        EXECUTE format('CREATE TABLE %s.model (name int)', place);
        EXECUTE format('CREATE TABLE %s.model_version (name int)', place);
        EXECUTE format('CREATE TABLE %s.sp (name int)', place);
    END LOOP;
    CREATE FUNCTION hostile.step(int, int) RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM hostile.called(''aggregate''); END';
    CREATE AGGREGATE hostile.max(int) (SFUNC = hostile.step, STYPE = int);
    CREATE AGGREGATE hostile.array_agg(int) (SFUNC = hostile.step, STYPE = int);
END $$;

-- they are found where a name is not qualified
SET search_path = hostile, pg_temp, pg_catalog;
\set VERBOSITY terse
SELECT 1 = 1;
SELECT now() IS NULL;
\set VERBOSITY default
CALL sp.ask(2);
SET search_path = pg_temp, hostile, pg_catalog;
CALL sp.ask(3);
SET search_path = '';
CALL sp.ask(4);
RESET search_path;
SELECT count(*) > 20 AS answered,
       count(*) FILTER (WHERE runs IS DISTINCT FROM ARRAY[1, 2, 3, 4]) AS differ
  FROM (SELECT array_agg(DISTINCT run ORDER BY run) AS runs FROM sp.answer GROUP BY place, said) AS a;

-- the caller's path is as it was, after success and after failure
SET search_path = sp, public;
SELECT recsys.create_model('sp', 'ratings', algorithm => 'als');
SELECT version FROM recsys.train('sp', '{"factors": 2}');
SHOW search_path;
SELECT version FROM recsys.train('sp', '{"factors": 0}');
SHOW search_path;
SELECT current_user = session_user;
SELECT recsys.drop_model('sp');
RESET search_path;
DROP SCHEMA sp, hostile CASCADE;
