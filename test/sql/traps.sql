-- Traps that others' recommenders are known to have fallen into, one test each.
-- Not here: offsets committed before processing (t/119_kafka_chaos.pl kills workers in
-- between), samples that sort worst first (t/090_readme.pl runs the manual's examples).
\pset null <null>
SET client_min_messages = warning;
CREATE SCHEMA tr;
CREATE TABLE tr.likes (user_id int, item_id int, rating real);
INSERT INTO tr.likes SELECT u, i, CASE WHEN u % 2 = i % 2 THEN 5 ELSE 1 END + (u * i % 3) / 2.0
  FROM generate_series(1, 20) AS u, generate_series(1, 12) AS i WHERE (u + i) % 5 > 0;
CREATE INDEX likes_user ON tr.likes (user_id);

-- ---- trap: INSERT trains, or updates a counter that all wait for ---------------------

-- records of WAL that an INSERT writes, without a model and with one
CREATE FUNCTION tr.records_of_insert() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    found text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, WAL, COSTS OFF, TIMING OFF, SUMMARY OFF) INSERT INTO tr.likes VALUES (21, 1, 5)' LOOP
        found := coalesce(found, substring(line FROM 'WAL: records=(\d+)'));
    END LOOP;
    DELETE FROM tr.likes WHERE user_id = 21;
    RETURN found;
END $$;
CREATE TABLE tr.before AS SELECT tr.records_of_insert() AS records;
SELECT recsys.create_model('tr', 'tr.likes', options => '{"factors": 4}', algorithm => 'als'),
       recsys.create_model('tr_i', 'tr.likes', rating_column => 'rating', feedback => 'implicit', options => '{"factors": 4}', algorithm => 'als');
SELECT users FROM recsys.train('tr');
SELECT users FROM recsys.train('tr_i');
SELECT records = tr.records_of_insert() AS same_records FROM tr.before;
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid = 'tr.likes'::regclass;
SELECT active_version, versions FROM recsys.models WHERE model = 'tr';

-- ---- trap: excluded items come back with the lowest score -----------------------------
SELECT count(*), bool_or(item_id IN (3, 8)) AS excluded FROM recsys.recommend('tr', 1, 100, exclude => '{3,8}', exclude_seen => false);
SELECT count(*), bool_or(item_id IN (3, 8)) AS excluded FROM recsys.recommend_for_items('tr', '{3,8}', k => 100);
SELECT count(*), bool_or(item_id IN (3, 8)) AS excluded FROM recsys.popular('tr', 100, exclude => '{3,8}');

-- ---- trap: more than k where something is excluded ------------------------------------
SELECT k, count(r.rank) FROM generate_series(0, 4) AS k LEFT JOIN LATERAL recsys.recommend('tr', 1, k, exclude => '{3,8}', exclude_seen => false) AS r ON true GROUP BY 1 ORDER BY 1;

-- ---- trap: the filter is off when nearly all items are filtered ------------------------
INSERT INTO tr.likes SELECT 30, i, 4 FROM generate_series(1, 10) AS i;
SELECT array_agg(item_id ORDER BY item_id) FROM recsys.recommend('tr', 30);
INSERT INTO tr.likes SELECT 30, i, 4 FROM generate_series(11, 12) AS i;
SELECT count(*) FROM recsys.recommend('tr', 30);
DELETE FROM tr.likes WHERE user_id = 30;

-- ---- trap: an item is the first of those that are like it ------------------------------
SELECT count(*) FROM generate_series(1, 12) AS i, recsys.similar_items('tr', i, 100) AS s WHERE s.item_id = i;

-- ---- trap: an explanation that is not the score ----------------------------------------
SELECT m, max(abs(e.total - recsys.predict(m, u, i))) < 1e-5 AS sums
  FROM unnest('{tr,tr_i}'::text[]) AS m, generate_series(1, 20) AS u, generate_series(1, 12) AS i,
       LATERAL (SELECT sum(contribution) AS total FROM recsys.explain(m, u, i)) AS e GROUP BY 1 ORDER BY 1;

-- ---- trap: fold-in disagrees with training that took conjugate gradients -----------------
DO $$
DECLARE
    m text;
    s text;
    n int;
BEGIN
    FOREACH s IN ARRAY '{cg,auto,exact}'::text[] LOOP
        FOREACH m IN ARRAY '{tr,tr_i}'::text[] LOOP
            PERFORM recsys.train(m, jsonb_build_object('solver', s));
            SELECT count(*) INTO n FROM generate_series(1, 20) AS u
             WHERE recsys.user_vector(m, u)::text IS DISTINCT FROM recsys.user_vector(m, u, fresh => false)::text;
            RAISE INFO '% %: % users differ', s, m, n;
        END LOOP;
    END LOOP;
END $$;

-- ---- trap: lengths of vectors that are kept while the vectors change ---------------------
CREATE VIEW tr.alike AS
SELECT i, (SELECT array_agg(item_id::int ORDER BY rank) FROM recsys.similar_items('tr_i', i, 3)) =
          (SELECT array_agg(item_id ORDER BY cosine DESC, item_id) FROM (
               SELECT b.item_id, recsys.cosine_similarity(a.factors, b.factors)::real AS cosine
                 FROM recsys_data.tr_i_item_factors AS a JOIN recsys_data.tr_i_item_factors AS b USING (version)
                WHERE version = (SELECT active_version FROM recsys.models WHERE model = 'tr_i') AND a.item_id = i AND b.item_id <> i
                ORDER BY cosine DESC, b.item_id LIMIT 3) AS brute) AS same
  FROM (SELECT item_id AS i FROM recsys_data.tr_i_item_factors WHERE version = (SELECT active_version FROM recsys.models WHERE model = 'tr_i')) AS items;
SELECT count(*), bool_and(same) AS same FROM tr.alike;
UPDATE tr.likes SET rating = 6 - rating WHERE item_id < 6;
SELECT users FROM recsys.train('tr_i');
SELECT count(*), bool_and(same) AS same FROM tr.alike;
INSERT INTO tr.likes SELECT u, 13, 9 FROM generate_series(1, 20, 3) AS u;
SELECT new_items FROM recsys.refresh('tr_i');
SELECT count(*), bool_and(same) AS same FROM tr.alike;
DELETE FROM tr.likes WHERE item_id = 13;

-- ---- trap: arrays as long as the greatest id ----------------------------------------------
CREATE TABLE tr.far (user_id bigint, item_id bigint, rating real);
INSERT INTO tr.far SELECT u, i, 1 + (u % 7 + i % 5) % 5 FROM unnest('{1,2,4611686018427387904,-9223372036854775808}'::bigint[]) AS u,
    unnest('{1,4611686018427387904,9223372036854775807}'::bigint[]) AS i WHERE u <> i LIMIT 10;
CREATE INDEX ON tr.far (user_id);
SELECT recsys.create_model('tr_far', 'tr.far', options => '{"factors": 2}', algorithm => 'als');
SET recsys.training_memory = '1MB';
SELECT users, items, ratings FROM recsys.train('tr_far');
RESET recsys.training_memory;
SELECT user_id, array_agg(r.item_id ORDER BY r.item_id) FROM (SELECT DISTINCT user_id FROM tr.far) AS u, LATERAL recsys.recommend('tr_far', user_id, exclude_seen => false) AS r GROUP BY 1 ORDER BY 1;

-- ---- trap: a model in one value, which ends at 1 GB -----------------------------------------
-- the largest value is one row's factors, however many rows there are (1 GB of them is too much for a test)
SELECT count(*) AS rows, max(pg_column_size(factors)) <= 4 * 4 + 16 AS small FROM recsys_data.tr_i_user_factors AS f, recsys.models AS m WHERE m.model = 'tr_i' AND version = active_version;

-- ---- trap: an unknown option is taken, or a word is read as another -------------------------
CREATE FUNCTION tr.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;
SELECT tr.attempt(format('SELECT recsys.train(''tr'', %L)', o)) AS train, tr.attempt(format('SELECT recsys.alter_model(''tr'', options => %L)', o)) AS alter,
       tr.attempt(format('SELECT recsys.create_model(''tr_o'', ''tr.likes'', options => %L, algorithm => ''als'')', o)) AS create, o
  FROM unnest(ARRAY['{"rank": 4}', '{"Factors": 4}', '{"factors ": 4}', '{"solver": "Exact"}', '{"solver": "exac"}', '{"": 1}']) AS o;
SELECT tr.attempt(format('SELECT recsys.create_model(''tr_o'', ''tr.likes'', %s)', a)), a
  FROM unnest(ARRAY['feedback => ''Implicit''', 'feedback => ''impl''', 'algorithm => ''ALS''', 'run_as => ''me''', 'feedbak => ''implicit''']) AS a;
-- each name misspelled, each option as it was given (other values: train_folded.sql)
SELECT count(*) > 10 AS most, count(*) FILTER (WHERE tr.attempt(format('SELECT recsys.alter_model(''tr_i'', options => %L)', jsonb_build_object(name || 's', 1))) = '22023') = count(*) AS refused FROM recsys.options();

-- ---- trap: a default that its own check refuses -----------------------------------------------
-- each default that is a value, given
SELECT m, count(*) > 5 AS most, array_agg(name) FILTER (WHERE state <> 'done') AS refused
  FROM (VALUES ('tr', 'explicit'), ('tr_i', 'implicit')) AS m (m, feedback), recsys.options() AS o,
       LATERAL (SELECT CASE feedback WHEN 'explicit' THEN default_explicit ELSE default_implicit END) AS d (value),
       LATERAL (SELECT tr.attempt(format('SELECT recsys.train(%L, %L)', m, CASE WHEN type IN ('text', 'boolean') AND value NOT IN ('true', 'false')
            THEN jsonb_build_object(name, value) ELSE jsonb_build_object(name, value::jsonb) END))) AS t (state)
 WHERE value ~ '^(-?[0-9.]+|\w+)$' GROUP BY 1 ORDER BY 1;
-- every function with no more arguments than it wants
CREATE FUNCTION tr.least_arguments(function oid) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(format('%L::%s', CASE WHEN name = 'model' THEN 'tr' WHEN name = 'test' THEN 'tr.likes' WHEN name = 'items' THEN '{1}' ELSE '1' END, type), ', ' ORDER BY i)
  FROM pg_proc AS p, unnest(proargtypes::regtype[]) WITH ORDINALITY AS t (type, i), LATERAL (SELECT proargnames[i]) AS n (name)
 WHERE p.oid = function AND i <= pronargs - pronargdefaults
$$;
SELECT count(*) > 20 AS most, string_agg(p.oid::regprocedure || ': ' || state, ', ') FILTER (WHERE state <> 'done') AS refused
  FROM pg_proc AS p, tr.attempt(format('SELECT recsys.%I(%s)', proname, tr.least_arguments(p.oid))) AS state
 WHERE pronamespace = 'recsys'::regnamespace AND proargnames[1] = 'model' AND proname !~ '^(create_model|drop_model|deploy|rollback|model_)'
   AND NOT '{uuid,uuid[]}'::regtype[]::oid[] && coalesce(proallargtypes, proargtypes::oid[]);
SELECT recsys.create_model('tr_d', 'tr.likes', algorithm => 'als');
SELECT users, items FROM recsys.train('tr_d');
SELECT recsys.drop_model('tr_d');

-- ---- trap: "no change", judged by the number of rows --------------------------------------------
SELECT loss AS before FROM recsys.train('tr') \gset
DELETE FROM tr.likes WHERE user_id = 1 AND item_id = 1;
INSERT INTO tr.likes VALUES (1, 4, 5);
SELECT loss <> :before AS trained, (SELECT array_agg(item_id ORDER BY item_id) FROM recsys.recommend('tr', 1, 100)) AS eligible FROM recsys.train('tr');
DELETE FROM tr.likes WHERE user_id = 2 AND item_id = 2;
INSERT INTO tr.likes VALUES (2, 3, 5);
SELECT new_items FROM recsys.refresh('tr');
SELECT recsys.user_vector('tr', 2, fresh => false)::text = recsys.user_vector('tr', 2)::text AS refreshed;

-- ---- trap: the lower score is the better one, in one mode of two ----------------------------------
UPDATE tr.likes SET rating = 6 - rating WHERE item_id < 6;
SELECT m, count(*), bool_and(r.preference <= before) AS falling,
       avg(r.score) FILTER (WHERE r.item_id % 2 = 1) > avg(r.score) FILTER (WHERE r.item_id % 2 = 0) AS liked_is_higher
  FROM unnest('{tr,tr_i}'::text[]) AS m, LATERAL (SELECT version FROM recsys.train(m)) AS t,
       LATERAL (SELECT r.*, lag(preference, 1, preference) OVER (ORDER BY rank) AS before FROM recsys.recommend(m, 3, 100, exclude_seen => false) AS r) AS r
 GROUP BY 1 ORDER BY 1;
SELECT m, bool_and(s.score <= before) AS falling, min(s.score) >= -1 AND max(s.score) <= 1 AS bounded
  FROM unnest('{tr,tr_i}'::text[]) AS m, LATERAL (SELECT s.*, lag(score, 1, score) OVER (ORDER BY rank) AS before FROM recsys.similar_items(m, 1, 100) AS s) AS s GROUP BY 1 ORDER BY 1;

-- ---- trap: nothing to divide by, or factors that are no numbers, found after training -----------------
CREATE TABLE tr.odd (user_id int, item_id int, rating float8);
CREATE INDEX ON tr.odd (user_id);
SELECT recsys.create_model('tr_odd', 'tr.odd', options => '{"factors": 2}', algorithm => 'als');
SELECT * FROM recsys.train('tr_odd');
INSERT INTO tr.odd VALUES (1, 1, NULL);
SELECT * FROM recsys.train('tr_odd');
INSERT INTO tr.odd VALUES (1, 1, 'NaN');
SELECT * FROM recsys.train('tr_odd');
UPDATE tr.odd SET rating = 3;
INSERT INTO tr.odd SELECT u, i, 3e38 * CASE WHEN (u + i) % 2 = 0 THEN 1 ELSE -1 END FROM generate_series(1, 5) AS u, generate_series(1, 5) AS i;
SELECT users FROM recsys.train('tr_odd', '{"regularization": 1e-30}');
SELECT count(score), bool_and(abs(score) < 'Infinity') AS finite FROM recsys.recommend('tr_odd', 1, exclude_seen => false);

-- ---- trap: a split that leaves users without any row to train on ----------------------------------------
CREATE TABLE tr.test AS SELECT user_id, item_id + 1 AS item_id, rating FROM tr.likes WHERE user_id < 3 UNION ALL SELECT 1000 + user_id, item_id, rating FROM tr.likes WHERE user_id < 3;
RESET client_min_messages;
SELECT metric, value, users FROM recsys.evaluate('tr', 'tr.test', '{5}') WHERE metric LIKE 'known_users';
SET client_min_messages = warning;

DROP VIEW tr.alike;
SELECT recsys.drop_model(m) FROM unnest('{tr,tr_i,tr_far,tr_odd}'::text[]) AS m;
DROP SCHEMA tr CASCADE;
