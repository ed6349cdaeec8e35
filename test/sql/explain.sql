-- explain: what a score is made of, and who may be told.
\pset null <null>
SET client_min_messages = warning;
CREATE TABLE ex_stars (user_id int, item_id int, rating real);
INSERT INTO ex_stars SELECT u, i, 1 + (u * 7 + i * 3) % 5 FROM generate_series(1, 40) u, generate_series(1, 20) i WHERE (u + i) % 3 > 0;
CREATE INDEX ON ex_stars (user_id);
SELECT recsys.create_model('ex', 'ex_stars', options => '{"factors": 4}', algorithm => 'als');
SELECT * FROM recsys.explain('ex', 1, 1);
SELECT users FROM recsys.train('ex');
SELECT recsys.create_model('ex_nb', 'ex_stars', options => '{"factors": 3, "biases": false}', algorithm => 'als'),
       recsys.create_model('ex_i', 'ex_stars', feedback => 'implicit', rating_column => 'rating', options => '{"factors": 5}', algorithm => 'als'),
       recsys.create_model('ex_p', 'ex_stars', algorithm => 'popular');
SELECT count(*) FROM unnest('{ex_nb,ex_i,ex_p}'::text[]) m, LATERAL (SELECT * FROM recsys.train(m)) t;
-- new users, one with a dislike, repeated items, rows that say nothing
INSERT INTO ex_stars VALUES (900, 3, 5), (900, 7, 1), (901, 3, 5), (901, 3, 2), (901, 8, 1), (901, 9, NULL), (901, 1000, 5), (902, 2, -1), (902, 4, 3), (903, 9, NULL);

-- contributions sum to the score, whatever k
SELECT m, k, count(*), max(abs(e.sum - p.score)) < 1e-5 AS sums, bool_and(e.items <= k) AS limited
FROM unnest('{ex,ex_nb,ex_i}'::text[]) m, unnest('{0,3,100}'::int[]) k, (SELECT DISTINCT user_id FROM ex_stars WHERE user_id < 903) u, generate_series(1, 20) i,
     LATERAL (SELECT recsys.predict(m, user_id, i) AS score) p,
     LATERAL (SELECT sum(contribution), count(*) FILTER (WHERE part = 'item') AS items FROM recsys.explain(m, user_id, i, k)) e
GROUP BY m, k ORDER BY m, k;
-- each contribution by itself: take the row away from the right-hand side, not from the matrix.
-- Without biases, A = sum of y y' + n lambda; one row of one factor says it plainly.
SELECT recsys.create_model('ex_1', 'ex_stars', options => '{"factors": 1, "biases": false, "regularization": 0.1}', algorithm => 'als');
SELECT users FROM recsys.train('ex_1');
WITH y AS (SELECT item_id, (factors::real[])[1]::float8 AS y FROM recsys_data.ex_1_item_factors), v AS (SELECT mean FROM recsys.model_versions WHERE model = 'ex_1'),
     a AS (SELECT sum(y * y) + 0.1 * count(*) AS a FROM ex_stars JOIN y USING (item_id) WHERE user_id = 1)
SELECT count(*), max(abs(e.contribution - (s.rating - mean) * y.y * t.y / a.a)) < 1e-6 AS right
FROM recsys.explain('ex_1', 1, 4, 100) e JOIN ex_stars s ON s.user_id = 1 AND s.item_id = e.item_id JOIN y ON y.item_id = e.item_id, y t, v, a WHERE t.item_id = 4 AND e.rating = s.rating;

-- the parts
SELECT item_id, rating, part FROM recsys.explain('ex', 901, 1) ORDER BY part, item_id;
SELECT item_id, rating, part FROM recsys.explain('ex_i', 901, 1) ORDER BY part, item_id;
SELECT item_id, rating, part FROM recsys.explain('ex_nb', 900, 1, 1) ORDER BY part;
SELECT e.contribution = mean AS mean FROM recsys.explain('ex', 1, 1) e, recsys.model_versions WHERE part = 'mean' AND model = 'ex';
SELECT e.contribution = (f.factors::real[])[5] AS item_bias FROM recsys.explain('ex', 1, 2) e, recsys_data.ex_item_factors f WHERE part = 'item bias' AND f.item_id = 2;
SELECT e.contribution = f.bias AS user_bias FROM recsys.explain('ex', 1, 2) e, recsys_data.ex_user_factors f WHERE part = 'user bias' AND f.user_id = 1;
-- the largest first, of either sign; the others are what k leaves
SELECT bool_and(abs(contribution) <= before) AS ordered FROM (
    SELECT contribution, lag(abs(contribution)) OVER (ORDER BY n) AS before FROM recsys.explain('ex', 1, 3, 100) WITH ORDINALITY e (item_id, rating, contribution, part, n) WHERE part = 'item') o;
SELECT abs(a.rest - b.rest) < 1e-12 AS others FROM (SELECT contribution AS rest FROM recsys.explain('ex', 1, 3, 2) WHERE part = 'other items') a,
    (SELECT sum(contribution) AS rest FROM (SELECT * FROM recsys.explain('ex', 1, 3, 100) WHERE part = 'item' OFFSET 2) r) b;
-- a dislike contributes nothing by itself
SELECT item_id, rating, contribution = 0 AS nothing FROM recsys.explain('ex_i', 902, 5) ORDER BY item_id;

-- no score, nothing to explain
SELECT (SELECT count(*) FROM recsys.explain('ex', 999, 1)) AS unknown_user, (SELECT count(*) FROM recsys.explain('ex', 903, 1)) AS no_usable_row,
       (SELECT count(*) FROM recsys.explain('ex', 1, 999)) AS unknown_item, (SELECT count(*) FROM recsys.explain('ex_p', 1, 1)) AS popular,
       (SELECT count(*) FROM recsys.explain('ex', NULL::bigint, 1)) AS no_user, (SELECT count(*) FROM recsys.explain('ex', 1, NULL)) AS no_item;
-- what cannot be asked
SELECT * FROM recsys.explain('ex', 1, 1, -1);
SELECT * FROM recsys.explain('ex', 1, 1, NULL);
SELECT * FROM recsys.explain(NULL, 1, 1);
SELECT * FROM recsys.explain('noex', 1, 1);
SELECT * FROM recsys.explain('ex', 1, 1, version => 7);
SELECT * FROM recsys.explain('ex', 'one', 1);
SELECT * FROM recsys.explain_uuid('ex', 1, '00000000-0000-0000-0000-000000000001');
SELECT * FROM recsys.explain_text('ex', 1, 'one');
SET recsys.serving_memory = '64kB';
INSERT INTO ex_stars SELECT 904, 1, 1 FROM generate_series(1, 5000);
SELECT * FROM recsys.explain('ex', 904, 1);
RESET recsys.serving_memory;
-- every form
SELECT count(*) FROM recsys.explain('ex', '1', 2);
SELECT count(*), bool_and(a.contribution = b.contribution AND a.item_id IS NOT DISTINCT FROM b.item_id::text)
FROM recsys.explain_text('ex', 1, '2') WITH ORDINALITY a (item_id, rating, contribution, part, n) JOIN recsys.explain('ex', '1', 2) WITH ORDINALITY b (item_id, rating, contribution, part, n) USING (n);
-- the row of this moment counts
BEGIN;
DELETE FROM ex_stars WHERE user_id = 1 AND item_id > 4;
SELECT count(*) FILTER (WHERE part = 'item') AS items, abs(sum(contribution) - recsys.predict('ex', 1, 3)) < 1e-5 AS sums FROM recsys.explain('ex', 1, 3, 100);
ROLLBACK;

-- rights: what is shown are rows, so SELECT on the view it takes
CREATE ROLE recsys_regress_owner;
CREATE ROLE recsys_regress_app;
GRANT CREATE ON SCHEMA recsys_data TO recsys_regress_owner;
ALTER TABLE ex_stars OWNER TO recsys_regress_owner;
SET ROLE recsys_regress_owner;
SELECT recsys.create_model('ex_r', 'ex_stars', run_as => 'owner', options => '{"factors": 2}', algorithm => 'als');
SELECT users FROM recsys.train('ex_r');
SET ROLE recsys_regress_app;
SELECT count(*) FROM recsys.explain('ex_r', 1, 1);
SELECT count(*) FROM recsys.similar_items('ex_r', 1);
SELECT count(*) FROM recsys.popular('ex_r');
SELECT count(*) FROM recsys.recommend_for_items('ex_r', '{1}');
SET ROLE recsys_regress_owner;
GRANT REFERENCES ON recsys_data.ex_r TO recsys_regress_app;
SET ROLE recsys_regress_app;
SELECT count(*) FROM recsys.explain('ex_r', 1, 1);
SELECT count(*) > 0 AS similar FROM recsys.similar_items('ex_r', 1);
SELECT count(*) > 0 AS popular FROM recsys.popular('ex_r');
SELECT count(*) > 0 AS for_items FROM recsys.recommend_for_items('ex_r', '{1}');
SET ROLE recsys_regress_owner;
GRANT SELECT ON recsys_data.ex_r TO recsys_regress_app;
SET ROLE recsys_regress_app;
SELECT count(*) > 0 AS explain FROM recsys.explain('ex_r', 1, 1);
-- with run_as caller the source is read with the caller's right; the items of a question need none
SET ROLE recsys_regress_owner;
SELECT recsys.alter_model('ex_r', run_as => 'caller');
SET ROLE recsys_regress_app;
SELECT count(*) FROM recsys.explain('ex_r', 1, 1);
SELECT count(*) > 0 AS for_items FROM recsys.recommend_for_items('ex_r', '{1}');
-- and with the caller's row policies
SET ROLE recsys_regress_owner;
GRANT SELECT ON ex_stars TO recsys_regress_app;
ALTER TABLE ex_stars ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON ex_stars TO recsys_regress_app USING (item_id < 4);
SET ROLE recsys_regress_app;
SELECT array_agg(item_id ORDER BY item_id) FROM recsys.explain('ex_r', 1, 1, 100) WHERE part = 'item';
SELECT array_agg(item_id ORDER BY item_id) FROM ex_stars WHERE user_id = 1;
RESET ROLE;
SELECT recsys.drop_model(m) FROM unnest('{ex,ex_nb,ex_i,ex_p,ex_1,ex_r}'::text[]) m;
DROP TABLE ex_stars;
REVOKE CREATE ON SCHEMA recsys_data FROM recsys_regress_owner;
DROP ROLE recsys_regress_owner, recsys_regress_app;
