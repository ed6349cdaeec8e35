-- Training on events.
CREATE TABLE ti_events (user_id int, item_id int, weight real, at timestamptz);
INSERT INTO ti_events
SELECT u, i, 1 + (u + i) % 3, '2026-01-01'::timestamptz + u * interval '1 minute'
FROM generate_series(1, 20) AS u, generate_series(1, 12) AS i
WHERE u % 2 = i % 2 AND (u * 7 + i * 3) % 5 <> 0;
CREATE INDEX ON ti_events (user_id);

-- rows are counted when there is no rating
SELECT recsys.create_model('ti', 'ti_events', feedback => 'implicit', options => '{"factors": 4, "iterations": 10, "unobserved_weight": 0.05, "regularization": 0.005}', algorithm => 'als');
SELECT version, users, items, ratings, iterations, deployed FROM recsys.train('ti');
SELECT mean, options FROM recsys.model_versions WHERE model = 'ti';
SELECT count(*), min(recsys.dims(factors)), max(recsys.dims(factors)), max(bias) FROM recsys_data.ti_user_factors;

-- everything of the own group ranks before everything of the other
SELECT bool_and(least_own > best_other) AS groups_apart FROM (
    SELECT u.user_id,
           min(s) FILTER (WHERE u.user_id % 2 = i.item_id % 2) AS least_own,
           max(s) FILTER (WHERE u.user_id % 2 <> i.item_id % 2) AS best_other
    FROM recsys_data.ti_user_factors u CROSS JOIN recsys_data.ti_item_factors i
    CROSS JOIN LATERAL (SELECT -(i.factors OPERATOR(recsys.<#>) u.factors) AS s) x
    GROUP BY u.user_id) g;

-- what is not given is derived, and noted with the version
SELECT recsys.alter_model('ti', options => '{"unobserved_weight": null, "regularization": null}');
SELECT version FROM recsys.train('ti', '{"iterations": 1}');
SELECT options->>'alpha' AS alpha, options->>'regularization' AS regularization,
       round((options->>'unobserved_weight')::numeric, 6) AS unobserved_weight,
       (SELECT round(1.25 * sum(users ^ 2)::numeric / (96 * 20) * ln(1 + 96.0 / count(*)), 6)
          FROM recsys_data.ti_item_factors WHERE version = 2) AS uncapped
  FROM recsys.model_versions WHERE model = 'ti' AND version = 2;
CREATE TABLE ts_events AS
SELECT u AS user_id, i AS item_id FROM generate_series(1, 40) AS u, generate_series(1, 30) AS i WHERE (u * 7 + i * i) % 11 = 0;
CREATE INDEX ON ts_events (user_id);
SELECT recsys.create_model('ts', 'ts_events', feedback => 'implicit', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');
SELECT version FROM recsys.train('ts');
SELECT options->>'alpha' AS alpha, round((options->>'unobserved_weight')::numeric, 6) AS unobserved_weight,
       (SELECT round(1.25 * sum(i.users ^ 2)::numeric / (v.ratings * v.users) * ln(1 + v.ratings::numeric / v.items), 6)
          FROM recsys_data.ts_item_factors AS i) AS expected
  FROM recsys.model_versions AS v WHERE model = 'ts';

-- repeated events add up; a cell whose sum is zero says nothing
SELECT recsys.create_model('tw', 'ti_events', rating_column => 'weight', time_column => 'at', feedback => 'implicit', options => '{"factors": 2}', algorithm => 'als');
INSERT INTO ti_events VALUES (50, 1, 2, now()), (50, 1, -2, now()), (51, 60, 0, now()), (52, 1, 1, now()), (52, 1, 1, now());
SELECT users, items, ratings - (SELECT count(DISTINCT (user_id, item_id)) FROM ti_events) AS fewer FROM recsys.train('tw');
SELECT user_id FROM recsys_data.tw_user_factors WHERE user_id >= 50 ORDER BY 1;
SELECT item_id FROM recsys_data.tw_item_factors WHERE item_id >= 50;

-- dislikes count as cells
SELECT ratings FROM recsys.train('tw') \gset before_
INSERT INTO ti_events VALUES (53, 2, -1, now());
SELECT ratings - :before_ratings AS more FROM recsys.train('tw');

-- nothing but zeros
DELETE FROM ti_events WHERE weight <> 0;
SELECT * FROM recsys.train('tw');
-- the counting model does not mind
SELECT users, items, ratings FROM recsys.train('ti');

SELECT recsys.drop_model(x) FROM unnest(ARRAY['ti', 'ts', 'tw']) AS x;
DROP TABLE ti_events, ts_events;

-- items with weight 0 alone are not part of the model: folded users equal stored ones
CREATE TABLE zero_weights (user_id int, item_id int, weight real);
INSERT INTO zero_weights SELECT u, i, 1 + (u * i) % 3 FROM generate_series(1, 20) u, generate_series(1, 10) i WHERE (u + i) % 2 = 0;
INSERT INTO zero_weights SELECT 1, i, 0 FROM generate_series(100, 500) i;
CREATE INDEX ON zero_weights (user_id);
SELECT recsys.create_model('zero', 'zero_weights', rating_column => 'weight', feedback => 'implicit',
    options => '{"factors": 3, "unobserved_weight": 1}', algorithm => 'als');
SELECT users, items FROM recsys.train('zero');
SELECT count(*), bool_and(recsys.user_vector('zero', u)::text = recsys.user_vector('zero', u, fresh => false)::text) AS same
  FROM generate_series(1, 20) u;
SELECT recsys.drop_model('zero');
DROP TABLE zero_weights;

-- weights as small as a float can be: alpha stays within its range
CREATE TABLE small_weights AS
    SELECT u AS user_id, i AS item_id, '1e-42'::real AS weight
      FROM generate_series(1, 20) u, generate_series(1, 10) i WHERE (u + i) % 3 > 0;
CREATE INDEX ON small_weights (user_id);
SELECT recsys.create_model('small', 'small_weights', rating_column => 'weight', feedback => 'implicit',
    options => '{"factors": 3}', algorithm => 'als');
SELECT version FROM recsys.train('small');
SELECT options -> 'alpha' AS alpha FROM recsys.model_versions WHERE model = 'small';
SELECT count(*) FROM recsys.recommend('small', 1, k => 3);
-- weights that exceed floats are solved as well
UPDATE small_weights SET weight = 10;
SELECT version FROM recsys.train('small', '{"alpha": 1e38}');
SELECT round(avg(recsys.predict('small', user_id, item_id))::numeric, 2) AS mean FROM small_weights;
SELECT version FROM recsys.train('small', '{"alpha": 1e38, "factors": 64}');
SELECT round(avg(recsys.predict('small', user_id, item_id))::numeric, 2) AS mean FROM small_weights;
SELECT version FROM recsys.train('small', '{"unobserved_weight": 1e38}');
SELECT round(avg(recsys.predict('small', user_id, item_id))::numeric, 2) AS mean FROM small_weights;
SELECT recsys.drop_model('small');
DROP TABLE small_weights;
