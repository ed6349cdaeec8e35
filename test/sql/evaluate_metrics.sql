-- evaluate and evaluate_users: every metric by hand, then against SQL that computes it otherwise.

-- ---- by hand: everybody gets the list 1, 2, 3, 4, 5 -----------------------------------
CREATE TABLE evm_few AS SELECT u AS user_id, i AS item_id FROM generate_series(1, 5) u, generate_series(1, 5) i WHERE u + i <= 6;
CREATE INDEX ON evm_few (user_id);
SELECT recsys.create_model('evm_few', 'evm_few', feedback => 'implicit', algorithm => 'popular');
SELECT users, items FROM recsys.train('evm_few');
CREATE TABLE evm_few_test (user_id int, item_id int, rating real);
INSERT INTO evm_few_test VALUES (1, 2, 5), (1, 4, 3), (2, 5, 4), (2, 5, 2), (9, 1, 1), (9, 2, 4.5), (9, 77, 4), (9, 3, NULL);
-- k = 2: user 1 hits at rank 2 of T = {2, 4}, user 2 nothing of {5}, user 9 at ranks 1 and 2 of {1, 2, 3, 77}
--   precision (1/2 + 0 + 1) / 3, recall (1/2 + 0 + 2/4) / 3, hit_rate 2/3, mrr (1/2 + 0 + 1) / 3, map (1/2/2 + 0 + (1 + 1)/2) / 3
--   coverage 2/5, gini of 0 0 0 3 3: (2 * 3 + 4 * 3) / (5 * 6), novelty (1 + 2) / 2
-- k = 9: the list has 5 items; hits at ranks 2 and 4, at 5, at 1, 2 and 3
--   precision (2 + 1 + 3) / 9 / 3, recall (1 + 1 + 3/4) / 3, mrr (1/2 + 1/5 + 1) / 3, map ((1/2 + 2/4)/2 + 1/5 + 3/4) / 3
SELECT metric, k, round(value::numeric, 6) AS value, users, users_skipped, round(standard_error::numeric, 6) AS standard_error
FROM recsys.evaluate('evm_few', 'evm_few_test', '{2,9}', exclude_seen => false);
SELECT user_id, source, seen, rows, relevant, hits, hit_rate, precision, recall, round(ndcg::numeric, 6) AS ndcg,
       round(average_precision::numeric, 6) AS average_precision, round(reciprocal_rank::numeric, 6) AS reciprocal_rank, novelty, predicted, rmse, mae
FROM recsys.evaluate_users('evm_few', 'evm_few_test', 9, exclude_seen => false);
-- with a least rating: T = {2}, {5} and {2, 77}; a missing rating is not relevant
SELECT metric, k, round(value::numeric, 6) AS value, users, users_skipped
FROM recsys.evaluate('evm_few', 'evm_few_test', '{2}', exclude_seen => false, min_rating => 4) WHERE metric IN ('recall', 'precision', 'known_items');
SELECT user_id, rows, relevant, hits, recall FROM recsys.evaluate_users('evm_few', 'evm_few_test', 2, exclude_seen => false, min_rating => 4);
SELECT user_id, rows, relevant, hits, recall FROM recsys.evaluate_users('evm_few', 'evm_few_test', 2, exclude_seen => false, min_rating => 4.5);
SELECT metric, k, value, users, users_skipped, standard_error FROM recsys.evaluate('evm_few', 'evm_few_test', '{2}', min_rating => 6);
-- the user who has everything gets an empty list, which has no novelty and counts in no list
INSERT INTO evm_few_test VALUES (1, 3, 5);
DELETE FROM evm_few_test WHERE user_id <> 1;
SELECT metric, k, value, users, users_skipped FROM recsys.evaluate('evm_few', 'evm_few_test', '{2}') WHERE metric IN ('novelty', 'gini', 'coverage', 'precision');
SELECT user_id, hits, novelty FROM recsys.evaluate_users('evm_few', 'evm_few_test', 2);

-- ---- against SQL: an explicit model over random data -----------------------------------
CREATE TABLE evm_all AS
SELECT u AS who, i AS what, (1 + abs(hashint4(u * 1000 + i)) % 9 / 2.0)::real AS stars
FROM generate_series(1, 60) u, generate_series(1, 40) i WHERE abs(hashint4(u * 7919 + i * 104729)) % (5 + i / 4) < 3;
CREATE TABLE evm AS SELECT * FROM evm_all WHERE abs(hashint4(who * 31 + what)) % 4 > 0 AND who <> 60 AND what <> 40;
CREATE TABLE evm_test AS SELECT * FROM evm_all WHERE abs(hashint4(who * 31 + what)) % 4 = 0 OR who = 60 OR what = 40;
INSERT INTO evm_test SELECT who, what, stars - 1 FROM evm_test WHERE what % 10 = 1;
INSERT INTO evm_test SELECT who, what, NULL FROM evm_all WHERE who + what = 50;
INSERT INTO evm_test VALUES (3, NULL, 4), (61, NULL, 5), (NULL, 3, 5);
CREATE INDEX ON evm (who);
SELECT recsys.create_model('evm', 'evm', 'who', 'what', 'stars', options => '{"factors": 4, "iterations": 5}', algorithm => 'als');
SELECT users > 50 AS users, items > 30 AS items FROM recsys.train('evm');
SELECT recsys.create_model('evm_implicit', 'evm', 'who', 'what', 'stars', feedback => 'implicit', options => '{"factors": 4, "iterations": 5}', algorithm => 'als');
SELECT deployed FROM recsys.train('evm_implicit');

-- what evaluate says by another way: lists of recommend, predictions of predict, everything else SQL
CREATE FUNCTION evm_lists(model text, lengths int[], seen boolean, at_least real)
RETURNS TABLE (metric text, k int, value float8, standard_error float8, users bigint) LANGUAGE sql AS $$
WITH wanted AS (
    SELECT DISTINCT who, what::bigint FROM evm_test
    WHERE who IS NOT NULL AND what IS NOT NULL AND (at_least IS NULL OR stars >= at_least)),
popular AS (
    SELECT item_id, row_number() OVER (ORDER BY users DESC, item_id) AS rank
    FROM recsys_data.evm_item_factors WHERE model = 'evm'
    UNION ALL SELECT item_id, row_number() OVER (ORDER BY users DESC, item_id) FROM recsys_data.evm_implicit_item_factors WHERE model = 'evm_implicit'),
lists AS (
    SELECT u.who, k.k, r.rank, r.item_id, w.what IS NOT NULL AS hit, p.rank AS popularity
    FROM (SELECT DISTINCT who FROM wanted) u CROSS JOIN unnest(lengths) AS k (k)
    CROSS JOIN LATERAL recsys.recommend(model, u.who, k.k, exclude_seen => seen) r
    JOIN popular p ON p.item_id = r.item_id LEFT JOIN wanted w ON w.who = u.who AND w.what = r.item_id),
ranked AS (SELECT *, count(*) FILTER (WHERE hit) OVER (PARTITION BY who, k ORDER BY rank) AS hits_so_far FROM lists),
per_user AS (
    SELECT t.who, k.k, t.relevant, count(*) FILTER (WHERE hit) AS hits, avg(popularity) AS novelty,
           coalesce(sum(1 / log(2, rank + 1)) FILTER (WHERE hit), 0) AS gain,
           coalesce(sum(hits_so_far::float8 / rank) FILTER (WHERE hit), 0) AS precisions, min(rank) FILTER (WHERE hit) AS first
    FROM (SELECT who, count(*) AS relevant FROM wanted GROUP BY 1) t CROSS JOIN unnest(lengths) AS k (k)
    LEFT JOIN ranked r ON r.who = t.who AND r.k = k.k GROUP BY 1, 2, 3),
measured AS (
    SELECT m.metric, u.k, m.value FROM per_user u, LATERAL (VALUES
        ('precision', hits::float8 / k), ('recall', hits::float8 / relevant), ('hit_rate', (hits > 0)::int),
        ('mrr', coalesce(1.0 / first, 0)), ('map', precisions / least(k, relevant)), ('novelty', novelty),
        ('ndcg', gain / (SELECT sum(1 / log(2, n + 1)) FROM generate_series(1, least(k, relevant)) n))) m (metric, value)),
exposed AS (
    SELECT k.k, p.item_id, count(l.who) AS x FROM unnest(lengths) AS k (k) CROSS JOIN popular p
    LEFT JOIN lists l ON l.k = k.k AND l.item_id = p.item_id GROUP BY 1, 2)
SELECT metric, k, avg(value), stddev(value) / sqrt(count(value)), count(value) FROM measured GROUP BY 1, 2
UNION ALL SELECT 'coverage', k, avg((x > 0)::int), NULL, (SELECT count(DISTINCT who) FROM wanted) FROM exposed GROUP BY k
-- half the mean difference of any two items, over the mean
UNION ALL SELECT 'gini', a.k, avg(abs(a.x - b.x)) / 2 / avg(a.x), NULL, (SELECT count(DISTINCT who) FROM wanted)
FROM exposed a JOIN exposed b ON a.k = b.k GROUP BY a.k;
$$;
CREATE FUNCTION evm_f1(at_least real) RETURNS TABLE (metric text, value float8, standard_error float8, users bigint) LANGUAGE sql AS $$
WITH predicted AS (
    SELECT who, stars >= bar AS liked, recsys.predict('evm', who, what) AS p, bar
    FROM evm_test, (SELECT coalesce(at_least, avg(stars)::real) AS bar FROM evm) b WHERE who IS NOT NULL AND what IS NOT NULL AND stars IS NOT NULL),
counts AS (
    SELECT count(*) FILTER (WHERE liked AND p >= bar)::float8 AS tp, count(*) FILTER (WHERE NOT liked AND p >= bar) AS fp,
           count(*) FILTER (WHERE liked AND p < bar) AS fn, who FROM predicted WHERE p IS NOT NULL GROUP BY who),
total AS (SELECT sum(tp) AS tp, sum(fp) AS fp, sum(fn) AS fn, count(*) AS n FROM counts),
f1 AS (SELECT 2 * (tp / (tp + fp)) * (tp / (tp + fn)) / (tp / (tp + fp) + tp / (tp + fn)) AS f1, 2 * tp + fp + fn AS b, n FROM total)
SELECT 'f1', min(f1), sqrt(sum((2 * tp - f1 * (2 * tp + fp + fn)) ^ 2) * min(n) / (min(n) - 1)) / min(b), min(n) FROM counts, f1;
$$;

CREATE TABLE evm_cases (model text, seen boolean, at_least real);
INSERT INTO evm_cases VALUES ('evm', true, NULL), ('evm', false, NULL), ('evm', true, 3.5), ('evm_implicit', true, NULL), ('evm_implicit', false, 4);
SELECT c.model, c.seen, c.at_least, e.metric, count(*) AS lengths, bool_and(abs(e.value - h.value) < 1e-9) AS value,
       bool_and(abs(e.standard_error - h.standard_error) < 1e-9) AS standard_error, bool_and(e.users = h.users) AS users
FROM evm_cases c
CROSS JOIN LATERAL recsys.evaluate(c.model, 'evm_test', '{3,1,7,100}', exclude_seen => c.seen, min_rating => c.at_least) e
LEFT JOIN LATERAL (SELECT * FROM evm_lists(c.model, '{1,3,7,100}', c.seen, c.at_least)) h ON h.metric = e.metric AND h.k = e.k
WHERE e.k IS NOT NULL GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
SELECT c.at_least, abs(e.value - h.value) < 1e-9 AS f1, abs(e.standard_error - h.standard_error) < 1e-9 AS standard_error, e.users = h.users AS users,
       e.value BETWEEN 0.3 AND 0.99 AS sensible
FROM unnest('{NULL,2,3}'::real[]) AS c (at_least)
CROSS JOIN LATERAL recsys.evaluate('evm', 'evm_test', min_rating => c.at_least) e JOIN LATERAL evm_f1(c.at_least) h USING (metric) ORDER BY 1;
-- the errors are of all rows, whatever is relevant
SELECT metric, a.value = b.value AS same FROM recsys.evaluate('evm', 'evm_test') a JOIN recsys.evaluate('evm', 'evm_test', min_rating => 4) b USING (metric)
WHERE metric IN ('rmse', 'mae', 'predicted_share') ORDER BY 1;

-- the rows of users add up to the same
CREATE TABLE evm_users AS SELECT c.model, c.at_least, u.* FROM evm_cases c, LATERAL recsys.evaluate_users(c.model, 'evm_test', 7, exclude_seen => true, min_rating => c.at_least) u WHERE c.seen;
SELECT u.model, u.at_least, e.metric, abs(e.value - u.value) < 1e-12 AS value, e.users = u.users AS users
FROM (SELECT model, at_least, m.metric, avg(m.value) AS value, count(m.value) AS users FROM evm_users, LATERAL (VALUES
          ('hit_rate', hit_rate), ('precision', precision), ('recall', recall), ('ndcg', ndcg), ('map', average_precision),
          ('mrr', reciprocal_rank), ('novelty', novelty)) m (metric, value) GROUP BY 1, 2, 3
      UNION ALL SELECT model, at_least, 'rmse', sqrt(sum(rmse ^ 2 * predicted) / sum(predicted)), count(rmse) FROM evm_users WHERE model = 'evm' GROUP BY 1, 2
      UNION ALL SELECT model, at_least, 'mae', sum(mae * predicted) / sum(predicted), count(mae) FROM evm_users WHERE model = 'evm' GROUP BY 1, 2) u
JOIN LATERAL recsys.evaluate(u.model, 'evm_test', '{7}', min_rating => u.at_least) e ON e.metric = u.metric ORDER BY 1, 2, 3;
SELECT bool_and(seen = (SELECT count(*) FROM evm s WHERE s.who = u.user_id::int)) AS seen,
       bool_and(rows = (SELECT count(*) FROM evm_test t WHERE t.who = u.user_id::int)) AS rows,
       bool_and(source = coalesce((SELECT max(r.source) FROM recsys.recommend(u.model, u.user_id::int, 1) r), source)) AS source,
       bool_and(hits IS NULL = (relevant = 0)) AS hits, count(*), count(DISTINCT source) AS sources, max(user_id::int) AS last_user
FROM evm_users u;
-- by how much a user is known; by any column of a table of users
SELECT CASE WHEN seen = 0 THEN 'new' WHEN seen <= 10 THEN 'light' ELSE 'heavy' END AS segment, count(*) > 0 AS some, avg(recall) BETWEEN 0 AND 1 AS recall
FROM recsys.evaluate_users('evm', 'evm_test') GROUP BY 1 ORDER BY 1;

-- wrong calls
SELECT * FROM recsys.evaluate('evm', 'evm_test', min_rating => 'NaN');
SELECT * FROM recsys.evaluate('evm', 'evm_test', min_rating => 'infinity');
SELECT * FROM recsys.evaluate('evm', 'evm_test', ARRAY(SELECT generate_series(1, 101)));
SELECT count(*) FROM recsys.evaluate('evm', 'evm_test', ARRAY(SELECT generate_series(1, 100)));
SELECT * FROM recsys.evaluate_users('evm', 'evm_test', 0);
SELECT * FROM recsys.evaluate_users('evm', 'evm_test', NULL);
SELECT * FROM recsys.evaluate_users('evm', 'evm_test', exclude_seen => NULL);
SELECT * FROM recsys.evaluate_users('evm', NULL);
SELECT * FROM recsys.evaluate_users('nobody', 'evm_test');
SELECT * FROM recsys.evaluate_users('evm', 'evm_test', version => 7);
CREATE TABLE evm_unrated AS SELECT who, what FROM evm_test;
SELECT count(*) > 50 AS many FROM recsys.evaluate_users('evm_implicit', 'evm_unrated');
SELECT * FROM recsys.evaluate_users('evm_implicit', 'evm_unrated', min_rating => 3);
CREATE ROLE regress_evm_app;
GRANT SELECT ON recsys_data.evm, evm TO regress_evm_app;
SET ROLE regress_evm_app;
SELECT * FROM recsys.evaluate_users('evm', 'evm_test');
RESET ROLE;
GRANT SELECT ON evm_test TO regress_evm_app;
SET ROLE regress_evm_app;
SELECT count(*) > 50 AS many FROM recsys.evaluate_users('evm', 'evm_test');
SELECT * FROM recsys.evaluate_users('evm_implicit', 'evm_test');
RESET ROLE;

SELECT recsys.drop_model(m) FROM unnest('{evm,evm_few,evm_implicit}'::text[]) m;
DROP OWNED BY regress_evm_app;
DROP ROLE regress_evm_app;
DROP FUNCTION evm_lists, evm_f1;
DROP TABLE evm_few, evm_few_test, evm_all, evm, evm_test, evm_cases, evm_users, evm_unrated;
