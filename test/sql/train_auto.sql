-- With the algorithm auto training holds rows out, tries candidates, and takes the best.
-- Nothing here is random, so that the data is the same everywhere: hashes make it.
CREATE FUNCTION au_draw(a int, b int, purpose int) RETURNS float8
LANGUAGE sql IMMUTABLE AS $$ SELECT (hashint8extended(a::int8 * 1000003 + b, purpose) & 1048575) / 1048576.0 $$;

-- what the newest version of a model says of its choice
CREATE VIEW au_last AS
SELECT DISTINCT ON (model) model, version, algorithm, options, preference, choice
  FROM recsys.model_versions ORDER BY model, version DESC;
CREATE VIEW au_tried AS
SELECT model, version, t ->> 'algorithm' AS algorithm, (t ->> 'factors')::int AS factors,
       (t ->> 'regularization')::float8 AS regularization, (t ->> 'value')::float8 AS value,
       (t ->> 'standard_error')::float8 AS standard_error
  FROM au_last, jsonb_array_elements(choice -> 'lists' -> 'tried') AS t;

-- 40 tastes over 800 items: more factors than the smallest number are worth their time
CREATE TABLE au_tastes AS
SELECT u AS user_id, i AS item_id
  FROM generate_series(1, 1200) AS u, generate_series(1, 800) AS i
 WHERE au_draw(u, i, 1) < CASE WHEN u % 40 = i % 40 THEN .5 ELSE .005 END;
CREATE INDEX ON au_tastes (user_id);
-- one taste: what is popular is all that there is to know
CREATE TABLE au_crowd AS
SELECT u AS user_id, i AS item_id
  FROM generate_series(1, 400) AS u, generate_series(1, 200) AS i
 WHERE au_draw(u, i, 2) < .6 / sqrt(i);
CREATE INDEX ON au_crowd (user_id);
SELECT recsys.create_model('au_tastes', 'au_tastes', feedback => 'implicit'),
       recsys.create_model('au_crowd', 'au_crowd', feedback => 'implicit');
SELECT users, items FROM recsys.train('au_tastes');
SELECT users, items FROM recsys.train('au_crowd');
SELECT model, algorithm, (options ->> 'factors')::int >= 32 AS has_many,
       (options ->> 'regularization')::float8 > 0.006 AS is_strong,
       choice -> 'held_out' ->> 'by' AS by, choice -> 'lists' ->> 'metric' AS metric
  FROM au_last WHERE model IN ('au_tastes', 'au_crowd') ORDER BY model DESC;
-- the version is what the choice says, and the choice is among what was tried
SELECT l.model, l.choice -> 'lists' -> 'chosen' = jsonb_build_object('algorithm', l.algorithm, 'factors', l.options -> 'factors',
                                                          'regularization', l.options -> 'regularization') AS as_chosen,
       bool_or(t.factors = (l.options ->> 'factors')::int AND t.regularization = (l.options ->> 'regularization')::float8) AS tried,
       bool_or(t.factors = 64 AND t.regularization = 0.006) AS tried_defaults,
       count(*) FILTER (WHERE t.algorithm = 'popular') AS popular,
       bool_and(t.value BETWEEN 0 AND 1 AND t.standard_error BETWEEN 0 AND .1) AS plausible
  FROM au_last AS l JOIN au_tried AS t USING (model) WHERE model IN ('au_tastes', 'au_crowd')
 GROUP BY l.model, l.choice, l.algorithm, l.options ORDER BY l.model;
-- Parts are weighed with the dense one that was found, which alone makes the lists that it made before.
CREATE VIEW au_weighed AS
SELECT model, n, (w ->> 'als')::float8 AS als, (w ->> 'item')::float8 AS item, (w ->> 'popularity')::float8 AS popularity, (w ->> 'value')::float8 AS value
  FROM au_last, jsonb_array_elements(choice -> 'lists' -> 'weights' -> 'tried') WITH ORDINALITY AS t (w, n);
SELECT array_agg(item ORDER BY item) FILTER (WHERE n <= 7) AS item, array_agg(popularity ORDER BY n) FILTER (WHERE n >= 7) AS popularity FROM au_weighed WHERE model = 'au_tastes';
SELECT l.model, w.value = t.value AS same_value, l.choice -> 'lists' -> 'weights' -> 'chosen' = l.options -> 'weights' AS as_chosen
  FROM au_last AS l JOIN au_weighed AS w USING (model) JOIN au_tried AS t USING (model)
 WHERE w.item = 0 AND w.popularity = 0 AND t.factors = (l.options ->> 'factors')::int AND t.regularization = (l.options ->> 'regularization')::float8 ORDER BY 1;
-- nobody else's candidate is far better
SELECT model, max(value) FILTER (WHERE algorithm = 'popular') < max(value) FILTER (WHERE algorithm = 'als') AS beats_popular
  FROM au_tried WHERE model = 'au_tastes' GROUP BY model;

-- the figure is that of evaluate() with a share held out: much better than the defaults of als on one taste
CREATE TABLE au_train AS SELECT * FROM au_crowd WHERE au_draw(user_id, item_id, 3) >= .2;
CREATE TABLE au_test AS SELECT * FROM au_crowd WHERE au_draw(user_id, item_id, 3) < .2;
CREATE INDEX ON au_train (user_id);
SELECT recsys.create_model('au_auto', 'au_train', feedback => 'implicit'),
       recsys.create_model('au_als', 'au_train', feedback => 'implicit', algorithm => 'als'),
       recsys.create_model('au_popular', 'au_train', feedback => 'implicit', algorithm => 'popular');
SELECT count(t.version) FROM unnest('{au_auto,au_als,au_popular}'::text[]) AS m, recsys.train(m) AS t;
SELECT auto.value > 1.5 * als.value AS beats_als, auto.value > popular.value - 2 * popular.standard_error AS not_below_popular
  FROM recsys.evaluate('au_auto', 'au_test', '{20}') AS auto, recsys.evaluate('au_als', 'au_test', '{20}') AS als,
       recsys.evaluate('au_popular', 'au_test', '{20}') AS popular
 WHERE auto.metric = 'ndcg' AND als.metric = 'ndcg' AND popular.metric = 'ndcg';
-- who says als gets the defaults, and nothing is tried
SELECT algorithm, options ->> 'factors' AS factors, choice IS NULL AS no_choice FROM au_last WHERE model = 'au_als';

-- what is given is kept: in the model, or in one training
SELECT recsys.alter_model('au_crowd', options => '{"factors": 24}');
SELECT version FROM recsys.train('au_crowd');
SELECT array_agg(DISTINCT factors) FILTER (WHERE algorithm = 'als') AS factors, count(DISTINCT regularization) > 1 AS varied FROM au_tried WHERE model = 'au_crowd';
SELECT version FROM recsys.train('au_crowd', '{"regularization": 0.02}');
SELECT factors, regularization, algorithm FROM au_tried WHERE model = 'au_crowd';
SELECT options ->> 'factors' AS factors, options ->> 'regularization' AS regularization FROM au_last WHERE model = 'au_crowd';

-- weights that are given are tried alone; where they leave the dense part alone nothing is weighed
SELECT version FROM recsys.train('au_crowd', '{"weights": {"als": 2, "item": 1, "popularity": 1}}');
SELECT choice -> 'lists' -> 'weights' -> 'chosen' AS chosen, jsonb_array_length(choice -> 'lists' -> 'weights' -> 'tried') AS tried, options -> 'weights' AS used
  FROM au_last WHERE model = 'au_crowd';
SELECT version FROM recsys.train('au_crowd', '{"weights": {"als": 1}}');
SELECT choice -> 'lists' ? 'weights' AS weighed, options -> 'weights' AS used FROM au_last WHERE model = 'au_crowd';

-- given what loses to popular items beyond doubt, popular items are what is served
SELECT version, iterations, loss FROM recsys.train('au_crowd', '{"factors": 64, "regularization": 0.0001}');
SELECT algorithm, choice -> 'lists' -> 'chosen' AS chosen FROM au_last WHERE model = 'au_crowd';
SELECT DISTINCT source FROM recsys.recommend('au_crowd', 7, 5);
SELECT version, refreshed_from, new_items FROM recsys.refresh('au_crowd');
SELECT algorithm, choice IS NULL AS no_choice FROM au_last WHERE model = 'au_crowd';
SELECT version FROM recsys.train('au_crowd');
SELECT version, refreshed_from, new_users FROM recsys.refresh('au_crowd');
SELECT algorithm FROM au_last WHERE model = 'au_crowd';

-- the same choice and the same bytes, for any number of threads and any order of rows
CREATE TABLE au_shuffled AS SELECT * FROM au_crowd ORDER BY hashint8(user_id::int8 * 1000 + item_id);
CREATE INDEX ON au_shuffled (user_id);
CREATE TABLE au_result (run text, choice text, factors text);
DO $$
DECLARE
    tab text;
    threads text;
BEGIN
    FOREACH tab IN ARRAY ARRAY['au_crowd', 'au_shuffled'] LOOP
        PERFORM recsys.create_model('au_same', tab::regclass, feedback => 'implicit');
        FOREACH threads IN ARRAY ARRAY['1', '2', '4'] LOOP
            PERFORM set_config('recsys.training_threads', threads, true);
            PERFORM recsys.train('au_same');
            INSERT INTO au_result
            SELECT tab || ' ' || threads, choice::text,
                   (SELECT md5(string_agg(item_id || factors::text, ',' ORDER BY item_id)) FROM recsys_data.au_same_item_factors AS f WHERE f.version = l.version)
              FROM au_last AS l WHERE model = 'au_same';
        END LOOP;
        PERFORM recsys.drop_model('au_same');
    END LOOP;
END
$$;
SELECT count(*), count(DISTINCT choice) AS choices, count(DISTINCT factors) AS factors FROM au_result;

-- By time the last tenth of all rows is held out.  Users first take what their taste says,
-- and in the end what everybody takes.
CREATE TABLE au_dated AS
SELECT user_id, item_id, '2026-01-01'::timestamptz + (item_id % 9) * interval '1 day' AS at FROM au_tastes WHERE user_id <= 300
UNION ALL
SELECT u, 9000 + i, '2026-02-01'::timestamptz + u * interval '1 second' + i * interval '1 hour' FROM generate_series(1, 300) AS u, generate_series(1, 3) AS i;
CREATE INDEX ON au_dated (user_id);
SELECT recsys.create_model('au_dated', 'au_dated', feedback => 'implicit', time_column => 'at');
SELECT items FROM recsys.train('au_dated');
SELECT choice -> 'held_out' ->> 'by' AS by, (choice -> 'held_out' ->> 'rows')::float8 / (SELECT count(*) FROM au_dated) BETWEEN .08 AND .12 AS a_tenth,
       (choice -> 'held_out' ->> 'users')::int <= 300 AS plausible
  FROM au_last WHERE model = 'au_dated';
-- times that do not divide the rows are as none
UPDATE au_dated SET at = '2026-01-01';
SELECT items FROM recsys.train('au_dated');
SELECT choice -> 'held_out' ->> 'by' AS by FROM au_last WHERE model = 'au_dated';
UPDATE au_dated SET at = NULL;
SELECT items FROM recsys.train('au_dated');
SELECT choice -> 'held_out' ->> 'by' AS by FROM au_last WHERE model = 'au_dated';

-- Ratings: what predicts those that are held out best.  Factors tell the three tastes apart.
CREATE TABLE au_rated AS
SELECT u AS user_id, i AS item_id, 3 + CASE WHEN u % 3 = i % 3 THEN 1 ELSE -1 END + au_draw(u, i, 4) AS rating
  FROM generate_series(1, 200) AS u, generate_series(1, 90) AS i WHERE au_draw(u, i, 5) < .3;
CREATE INDEX ON au_rated (user_id);
SELECT recsys.create_model('au_rated', 'au_rated');
SELECT users, items FROM recsys.train('au_rated');
SELECT algorithm, choice -> 'ratings' ->> 'metric' AS metric,
       (choice -> 'ratings' -> 'chosen' ->> 'reg_scaling')::float8 = (options ->> 'reg_scaling')::float8
       AND (choice -> 'ratings' -> 'chosen' ->> 'regularization')::float8 = (options ->> 'regularization')::float8
       AND (choice -> 'ratings' -> 'chosen' ->> 'bias_regularization')::float8 = (options ->> 'bias_regularization')::float8 AS as_chosen
  FROM au_last WHERE model = 'au_rated';
-- the first is what als is trained with; the best is about the spread of what nobody could know
SELECT (t -> 0 ->> 'factors')::int = 64 AND (t -> 0 ->> 'reg_scaling')::int = 1 AS defaults_first,
       (SELECT min((c ->> 'value')::float8) FROM jsonb_array_elements(t) AS c) BETWEEN .28 AND .45 AS plausible
  FROM au_last, LATERAL (SELECT choice -> 'ratings' -> 'tried') AS l (t) WHERE model = 'au_rated';
-- the part that ranks is chosen by lists, which tell the three tastes apart, too
SELECT choice -> 'lists' ->> 'metric' AS metric, choice -> 'lists' -> 'chosen' = jsonb_build_object('algorithm', 'als', 'factors', preference -> 'factors',
                                                                                  'regularization', preference -> 'regularization') AS as_chosen,
       (SELECT count(*) > 3 AND bool_and((t ->> 'value')::float8 BETWEEN .1 AND 1) FROM jsonb_array_elements(choice -> 'lists' -> 'tried') AS t) AS plausible
  FROM au_last WHERE model = 'au_rated';
SELECT choice -> 'lists' -> 'weights' -> 'chosen' = options -> 'weights' AS as_chosen FROM au_last WHERE model = 'au_rated';
-- where users rated most items, the ratings rank, and nothing else is chosen
CREATE TABLE au_dense AS
SELECT u AS user_id, i AS item_id, 1 + (u * i) % 5 AS rating FROM generate_series(1, 60) AS u, generate_series(1, 20) AS i WHERE au_draw(u, i, 6) < .7;
CREATE INDEX ON au_dense (user_id);
SELECT recsys.create_model('au_dense', 'au_dense');
SELECT users, items FROM recsys.train('au_dense');
SELECT choice ? 'ratings' AS ratings, choice ? 'lists' AS lists, preference FROM au_last WHERE model = 'au_dense';
-- the scale of the ratings changes nothing
CREATE TABLE au_scaled AS SELECT user_id, item_id, rating * 1024 AS rating FROM au_rated ORDER BY item_id, user_id DESC;
CREATE INDEX ON au_scaled (user_id);
SELECT recsys.create_model('au_scaled', 'au_scaled');
SELECT users, items FROM recsys.train('au_scaled');
SELECT a.options -> 'factors' = b.options -> 'factors' AND abs((b.options ->> 'regularization')::float8 / (a.options ->> 'regularization')::float8 / 1024 - 1) < 1e-6
       AND a.options -> 'bias_regularization' = b.options -> 'bias_regularization' AND a.preference = b.preference AS same
  FROM au_last AS a, au_last AS b WHERE a.model = 'au_rated' AND b.model = 'au_scaled';
-- a ridge that is given decides that of biases, too, but says nothing of the part that ranks; factors are those of both
SELECT users FROM recsys.train('au_rated', '{"regularization": 0.1}');
SELECT count(DISTINCT t ->> 'factors') > 1 AS factors, count(DISTINCT t ->> 'regularization') > 1 AS regularization
  FROM au_last, jsonb_array_elements(choice -> 'lists' -> 'tried') AS t WHERE model = 'au_rated';
SELECT array_agg(DISTINCT t - 'factors' - 'value' - 'standard_error' - 'iterations') AS tried, count(*) > 1 AS varied
  FROM au_last, jsonb_array_elements(choice -> 'ratings' -> 'tried') AS t WHERE model = 'au_rated';
SELECT users FROM recsys.train('au_rated', '{"biases": false, "factors": 6}');
SELECT goal, count(DISTINCT t ->> 'regularization') > 1 AS varied, array_agg(DISTINCT t ->> 'factors') AS factors
  FROM au_last, unnest('{lists,ratings}'::text[]) AS goal, jsonb_array_elements(choice -> goal -> 'tried') AS t WHERE model = 'au_rated' GROUP BY 1 ORDER BY 1;

-- Too few users, or too little memory: the defaults, and the choice says why.
CREATE TABLE au_few AS SELECT * FROM au_crowd WHERE user_id <= 40;
CREATE INDEX ON au_few (user_id);
SELECT recsys.create_model('au_few', 'au_few', feedback => 'implicit');
SELECT users FROM recsys.train('au_few');
SELECT algorithm, options ->> 'factors' AS factors, options ->> 'regularization' AS regularization, choice FROM au_last WHERE model = 'au_few';
-- one row a user: none could be held out
DELETE FROM au_few;
INSERT INTO au_few SELECT u, u % 9 FROM generate_series(1, 500) AS u;
SELECT users FROM recsys.train('au_few');
SELECT choice FROM au_last WHERE model = 'au_few';

DO $$ BEGIN PERFORM recsys.drop_model(model) FROM recsys.models WHERE model LIKE 'au\_%'; END $$;
DROP VIEW au_weighed, au_tried, au_last;
DROP TABLE au_tastes, au_crowd, au_train, au_test, au_shuffled, au_result, au_dated, au_rated, au_dense, au_scaled, au_few;
DROP FUNCTION au_draw(int, int, int);
