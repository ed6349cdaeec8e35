-- Many factors: users of few rows are solved by a matrix of rows by rows, those of implicit
-- models after the items were turned to the axes of their Gramian, if there are 256 users.
CREATE TABLE mf_rows (user_id int, item_id int, rating real);
INSERT INTO mf_rows SELECT u, i, 1 + (u * i + i) % 5 FROM generate_series(1, 300) AS u, generate_series(1, 150) AS i
 WHERE (u * 31 + i * i * 17 + u * i * 13) % 101 < 6 + u % 10 * 6;
CREATE INDEX ON mf_rows (user_id);
CREATE VIEW mf_some AS SELECT * FROM mf_rows WHERE user_id <= 200;
SELECT count(*) FILTER (WHERE n <= 66) > 200 AS few, count(*) FILTER (WHERE n > 66) > 20 AS many
  FROM (SELECT count(*) AS n FROM mf_rows GROUP BY user_id) AS r;
SET client_min_messages = warning;
SELECT recsys.create_model('mf_explicit', 'mf_rows', options => '{"factors": 130, "iterations": 2}', algorithm => 'als'),
       recsys.create_model('mf_implicit', 'mf_rows', feedback => 'implicit', rating_column => 'rating', options => '{"factors": 130, "iterations": 2}', algorithm => 'als'),
       recsys.create_model('mf_some', 'mf_some', feedback => 'implicit', rating_column => 'rating', options => '{"factors": 130, "iterations": 2}', algorithm => 'als');
SELECT m, t.users, t.items FROM unnest('{mf_explicit,mf_implicit,mf_some}'::text[]) AS m, LATERAL (SELECT * FROM recsys.train(m)) AS t ORDER BY m;

-- what lies beside the diagonal of the items' Gramian, for ten factors
CREATE FUNCTION mf_beside(model text, OUT beside float8) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format($q$
        WITH f AS (SELECT item_id, n, y::float8 FROM recsys_data.%I AS i, unnest(i.factors::real[]) WITH ORDINALITY AS u (y, n)
                    WHERE n <= 10 AND version = (SELECT max(version) FROM recsys_data.%1$I)),
             g AS (SELECT a.n AS i, b.n AS j, sum(a.y * b.y) AS g FROM f AS a JOIN f AS b USING (item_id) GROUP BY a.n, b.n)
        SELECT max(abs(g.g) / sqrt(p.g * q.g)) FROM g JOIN g AS p ON p.i = g.i AND p.j = g.i JOIN g AS q ON q.i = g.j AND q.j = g.j WHERE g.i < g.j
        $q$, model || '_item_factors') INTO beside;
END
$$;
SELECT mf_beside('mf_implicit') < 1e-6 AS implicit, mf_beside('mf_some') > 1e-3 AS some, mf_beside('mf_explicit') > 1e-3 AS explicit;

-- stored users are what fold-in computes; lists, scores and explanations agree
CREATE FUNCTION mf_check(model text, OUT users bigint, OUT same boolean, OUT scores boolean, OUT sums boolean) LANGUAGE sql AS $$
SELECT count(*), bool_and(recsys.user_vector(model, u)::text = recsys.user_vector(model, u, fresh => false)::text),
       bool_and(NOT EXISTS (SELECT FROM recsys.recommend(model, u, 3) AS r WHERE r.score IS DISTINCT FROM recsys.predict(model, u, r.item_id))),
       bool_and(u % 10 > 0 OR abs((SELECT sum(contribution) FROM recsys.explain(model, u, 1 + u % 150)) - recsys.predict(model, u, 1 + u % 150)) < 1e-5)
  FROM (SELECT DISTINCT user_id AS u FROM mf_rows WHERE model <> 'mf_some' OR user_id <= 200) AS u
$$;
SELECT m, c.* FROM unnest('{mf_explicit,mf_implicit,mf_some}'::text[]) AS m, mf_check(m) AS c ORDER BY m;

-- where item vectors fit nowhere, too: images of the transaction that trained are this session's
BEGIN;
SELECT users FROM recsys.train('mf_implicit');
SET LOCAL recsys.local_cache_size = 0;
SELECT c.* FROM mf_check('mf_implicit') AS c;
SELECT count(*) AS not_kept FROM recsys.cache_status WHERE model = 'mf_implicit' AND NOT kept;
ROLLBACK;

-- and so does the answer for everybody
CREATE TABLE mf_all AS SELECT user_id::int, item_id::int, score FROM recsys.recommend_all('mf_implicit', 3);
CREATE TABLE mf_each AS SELECT u AS user_id, r.item_id::int, r.score FROM (SELECT DISTINCT user_id AS u FROM mf_rows) AS u, recsys.recommend('mf_implicit', u, 3) AS r;
SELECT (SELECT count(*) FROM mf_each) AS items, (SELECT count(*) FROM mf_all JOIN mf_each USING (user_id, item_id, score)) AS same, (SELECT count(*) FROM mf_all) AS of_all;

-- a basket is a user of these rows
INSERT INTO mf_rows VALUES (1000, 3, 1), (1000, 14, 2), (1000, 15, 3), (1000, 92, 4), (1000, 65, 5);
SELECT count(*), bool_and(r.score = recsys.predict('mf_implicit', 1000, r.item_id)) AS same
  FROM recsys.recommend_for_items('mf_implicit', '{3,14,15,92,65}', weights => '{1,2,3,4,5}') AS r;

-- known items stay as they are when new ones come in, so their Gramian is diagonal no more
INSERT INTO mf_rows SELECT u, 151, 3 FROM generate_series(1, 300, 3) AS u;
SELECT m, r.new_items FROM unnest('{mf_explicit,mf_implicit}'::text[]) AS m, LATERAL (SELECT * FROM recsys.refresh(m)) AS r ORDER BY m;
SELECT mf_beside('mf_implicit') > 1e-6 AS beside;
SELECT m, c.* FROM unnest('{mf_explicit,mf_implicit}'::text[]) AS m, mf_check(m) AS c ORDER BY m;

SELECT recsys.drop_model(m) FROM unnest('{mf_explicit,mf_implicit,mf_some}'::text[]) AS m;
DROP FUNCTION mf_check, mf_beside;
DROP VIEW mf_some;
DROP TABLE mf_rows, mf_all, mf_each;
