-- recommend: which items, in which order, with which score and source.
-- Even users like even items, odd users odd ones; the smaller the better.
-- Users 1 to 10 rated items 1 to 10, users 11 to 20 only 1 to 8; each left
-- out every fifth.
CREATE TABLE rec_likes (user_id int, item_id int, rating real, PRIMARY KEY (user_id, item_id));
INSERT INTO rec_likes
SELECT u, i, CASE WHEN u % 2 = i % 2 THEN 5 - 0.3 * ((i - 1) / 2) ELSE 1.5 - 0.1 * ((i - 1) / 2) END
FROM generate_series(1, 20) AS u, generate_series(1, 10) AS i
WHERE (u + i) % 5 <> 0 AND (u <= 10 OR i <= 8);
SELECT recsys.create_model('rec', 'rec_likes', options => '{"factors": 4, "regularization": 0.01}', algorithm => 'als');

-- no version yet
SELECT * FROM recsys.recommend('rec', 2);
SELECT version, users, items, deployed FROM recsys.train('rec');

-- what a user has not rated; user 2 rated all but 3 and 8
SELECT r.rank, r.item_id, round(r.score::numeric, 1) AS score, r.source FROM recsys.recommend('rec', 2) r;
-- all items: the seen ones too
SELECT r.rank, r.item_id, r.score > 3 AS liked, r.source
FROM recsys.recommend('rec', 2, exclude_seen => false) r ORDER BY r.rank;
-- the stored vector gives the same list, to the last bit of the score
SELECT count(*), bool_and(f.item_id = s.item_id AND f.score = s.score AND f.source = 'folded' AND s.source = 'model') AS same
FROM recsys.recommend('rec', 7, exclude_seen => false) f
JOIN recsys.recommend('rec', 7, exclude_seen => false, fresh => false) s USING (rank);

-- k
SELECT array_agg(r.item_id ORDER BY r.rank) FROM recsys.recommend('rec', 2, 3, false) r;
SELECT count(*) FROM recsys.recommend('rec', 2, 0);
SELECT count(*), max(r.rank) FROM recsys.recommend('rec', 2, 2147483647, false) r;
SELECT count(*) FROM recsys.recommend('rec', 2, -1);
SELECT count(*) FROM recsys.recommend('rec', 2, -2147483648);

-- a user without rows gets the items most users have, equal ones by id
SELECT r.* FROM recsys.recommend('rec', 99) r ORDER BY r.rank;
SELECT count(*), min(r.source) FROM recsys.recommend('rec', 99, fresh => false) r;
SELECT r.* FROM recsys.recommend('rec', 99, 2, candidates => '{9,3,4}', exclude => '{3}') r ORDER BY r.rank;

-- candidates: NULL is all, an empty array none; NULLs, repetitions, unknown ids
SELECT array_agg(r.item_id ORDER BY r.rank) FROM recsys.recommend('rec', 2, 100, false, candidates => '{7,2,4,2,NULL,1000}') r;
SELECT count(*) FROM recsys.recommend('rec', 2, 100, false, candidates => NULL) r;
SELECT count(*) FROM recsys.recommend('rec', 2, 100, false, candidates => '{}') r;
SELECT count(*) FROM recsys.recommend('rec', 2, 100, false, candidates => '{NULL}') r;
SELECT count(*) FROM recsys.recommend('rec', 2, 100, false, candidates => ARRAY(SELECT 1::bigint WHERE false)) r;
-- seen candidates are no candidates
SELECT array_agg(r.item_id ORDER BY r.rank) FROM recsys.recommend('rec', 2, candidates => '{8,2}') r;

-- exclude
SELECT array_agg(r.item_id ORDER BY r.rank) FROM recsys.recommend('rec', 2, 3, false, exclude => '{2,NULL,2,1000,4}') r;
SELECT count(*) FROM recsys.recommend('rec', 2, 100, false, exclude => '{}') r;
SELECT count(*) FROM recsys.recommend('rec', 2, 100, false, exclude => ARRAY(SELECT generate_series(1, 10)::bigint)) r;
SELECT array_agg(r.item_id ORDER BY r.rank) FROM recsys.recommend('rec', 2, 10, false, candidates => '{2,4,6}', exclude => '{4}') r;
-- dimensions and bounds of an array do not matter, as in = ANY
SELECT array_agg(r.item_id ORDER BY r.rank) FROM recsys.recommend('rec', 2, 3, false, exclude => '{{2,4},{6,8}}') r;
SELECT array_agg(r.item_id ORDER BY r.rank) FROM recsys.recommend('rec', 2, 3, false, exclude => '[-5:-4]={2,4}') r;
-- a million entries
SELECT array_agg(r.item_id ORDER BY r.rank) FROM recsys.recommend('rec', 2, 3, false, exclude => ARRAY(SELECT generate_series(5, 1000000)::bigint)) r;

-- equal scores by id: the mean alone decides when a bias is all there is
SELECT bool_and(r.score < before OR (r.score = before AND r.item_id > before_id)) AS ordered FROM (
    SELECT r.*, lag(r.score) OVER (ORDER BY r.rank) AS before, lag(r.item_id) OVER (ORDER BY r.rank) AS before_id
    FROM generate_series(1, 20) u, recsys.recommend('rec', u, 100, false) r WHERE u = 6) r;

-- every kind of call
SELECT u AS user_id, array_agg(r.item_id ORDER BY r.rank) FROM generate_series(1, 4) u, recsys.recommend('rec', u, 2) r GROUP BY u ORDER BY u;
SELECT (recsys.recommend('rec', 2, 1, false)).item_id;
PREPARE rec_call (bigint, int) AS SELECT array_agg(r.item_id ORDER BY r.rank) FROM recsys.recommend('rec', $1, $2, false) r;
EXECUTE rec_call(2, 3);
EXECUTE rec_call(1, 3);

-- versions
SELECT version, deployed FROM recsys.train('rec', '{"factors": 2}', deploy => false);
SELECT count(*) FROM recsys.recommend('rec', 2, 100, false) a JOIN recsys.recommend('rec', 2, 100, false, version => 1) b
USING (rank, item_id, score);
SELECT count(*) FROM recsys.recommend('rec', 2, 100, false, version => 2);
SELECT * FROM recsys.recommend('rec', 2, version => 3);
SELECT * FROM recsys.recommend('rec', 2, version => 0);
SELECT * FROM recsys.recommend('rec', 2, version => -1);

-- a session without room for the image, and one with little, answer the same
CREATE TEMP TABLE rec_before AS SELECT r.* FROM recsys.recommend('rec', 3, 100, false) r;
SET recsys.local_cache_size = 0;
SELECT count(*) FROM rec_before JOIN recsys.recommend('rec', 3, 100, false) r USING (rank, item_id, score, source);
SET recsys.local_cache_size = '16kB';
SELECT count(*) FROM rec_before JOIN recsys.recommend('rec', 3, 100, false) r USING (rank, item_id, score, source);
SELECT count(*) FROM recsys.recommend('rec', 3, 100, false, version => 2);
SELECT count(*) FROM rec_before JOIN recsys.recommend('rec', 3, 100, false) r USING (rank, item_id, score, source);
RESET recsys.local_cache_size;
SELECT count(*) FROM rec_before JOIN recsys.recommend('rec', 3, 100, false) r USING (rank, item_id, score, source);
-- the two images of this model, and no more; the last alone where none is shared
SELECT count(*) BETWEEN 1 AND 2 AS kept FROM pg_backend_memory_contexts WHERE name = 'recsys item image';

-- rows that training would skip neither count nor are forgotten: seen is seen
ALTER TABLE rec_likes ALTER rating DROP NOT NULL;
INSERT INTO rec_likes VALUES (100, 1, NULL), (101, 2, NULL), (101, 1000, 5), (101, 4, 'NaN');
SELECT r.item_id, r.source FROM recsys.recommend('rec', 100, 3) r ORDER BY r.rank;
SELECT r.item_id, r.source FROM recsys.recommend('rec', 101, 3) r ORDER BY r.rank;
DELETE FROM rec_likes WHERE user_id >= 100;

-- the baseline: the same list for everybody, less what they know
SELECT recsys.create_model('rec_pop', 'rec_likes', algorithm => 'popular');
SELECT items FROM recsys.train('rec_pop');
SELECT r.* FROM recsys.recommend('rec_pop', 2) r ORDER BY r.rank;
SELECT array_agg(r.item_id ORDER BY r.rank) FROM recsys.recommend('rec_pop', 2, 100, false, fresh => false) r;
SELECT recsys.predict('rec_pop', 2, 3), recsys.user_vector('rec_pop', 2), recsys.user_vector('rec_pop', 2, false), recsys.item_vector('rec_pop', 3);

-- the latest rows only: the user changed sides
CREATE TABLE rec_timed AS SELECT *, timestamptz '2020-01-01 00:00+00' AS at FROM rec_likes;
CREATE INDEX ON rec_timed (user_id);
SELECT recsys.create_model('rec_timed', 'rec_timed', time_column => 'at', options => '{"factors": 4, "regularization": 0.01}', algorithm => 'als');
SELECT deployed FROM recsys.train('rec_timed');
SELECT deployed FROM recsys.train('rec_timed', '{"history_limit": 2}', deploy => false);
INSERT INTO rec_timed VALUES (2, 1, 5, '2020-01-02 00:00+00'), (2, 2, 1, '2020-01-02 00:00+00');
SELECT r.item_id % 2 AS side FROM recsys.recommend('rec_timed', 2, 1, false) r;
SELECT r.item_id % 2 AS side FROM recsys.recommend('rec_timed', 2, 1, false, version => 2) r;
-- what is seen is not limited
SELECT array_agg(r.item_id ORDER BY r.item_id) FROM recsys.recommend('rec_timed', 2, version => 2) r;

SELECT recsys.drop_model('rec'), recsys.drop_model('rec_pop'), recsys.drop_model('rec_timed');
DROP TABLE rec_likes, rec_timed;
