-- recsys.alter_model, recsys.drop_model, and what may happen to the source of a model.
\pset null <null>
SET client_min_messages = error;
CREATE SCHEMA ma;
CREATE TABLE ma.ratings (user_id int, item_id int, rating real, at timestamptz);
INSERT INTO ma.ratings VALUES (1, 10, 5, '2024-01-01'), (1, 11, 3, '2024-01-02'), (2, 10, 4, '2024-01-03');

-- Run a statement; say what became of it.
CREATE FUNCTION pg_temp.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    m text; d text; h text;
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
    RETURN concat(SQLSTATE, ': ', m, E'\n  detail: ' || nullif(d, ''), E'\n  hint: ' || nullif(h, ''));
END $$;
CREATE VIEW pg_temp.shown AS SELECT model, feedback, algorithm, run_as, options FROM recsys.models;

-- NULL leaves as it is
SELECT recsys.create_model('m', 'ma.ratings', options => '{"factors": 8, "seed": 1}', algorithm => 'als');
SELECT recsys.create_model('counted', 'ma.ratings', feedback => 'implicit', time_column => 'at', algorithm => 'als');
SELECT recsys.alter_model('m');
SELECT recsys.alter_model('m', NULL, NULL, NULL, NULL);
SELECT * FROM pg_temp.shown ORDER BY model;
SELECT pg_temp.attempt('SELECT recsys.alter_model(NULL)');

-- options are laid over; a JSON null takes one away
SELECT recsys.alter_model('m', options => '{"seed": 2, "iterations": 3}');
SELECT options FROM recsys.models WHERE model = 'm';
SELECT recsys.alter_model('m', options => '{"seed": null, "factors": null, "solver": null}');
SELECT options FROM recsys.models WHERE model = 'm';
SELECT recsys.alter_model('m', options => '{}');
SELECT options FROM recsys.models WHERE model = 'm';

-- refused, nothing changed
SELECT a, pg_temp.attempt(format('SELECT recsys.alter_model(''m'', %s)', a)) FROM unnest(ARRAY[
    'options => ''[]''', 'options => ''null''', 'options => ''{"rank": 1}''', 'options => ''{"rank": null}''',
    'options => ''{"factors": 0}''', 'options => ''{"alpha": 1}''', 'options => ''{"history_limit": 5}''',
    'options => ''{"seed": {"a": null}}''',
    'feedback => ''Implicit''', 'algorithm => ''svd''', 'run_as => ''me''',
    'run_as => ''me'', options => ''{"seed": 9}''']) AS a;
SELECT * FROM pg_temp.shown WHERE model = 'm';

-- feedback, and the options that go with it
SELECT recsys.alter_model('m', options => '{"biases": false}');
SELECT pg_temp.attempt('SELECT recsys.alter_model(''m'', feedback => ''implicit'')');
SELECT recsys.alter_model('m', feedback => 'implicit', options => '{"biases": null, "alpha": 2}');
SELECT recsys.alter_model('m', algorithm => 'popular');
SELECT * FROM pg_temp.shown WHERE model = 'm';
SELECT recsys.alter_model('m', feedback => 'explicit', algorithm => 'als', options => '{"alpha": null}');
SELECT pg_temp.attempt('SELECT recsys.alter_model(''counted'', feedback => ''explicit'')');
SELECT recsys.alter_model('counted', options => '{"history_limit": 5}');
SELECT * FROM pg_temp.shown ORDER BY model;

-- run_as is the view's security_invoker, however it was written
SELECT recsys.alter_model('m', run_as => 'owner');
SELECT reloptions FROM pg_class WHERE oid = 'recsys_data.m'::regclass;
SELECT recsys.alter_model('m', run_as => 'caller');
SELECT reloptions FROM pg_class WHERE oid = 'recsys_data.m'::regclass;
ALTER VIEW recsys_data.m SET (security_invoker = off);
SELECT run_as FROM recsys.models WHERE model = 'm';
ALTER VIEW recsys_data.m SET (security_invoker = on);
SELECT run_as FROM recsys.models WHERE model = 'm';
ALTER VIEW recsys_data.m RESET (security_invoker);
SELECT run_as FROM recsys.models WHERE model = 'm';
SELECT recsys.alter_model('m', run_as => 'caller');

-- unknown names
SELECT i, pg_temp.attempt(format('SELECT recsys.alter_model(%L)', name)), pg_temp.attempt(format('SELECT recsys.drop_model(%L)', name)),
       pg_temp.attempt(format('SELECT recsys.drop_model(%L, if_exists => true)', name))
  FROM unnest(ARRAY['absent', '', 'M', 'm ', repeat('x', 49), repeat('é', 5000), '"', 'm_user_factors']) WITH ORDINALITY AS n (name, i);
SET client_min_messages = notice;
SELECT recsys.drop_model('absent', if_exists => true);
SELECT recsys.drop_model(repeat('é', 5000), if_exists => true);
SET client_min_messages = error;
SELECT pg_temp.attempt('SELECT recsys.drop_model(NULL)');
SELECT pg_temp.attempt('SELECT recsys.drop_model(''m'', NULL)');

-- the source follows its name, its columns and its schema; it cannot go or change type
ALTER TABLE ma.ratings RENAME TO votes;
ALTER TABLE ma.votes RENAME COLUMN user_id TO customer;
ALTER SCHEMA ma RENAME TO ma2;
SELECT user_id, item_id, rating, "time" IS NULL AS without_time FROM recsys_data.m ORDER BY 1, 2;
SELECT recsys.alter_model('m', options => '{"iterations": 4}');
ALTER SCHEMA ma2 RENAME TO ma;
DROP TABLE ma.votes;
ALTER TABLE ma.votes DROP COLUMN customer;
ALTER TABLE ma.votes ALTER COLUMN rating TYPE double precision;
TRUNCATE ma.votes;
SELECT count(*) FROM recsys_data.m;
ALTER TABLE ma.votes ADD COLUMN more int;
ALTER TABLE ma.votes ALTER COLUMN more TYPE bigint;
ALTER TABLE ma.votes DROP COLUMN more;

-- something depends on the view
CREATE VIEW ma.report AS SELECT count(*) FROM recsys_data.m;
SELECT recsys.drop_model('m');
SELECT count(*) FROM recsys.models;
DROP VIEW ma.report;

-- a model that lost its view to DROP ... CASCADE: gone, but it can be removed or made again
SELECT recsys.create_model('other', 'ma.votes', 'customer', algorithm => 'als');
DROP TABLE ma.votes CASCADE;
SELECT model FROM recsys.models;
CREATE TABLE ma.ratings (user_id int, item_id int, rating real);
SELECT pg_temp.attempt('SELECT recsys.alter_model(''m'')');
SELECT pg_temp.attempt('SELECT recsys.create_model(''m'', ''ma.ratings'', algorithm => ''als'')');
SELECT recsys.drop_model('m');
SELECT recsys.create_model('m', 'ma.ratings', algorithm => 'als');
SELECT recsys.drop_model('other', if_exists => true);
DROP TABLE recsys_data.counted_user_factors;
SELECT recsys.drop_model('counted');
SELECT pg_temp.attempt('SELECT recsys.drop_model(''counted'')');
SELECT name FROM recsys.model;
SELECT relname FROM pg_class WHERE relnamespace = 'recsys_data'::regnamespace AND relkind <> 'i' ORDER BY 1;

-- only a row is left: the name is free
DROP VIEW recsys_data.m;
DROP TABLE recsys_data.m_user_factors, recsys_data.m_item_factors;
SELECT name FROM recsys.model;
BEGIN;
SELECT pg_temp.attempt('SELECT recsys.drop_model(''m'')');
SELECT name FROM recsys.model;
ROLLBACK;
SELECT recsys.create_model('m', 'ma.ratings', feedback => 'implicit', algorithm => 'als');
SELECT model, feedback FROM recsys.models;

-- relations of another kind under the names of a model are none
DROP VIEW recsys_data.m;
CREATE TABLE recsys_data.m (user_id int, item_id int, rating real, "time" timestamptz);
SELECT pg_temp.attempt('SELECT recsys.alter_model(''m'')');
DROP TABLE recsys_data.m;
CREATE VIEW recsys_data.m AS SELECT user_id, item_id, rating, NULL::timestamptz AS "time" FROM ma.ratings;
SELECT recsys.alter_model('m');
DROP TABLE recsys_data.m_item_factors;
CREATE VIEW recsys_data.m_item_factors AS SELECT 1 AS version, 1 AS item_id, NULL::recsys.recvec AS factors, 1 AS users;
SELECT pg_temp.attempt('SELECT recsys.alter_model(''m'')');
BEGIN;
SELECT pg_temp.attempt('SELECT recsys.drop_model(''m'')');
SELECT relname FROM pg_class WHERE relnamespace = 'recsys_data'::regnamespace AND relkind <> 'i' ORDER BY 1;
ROLLBACK;
DROP VIEW recsys_data.m_item_factors;
CREATE TABLE recsys_data.m_item_factors (version int);
DROP VIEW recsys_data.m;
CREATE VIEW recsys_data.m AS SELECT 1 AS one;
SELECT pg_temp.attempt('SELECT recsys.alter_model(''m'')');
DROP VIEW recsys_data.m;
CREATE VIEW recsys_data.m AS SELECT true AS user_id, 1 AS item_id;
SELECT pg_temp.attempt('SELECT recsys.alter_model(''m'')');
SELECT recsys.drop_model('m');

-- the extension stays where it is, and goes with its models only
SELECT recsys.create_model('m', 'ma.ratings', algorithm => 'als');
ALTER EXTENSION recsys SET SCHEMA ma;
\set VERBOSITY terse
DROP EXTENSION recsys;
DROP SCHEMA recsys_data CASCADE;
\set VERBOSITY default
DROP EXTENSION recsys CASCADE;
SELECT count(*) FROM pg_namespace WHERE nspname = 'recsys_data';
SELECT count(*) FROM pg_class WHERE relname LIKE 'm\_%factors' OR relname = 'm';
CREATE EXTENSION recsys;
SELECT count(*) FROM recsys.models;
DROP SCHEMA ma CASCADE;
