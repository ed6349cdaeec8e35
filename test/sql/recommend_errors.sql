-- recommend and its kin called wrongly, and from odd places.
CREATE TABLE err_likes (user_id int, item_id int, rating real, PRIMARY KEY (user_id, item_id));
INSERT INTO err_likes
SELECT u, i, CASE WHEN u % 2 = i % 2 THEN 5 - 0.3 * ((i - 1) / 2) ELSE 1.5 END
FROM generate_series(1, 20) AS u, generate_series(1, 10) AS i WHERE (u + i) % 5 <> 0;
SELECT recsys.create_model('err', 'err_likes', options => '{"factors": 4, "regularization": 0.01}', algorithm => 'als');
SELECT deployed FROM recsys.train('err');

-- each argument NULL in turn
SELECT * FROM recsys.recommend(NULL, 2);
SELECT * FROM recsys.recommend('err', NULL::bigint);
SELECT * FROM recsys.recommend('err', NULL);
SELECT * FROM recsys.recommend('err', 2, NULL);
SELECT * FROM recsys.recommend('err', 2, exclude_seen => NULL);
SELECT * FROM recsys.recommend('err', 2, fresh => NULL);
SELECT count(*) FROM recsys.recommend('err', 2, candidates => NULL, exclude => NULL, version => NULL);
SELECT * FROM recsys.recommend(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT recsys.predict(NULL, 2, 2);
SELECT recsys.predict('err', NULL::bigint, 2) IS NULL AS none, recsys.predict('err', 2, NULL) IS NULL AS none;
SELECT recsys.predict('err', 2, 2, NULL);
SELECT recsys.user_vector(NULL, 2);
SELECT recsys.user_vector('err', NULL::text) IS NULL AS none, recsys.item_vector('err', NULL::bigint) IS NULL AS none;
SELECT recsys.user_vector('err', 2, NULL);
SELECT recsys.item_vector(NULL, 2);

-- model names
SELECT * FROM recsys.recommend('nobody', 2);
SELECT * FROM recsys.recommend('', 2);
SELECT * FROM recsys.recommend(repeat('x', 10000), 2);
SELECT recsys.predict('nobody', NULL::bigint, 2);
SELECT recsys.create_model(E'o\'b"c;\n\\d', 'err_likes', options => '{"factors": 2}', algorithm => 'als');
SELECT deployed FROM recsys.train(E'o\'b"c;\n\\d');
SELECT count(*) FROM recsys.recommend(E'o\'b"c;\n\\d', 2);
SELECT recsys.drop_model(E'o\'b"c;\n\\d');

-- seeds and sizes at their limits serve as any other
SELECT t.seed, v.deployed FROM unnest('{0,-1,9223372036854775807,-9223372036854775808}'::bigint[]) t(seed),
    recsys.train('err', jsonb_build_object('seed', t.seed), deploy => false) v ORDER BY t.seed;
SELECT count(*) FROM recsys.recommend('err', 2, 100, false, version => 5);
SELECT version FROM recsys.train('err', '{"factors": 1}');
SELECT count(*) FROM recsys.recommend('err', 2, 100, false);
SELECT version FROM recsys.train('err', '{"factors": 64}');
SELECT count(*) FROM recsys.recommend('err', 2, 100, false);

-- no regularization and fewer rows than factors: no unique vector
BEGIN;
SELECT deployed FROM recsys.train('err', '{"factors": 2, "regularization": 0, "biases": false}');
INSERT INTO err_likes VALUES (50, 2, 5);
SELECT * FROM recsys.recommend('err', 50);
ROLLBACK;

-- rights: SELECT on the view is the right to use the model
CREATE ROLE regress_err_app;
GRANT SELECT ON err_likes TO regress_err_app;
SET ROLE regress_err_app;
SELECT * FROM recsys.recommend('err', 2);
SELECT recsys.predict('err', 2, 2);
SELECT recsys.item_vector('err', 2);
RESET ROLE;
GRANT SELECT ON recsys_data.err TO regress_err_app;
REVOKE SELECT ON err_likes FROM regress_err_app;
SET ROLE regress_err_app;
-- the rows are read as the caller
SELECT * FROM recsys.recommend('err', 2);
-- and a stored vector is not for those who may see no row of its user
SELECT count(*), min(r.source) FROM recsys.recommend('err', 2, 3, false, fresh => false) r;
SELECT count(*) FROM recsys_data.err_item_factors;
RESET ROLE;
-- row policies decide what counts
GRANT SELECT ON err_likes TO regress_err_app;
ALTER TABLE err_likes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON err_likes TO regress_err_app USING (user_id = 2 AND item_id < 5);
SET ROLE regress_err_app;
SELECT r.source, count(*), min(r.item_id) FROM recsys.recommend('err', 3) r GROUP BY 1;
SELECT r.source, count(*), min(r.item_id) FROM recsys.recommend('err', 2) r GROUP BY 1;
RESET ROLE;
ALTER TABLE err_likes DISABLE ROW LEVEL SECURITY;
DROP POLICY own ON err_likes;

-- search_path: empty, or with shadows of what we use
CREATE TEMP TABLE err_before AS SELECT r.* FROM recsys.recommend('err', 2, 100, false) r;
CREATE SCHEMA err_shadow;
CREATE FUNCTION err_shadow.eq(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR err_shadow.= (LEFTARG = int, RIGHTARG = int, FUNCTION = err_shadow.eq);
CREATE FUNCTION err_shadow.int8(int) RETURNS bigint LANGUAGE sql AS 'SELECT 7::bigint';
CREATE DOMAIN err_shadow.float8 AS text;
SET search_path = err_shadow, pg_temp, pg_catalog;
SELECT pg_catalog.count(*) FROM pg_temp.err_before b, recsys.recommend('err', 2, 100, false) r
WHERE r.rank OPERATOR(pg_catalog.=) b.rank AND r.item_id OPERATOR(pg_catalog.=) b.item_id AND r.score OPERATOR(pg_catalog.=) b.score;
SET search_path = '';
SELECT count(*) FROM pg_temp.err_before b JOIN recsys.recommend('err', 2, 100, false) r USING (rank, item_id, score);
RESET search_path;
DROP SCHEMA err_shadow CASCADE;

-- inside a failed subtransaction, an exception block, a read-only transaction
BEGIN;
SAVEPOINT s;
SELECT count(*) FROM recsys.recommend('err', 2, 100, false);
ROLLBACK TO s;
SELECT count(*) FROM recsys.recommend('err', 2, 100, false);
COMMIT;
DO $$
BEGIN
    BEGIN
        PERFORM * FROM recsys.recommend('err', 2, -1);
    EXCEPTION WHEN invalid_parameter_value THEN
        RAISE NOTICE 'caught: %', SQLERRM;
    END;
    RAISE NOTICE '% rows', (SELECT count(*) FROM recsys.recommend('err', 2, 100, false));
END $$;
BEGIN TRANSACTION READ ONLY;
SELECT count(*) FROM recsys.recommend('err', 2, 100, false);
SELECT recsys.predict('err', 2, 2) > 4 AS likes;
COMMIT;

-- from a cursor that outlives its transaction, a trigger, a rule, a check, a materialized view
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT r.item_id FROM recsys.recommend('err', 2, 100, false) r ORDER BY r.rank;
COMMIT;
FETCH 2 FROM c;
CLOSE c;
CREATE TABLE err_calls (user_id int CHECK (recsys.predict('err', user_id, 2) > 0), n int);
CREATE FUNCTION err_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.n := (SELECT count(*) FROM recsys.recommend('err', NEW.user_id, 100, false));
    RETURN NEW;
END $$;
CREATE TRIGGER t BEFORE INSERT ON err_calls FOR EACH ROW EXECUTE FUNCTION err_trigger();
INSERT INTO err_calls VALUES (2) RETURNING *;
CREATE RULE r AS ON DELETE TO err_calls DO ALSO SELECT count(*) FROM recsys.recommend('err', OLD.user_id, 100, false);
DELETE FROM err_calls;
CREATE MATERIALIZED VIEW err_view AS SELECT r.item_id FROM recsys.recommend('err', 2, 100, false) r;
REFRESH MATERIALIZED VIEW err_view;
SELECT count(*) FROM err_view;
CREATE INDEX ON err_likes (recsys.predict('err', user_id, item_id));
CREATE TABLE err_generated (user_id int, score real GENERATED ALWAYS AS (recsys.predict('err', user_id, 2)) STORED);

-- beside parallel workers: the view may hold what they must not run, so its rows are read by the leader
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
ALTER TABLE err_likes SET (parallel_workers = 2);
EXPLAIN (COSTS OFF) SELECT sum(recsys.predict('err', user_id, item_id)) FROM err_likes;
SELECT count(recsys.predict('err', user_id, item_id)) FROM err_likes;
EXPLAIN (COSTS OFF) SELECT count(recsys.item_vector('err', item_id)) FROM err_likes;
SELECT count(recsys.item_vector('err', item_id)) FROM err_likes;
SELECT count(*) FROM err_likes l, LATERAL recsys.recommend('err', l.user_id, 1, false) r WHERE l.item_id = 1;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;

-- factor tables that their owner spoilt
BEGIN;
UPDATE recsys_data.err_item_factors SET factors = '[1,2]' WHERE item_id = 2;
SELECT recsys.train('err') IS NOT NULL AS trained;
UPDATE recsys_data.err_item_factors SET factors = '[1,2]' WHERE item_id = 2;
SELECT * FROM recsys.recommend('err', 2);
ROLLBACK;
BEGIN;
SELECT recsys.train('err') IS NOT NULL AS trained;
DELETE FROM recsys_data.err_item_factors WHERE item_id = 2;
SELECT count(*) FROM recsys.recommend('err', 2, 100, false);
ROLLBACK;
-- rows that come after the version, as a replica may have it: refused until they are there
BEGIN;
SELECT recsys.train('err') IS NOT NULL AS trained;
CREATE TEMP TABLE err_late AS SELECT * FROM recsys_data.err_item_factors;
DELETE FROM recsys_data.err_item_factors;
SAVEPOINT s;
SELECT count(*) FROM recsys.recommend('err', 2, 100, false);
ROLLBACK TO s;
INSERT INTO recsys_data.err_item_factors SELECT * FROM err_late;
SELECT count(*) FROM recsys.recommend('err', 2, 100, false);
ROLLBACK;
BEGIN;
SELECT recsys.train('err') IS NOT NULL AS trained;
INSERT INTO recsys_data.err_item_factors SELECT version, item_id + 100, factors, users FROM recsys_data.err_item_factors;
SELECT * FROM recsys.recommend('err', 2);
ROLLBACK;
-- without its key a table may repeat rows, and is refused
BEGIN;
SELECT recsys.train('err') IS NOT NULL AS trained;
ALTER TABLE recsys_data.err_item_factors DROP CONSTRAINT err_item_factors_pkey;
UPDATE recsys_data.err_item_factors SET item_id = 4 WHERE item_id = 1;
SELECT * FROM recsys.recommend('err', 2);
ROLLBACK;
BEGIN;
SELECT recsys.train('err') IS NOT NULL AS trained;
UPDATE recsys_data.err_user_factors SET factors = '[1,2]' WHERE user_id = 2;
SELECT * FROM recsys.recommend('err', 2, fresh => false);
ROLLBACK;
SELECT count(*) FROM recsys.recommend('err', 2, 100, false);

DROP TABLE err_calls;
DROP FUNCTION err_trigger;
DROP MATERIALIZED VIEW err_view;
SELECT recsys.drop_model('err');
DROP TABLE err_likes;
DROP OWNED BY regress_err_app;
DROP ROLE regress_err_app;
