-- What the name of a model is bound to: relations made anew, given away, renamed, swapped;
-- what is left of a model; commands that follow one another in one statement.
\set VERBOSITY terse
\pset null <null>
SET client_min_messages = error;
CREATE ROLE recsys_regress_first;
CREATE ROLE recsys_regress_second;
CREATE ROLE recsys_regress_none;
CREATE SCHEMA mn;
GRANT USAGE ON SCHEMA mn TO PUBLIC;
CREATE TABLE mn.ratings (user_id int, item_id int, rating real);
INSERT INTO mn.ratings SELECT u, i, (u * i) % 5 + 1 FROM generate_series(1, 6) AS u, generate_series(1, 6) AS i WHERE u <> i;
CREATE INDEX ON mn.ratings (user_id);
CREATE TABLE mn.titles AS SELECT user_id, 'title ' || item_id AS item_id, rating FROM mn.ratings;
CREATE INDEX ON mn.titles (user_id);
GRANT SELECT ON mn.ratings, mn.titles TO PUBLIC;
GRANT CREATE ON SCHEMA recsys_data TO recsys_regress_first, recsys_regress_second;

-- Run a statement; say what became of it.
CREATE FUNCTION mn.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    m text; h text;
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, h = PG_EXCEPTION_HINT;
    RETURN concat(SQLSTATE, ': ', m, E'\n  hint: ' || nullif(h, ''));
END $$;
-- Everything that can be asked of a model or done to it.
CREATE FUNCTION mn.calls(model text) RETURNS TABLE (call text, said text) LANGUAGE sql AS $$
SELECT c, mn.attempt(format('SELECT * FROM recsys.' || c, model)) FROM unnest(ARRAY[
    'recommend(%L, 1)', 'predict(%L, 1, 2)', 'user_vector(%L, 1)', 'item_vector(%L, 2)', 'evaluate(%L, ''mn.ratings'')',
    'train(%L)', 'deploy(%L, 1)', 'rollback(%L)', 'alter_model(%L)']) AS c
$$;
-- Let two views swap their names.
CREATE FUNCTION mn.swap(one text, two text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER VIEW recsys_data.%I RENAME TO swapping', one);
    EXECUTE format('ALTER VIEW recsys_data.%I RENAME TO %I', two, one);
    EXECUTE format('ALTER VIEW recsys_data.swapping RENAME TO %I', two);
END $$;
CREATE VIEW mn.left_rows AS SELECT m.name, (SELECT count(*) FROM recsys.model_version AS v WHERE v.model = m.name) AS versions,
    recsys.model_view(m.name) FROM recsys.model AS m;

-- ---- a name that was left ---------------------------------------------------

SET ROLE recsys_regress_first;
SELECT recsys.create_model('k', 'mn.ratings', options => '{"factors": 2}', algorithm => 'als');
SELECT version FROM recsys.train('k');
RESET ROLE;
DROP OWNED BY recsys_regress_first CASCADE;
GRANT CREATE ON SCHEMA recsys_data TO recsys_regress_first;
SELECT * FROM mn.left_rows;
-- a view of that name, and tables, are no way to what is left
SET ROLE recsys_regress_second;
CREATE VIEW recsys_data.k AS SELECT user_id, item_id, rating, NULL::timestamptz AS "time" FROM mn.ratings;
SELECT count(*) FROM recsys.models;
SELECT count(*) FROM recsys.model_versions;
SELECT mn.attempt('SELECT recsys.create_model(''k'', ''mn.ratings'', algorithm => ''als'')');
CREATE TABLE recsys_data.k_user_factors (version int, user_id int, factors recsys.recvec, bias real, PRIMARY KEY (version, user_id));
CREATE TABLE recsys_data.k_item_factors (version int, item_id int, factors recsys.recvec, users int, PRIMARY KEY (version, item_id));
SELECT count(*) FROM recsys.models;
SELECT count(*) FROM recsys.model_versions;
SELECT * FROM mn.calls('k');
SELECT mn.attempt('SELECT recsys.create_model(''k'', ''mn.ratings'', algorithm => ''als'')');
-- who may not create models sees nothing of it; relations are their owner's
SET ROLE recsys_regress_none;
SELECT mn.attempt('SELECT recsys.drop_model(''k'')');
SET ROLE recsys_regress_first;
SELECT mn.attempt('SELECT recsys.drop_model(''k'')');
SET ROLE recsys_regress_second;
DROP VIEW recsys_data.k;
DROP TABLE recsys_data.k_user_factors, recsys_data.k_item_factors;
SET ROLE recsys_regress_none;
SELECT mn.attempt('SELECT recsys.drop_model(''k'')'), mn.attempt('SELECT recsys.drop_model(''k'', if_exists => true)');
-- whoever may create models removes the row, or creates over it
SET ROLE recsys_regress_second;
BEGIN;
SELECT recsys.drop_model('k');
RESET ROLE;
SELECT * FROM mn.left_rows;
ROLLBACK;
SET ROLE recsys_regress_second;
SELECT recsys.create_model('k', 'mn.ratings', feedback => 'implicit', algorithm => 'als');
SELECT model, owner, feedback, options, active_version, versions FROM recsys.models;
SELECT recsys.drop_model('k');
RESET ROLE;
SELECT count(*) FROM recsys.model_anchor;

-- ---- relations without a row, as after a restore by a role that may not write to the catalog

SET ROLE recsys_regress_first;
SELECT recsys.create_model('k', 'mn.ratings', algorithm => 'als');
RESET ROLE;
DELETE FROM recsys.model;
DELETE FROM recsys.model_anchor;
SET ROLE recsys_regress_second;
SELECT mn.attempt('SELECT recsys.create_model(''k'', ''mn.ratings'', algorithm => ''als'')');
SELECT mn.attempt('SELECT recsys.drop_model(''k'')');
SET ROLE recsys_regress_first;
SELECT mn.attempt('SELECT recsys.create_model(''k'', ''mn.ratings'', algorithm => ''als'')');
SELECT recsys.drop_model('k');
SELECT recsys.create_model('k', 'mn.ratings', options => '{"factors": 2, "iterations": 2}', algorithm => 'als');
SELECT version FROM recsys.train('k');

-- ---- ALTER OWNER, REASSIGN OWNED: the model goes along ---------------------------

RESET ROLE;
ALTER VIEW recsys_data.k OWNER TO recsys_regress_second;
ALTER TABLE recsys_data.k_user_factors OWNER TO recsys_regress_second;
ALTER TABLE recsys_data.k_item_factors OWNER TO recsys_regress_second;
SET ROLE recsys_regress_second;
SELECT model, owner, versions FROM recsys.models;
SELECT count(*) FROM recsys.recommend('k', 1, exclude_seen => false);
-- a new owner who makes the view again is known by the factor tables, and by their name after a change
BEGIN;
DROP VIEW recsys_data.k;
CREATE VIEW recsys_data.k AS SELECT user_id, item_id, rating, NULL::timestamptz AS "time" FROM mn.ratings;
SELECT mn.attempt('SELECT recsys.recommend(''k'', 1)');
ROLLBACK;
SELECT recsys.alter_model('k');
BEGIN;
DROP VIEW recsys_data.k;
CREATE VIEW recsys_data.k AS SELECT user_id, item_id, rating, NULL::timestamptz AS "time" FROM mn.ratings;
SELECT * FROM mn.calls('k') WHERE said NOT LIKE 'done';
ROLLBACK;
RESET ROLE;
REASSIGN OWNED BY recsys_regress_second TO recsys_regress_first;
SET ROLE recsys_regress_first;
SELECT model, owner, versions FROM recsys.models;
SELECT * FROM mn.calls('k') WHERE said NOT LIKE 'done';

-- ---- by hand: renamed, swapped, moved ------------------------------------------

ALTER VIEW recsys_data.k RENAME TO other;
SELECT mn.attempt('SELECT recsys.recommend(''k'', 1)'), mn.attempt('SELECT recsys.recommend(''other'', 1)');
SELECT count(*) FROM recsys.models;
ALTER TABLE recsys_data.k_user_factors RENAME TO other_user_factors;
ALTER TABLE recsys_data.k_item_factors RENAME TO other_item_factors;
SELECT mn.attempt('SELECT recsys.recommend(''other'', 1)'), mn.attempt('SELECT recsys.alter_model(''other'')');
ALTER VIEW recsys_data.other RENAME TO k;
ALTER TABLE recsys_data.other_user_factors RENAME TO k_user_factors;
ALTER TABLE recsys_data.other_item_factors RENAME TO k_item_factors;
SELECT model, versions FROM recsys.models;
-- two views of one owner: the one takes the place of the other, or is not what the tables hold
SELECT recsys.create_model('same', 'mn.ratings', options => '{"factors": 2, "iterations": 2}', algorithm => 'als');
SELECT recsys.create_model('titles', 'mn.titles', options => '{"factors": 2, "iterations": 2}', algorithm => 'als');
SELECT recsys.train('same') IS NOT NULL, recsys.train('titles') IS NOT NULL;
SELECT count(*) FROM recsys.recommend_text('titles', 1, exclude_seen => false);
SELECT mn.swap('k', 'same');
SELECT * FROM mn.calls('k') WHERE said NOT LIKE 'done';
SELECT mn.swap('k', 'same');
SELECT mn.swap('k', 'titles');
SELECT call, said FROM mn.calls('k') WHERE call ~ '^(recommend|item|train)';
-- what this session has of the one is not taken for the other
SELECT mn.attempt('SELECT recsys.predict(''titles'', 1, 4702111234474983745)'), mn.attempt('SELECT recsys.predict_text(''titles'', 1, ''title 2'')');
SELECT mn.swap('k', 'titles');
SELECT count(*) FROM recsys.recommend_text('titles', 1, exclude_seen => false);
RESET ROLE;
ALTER VIEW recsys_data.k SET SCHEMA mn;
SELECT mn.attempt('SELECT recsys.recommend(''k'', 1)');
ALTER VIEW mn.k SET SCHEMA recsys_data;
SELECT count(*) FROM recsys.recommend('k', 1, exclude_seen => false);
SELECT recsys.drop_model(m) FROM unnest('{same,titles}'::text[]) AS m;

-- ---- one after the other in one statement ------------------------------------------

SELECT count(*) FROM (SELECT recsys.alter_model('k', options => '{"factors": 3}'), recsys.train('k')) AS one_after_the_other;
WITH altered AS (SELECT recsys.alter_model('k', options => '{"factors": 4}') AS done)
SELECT version FROM altered, LATERAL recsys.train('k');
DO $$ BEGIN PERFORM recsys.alter_model('k', options => '{"factors": 5}'); PERFORM recsys.train('k'); END $$;
SELECT options -> 'factors' AS factors FROM recsys.model_versions WHERE model = 'k' ORDER BY version DESC LIMIT 3;
-- the version of this statement is measured, also when it does not serve, and in an old snapshot
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT t.version = m.active_version + 1 AS new, e.metric, e.value > 0 AS measured
  FROM recsys.models AS m, LATERAL recsys.train(m.model, deploy => false) AS t,
       LATERAL recsys.evaluate(m.model, 'mn.ratings', version => t.version) AS e WHERE e.metric IN ('rmse', 'predicted_share') ORDER BY 2;
COMMIT;
-- what is STABLE sees what was there when the statement began, and says so
SELECT mn.attempt(format('SELECT (recsys.train(''k'')).version, recsys.predict(''k'', 1, 2, version => %s)', last_version + 1)) FROM recsys.model;
SELECT recsys.deploy('k', (recsys.train('k', deploy => false)).version);
SELECT count(*) FROM recsys.models AS m JOIN recsys.model_versions AS v USING (model) WHERE v.active AND v.version = (SELECT last_version FROM recsys.model);

-- ---- a hundred models, with long names ------------------------------------------------

SET ROLE recsys_regress_first;
DO $$ BEGIN
    FOR i IN 1 .. 100 LOOP
        PERFORM recsys.create_model(rpad('many' || i || '_', 48, 'x'), 'mn.ratings', algorithm => 'als');
    END LOOP;
END $$;
SELECT count(*) FROM recsys.models WHERE model LIKE 'many%';
RESET ROLE;
DROP OWNED BY recsys_regress_first CASCADE;
SELECT count(*) FROM recsys.models;
SELECT count(*) FROM recsys.model;
SELECT count(*) FROM recsys.model, LATERAL recsys.drop_model(name);
SELECT count(*) FROM recsys.model_anchor;

DROP SCHEMA mn CASCADE;
DROP OWNED BY recsys_regress_second;
DROP ROLE recsys_regress_first, recsys_regress_second, recsys_regress_none;
