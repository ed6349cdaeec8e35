-- REFERENCES on the view of a model with run_as owner is the right to ask it without reading it.
SET client_min_messages = warning;
CREATE ROLE recsys_regress_owner;
CREATE ROLE recsys_regress_new_owner;
CREATE ROLE recsys_regress_app;
CREATE ROLE recsys_regress_old;
GRANT CREATE ON SCHEMA recsys_data TO recsys_regress_owner, recsys_regress_new_owner;
GRANT recsys_regress_new_owner TO recsys_regress_owner;
CREATE SCHEMA ask AUTHORIZATION recsys_regress_owner;
GRANT USAGE ON SCHEMA ask TO recsys_regress_app, recsys_regress_new_owner;
SET ROLE recsys_regress_owner;
CREATE TABLE ask.likes (user_id int, item_id int, rating real);
INSERT INTO ask.likes SELECT u, i, (u * i) % 5 + 1 FROM generate_series(1, 6) AS u, generate_series(1, 6) AS i WHERE u <> i;
CREATE INDEX ON ask.likes (user_id);
SELECT recsys.create_model('ask', 'ask.likes', run_as => 'owner', options => '{"factors": 2, "iterations": 2}', algorithm => 'als');
SELECT users FROM recsys.train('ask');
GRANT REFERENCES ON recsys_data.ask TO recsys_regress_app;
GRANT SELECT ON recsys_data.ask TO recsys_regress_old;
-- Run a statement; say what became of it.
CREATE FUNCTION ask.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    m text; d text; h text;
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
    RETURN concat(SQLSTATE, ': ', m, E'\n  detail: ' || nullif(d, ''), E'\n  hint: ' || nullif(h, ''));
END $$;

-- what it opens
SET ROLE recsys_regress_app;
SELECT call, ask.attempt('SELECT * FROM recsys.' || call) FROM unnest(ARRAY[
    'recommend(''ask'', 1)', 'recommend(''ask'', 1, fresh => false)', 'recommend_text(''ask'', 1)', 'predict(''ask'', 1, 2)', 'predict(''ask'', 1, 2, fresh => false)',
    'user_vector(''ask'', 1)', 'user_vector(''ask'', 1, fresh => false)', 'item_vector(''ask'', 1)', 'evaluate(''ask'', ''recsys_data.ask'')',
    'train(''ask'')', 'deploy(''ask'', 1)', 'rollback(''ask'')', 'alter_model(''ask'')', 'drop_model(''ask'')']) AS call;
SELECT item_id, source FROM recsys.recommend('ask', 1);
SELECT source FROM recsys.recommend('ask', 1, 1, false, fresh => false);
SELECT ask.attempt('SELECT * FROM recsys_data.ask'), ask.attempt('SELECT user_id FROM recsys_data.ask'), ask.attempt('SELECT * FROM ask.likes');
SELECT model, owner, run_as, users FROM recsys.models;
SELECT model, version, active, source FROM recsys.model_versions;
SET ROLE recsys_regress_old;
SELECT item_id, source FROM recsys.recommend('ask', 1);
SELECT model, version, source IS NOT NULL AS source FROM recsys.model_versions;
SELECT recsys.user_vector('ask', 1) IS NOT NULL AS vector;

-- not with run_as caller
SET ROLE recsys_regress_owner;
SELECT recsys.alter_model('ask', run_as => 'caller');
GRANT SELECT ON ask.likes TO recsys_regress_app;
SET ROLE recsys_regress_app;
SELECT ask.attempt('SELECT * FROM recsys.recommend(''ask'', 1)');
SELECT count(*) FROM recsys.models;
SELECT count(*) FROM recsys.model_versions;
SET ROLE recsys_regress_owner;
SELECT recsys.alter_model('ask', run_as => 'owner');
REVOKE SELECT ON ask.likes FROM recsys_regress_app;
SET ROLE recsys_regress_app;
SELECT count(*) FROM recsys.recommend('ask', 1);

-- the view sees the caller, also where it is read as its owner; its functions have the caller's rights
SET ROLE recsys_regress_owner;
CREATE FUNCTION ask.spy(item_id int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'recsys_regress_app' THEN
        RAISE WARNING '% reads: %, %', current_user, ask.attempt('SELECT FROM recsys_data.ask'), ask.attempt('SELECT FROM ask.likes');
    END IF;
    RETURN item_id;
END $$;
CREATE OR REPLACE VIEW recsys_data.ask AS
SELECT user_id, CASE WHEN item_id = 3 THEN ask.spy(item_id) ELSE item_id END AS item_id, rating, NULL::timestamptz AS "time" FROM ask.likes
 WHERE current_user <> 'recsys_regress_app' OR item_id <= 3;
SET ROLE recsys_regress_app;
SELECT item_id FROM recsys.recommend('ask', 1);
SELECT count(*) FROM recsys.recommend('ask', 1, fresh => false);
-- a view below that reads with its caller's rights
SET ROLE recsys_regress_owner;
CREATE VIEW ask.invoker WITH (security_invoker) AS SELECT * FROM ask.likes;
CREATE OR REPLACE VIEW recsys_data.ask AS SELECT user_id, item_id, rating, NULL::timestamptz AS "time" FROM ask.invoker;
SET ROLE recsys_regress_app;
SELECT ask.attempt('SELECT * FROM recsys.recommend(''ask'', 1)');
SET ROLE recsys_regress_owner;
CREATE OR REPLACE VIEW recsys_data.ask AS SELECT user_id, item_id, rating, NULL::timestamptz AS "time" FROM ask.likes;

-- one session, one plan: whose right is checked follows owner and run_as, and the right that is taken away is gone
RESET ROLE;
CREATE FUNCTION ask.as_app() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text;
BEGIN
    EXECUTE 'SET ROLE recsys_regress_app';
    said := ask.attempt('SELECT * FROM recsys.recommend(''ask'', 1)');
    EXECUTE 'SET ROLE NONE';
    RETURN said;
END $$;
SELECT ask.as_app();
REVOKE SELECT ON recsys_data.ask FROM recsys_regress_owner;
SELECT ask.as_app();
GRANT SELECT ON recsys_data.ask TO recsys_regress_owner;
SELECT ask.as_app();
ALTER VIEW recsys_data.ask OWNER TO recsys_regress_new_owner;
ALTER TABLE recsys_data.ask_user_factors OWNER TO recsys_regress_new_owner;
ALTER TABLE recsys_data.ask_item_factors OWNER TO recsys_regress_new_owner;
SELECT ask.as_app();
GRANT SELECT ON ask.likes TO recsys_regress_new_owner;
SELECT ask.as_app();
ALTER VIEW recsys_data.ask SET (security_invoker = true);
GRANT SELECT ON recsys_data.ask TO recsys_regress_app;
SELECT ask.as_app();
ALTER VIEW recsys_data.ask RESET (security_invoker);
REVOKE SELECT ON recsys_data.ask FROM recsys_regress_app;
SELECT ask.as_app();
REVOKE REFERENCES ON recsys_data.ask FROM recsys_regress_app;
SELECT ask.as_app();

SELECT recsys.drop_model('ask');
DROP SCHEMA ask CASCADE;
DROP OWNED BY recsys_regress_owner, recsys_regress_new_owner, recsys_regress_app, recsys_regress_old;
DROP ROLE recsys_regress_owner, recsys_regress_new_owner, recsys_regress_app, recsys_regress_old;
