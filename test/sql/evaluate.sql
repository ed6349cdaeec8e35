-- evaluate: known answers, then wrong calls.
-- Even users like even items, odd users odd ones; the smaller the better.
CREATE TABLE eva_all AS
SELECT u AS who, i AS what, (CASE WHEN u % 2 = i % 2 THEN 5 - 0.3 * ((i - 1) / 2) ELSE 1.5 END)::real AS stars
FROM generate_series(1, 20) AS u, generate_series(1, 10) AS i;
-- Held out: the best item of users 1 to 10, and items that users 1 to 5 do not
-- like, which are more popular.
CREATE TABLE eva_train AS SELECT * FROM eva_all
WHERE NOT (who <= 10 AND what = 1 + (who + 1) % 2)
  AND NOT (who <= 5 AND what BETWEEN 3 AND 6 AND what % 2 <> who % 2);
CREATE INDEX ON eva_train (who);
SELECT recsys.create_model('eva', 'eva_train', 'who', 'what', 'stars', options => '{"factors": 4, "regularization": 0.01, "iterations": 30}', algorithm => 'als');
SELECT deployed FROM recsys.train('eva');

-- the held-out best items of users 1 to 10 come first: perfect lists
CREATE TABLE eva_best AS SELECT who, what, stars FROM eva_all WHERE what = 1 + (who + 1) % 2 AND who <= 10;
SELECT metric, k, round(value::numeric, 4) AS value, users, users_skipped, round(standard_error::numeric, 4) AS standard_error
FROM recsys.evaluate('eva', 'eva_best', '{1,5}') WHERE metric IN ('recall', 'ndcg', 'hit_rate', 'predicted_share');
SELECT metric, k, value < 0.5 AS small, users, users_skipped, standard_error >= 0 AS has_error
FROM recsys.evaluate('eva', 'eva_best', '{1}') WHERE metric IN ('rmse', 'mae');

-- by hand: the same numbers from recommend and predict
CREATE TABLE eva_test (user_id int, item_id int, rating real);
INSERT INTO eva_test VALUES (1, 1, 5), (1, 1, 4), (1, 77, 3), (2, 2, 5), (2, 5, 1), (3, 1, NULL), (3, 10, 2),
    (4, NULL, 3), (5, 2, 1), (50, 3, 4), (50, 4, 1), (NULL, 1, 5), (51, NULL, NULL);
CREATE TEMP TABLE eva_hits AS
SELECT t.user_id, k, t.relevant, count(r.rank) FILTER (WHERE r.item_id = ANY (t.items)) AS hits,
       coalesce(sum(1 / log(2, r.rank + 1)) FILTER (WHERE r.item_id = ANY (t.items)), 0) AS gain,
       (SELECT sum(1 / log(2, n + 1)) FROM generate_series(1, least(k, t.relevant)) n) AS ideal
FROM (SELECT user_id, array_agg(DISTINCT item_id::bigint) AS items, count(DISTINCT item_id) AS relevant
      FROM eva_test WHERE user_id IS NOT NULL AND item_id IS NOT NULL GROUP BY 1) t
CROSS JOIN unnest('{1,3}'::int[]) k LEFT JOIN LATERAL recsys.recommend('eva', t.user_id, k) r ON true
GROUP BY 1, 2, 3;
CREATE TEMP TABLE eva_errors AS
SELECT user_id, count(*) AS pairs, count(p) AS n, sum((rating - p) ^ 2) AS squared, sum(abs(rating - p)) AS absolute
FROM (SELECT t.*, recsys.predict('eva', user_id, item_id)::float8 AS p FROM eva_test t
      WHERE user_id IS NOT NULL AND item_id IS NOT NULL AND rating IS NOT NULL) s GROUP BY 1;
CREATE TEMP TABLE eva_by_hand AS
SELECT 'recall' AS metric, k, avg(hits::numeric / relevant) AS value, stddev(hits::numeric / relevant) / sqrt(count(*)) AS standard_error, count(*) AS users FROM eva_hits GROUP BY k
UNION ALL SELECT 'hit_rate', k, avg((hits > 0)::int), stddev((hits > 0)::int) / sqrt(count(*)), count(*) FROM eva_hits GROUP BY k
UNION ALL SELECT 'ndcg', k, avg(gain / ideal), stddev(gain / ideal) / sqrt(count(*)), count(*) FROM eva_hits GROUP BY k
UNION ALL SELECT 'known_users', NULL, avg(known), stddev(known) / sqrt(count(*)), count(*)
FROM (SELECT EXISTS (SELECT FROM eva_train s WHERE s.who = h.user_id)::int AS known FROM eva_hits h WHERE k = 1) u
UNION ALL SELECT 'known_items', NULL, sum(known) / sum(relevant), NULL, count(*)
FROM (SELECT count(*) AS relevant, count(*) FILTER (WHERE item_id IN (SELECT what FROM eva_train)) AS known
      FROM (SELECT DISTINCT user_id, item_id FROM eva_test WHERE user_id IS NOT NULL AND item_id IS NOT NULL) p GROUP BY user_id) u
UNION ALL SELECT 'mae', NULL, sum(absolute) / sum(n), NULL, count(*) FROM eva_errors WHERE n > 0
UNION ALL SELECT 'rmse', NULL, sqrt(sum(squared) / sum(n)), NULL, count(*) FROM eva_errors WHERE n > 0
UNION ALL SELECT 'predicted_share', NULL, sum(n) / sum(pairs), NULL, count(*) FROM eva_errors;
SELECT e.metric, e.k, e.users, e.users_skipped, abs(e.value - h.value) < 1e-9 AS value, e.users = h.users AS users_too,
       abs(e.standard_error - h.standard_error) < 1e-9 AS standard_error
FROM recsys.evaluate('eva', 'eva_test', '{3,1,3}') e FULL JOIN eva_by_hand h ON h.metric = e.metric AND h.k IS NOT DISTINCT FROM e.k
WHERE coalesce(e.metric, '') NOT IN ('coverage', 'f1', 'gini', 'map', 'mrr', 'novelty', 'precision') -- see evaluate_metrics.sql
ORDER BY e.metric, e.k;
-- the standard errors of ratios: users are the sampling units
SELECT e.metric, abs(e.standard_error - s.standard_error) < 1e-9 AS standard_error
FROM recsys.evaluate('eva', 'eva_test', '{1}') e JOIN (
    SELECT 'mae' AS metric, sqrt(sum((absolute - n * m) ^ 2) * count(*) / (count(*) - 1)) / sum(n) AS standard_error
    FROM eva_errors, (SELECT sum(absolute) / sum(n) AS m FROM eva_errors WHERE n > 0) t WHERE n > 0
    UNION ALL
    SELECT 'rmse', sqrt(sum((squared - n * m) ^ 2) * count(*) / (count(*) - 1)) / sum(n) / 2 / sqrt(min(m))
    FROM eva_errors, (SELECT sum(squared) / sum(n) AS m FROM eva_errors WHERE n > 0) t WHERE n > 0
    UNION ALL
    SELECT 'predicted_share', sqrt(sum((n - pairs * m) ^ 2) * count(*) / (count(*) - 1)) / sum(pairs)
    FROM eva_errors, (SELECT sum(n) / sum(pairs) AS m FROM eva_errors) t) s USING (metric) ORDER BY 1;

-- twice the same bits
SELECT count(*) FROM recsys.evaluate('eva', 'eva_test') a JOIN recsys.evaluate('eva', 'eva_test') b
ON a.metric = b.metric AND a.k IS NOT DISTINCT FROM b.k AND a.value = b.value AND a.standard_error = b.standard_error;
-- what a user already has cannot be hit
SELECT metric, value FROM recsys.evaluate('eva', 'eva_train', '{10}') WHERE metric = 'recall';
-- nothing to measure; one user has no standard error
CREATE TABLE eva_empty (LIKE eva_test);
SELECT * FROM recsys.evaluate('eva', 'eva_empty', '{10}');
INSERT INTO eva_empty VALUES (1, 1, 5);
SELECT metric, k, users, standard_error FROM recsys.evaluate('eva', 'eva_empty', '{10}');
-- more than a batch of the cursor: users do not fall apart at its end
CREATE TABLE eva_long AS SELECT user_id, item_id, 3::real AS rating FROM generate_series(1, 30) user_id, generate_series(1, 700) item_id;
SELECT metric, users, round(value::numeric, 4) AS value FROM recsys.evaluate('eva', 'eva_long', '{1}') WHERE metric IN ('predicted_share', 'hit_rate');

-- implicit: rankings only, no rating needed; a view will do; text and uuid ids
CREATE TABLE eva_events AS SELECT 'u' || who AS who, md5(what::text)::uuid AS what FROM eva_train WHERE stars > 3;
CREATE INDEX ON eva_events (who);
SELECT recsys.create_model('eva_events', 'eva_events', 'who', 'what', feedback => 'implicit', options => '{"factors": 4}', algorithm => 'als');
SELECT deployed FROM recsys.train('eva_events');
CREATE VIEW eva_view AS SELECT 'u' || who AS user_id, md5(what::text) AS item_id FROM eva_best;
SELECT metric, k, value, users FROM recsys.evaluate('eva_events', 'eva_view', '{3}') WHERE metric NOT IN ('coverage', 'gini', 'novelty', 'precision');
-- the baseline has lists, worse ones, and no predictions
SELECT recsys.create_model('eva_popular', 'eva_train', 'who', 'what', 'stars', algorithm => 'popular');
SELECT deployed FROM recsys.train('eva_popular');
SELECT metric, k, round(value::numeric, 4) AS value, users, users_skipped FROM recsys.evaluate('eva_popular', 'eva_best', '{1}');

-- wrong calls
SELECT * FROM recsys.evaluate(NULL, 'eva_test');
SELECT * FROM recsys.evaluate('eva', NULL);
SELECT * FROM recsys.evaluate('eva', 'eva_test', NULL);
SELECT * FROM recsys.evaluate('eva', 'eva_test', '{}');
SELECT * FROM recsys.evaluate('eva', 'eva_test', '{0}');
SELECT * FROM recsys.evaluate('eva', 'eva_test', '{10,-1}');
SELECT * FROM recsys.evaluate('eva', 'eva_test', '{10,NULL}');
SELECT * FROM recsys.evaluate('eva', 'eva_test', '{{1,2},{3,4}}');
SELECT * FROM recsys.evaluate('nobody', 'eva_test');
SELECT * FROM recsys.evaluate('eva', 'nothing');
SELECT * FROM recsys.evaluate('eva', 0::regclass);
SELECT * FROM recsys.evaluate('eva', 'eva_test', version => 9);
SELECT * FROM recsys.evaluate('eva', 'pg_class');
CREATE TABLE eva_unrated (user_id int, item_id int);
SELECT * FROM recsys.evaluate('eva', 'eva_unrated');
SELECT * FROM recsys.evaluate('eva_popular', 'eva_unrated');
CREATE TABLE eva_odd (user_id text, item_id int, rating real);
INSERT INTO eva_odd VALUES ('abc', 1, 5);
SELECT * FROM recsys.evaluate('eva', 'eva_odd');
UPDATE eva_odd SET user_id = '1', rating = 'NaN';
SELECT * FROM recsys.evaluate('eva', 'eva_odd');
SELECT count(*) FROM recsys.evaluate('eva', 'eva_test', '{2147483647}');
CREATE ROLE regress_eva_app;
GRANT SELECT ON recsys_data.eva, eva_train TO regress_eva_app;
SET ROLE regress_eva_app;
SELECT * FROM recsys.evaluate('eva', 'eva_test');
RESET ROLE;
GRANT SELECT ON eva_test TO regress_eva_app;
SET ROLE regress_eva_app;
SELECT count(*) FROM recsys.evaluate('eva', 'eva_test');
SELECT * FROM recsys.evaluate('eva_popular', 'eva_test');
RESET ROLE;

DROP VIEW eva_view;
SELECT recsys.drop_model(m) FROM unnest('{eva,eva_events,eva_popular}'::text[]) m;
DROP TABLE eva_all, eva_train, eva_best, eva_test, eva_empty, eva_long, eva_events, eva_unrated, eva_odd;
DROP OWNED BY regress_eva_app;
DROP ROLE regress_eva_app;
