-- recommend_for_items: a basket is folded in as the rows of a user would be.
\pset null <null>
SET client_min_messages = warning;
CREATE TABLE fi_stars (user_id int, item_id int, rating real);
INSERT INTO fi_stars SELECT u, i, 1 + (u * 7 + i * 3) % 5 FROM generate_series(1, 40) u, generate_series(1, 20) i WHERE (u + i) % 3 > 0;
CREATE INDEX ON fi_stars (user_id);
SELECT recsys.create_model('fi', 'fi_stars', options => '{"factors": 4}', algorithm => 'als');
-- no version yet
SELECT * FROM recsys.recommend_for_items('fi', '{1}');
SELECT users, items FROM recsys.train('fi');

-- with ratings as weights: to the last bit what a user with these rows gets
INSERT INTO fi_stars VALUES (900, 3, 5), (900, 7, 1), (900, 11, 4);
CREATE FUNCTION fi_same(call text, ask text) RETURNS TABLE (n bigint, same boolean) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT count(*), bool_and((a.item_id, a.score, a.source) IS NOT DISTINCT FROM (b.item_id, b.score, b.source))
        FROM recsys.recommend_for_items(%s) a FULL JOIN recsys.recommend(%s) b USING (rank)', call, ask);
END $$;
SELECT * FROM fi_same($$'fi', '{3,7,11}', '{5,1,4}', 100$$, $$'fi', 900, 100$$);
SELECT * FROM fi_same($$'fi', '{11,3,7}', '{4,5,1}', 100, false$$, $$'fi', 900, 100, false$$);
SELECT * FROM fi_same($$'fi', '{3,7,11}', '{5,1,4}', 4, candidates => '{1,2,3,4,5,NULL,99}', exclude => '{4}'$$,
                      $$'fi', 900, 4, candidates => '{1,2,3,4,5,NULL,99}', exclude => '{4}'$$);
-- a repeated item counts as repeated rows do; an item of a NULL weight is given, but says nothing
INSERT INTO fi_stars VALUES (901, 3, 5), (901, 3, 2), (901, 8, 1), (901, 9, NULL), (901, 1000, 5);
SELECT * FROM fi_same($$'fi', '{3,3,8,9,1000}', '{5,2,1,NULL,5}', 100$$, $$'fi', 901, 100$$);
-- dimensions do not matter, a NULL item takes its weight with it
SELECT * FROM fi_same($$'fi', '{{3,NULL},{7,11}}', '[5:8]={5,3,1,4}', 100$$, $$'fi', 900, 100$$);
-- ratings may be negative
SELECT count(*) FROM recsys.recommend_for_items('fi', '{3}', '{-2}', 100);

-- without weights each item is liked: the mean of the ratings at or above the mean
SELECT round(v.liked::numeric, 6) AS liked, round(avg(s.rating)::numeric, 6) AS likes FROM recsys.model_version v, fi_stars s
WHERE v.model = 'fi' AND s.user_id < 900 AND s.rating >= (SELECT avg(rating) FROM fi_stars WHERE user_id < 900) GROUP BY v.liked;
INSERT INTO fi_stars SELECT 902, i, v.liked FROM recsys.model_version v, unnest('{2,5}'::int[]) i WHERE model = 'fi';
SELECT * FROM fi_same($$'fi', '{2,5}', k => 100$$, $$'fi', 902, 100$$);
SELECT r.rank, r.item_id, r.source, r.score = recsys.predict('fi', 902, r.item_id) AS predicted FROM recsys.recommend_for_items('fi', '{2,5}', k => 2) r;

-- nothing is known: the popular items, without what was given
SELECT r.* FROM recsys.recommend_for_items('fi', '{}', k => 2) r;
SELECT r.* FROM recsys.recommend_for_items('fi', NULL, k => 2) r;
SELECT r.* FROM recsys.recommend_for_items('fi', '{NULL}', '{1}', k => 2) r;
SELECT r.* FROM recsys.recommend_for_items('fi', '{1000}', k => 2) r;
SELECT r.* FROM recsys.recommend_for_items('fi', ARRAY(SELECT p.item_id FROM recsys.popular('fi', 2) p), '{NULL,NULL}', k => 1) r;
SELECT count(*), min(source) FROM recsys.recommend_for_items('fi', '{}', k => 100);

-- what cannot be asked
SELECT * FROM recsys.recommend_for_items('fi', '{1,2}', '{1}');
SELECT * FROM recsys.recommend_for_items('fi', NULL, '{1}');
SELECT * FROM recsys.recommend_for_items('fi', '{1,2}', '{}');
SELECT * FROM recsys.recommend_for_items('fi', '{1}', '{NaN}');
SELECT * FROM recsys.recommend_for_items('fi', '{1}', '{-Infinity}');
SELECT * FROM recsys.recommend_for_items('fi', '{1}', k => -1);
SELECT * FROM recsys.recommend_for_items('fi', '{1}', k => NULL);
SELECT * FROM recsys.recommend_for_items('fi', '{1}', exclude_given => NULL);
SELECT * FROM recsys.recommend_for_items(NULL, '{1}');
SELECT * FROM recsys.recommend_for_items('nofi', '{1}');
SELECT * FROM recsys.recommend_for_items('fi', '{1}', version => 7);
SELECT * FROM recsys.recommend_for_items('fi', '{1}', version => 0);
SELECT * FROM recsys.recommend_for_items_uuid('fi', '{}');
SELECT * FROM recsys.recommend_for_items_text('fi', '{one}');
SET recsys.serving_memory = '64kB';
SELECT * FROM recsys.recommend_for_items('fi', array_fill(1::bigint, '{100000}'));
RESET recsys.serving_memory;
SELECT count(*) FROM recsys.recommend_for_items('fi', '{1}', k => 0);

-- text asks every model
SELECT count(*), bool_and(a.item_id = b.item_id::text AND a.score = b.score) FROM recsys.recommend_for_items_text('fi', '{2,5}', k => 5) a
JOIN recsys.recommend_for_items('fi', '{2,5}', k => 5) b USING (rank);

-- weights: rows that are counted weigh 1 each, others what likes weigh in the mean
CREATE TABLE fi_events (user_id text, item_id text, w real);
INSERT INTO fi_events SELECT 'u' || u, 'i' || i, CASE WHEN (u * i) % 7 = 0 THEN -1 ELSE 2 + (u + i) % 3 END
FROM generate_series(1, 30) u, generate_series(1, 15) i WHERE (u * 3 + i) % 4 < 2;
CREATE INDEX ON fi_events (user_id);
SELECT recsys.create_model('fi_w', 'fi_events', rating_column => 'w', feedback => 'implicit', options => '{"factors": 4}', algorithm => 'als'),
       recsys.create_model('fi_c', 'fi_events', feedback => 'implicit', options => '{"factors": 4}', algorithm => 'als');
SELECT users FROM recsys.train('fi_w');
SELECT users FROM recsys.train('fi_c');
SELECT v.liked = (SELECT avg(w) FROM fi_events WHERE w > 0) AS likes FROM recsys.model_version v WHERE model = 'fi_w';
INSERT INTO fi_events SELECT 'one', i, v.liked FROM recsys.model_version v, unnest('{i1,i2,i2}'::text[]) i WHERE model = 'fi_w';
INSERT INTO fi_events VALUES ('two', 'i1', 3), ('two', 'i2', -2), ('two', 'i3', 0);
SELECT m, count(*), bool_and((a.item_id, a.score, a.source) = (b.item_id, b.score, b.source)) AS same FROM unnest('{fi_w,fi_c}'::text[]) m,
LATERAL (SELECT * FROM recsys.recommend_for_items_text(m, '{i1,i2,i2}', k => 100)) a JOIN LATERAL (SELECT * FROM recsys.recommend_text(m, 'one', 100)) b USING (rank) GROUP BY m ORDER BY m;
SELECT count(*), bool_and((a.item_id, a.score, a.source) = (b.item_id, b.score, b.source)) AS same
FROM recsys.recommend_for_items_text('fi_w', '{i1,i2,i3}', '{3,-2,0}', 100) a JOIN recsys.recommend_text('fi_w', 'two', 100) b USING (rank);
SELECT DISTINCT source FROM recsys.recommend_for_items_text('fi_w', '{i1}', '{0}');
SELECT DISTINCT source FROM recsys.recommend_for_items_text('fi_w', '{i1}', '{-1}');
SELECT * FROM recsys.recommend_for_items('fi_w', '{}');

-- a version of before it was known what likes are
BEGIN;
UPDATE recsys.model_version SET liked = NULL;
SAVEPOINT s;
SELECT * FROM recsys.recommend_for_items('fi', '{1}');
ROLLBACK TO s;
SELECT count(*) FROM recsys.recommend_for_items('fi', '{1}', '{5}');
SELECT count(*) FROM recsys.recommend_for_items('fi', '{}');
SELECT count(*) FROM recsys.recommend_for_items_text('fi_c', '{i1}');
ROLLBACK;
-- equations without a solution
SELECT version FROM recsys.train('fi', '{"regularization": 0, "biases": false, "factors": 1}', deploy => false);
BEGIN;
UPDATE recsys_data.fi_item_factors SET factors = '[0]' WHERE version = 2 AND item_id = 1;
SELECT * FROM recsys.recommend_for_items('fi', '{1}', version => 2);
ROLLBACK;

-- the popular algorithm, a read-only transaction
SELECT recsys.create_model('fi_p', 'fi_stars', algorithm => 'popular');
SELECT items FROM recsys.train('fi_p');
BEGIN READ ONLY;
SELECT r.* FROM recsys.recommend_for_items('fi_p', '{1}', k => 2) r;
SELECT count(*) FROM recsys.recommend_for_items('fi', '{1}');
COMMIT;
SELECT recsys.drop_model(m) FROM unnest('{fi,fi_w,fi_c,fi_p}'::text[]) m;
DROP FUNCTION fi_same;
DROP TABLE fi_stars, fi_events;
