-- The algorithm auto ranks by a weighted sum of parts: a dense one, item to item, popularity.
\pset null <null>
SET client_min_messages = warning;

-- Users of six tastes, with repeated rows, dislikes, rows that say nothing, and one who dislikes everything.
CREATE TABLE bl_events (user_id int, item_id int, weight real);
INSERT INTO bl_events
SELECT u, i, 1 + h % 3 FROM (SELECT u, i, abs(hashint4(u * 1000 + i)) AS h FROM generate_series(1, 200) AS u, generate_series(1, 150) AS i) AS x
 WHERE h % CASE WHEN i % 6 = u % 6 THEN 4 WHEN i <= 12 THEN 5 ELSE 40 END = 0;
INSERT INTO bl_events SELECT user_id, item_id, 2 FROM bl_events WHERE user_id % 7 = 1 AND item_id % 4 = 0;
INSERT INTO bl_events SELECT u, u % 50 + 1, -4 FROM generate_series(1, 200, 9) AS u UNION ALL SELECT u, u % 40 + 3, 0 FROM generate_series(1, 200, 11) AS u;
INSERT INTO bl_events SELECT 300, i, -1 FROM generate_series(1, 9) AS i;
CREATE INDEX ON bl_events (user_id);
CREATE VIEW bl_stars AS SELECT user_id, item_id, least(5, greatest(1, 2 + weight)) AS rating FROM bl_events WHERE weight <> 0;
CREATE TABLE bl_words AS SELECT user_id::text AS user_id, CASE item_id % 3 WHEN 0 THEN 'b' WHEN 1 THEN 'B ' ELSE 'a-' END || item_id AS item_id, weight FROM bl_events;
CREATE INDEX ON bl_words (user_id);

-- Weights of parts, and what is no such thing.
SELECT name, type, default_implicit, range, algorithms, meaning FROM recsys.options() WHERE name = 'weights';
\set VERBOSITY default
CREATE FUNCTION bl_refused(weights text, algorithm text DEFAULT 'auto') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    h text;
BEGIN
    PERFORM recsys.create_model('bl_no', 'bl_events', rating_column => 'weight', feedback => 'implicit', algorithm => algorithm, options => format('{"weights": %s}', weights)::jsonb);
    RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS h = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(h, ''));
END $$;
SELECT w, bl_refused(w) FROM unnest('{"0.5", "[1, 2]", "null", "{\"content\": 1}", "{\"als\": -0.1}", "{\"item\": \"much\"}", "{\"item\": null}", "{\"item\": 1e300}", "{\"als\": {}}", "{}",
    "{\"als\": 0, \"item\": 0}"}'::text[]) AS w;
SELECT a, bl_refused('{"als": 1}', a) FROM unnest('{als, popular}'::text[]) AS a;

SELECT recsys.create_model(m.name, m.source::regclass, rating_column => m.rating, feedback => m.feedback, options => m.options::jsonb)
  FROM (VALUES ('bl', 'bl_events', 'weight', 'implicit', '{"factors": 5, "iterations": 4, "regularization": 0.01, "weights": {"als": 0.8, "item": 0.2}}'),
               ('bl_three', 'bl_events', 'weight', 'implicit', '{"factors": 5, "iterations": 4, "regularization": 0.01, "weights": {"als": 0.5, "item": 0.3, "popularity": 0.2}}'),
               ('bl_item', 'bl_events', 'weight', 'implicit', '{"factors": 5, "iterations": 4, "regularization": 0.01, "weights": {"item": 1}}'),
               ('bl_often', 'bl_events', 'weight', 'implicit', '{"factors": 5, "iterations": 4, "regularization": 0.01, "weights": {"als": 1, "popularity": 3}}'),
               ('bl_stars', 'bl_stars', 'rating', 'explicit', '{"factors": 5, "iterations": 4, "regularization": 0.01, "weights": {"als": 0.8, "item": 0.2}}'),
               ('bl_words', 'bl_words', 'weight', 'implicit', '{"factors": 5, "iterations": 4, "regularization": 0.01, "weights": {"als": 0.5, "item": 0.3, "popularity": 0.2}}')) AS m (name, source, rating, feedback, options);
SELECT recsys.create_model('bl_als', 'bl_events', rating_column => 'weight', feedback => 'implicit', algorithm => 'als', options => '{"factors": 5, "iterations": 4, "regularization": 0.01}');
CREATE VIEW bl_models AS SELECT unnest('{bl,bl_three,bl_item,bl_often,bl_stars}'::text[]) AS m;
SELECT m, t.version, t.users, t.items FROM (SELECT m FROM bl_models UNION ALL VALUES ('bl_words'), ('bl_als')) AS m, recsys.train(m) AS t ORDER BY 1;
SELECT model, options -> 'weights' AS weights, preference -> 'weights' AS of_preference FROM recsys.model_versions WHERE model LIKE 'bl%' ORDER BY 1;
-- the dense part is what als trains
SELECT count(*), bool_and(a.factors::text = b.factors::text AND a.users = b.users) AS same FROM recsys_data.bl_item_factors AS a JOIN recsys_data.bl_als_item_factors AS b USING (item_id);

-- What is stored: parts that count only, neighbours in ascending order, each an item of the version, none of itself.
CREATE VIEW bl_items AS
SELECT 'bl' AS m, version, item_id, factors AS y, users, neighbours, neighbour_weights, popularity FROM recsys_data.bl_item_factors
UNION ALL SELECT 'bl_three', version, item_id, factors, users, neighbours, neighbour_weights, popularity FROM recsys_data.bl_three_item_factors
UNION ALL SELECT 'bl_item', version, item_id, factors, users, neighbours, neighbour_weights, popularity FROM recsys_data.bl_item_item_factors
UNION ALL SELECT 'bl_often', version, item_id, factors, users, neighbours, neighbour_weights, popularity FROM recsys_data.bl_often_item_factors
UNION ALL SELECT 'bl_stars', version, item_id, preference, users, neighbours, neighbour_weights, popularity FROM recsys_data.bl_stars_item_factors;
CREATE VIEW bl_users AS
SELECT 'bl' AS m, version, user_id, factors AS x FROM recsys_data.bl_user_factors
UNION ALL SELECT 'bl_three', version, user_id, factors FROM recsys_data.bl_three_user_factors
UNION ALL SELECT 'bl_item', version, user_id, factors FROM recsys_data.bl_item_user_factors
UNION ALL SELECT 'bl_often', version, user_id, factors FROM recsys_data.bl_often_user_factors
UNION ALL SELECT 'bl_stars', version, user_id, preference FROM recsys_data.bl_stars_user_factors;
SELECT m, count(*), count(neighbours) AS rows, count(neighbour_weights) AS weights, count(popularity) AS popular, bool_and(popularity = users) AS is_users,
       bool_and(cardinality(neighbours) = cardinality(neighbour_weights)) AS same_length FROM bl_items GROUP BY 1 ORDER BY 1;
SELECT m, count(*) > 1000 AS many, bool_and(n = ANY (SELECT i.item_id FROM bl_items AS i WHERE i.m = b.m)) AS items, bool_and(n <> item_id) AS others, bool_and(n > before) AS ascending
  FROM (SELECT m, item_id, n, lag(n) OVER (PARTITION BY m, item_id ORDER BY at) AS before FROM bl_items, unnest(neighbours) WITH ORDINALITY AS u (n, at)) AS b GROUP BY 1 ORDER BY 1;

-- The keys by their definition, in double precision. Likes are pairs with a positive sum of weights; each rated item is one.
CREATE VIEW bl_likes AS
SELECT m, user_id, item_id FROM (SELECT user_id, item_id FROM bl_events GROUP BY 1, 2 HAVING sum(weight) > 0) AS e, bl_models WHERE m <> 'bl_stars'
UNION ALL SELECT DISTINCT 'bl_stars', user_id, item_id FROM bl_stars;
CREATE TABLE bl_keys AS
WITH weights AS (SELECT model AS m, version, (options -> 'weights' ->> 'als')::float8 AS d, (options -> 'weights' ->> 'item')::float8 AS s, (options -> 'weights' ->> 'popularity')::float8 AS p
                   FROM recsys.model_versions WHERE version = 1),
terms AS (SELECT u.m, u.user_id, i.item_id, - (u.x OPERATOR(recsys.<#>) i.y) AS dense, i.popularity,
                 (SELECT coalesce(sum(w), 0)::float8 FROM bl_likes AS l JOIN bl_items AS j USING (m, item_id), unnest(j.neighbours, j.neighbour_weights) AS n (n, w)
                   WHERE l.m = u.m AND l.user_id = u.user_id AND n = i.item_id) AS sparse
            FROM bl_users AS u JOIN bl_items AS i USING (m, version) WHERE u.user_id % 40 = 1)
SELECT m, user_id, item_id, d * dense / stddev_pop(dense) OVER w + coalesce(s * sparse / nullif(stddev_pop(sparse) OVER w, 0), 0)
                            + coalesce(p * popularity / nullif(stddev_pop(popularity) OVER w, 0), 0) AS key
  FROM terms JOIN weights USING (m) WINDOW w AS (PARTITION BY m, user_id);
SELECT m, count(*), max(abs(key - recsys.preference(m, user_id, item_id))) < 1e-5 AS near, count(DISTINCT user_id) AS users FROM bl_keys GROUP BY 1 ORDER BY 1;

-- Lists are ranked by preference(), to the last bit; scores are those of predict().
SELECT m, count(*), bool_and(r.preference = recsys.preference(m, u, r.item_id)) AS same_preference, bool_and(r.score = recsys.predict(m, u, r.item_id)) AS same_score,
       bool_and(ordered) AS ordered, min(r.source) AS source
  FROM bl_models, generate_series(1, 200, 13) AS u,
       LATERAL (SELECT *, row(- preference, item_id) > lag(row(- preference, item_id)) OVER (ORDER BY rank) IS NOT FALSE AS ordered FROM recsys.recommend(m, u, 1000)) AS r GROUP BY 1 ORDER BY 1;
-- the whole list is all items but those that were seen
SELECT m, bool_and(l = n) AS complete FROM bl_models, generate_series(1, 200, 13) AS u,
       LATERAL (SELECT array_agg(item_id ORDER BY item_id) AS l FROM recsys.recommend(m, u, 1000)) AS l,
       LATERAL (SELECT array_agg(item_id::bigint ORDER BY item_id) AS n FROM bl_items AS i WHERE i.m = bl_models.m
                  AND NOT EXISTS (SELECT FROM bl_events AS e WHERE e.user_id = u AND e.item_id = i.item_id)) AS n WHERE m <> 'bl_stars' GROUP BY 1 ORDER BY 1;
-- short lists are beginnings of long ones, with candidates and exclusions, too
CREATE FUNCTION bl_list(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    list text;
BEGIN
    EXECUTE format('SELECT string_agg(concat_ws('':'', item_id, preference, score, source), '' '' ORDER BY rank) FROM recsys.%s', call) INTO list;
    RETURN list;
END $$;
SELECT m, what, bool_and(CASE WHEN what = 'fewer' THEN starts_with(long, short) ELSE long = short END) AS same
  FROM bl_models, generate_series(1, 200, 13) AS u,
       LATERAL (VALUES ('fewer', format('recommend(%L, %s, 200)', m, u), format('recommend(%L, %s, 7)', m, u)),
                       ('candidates', format('recommend(%L, %s, 200, exclude_seen => false) WHERE item_id %% 3 = 1', m, u),
                                      format('recommend(%L, %s, 200, exclude_seen => false, candidates => ARRAY(SELECT generate_series(1, 400, 3)))', m, u)),
                       ('exclude', format('recommend(%L, %s, 200) WHERE item_id > 20', m, u), format('recommend(%L, %s, 200, exclude => ARRAY(SELECT generate_series(1, 20)))', m, u))) AS c (what, a, b),
       LATERAL (SELECT bl_list(a) AS long, bl_list(b) AS short) AS l
 GROUP BY 1, 2 ORDER BY 1, 2;
-- a stored vector with the rows of now is what is folded in
SELECT m, bool_and(a = b) AS same FROM bl_models, generate_series(1, 200, 13) AS u,
       LATERAL (SELECT array_agg((item_id, preference, score) ORDER BY rank) AS a FROM recsys.recommend(m, u, 200)) AS a,
       LATERAL (SELECT array_agg((item_id, preference, score) ORDER BY rank) AS b FROM recsys.recommend(m, u, 200, fresh => false)) AS b GROUP BY 1 ORDER BY 1;
-- pages: the whole list, in three parts
SELECT m, bool_and(a = p) AS same FROM bl_models, generate_series(1, 200, 13) AS u,
       LATERAL (SELECT array_agg((item_id, preference) ORDER BY rank) AS a FROM recsys.recommend(m, u, 60)) AS a,
       LATERAL (SELECT max(next) AS n1 FROM recsys.recommend(m, u, 20, after => '') WHERE rank = 20) AS n1,
       LATERAL (SELECT max(next) AS n2 FROM recsys.recommend(m, u, 20, after => n1) WHERE rank = 40) AS n2,
       LATERAL (SELECT array_agg((item_id, preference) ORDER BY rank) AS p FROM (SELECT * FROM recsys.recommend(m, u, 20, after => '') UNION ALL SELECT * FROM recsys.recommend(m, u, 20, after => n1)
                UNION ALL SELECT * FROM recsys.recommend(m, u, 20, after => n2)) AS r) AS p GROUP BY 1 ORDER BY 1;
-- a basket is the user whose rows it is
SELECT m, bool_and(a = b) AS same FROM bl_models, generate_series(2, 200, 13) AS u,
       LATERAL (SELECT array_agg(item_id::bigint) AS items, array_agg(w) AS weights
                  FROM (SELECT item_id, weight AS w FROM bl_events WHERE user_id = u AND m <> 'bl_stars' UNION ALL SELECT item_id, rating FROM bl_stars WHERE user_id = u AND m = 'bl_stars') AS e) AS e,
       LATERAL (SELECT array_agg((item_id, preference, score, source) ORDER BY rank) AS a FROM recsys.recommend(m, u, 200)) AS a,
       LATERAL (SELECT array_agg((item_id, preference, score, source) ORDER BY rank) AS b FROM recsys.recommend_for_items(m, items, weights::real[], 200)) AS b GROUP BY 1 ORDER BY 1;

-- All users at once: the same lists.
SELECT m, count(*) > 1500 AS many, count(*) FILTER (WHERE a IS DISTINCT FROM b) AS differ FROM bl_models,
       LATERAL (SELECT a, b FROM (SELECT user_id::int, rank, item_id, preference, score, source FROM recsys.recommend_all(m, 9)) AS a
                  FULL JOIN (SELECT u AS user_id, r.rank, r.item_id, r.preference, r.score, r.source FROM (SELECT DISTINCT user_id AS u FROM bl_events) AS u, recsys.recommend(m, u, 9) AS r) AS b USING (user_id, rank)) AS r
 GROUP BY 1 ORDER BY 1;
SELECT m, count(*), bool_and(r.preference = recsys.preference(m, r.user_id::int, 5)) AS same_preference, bool_and(r.score = recsys.predict(m, r.user_id::int, 5)) AS same_score
  FROM bl_models, recsys.recommend_users(m, 5, 20) AS r GROUP BY 1 ORDER BY 1;

-- Whom nothing tells apart: who dislikes everything, and who has no rows.
SELECT m, u, count(*), min(source) AS source FROM bl_models, unnest('{300,999}'::int[]) AS u, recsys.recommend(m, u, 5) GROUP BY 1, 2 ORDER BY 1, 2;
-- likeness and explanations are of the dense part
SELECT bool_and(a = b) AS same FROM generate_series(1, 150, 11) AS i, LATERAL (SELECT array_agg(s.*::text ORDER BY s.rank) AS a FROM recsys.similar_items('bl', i, 9) AS s) AS x,
       LATERAL (SELECT array_agg(s.*::text ORDER BY s.rank) AS b FROM recsys.similar_items('bl_als', i, 9) AS s) AS y;
SELECT abs(sum(contribution) - recsys.predict('bl', 1, 5)) < 1e-5 AS is_score FROM recsys.explain('bl', 1, 5, 3);

-- A refresh takes the rows of known items over; a new one speaks for none.
INSERT INTO bl_events SELECT u, 500 + u % 2, 1 FROM generate_series(1, 60) AS u;
SELECT m, r.new_items FROM bl_models, recsys.refresh(m) AS r ORDER BY 1;
SELECT a.m, count(*), bool_and(a.neighbours IS NOT DISTINCT FROM b.neighbours AND a.neighbour_weights IS NOT DISTINCT FROM b.neighbour_weights) AS same
  FROM bl_items AS a JOIN bl_items AS b USING (m, item_id) WHERE a.version = 1 AND b.version = 2 GROUP BY 1 ORDER BY 1;
SELECT m, item_id, neighbours, neighbour_weights, popularity FROM bl_items WHERE version = 2 AND item_id >= 500 ORDER BY 1, 2;
SELECT m, count(*), bool_and(r.preference = recsys.preference(m, u, r.item_id)) AS same FROM bl_models, generate_series(1, 60, 13) AS u, recsys.recommend(m, u, 1000) AS r GROUP BY 1 ORDER BY 1;
-- an item without rows any more is nobody's neighbour
DELETE FROM bl_events WHERE item_id = 2;
SELECT r.items FROM recsys.refresh('bl') AS r;
SELECT count(*), count(*) FILTER (WHERE 2 = ANY (neighbours)) AS of_it FROM bl_items WHERE m = 'bl' AND version = 3;
SELECT count(*) FROM recsys.recommend('bl', 1, 1000);

-- The weights of one training go before the model's; one part alone ranks by its score.
SELECT version FROM recsys.train('bl', options => '{"weights": {"als": 2}}');
SELECT options -> 'weights' AS weights FROM recsys.model_versions WHERE model = 'bl' AND version = 4;
SELECT count(*), bool_and(preference = score) AS score_ranks FROM recsys.recommend('bl', 1, 20);
SELECT recsys.alter_model('bl', options => '{"weights": {"als": 1, "item": 1}}');
SELECT recsys.alter_model('bl', algorithm => 'als');
SELECT recsys.alter_model('bl', algorithm => 'als', options => '{"weights": null}');
SELECT recsys.train('bl', options => '{"weights": {"als": 1, "item": 1}}');

-- Rows that training does not write are refused.
CREATE FUNCTION bl_damaged(change text, kept text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    h text;
BEGIN
    PERFORM recsys.train('bl_three');
    PERFORM set_config('recsys.local_cache_size', kept, true);
    EXECUTE 'UPDATE recsys_data.bl_three_item_factors SET ' || change || ' WHERE item_id = 5';
    PERFORM * FROM recsys.recommend('bl_three', 3, 5);
    RAISE EXCEPTION 'answered';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS h = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(h, ''));
END $$;
INSERT INTO bl_events VALUES (3, 5, 1);
SELECT c, k, bl_damaged(c, k) FROM unnest('{neighbours = NULL, neighbour_weights = NULL, "neighbours = neighbours[2:]", "neighbours[1] = NULL", "neighbour_weights[1] = ''NaN''", "neighbour_weights[2] = ''-inf''",
    "neighbours[1] = neighbours[2]", "neighbours[2] = 0", "neighbours[cardinality(neighbours)] = 9999", "neighbours = ARRAY[neighbours]", popularity = NULL, popularity = ''inf''}'::text[]) AS c,
       unnest('{64MB,0}'::text[]) AS k
 -- which items the version has is known with an image only, and whether that is shared is a matter of the server
 WHERE k <> '0' OR c NOT LIKE '%9999' ORDER BY c COLLATE "C", k;
-- the neighbours of one user's items have a limit where items cannot be kept
BEGIN;
SELECT version FROM recsys.train('bl_item');
SET LOCAL recsys.local_cache_size = 0;
SELECT count(*) FROM recsys.recommend_for_items('bl_item', ARRAY(SELECT generate_series(1, 150)), k => 5, exclude_given => false);
SET LOCAL recsys.serving_memory = '64kB';
SELECT count(*) FROM recsys.recommend_for_items('bl_item', ARRAY(SELECT generate_series(1, 150)), k => 5, exclude_given => false);
ROLLBACK;
-- a table that is not as it was made
BEGIN;
ALTER TABLE recsys_data.bl_words_item_factors ALTER popularity TYPE float8;
SELECT count(*) FROM recsys.recommend_text('bl_words', '1'::text, 5);
ROLLBACK;

-- Other ids: the lists are the same but for the order of equal ones.
SELECT count(*), bool_and(r.preference = recsys.preference_text('bl_words', '7'::text, r.item_id)) AS same FROM recsys.recommend_text('bl_words', '7'::text, 1000) AS r;
SELECT count(*) FROM bl_words AS w JOIN recsys_data.bl_words_item_factors AS i USING (item_id) WHERE user_id = '7' AND cardinality(neighbours) > 0;

CREATE TABLE bl_ids AS SELECT user_id, md5(item_id::text)::uuid AS item_id, weight FROM bl_events;
CREATE INDEX ON bl_ids (user_id);
SELECT recsys.create_model('bl_ids', 'bl_ids', rating_column => 'weight', feedback => 'implicit', options => '{"factors": 5, "iterations": 4, "regularization": 0.01}');
SELECT version FROM recsys.train('bl_ids');
SELECT count(*), bool_and(r.preference = recsys.preference_uuid('bl_ids', 7, r.item_id)) AS same FROM recsys.recommend_uuid('bl_ids', 7, 1000) AS r;
SELECT model, kept, bytes = needed AS as_needed FROM recsys.cache_status WHERE model = 'bl_ids';

DROP VIEW bl_items, bl_users, bl_likes CASCADE;
SELECT recsys.drop_model(m) FROM (SELECT m FROM bl_models UNION ALL VALUES ('bl_words'), ('bl_als'), ('bl_ids')) AS m;
DROP VIEW bl_models, bl_stars;
DROP TABLE bl_events, bl_words, bl_keys, bl_ids;
DROP FUNCTION bl_refused, bl_list, bl_damaged;
