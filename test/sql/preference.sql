-- The algorithm auto over ratings: one part predicts them, another one ranks items.
\pset null <null>
SET client_min_messages = warning;

-- Items that everybody likes, tastes of odd and even users, and forty items that two passers-by gave five stars.
CREATE TABLE pr_stars (user_id int, item_id int, rating real, at int);
INSERT INTO pr_stars
SELECT u, i, least(5, greatest(1, 3 + CASE WHEN i <= 10 THEN 1 ELSE 0 END + CASE WHEN (u + i) % 2 = 0 THEN 1 ELSE -1 END
                                 + (u * 7 + i * i * 3) % 3 - 1)), u * 200 + i
  FROM generate_series(1, 300) AS u, generate_series(1, 120) AS i WHERE abs(hashint4(u * 1000 + i)) % 100 < CASE WHEN i <= 10 THEN 50 ELSE 10 END;
INSERT INTO pr_stars SELECT 1000 + n, 900 + n % 40, 5, n FROM generate_series(1, 80) AS n;
-- rated twice: the later rating counts; of equally late ones the mean does
INSERT INTO pr_stars SELECT user_id, item_id, 6 - rating, at + 1 FROM pr_stars WHERE user_id % 20 = 1 AND item_id % 5 = 0;
INSERT INTO pr_stars SELECT user_id, item_id, 1, at FROM pr_stars WHERE user_id % 20 = 2 AND item_id % 5 = 0;
CREATE INDEX ON pr_stars (user_id);

SELECT recsys.create_model('pr', 'pr_stars', time_column => 'at', options => '{"factors": 7, "iterations": 4, "regularization": 0.1, "weights": {"als": 1}}');
SELECT recsys.create_model('pr_als', 'pr_stars', time_column => 'at', algorithm => 'als', options => '{"factors": 7, "iterations": 4, "regularization": 0.1}');
SELECT m, t.version, t.users, t.items, t.ratings, t.iterations FROM unnest('{pr,pr_als}'::text[]) AS m, recsys.train(m) AS t;

-- Nobody is shown what two passers-by liked; the predicted rating alone would show it to everybody.
SELECT m, count(*), count(*) FILTER (WHERE r.item_id >= 900) AS of_passers_by
  FROM unnest('{pr,pr_als}'::text[]) AS m, generate_series(1, 100) AS u, recsys.recommend(m, u, 5) AS r GROUP BY 1 ORDER BY 1;

-- The part that predicts is what als trains.
SELECT count(*), bool_and(a.factors::text = b.factors::text AND a.users = b.users AND a.preference IS NOT NULL AND b.preference IS NULL) AS same
  FROM recsys_data.pr_item_factors AS a JOIN recsys_data.pr_als_item_factors AS b USING (item_id);
SELECT count(*), bool_and(a.factors::text = b.factors::text AND a.bias = b.bias AND a.preference IS NOT NULL AND b.preference IS NULL) AS same
  FROM recsys_data.pr_user_factors AS a JOIN recsys_data.pr_als_user_factors AS b USING (user_id);
SELECT bool_and(recsys.predict('pr', u, i) = recsys.predict('pr_als', u, i)) AS same FROM generate_series(1, 300, 17) AS u, generate_series(1, 120, 7) AS i;
SELECT a.options - 'weights' = b.options AS same_options, a.mean = b.mean AND a.loss = b.loss AS same, a.preference ? 'alpha' AS has_preference, b.preference
  FROM recsys.model_versions AS a, recsys.model_versions AS b WHERE a.model = 'pr' AND b.model = 'pr_als';

-- The part that ranks is what als trains on weights made of the ratings, each pair once.
CREATE VIEW pr_weights AS
SELECT user_id, item_id, greatest(0.1, 1 + (rating - v.mean) / (2 * v.deviation))::real AS weight
  FROM (SELECT user_id, item_id, avg(rating)::real::float8 AS rating
          FROM (SELECT *, rank() OVER (PARTITION BY user_id, item_id ORDER BY at DESC) AS age FROM pr_stars) AS s WHERE age = 1 GROUP BY 1, 2) AS c,
       (SELECT mean, deviation FROM recsys.model_version WHERE model = 'pr' AND version = 1) AS v;
SELECT recsys.create_model('pr_w', 'pr_weights', rating_column => 'weight', feedback => 'implicit', algorithm => 'als',
                           options => (SELECT jsonb_build_object('factors', 7, 'iterations', 4, 'regularization', preference -> 'regularization')
                                         FROM recsys.model_versions WHERE model = 'pr'));
SELECT version, users, items, ratings FROM recsys.train('pr_w');
CREATE VIEW pr_parts AS
SELECT 'items' AS side, a.version, count(*), bool_and(a.preference::text = b.factors::text) AS same
  FROM recsys_data.pr_item_factors AS a JOIN recsys_data.pr_w_item_factors AS b USING (version, item_id) GROUP BY 2
UNION ALL SELECT 'users', a.version, count(*), bool_and(a.preference::text = b.factors::text)
  FROM recsys_data.pr_user_factors AS a JOIN recsys_data.pr_w_user_factors AS b USING (version, user_id) GROUP BY 2 ORDER BY 1, 2;
SELECT * FROM pr_parts;
SELECT a.preference = b.options AS same_options FROM recsys.model_versions AS a, recsys.model_versions AS b WHERE a.model = 'pr' AND b.model = 'pr_w';

-- Every list is ranked as its lists are, and has the predicted ratings.
CREATE FUNCTION pr_lists(m text, call text) RETURNS TABLE (u int, list text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT u, (SELECT string_agg(r.rank || '':'' || r.item_id || '':'' || r.preference, '' '' ORDER BY r.rank) FROM recsys.%s AS r)
                                   FROM generate_series(1, 300, 7) AS u', replace(call, '$m', quote_literal(m)));
END $$;
SELECT call, count(a.list), bool_and(a.list IS NOT DISTINCT FROM b.list) AS same
  FROM unnest('{"recommend($m, u, 20)", "recommend($m, u, 20, exclude_seen => false)", "recommend($m, u, 20, fresh => false)", "recommend($m, u, 200, candidates => ''{1,2,3,4,5,900}'')"}'::text[]) AS call,
       pr_lists('pr', call) AS a JOIN pr_lists('pr_w', call) AS b USING (u) GROUP BY call ORDER BY call COLLATE "C";
SELECT count(*), bool_and(r.preference = recsys.preference('pr', u, r.item_id)) AS same_preference, bool_and(r.score = recsys.predict('pr', u, r.item_id)) AS same_score,
       bool_and(r.source = 'folded') AS folded FROM generate_series(1, 300, 7) AS u, recsys.recommend('pr', u, 20) AS r;
SELECT count(*), bool_and(recsys.preference('pr', u, i) = recsys.predict('pr_w', u, i)) AS same FROM generate_series(1, 300, 17) AS u, generate_series(1, 120, 7) AS i;
SELECT count(*), count(*) FILTER (WHERE a IS DISTINCT FROM b) AS differ
  FROM (SELECT user_id::int, rank, item_id, preference, score, source FROM recsys.recommend_all('pr', 9)) AS a
  FULL JOIN (SELECT u AS user_id, r.rank, r.item_id, r.preference, r.score, r.source
               FROM (SELECT DISTINCT user_id AS u FROM pr_stars) AS u, recsys.recommend('pr', u, 9) AS r) AS b USING (user_id, rank);

-- a stored user is the folded one, in both parts
SELECT count(*), bool_and(a IS NOT DISTINCT FROM b) AS same
  FROM generate_series(1, 300, 7) AS u, LATERAL (SELECT array_agg((r.item_id, r.preference, r.score) ORDER BY r.rank) AS a FROM recsys.recommend('pr', u, 30) AS r) AS f,
       LATERAL (SELECT array_agg((r.item_id, r.preference, r.score) ORDER BY r.rank) AS b FROM recsys.recommend('pr', u, 30, fresh => false) AS r) AS s;

-- pages: the whole list, in two halves
SELECT array_agg(r.item_id ORDER BY r.rank) = (SELECT array_agg(a.item_id ORDER BY a.rank) FROM recsys.recommend('pr', 1, 10) AS a) AS same
  FROM (SELECT * FROM recsys.recommend('pr', 1, 5, after => '')
        UNION ALL SELECT * FROM recsys.recommend('pr', 1, 5, after => (SELECT next FROM recsys.recommend('pr', 1, 5, after => '') WHERE rank = 5))) AS r;

-- likeness is that of what people choose
SELECT bool_and(a = b) AS same FROM generate_series(1, 120, 11) AS i, LATERAL (SELECT array_agg(s.*::text ORDER BY s.rank) AS a FROM recsys.similar_items('pr', i, 9) AS s) AS x,
       LATERAL (SELECT array_agg(s.*::text ORDER BY s.rank) AS b FROM recsys.similar_items('pr_w', i, 9) AS s) AS y;
SELECT bool_and(a = b) AS same FROM generate_series(1, 300, 110) AS u, LATERAL (SELECT array_agg(s.*::text ORDER BY s.rank) AS a FROM recsys.similar_users('pr', u, 9) AS s) AS x,
       LATERAL (SELECT array_agg(s.*::text ORDER BY s.rank) AS b FROM recsys.similar_users('pr_w', u, 9) AS s) AS y;

-- who prefers an item: by the part that ranks, with the rating they would give
SELECT count(*), bool_and(r.preference = recsys.preference('pr', r.user_id, 5)) AS same_preference, bool_and(r.score = recsys.predict('pr', r.user_id, 5)) AS same_score,
       array_agg(r.user_id ORDER BY r.rank) = (SELECT array_agg(w.user_id ORDER BY w.rank) FROM recsys.recommend_users('pr_w', 5, 20) AS w) AS same_users
  FROM recsys.recommend_users('pr', 5, 20) AS r;

-- a basket: its ratings fold in to both parts
SELECT count(*), bool_and(f.item_id = r.item_id AND f.preference = r.preference AND f.score = r.score) AS same
  FROM recsys.recommend('pr', 1001, 9) AS r JOIN recsys.recommend_for_items('pr', '{901}', '{5}', 9) AS f USING (rank);

-- explain takes the score to pieces, not what ranks
SELECT abs(sum(e.contribution) - recsys.predict('pr', 1, 5)) < 1e-5 AS is_score FROM recsys.explain('pr', 1, 5, 3) AS e;

-- vectors are those of the column factors
SELECT recsys.user_vector('pr', 1)::text = (SELECT factors::text FROM recsys_data.pr_user_factors WHERE user_id = 1) AS user_vector,
       recsys.item_vector('pr', 5)::text = (SELECT factors::text FROM recsys_data.pr_item_factors WHERE item_id = 5) AS item_vector;

-- A refresh takes new items into both parts; what is known keeps its vectors.
INSERT INTO pr_stars SELECT u, 200 + u % 3, 2 + u % 4, 100000 + u FROM generate_series(200, 320) AS u;
SELECT m, r.version, r.users, r.items, r.new_users, r.new_items FROM unnest('{pr,pr_w}'::text[]) AS m, recsys.refresh(m) AS r;
SELECT * FROM pr_parts;
SELECT count(*), bool_and(a.factors::text = b.factors::text AND a.preference::text = b.preference::text) AS same
  FROM recsys_data.pr_item_factors AS a JOIN recsys_data.pr_item_factors AS b USING (item_id) WHERE a.version = 1 AND b.version = 2;
SELECT a.preference = b.preference AS same_options, a.deviation = b.deviation AND a.mean = b.mean AS same
  FROM recsys.model_version AS a, recsys.model_version AS b WHERE a.model = 'pr' AND a.version = 1 AND b.model = 'pr' AND b.version = 2;
SELECT count(*), bool_and(r.preference = recsys.preference('pr', 320, r.item_id, fresh => false)) AS same FROM recsys.recommend('pr', 320, 20) AS r;

-- a user without usable rows gets what is popular
SELECT source, count(*), bool_and(score IS NULL) AS no_score FROM recsys.recommend('pr', 77777, 5) GROUP BY 1;
-- where all ratings are equal the pairs still tell users apart
CREATE VIEW pr_equal AS SELECT user_id, item_id, 5 AS rating FROM pr_stars WHERE item_id <= 120;
SELECT recsys.create_model('pr_equal', 'pr_equal', options => '{"factors": 7}');
SELECT users, items FROM recsys.train('pr_equal');
SELECT deviation, mean FROM recsys.model_version WHERE model = 'pr_equal';
SELECT source, count(DISTINCT item_id) > 10 AS personal FROM generate_series(1, 300, 7) AS u, recsys.recommend('pr_equal', u, 3) GROUP BY 1;

-- implicit feedback has one part
SELECT recsys.alter_model('pr_w', algorithm => 'auto');
SELECT version FROM recsys.train('pr_w');
SELECT version, algorithm, preference FROM recsys.model_versions WHERE model = 'pr_w' ORDER BY 1;

-- Factor tables of before 0.2.0 lack the column; alter_model() adds it, and their versions keep serving.
SET client_min_messages = error;
SELECT recsys.create_model('pr_old', 'pr_stars', algorithm => 'als', options => '{"factors": 2, "iterations": 1}');
DROP TABLE recsys_data.pr_old_user_factors, recsys_data.pr_old_item_factors;
CREATE TABLE recsys_data.pr_old_user_factors (version int NOT NULL, user_id int NOT NULL, factors recsys.recvec NOT NULL, bias real NOT NULL, PRIMARY KEY (version, user_id));
CREATE TABLE recsys_data.pr_old_item_factors (version int NOT NULL, item_id int NOT NULL, factors recsys.recvec, users int NOT NULL, PRIMARY KEY (version, item_id));
SELECT version FROM recsys.train('pr_old');
SELECT count(*) FROM recsys.recommend('pr_old', 1, 5);
UPDATE recsys.model SET algorithm = 'auto' WHERE name = 'pr_old';
SELECT * FROM recsys.train('pr_old');
SELECT recsys.alter_model('pr_old', algorithm => 'auto');
SELECT version FROM recsys.train('pr_old');
SELECT version, count(*), count(preference) FROM recsys_data.pr_old_item_factors GROUP BY 1 ORDER BY 1;
SELECT v, count(*), bool_and(r.preference = r.score) AS one_part FROM generate_series(1, 2) AS v, recsys.recommend('pr_old', 1, 5, version => v) AS r GROUP BY 1 ORDER BY 1;

-- a vector that is not there, or of other dimensions, is an error
BEGIN;
UPDATE recsys_data.pr_item_factors SET preference = NULL WHERE item_id = 5;
SELECT recsys.item_vector('pr', 5);
ROLLBACK;
BEGIN;
UPDATE recsys_data.pr_user_factors SET preference = '[1,2]' WHERE user_id = 1;
SELECT * FROM recsys.recommend('pr', 1, fresh => false);
ROLLBACK;

DROP VIEW pr_parts;
SELECT recsys.drop_model(m) FROM unnest('{pr,pr_als,pr_w,pr_equal,pr_old}'::text[]) AS m;
DROP VIEW pr_weights, pr_equal;
DROP TABLE pr_stars;
DROP FUNCTION pr_lists;
