-- recommend sees what the statement's snapshot sees, and nothing else.
CREATE TABLE vis_likes (user_id int, item_id int, rating real, PRIMARY KEY (user_id, item_id));
INSERT INTO vis_likes
SELECT u, i, CASE WHEN u % 2 = i % 2 THEN 5 - 0.3 * ((i - 1) / 2) ELSE 1.5 END
FROM generate_series(1, 20) AS u, generate_series(1, 10) AS i WHERE (u + i) % 5 <> 0;
SELECT recsys.create_model('vis', 'vis_likes', options => '{"factors": 4, "regularization": 0.01}', algorithm => 'als');
SELECT deployed FROM recsys.train('vis');

-- a new user counts from their first row on, before the commit
BEGIN;
SELECT DISTINCT r.source FROM recsys.recommend('vis', 50) r;
INSERT INTO vis_likes VALUES (50, 2, 5), (50, 1, 1);
SELECT r.item_id, r.source FROM recsys.recommend('vis', 50, 2) r ORDER BY r.rank;
SELECT recsys.predict('vis', 50, 4) > recsys.predict('vis', 50, 3) AS even;
-- a savepoint undone is undone
SAVEPOINT s;
UPDATE vis_likes SET rating = 6 - rating WHERE user_id = 50;
SELECT r.item_id, r.source FROM recsys.recommend('vis', 50, 2) r ORDER BY r.rank;
ROLLBACK TO s;
SELECT r.item_id, r.source FROM recsys.recommend('vis', 50, 2) r ORDER BY r.rank;
SAVEPOINT s;
DELETE FROM vis_likes WHERE user_id = 50;
SELECT DISTINCT r.source FROM recsys.recommend('vis', 50) r;
SELECT recsys.user_vector('vis', 50) IS NULL AS none;
ROLLBACK TO s;
SELECT DISTINCT r.source FROM recsys.recommend('vis', 50) r;
-- no stored vector yet
SELECT DISTINCT r.source FROM recsys.recommend('vis', 50, fresh => false) r;
ROLLBACK;
SELECT DISTINCT r.source FROM recsys.recommend('vis', 50) r;

-- rows written by the same statement do not count yet
WITH w AS (INSERT INTO vis_likes VALUES (51, 2, 5) RETURNING user_id)
SELECT DISTINCT r.source FROM w, recsys.recommend('vis', w.user_id) r;
SELECT DISTINCT r.source FROM recsys.recommend('vis', 51) r;
DELETE FROM vis_likes WHERE user_id = 51;

-- a cursor keeps its snapshot
BEGIN;
DECLARE c CURSOR FOR SELECT u, (SELECT min(r.source) FROM recsys.recommend('vis', 52, 1) r) FROM generate_series(1, 3) u;
FETCH 1 FROM c;
INSERT INTO vis_likes VALUES (52, 2, 5);
FETCH 1 FROM c;
SELECT r.source FROM recsys.recommend('vis', 52, 1) r;
FETCH 1 FROM c;
ROLLBACK;

-- a loop in PL/pgSQL, volatile: each statement has a snapshot of its own
CREATE FUNCTION vis_loop() RETURNS SETOF text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    FOR i IN 1..4 LOOP
        RETURN NEXT (SELECT min(r.source) FROM recsys.recommend('vis', 53, 1) r);
        IF i = 2 THEN
            INSERT INTO vis_likes VALUES (53, 2, 5);
        END IF;
    END LOOP;
END $$;
SELECT * FROM vis_loop();
-- the same, stable: one snapshot for all
CREATE FUNCTION vis_stable() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN NEXT (SELECT min(r.source) FROM recsys.recommend('vis', 54, 1) r);
    RETURN NEXT (SELECT min(r.source) FROM recsys.recommend('vis', 54, 1) r);
END $$;
WITH w AS (INSERT INTO vis_likes VALUES (54, 2, 5) RETURNING 1)
SELECT v FROM w, vis_stable() v;
DELETE FROM vis_likes WHERE user_id >= 50;

-- a version trained and rolled back leaves nothing: its number comes again
-- with other factors
SELECT count(*) FROM recsys.recommend('vis', 2, 100, false);
BEGIN;
DELETE FROM vis_likes WHERE item_id > 4;
SELECT version FROM recsys.train('vis');
SELECT count(*) FROM recsys.recommend('vis', 2, 100, false);
ROLLBACK;
SELECT count(*) FROM recsys.recommend('vis', 2, 100, false);
SELECT version FROM recsys.train('vis');
SELECT count(*) FROM recsys.recommend('vis', 2, 100, false);
-- a model dropped and made again under its name
SELECT recsys.drop_model('vis');
DELETE FROM vis_likes WHERE item_id > 6;
SELECT recsys.create_model('vis', 'vis_likes', options => '{"factors": 4, "regularization": 0.01}', algorithm => 'als');
SELECT version FROM recsys.train('vis');
SELECT count(*) FROM recsys.recommend('vis', 2, 100, false);
-- deploy and rollback hold at once
SELECT version FROM recsys.train('vis', '{"factors": 2}');
SELECT recsys.dims(recsys.item_vector('vis', 2));
SELECT recsys.rollback('vis');
SELECT recsys.dims(recsys.item_vector('vis', 2)), recsys.dims(recsys.item_vector('vis', 2, version => 2));
SELECT recsys.deploy('vis', 2);
SELECT recsys.dims(recsys.item_vector('vis', 2));

-- a stored vector is for those who see a row of its user
CREATE ROLE recsys_regress_vis;
ALTER TABLE vis_likes ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON vis_likes TO recsys_regress_vis USING (user_id = 2);
GRANT SELECT ON vis_likes, recsys_data.vis TO recsys_regress_vis;
SET ROLE recsys_regress_vis;
SELECT u, r.source, recsys.predict('vis', u, 2, fresh => false) IS NOT NULL AS predicted,
       recsys.user_vector('vis', u, fresh => false) IS NOT NULL AS vector
  FROM generate_series(1, 2) AS u, recsys.recommend('vis', u, 1, false, fresh => false) AS r;
RESET ROLE;
SELECT recsys.alter_model('vis', run_as => 'owner');
SET ROLE recsys_regress_vis;
SELECT u, r.source FROM generate_series(1, 2) AS u, recsys.recommend('vis', u, 1, false, fresh => false) AS r;
RESET ROLE;

SELECT recsys.drop_model('vis');
DROP TABLE vis_likes;
DROP ROLE recsys_regress_vis;
DROP FUNCTION vis_loop, vis_stable;
