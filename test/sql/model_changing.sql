-- Views whose functions change the model while it is read: a plan that runs is
-- not freed, and the answer is an error or a row, never a crash.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA mc;
CREATE TABLE mc.likes (user_id int, item_id int, rating real);
INSERT INTO mc.likes SELECT u, (u * 7 + i) % 20, 1 + (u + i) % 5 FROM generate_series(1, 20) u, generate_series(1, 5) i;
CREATE INDEX ON mc.likes (user_id);
CREATE FUNCTION mc.swap() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF current_setting('mc.armed', true) = 'yes' THEN
        PERFORM set_config('mc.armed', 'no', false);
        ALTER VIEW recsys_data.mc_a RENAME TO mc_c;
        ALTER VIEW recsys_data.mc_b RENAME TO mc_a;
        ALTER VIEW recsys_data.mc_c RENAME TO mc_b;
        PERFORM count(*) FROM recsys.recommend('mc_b', 1);
    END IF;
    RETURN true;
END $$;
CREATE VIEW mc.source AS SELECT user_id, item_id, rating FROM mc.likes WHERE mc.swap();
SELECT recsys.create_model('mc_a', 'mc.source', options => '{"factors": 4, "iterations": 2}', algorithm => 'als');
SELECT recsys.create_model('mc_b', 'mc.source', options => '{"factors": 4, "iterations": 2}', algorithm => 'als');
SELECT version FROM recsys.train('mc_a');
SELECT version FROM recsys.train('mc_b');
SELECT count(*) FROM recsys.recommend('mc_a', 1);
SET mc.armed = 'yes';
SELECT count(*) FROM recsys.recommend('mc_a', 1);
SET mc.armed = 'no';
SELECT count(*) FROM recsys.recommend('mc_a', 1);
SELECT recsys.drop_model('mc_a'), recsys.drop_model('mc_b');

-- a relation that a function drops: the model is gone, and says so
CREATE FUNCTION mc.fire() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    statement text := current_setting('mc.statement', true);
BEGIN
    IF statement <> '' THEN
        PERFORM set_config('mc.statement', '', true);
        EXECUTE statement;
    END IF;
    RETURN true;
END $$;
CREATE VIEW mc.firing AS SELECT user_id, item_id, rating FROM mc.likes WHERE mc.fire();
SELECT recsys.create_model('mc_f', 'mc.firing', options => '{"factors": 2, "iterations": 2, "keep_versions": 1}', algorithm => 'als');
SELECT version FROM recsys.train('mc_f');
CREATE FUNCTION mc.attempt(call text, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('mc.statement', statement, true);
    EXECUTE call;
    RAISE EXCEPTION 'answered' USING ERRCODE = '00000';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ': ' || SQLERRM;
END $$;
SELECT statement, call, mc.attempt(call, statement)
  FROM unnest(ARRAY['DROP TABLE recsys_data.mc_f_item_factors', 'DROP TABLE recsys_data.mc_f_user_factors', 'DROP VIEW recsys_data.mc_f',
                    'SELECT recsys.drop_model(''mc_f'')', 'SELECT recsys.drop_model(''mc_f''), recsys.create_model(''mc_f'', ''mc.firing'', algorithm => ''als'')']) AS statement,
       unnest(ARRAY['SELECT recsys.train(''mc_f'')', 'SELECT recsys.recommend(''mc_f'', 1, fresh => false)', 'SELECT recsys.recommend(''mc_f'', 1)',
                    'SELECT recsys.predict(''mc_f'', 1, 1)']) AS call;

-- an index of the owner that drops the other table, or the view, while a version is written
CREATE FUNCTION mc.index_fires(item_id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM mc.fire(); RETURN item_id; END $$;
CREATE VIEW mc.plain AS SELECT user_id, item_id, rating FROM mc.likes;
SELECT recsys.create_model('mc_i', 'mc.plain', options => '{"factors": 2, "iterations": 2, "keep_versions": 1}', algorithm => 'als');
SELECT version FROM recsys.train('mc_i');
CREATE INDEX ON recsys_data.mc_i_item_factors (mc.index_fires(item_id));
SELECT statement, mc.attempt('SELECT recsys.train(''mc_i'')', statement)
  FROM unnest(ARRAY['DROP TABLE recsys_data.mc_i_user_factors', 'DROP VIEW recsys_data.mc_i']) AS statement;

-- test data that drop themselves and then fail
CREATE FUNCTION mc.vanish(rating real) RETURNS real LANGUAGE plpgsql AS $$ BEGIN DROP VIEW mc.held_out; RAISE EXCEPTION 'vanished'; END $$;
CREATE VIEW mc.held_out AS SELECT user_id, item_id, mc.vanish(rating) AS rating FROM mc.likes;
SELECT mc.attempt('SELECT recsys.evaluate(''mc_i'', ''mc.held_out'')', '');

-- a function that is evaluated while the new model is planned
CREATE FUNCTION mc.folded() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM mc.drop_new(); RETURN 0; END $$;
CREATE FUNCTION mc.drop_new() RETURNS void LANGUAGE plpgsql VOLATILE AS $$ BEGIN DROP VIEW IF EXISTS recsys_data.mc_n; END $$;
CREATE VIEW mc.planned AS SELECT user_id + 1 AS user_id, item_id, rating FROM mc.likes WHERE item_id >= mc.folded();
SELECT mc.attempt('SELECT recsys.create_model(''mc_n'', ''mc.planned'', algorithm => ''als'')', '');
SELECT recsys.drop_model('mc_f'), recsys.drop_model('mc_i');

-- the plans of views that are gone are let go of
DO $$
BEGIN
    FOR i IN 1 .. 30 LOOP
        PERFORM recsys.create_model('mc_plan', 'mc.likes', options => '{"factors": 1, "iterations": 1}', algorithm => 'als');
        PERFORM recsys.train('mc_plan');
        PERFORM recsys.recommend('mc_plan', 1);
        PERFORM recsys.drop_model('mc_plan');
    END LOOP;
END $$;
SELECT count(*) < 10 AS few FROM pg_backend_memory_contexts
 WHERE name = 'CachedPlanSource' AND ident LIKE '%recsys_data.mc_plan%';

DROP SCHEMA mc CASCADE;
