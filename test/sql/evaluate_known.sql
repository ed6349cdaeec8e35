-- evaluate says what the model does not know of the test data, and what cannot be hit.
CREATE TABLE evk AS SELECT u::text AS user_id, 'i' || (CASE WHEN u % 2 = 0 THEN i ELSE i + 50 END) AS item_id
FROM generate_series(1, 40) u, generate_series(1, 20) i WHERE (u * 7 + i * 3) % 5 < 2;
CREATE INDEX ON evk (user_id);
SELECT recsys.create_model('evk', 'evk', feedback => 'implicit', options => '{"factors": 4}', algorithm => 'als');
SELECT users, items FROM recsys.train('evk');
CREATE TABLE evk_right AS SELECT u::text AS user_id, 'i' || (CASE WHEN u % 2 = 0 THEN i ELSE i + 50 END) AS item_id
FROM generate_series(1, 40) u, generate_series(1, 20) i WHERE (u * 7 + i * 3) % 5 = 2;
SELECT metric, k, value, users, users_skipped, standard_error FROM recsys.evaluate('evk', 'evk_right', '{10}') WHERE metric LIKE 'known%';
-- ids written otherwise
CREATE TABLE evk_float AS SELECT user_id || '.0' AS user_id, item_id FROM evk_right;
CREATE TABLE evk_upper AS SELECT user_id, upper(item_id) AS item_id FROM evk_right;
SELECT metric, k, value, users, users_skipped, standard_error FROM recsys.evaluate('evk', 'evk_float', '{10}') WHERE metric LIKE 'known%';
SELECT metric, k, value, users, users_skipped, standard_error FROM recsys.evaluate('evk', 'evk_upper', '{10}') WHERE metric LIKE 'known%' OR metric = 'recall';
-- a part of them: a share, and no warning before it is half
CREATE TABLE evk_part AS SELECT CASE WHEN user_id::int <= 10 THEN 'new' ELSE '' END || user_id AS user_id, CASE item_id WHEN 'i1' THEN 'I1' ELSE item_id END AS item_id FROM evk_right;
SELECT metric, round(value::numeric, 4) AS value, users, users_skipped, standard_error > 0 AS has_error FROM recsys.evaluate('evk', 'evk_part', '{10}') WHERE metric LIKE 'known%';
SELECT round(avg((user_id NOT LIKE 'new%')::int), 4) FROM (SELECT DISTINCT user_id FROM evk_part) u;
SELECT round(avg((item_id <> 'I1')::int), 4) FROM (SELECT DISTINCT user_id, item_id FROM evk_part) p;
-- the algorithm popular knows its users, too
SELECT recsys.create_model('evk_popular', 'evk', feedback => 'implicit', algorithm => 'popular');
SELECT users FROM recsys.train('evk_popular');
SELECT metric, value FROM recsys.evaluate('evk_popular', 'evk_right', '{10}') WHERE metric LIKE 'known%';
-- nothing to measure: no user at all, and users without items
CREATE TABLE evk_none (LIKE evk);
SELECT * FROM recsys.evaluate('evk', 'evk_none', '{10}');
INSERT INTO evk_none VALUES ('1', NULL), (NULL, 'i1');
SELECT * FROM recsys.evaluate('evk', 'evk_none', '{10}');
-- ids of another kind are refused before anything is rounded
CREATE TABLE evk_big AS SELECT substr(item_id, 2)::bigint AS item_id, user_id::bigint AS user_id FROM evk;
CREATE INDEX ON evk_big (user_id);
SELECT recsys.create_model('evk_big', 'evk_big', feedback => 'implicit', options => '{"factors": 4}', algorithm => 'als');
SELECT users FROM recsys.train('evk_big');
CREATE TABLE evk_fraction AS SELECT user_id + 0.4::float8 AS user_id, item_id FROM evk_big;
SELECT * FROM recsys.evaluate('evk_big', 'evk_fraction');
CREATE TABLE evk_numeric AS SELECT user_id, item_id::numeric FROM evk_big;
SELECT * FROM recsys.evaluate('evk_big', 'evk_numeric');
SELECT * FROM recsys.evaluate('evk', 'evk_fraction');
CREATE DOMAIN evk_id AS int;
CREATE TABLE evk_domain AS SELECT user_id::smallint, item_id::evk_id FROM evk_big WHERE item_id % 3 = 0;
SELECT count(*) FROM recsys.evaluate('evk_big', 'evk_domain', exclude_seen => false);
-- who buys again: the list that a grocer serves
SELECT metric, value FROM recsys.evaluate('evk_big', 'evk_domain', '{3}') WHERE metric IN ('recall', 'known_items');
SELECT metric, round(value::numeric, 4) AS value FROM recsys.evaluate('evk_big', 'evk_domain', '{3}', exclude_seen => false) WHERE metric IN ('recall', 'known_items');
SELECT round(avg(hits / items), 4) AS recall FROM (
    SELECT t.user_id, count(DISTINCT t.item_id)::numeric AS items, count(DISTINCT r.item_id) AS hits
    FROM evk_domain t LEFT JOIN LATERAL recsys.recommend('evk_big', t.user_id, 3, exclude_seen => false) r ON r.item_id = t.item_id GROUP BY 1) u;
SELECT * FROM recsys.evaluate('evk_big', 'evk_domain', exclude_seen => NULL);
-- an error of the test data says where it was read
CREATE VIEW evk_fails AS SELECT user_id, 1 / (item_id - item_id)::int AS item_id FROM evk_big;
SELECT * FROM recsys.evaluate('evk_big', 'evk_fails');
SELECT recsys.drop_model(m) FROM unnest('{evk,evk_popular,evk_big}'::text[]) m;
DROP VIEW evk_fails;
DROP TABLE evk, evk_right, evk_float, evk_upper, evk_part, evk_none, evk_big, evk_fraction, evk_numeric, evk_domain;
DROP DOMAIN evk_id;
