-- evaluate over a view whose functions do what they like.
CREATE TABLE evv_all AS
SELECT u AS user_id, i AS item_id, (1 + (u + i) % 5)::real AS rating FROM generate_series(1, 300) AS u, generate_series(1, 8) AS i;
CREATE TABLE evv_train AS SELECT * FROM evv_all WHERE (user_id + item_id) % 4 <> 0;
CREATE TABLE evv_test AS SELECT * FROM evv_all WHERE (user_id + item_id) % 4 = 0;
CREATE INDEX ON evv_train (user_id);
CREATE TABLE evv_armed (action text);

-- what the owner of the view runs for each row that serving reads
CREATE FUNCTION evv_function(user_id int) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    used text;
BEGIN
    CASE (SELECT action FROM public.evv_armed)
        WHEN 'close' THEN
            EXECUTE 'CLOSE ALL';
        WHEN 'measure' THEN
            IF user_id IN (50, 300) THEN
                SELECT sum(total_bytes) INTO used FROM pg_backend_memory_contexts;
                PERFORM set_config('evv.used_' || user_id, used, false);
            END IF;
        ELSE
    END CASE;
    RETURN true;
END $$;
CREATE VIEW evv_view AS SELECT * FROM evv_train WHERE evv_function(user_id);
SELECT recsys.create_model('evv', 'evv_view', options => '{"factors": 16, "iterations": 1}', algorithm => 'als');
SELECT version FROM recsys.train('evv');

-- the cursor of evaluate is out of its reach
INSERT INTO evv_armed VALUES ('close');
\set VERBOSITY sqlstate
SELECT metric, value IS NOT NULL AS measured FROM recsys.evaluate('evv', 'evv_test', k => '{2}');
\set VERBOSITY default

-- memory does not grow from user to user
UPDATE evv_armed SET action = 'measure';
SELECT metric, users FROM recsys.evaluate('evv', 'evv_test', k => '{2}') WHERE metric = 'recall';
SELECT current_setting('evv.used_300')::bigint - current_setting('evv.used_50')::bigint < 1024 * 1024 AS bounded;

SELECT recsys.drop_model('evv');
DROP VIEW evv_view;
DROP FUNCTION evv_function;
DROP TABLE evv_all, evv_train, evv_test, evv_armed;
