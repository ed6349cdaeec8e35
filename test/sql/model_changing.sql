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
SELECT recsys.create_model('mc_a', 'mc.source', options => '{"factors": 4, "iterations": 2}');
SELECT recsys.create_model('mc_b', 'mc.source', options => '{"factors": 4, "iterations": 2}');
SELECT version FROM recsys.train('mc_a');
SELECT version FROM recsys.train('mc_b');
SELECT count(*) FROM recsys.recommend('mc_a', 1);
SET mc.armed = 'yes';
SELECT count(*) FROM recsys.recommend('mc_a', 1);
SET mc.armed = 'no';
SELECT count(*) FROM recsys.recommend('mc_a', 1);
SELECT recsys.drop_model('mc_a'), recsys.drop_model('mc_b');

-- the plans of views that are gone are let go of
DO $$
BEGIN
    FOR i IN 1 .. 30 LOOP
        PERFORM recsys.create_model('mc_plan', 'mc.likes', options => '{"factors": 1, "iterations": 1}');
        PERFORM recsys.train('mc_plan');
        PERFORM recsys.recommend('mc_plan', 1);
        PERFORM recsys.drop_model('mc_plan');
    END LOOP;
END $$;
SELECT count(*) < 10 AS few FROM pg_backend_memory_contexts
 WHERE name = 'CachedPlanSource' AND ident LIKE '%recsys_data.mc_plan%';

DROP SCHEMA mc CASCADE;
