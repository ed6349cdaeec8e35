-- The users to whom an item scores highest, and those who are most like a user.
SET client_min_messages = warning;
CREATE TABLE usr_rows (user_id int, item_id int, rating real);
INSERT INTO usr_rows SELECT u, (u * 7 + i * i * 13) % 41, 1 + (u * i) % 5
FROM generate_series(1, 120) AS u, generate_series(1, 30) AS i WHERE i <= 4 + u % 20;
CREATE INDEX ON usr_rows (user_id);
SELECT recsys.create_model('usr_stars', 'usr_rows', options => '{"factors": 6}', algorithm => 'als'),
       recsys.create_model('usr_events', 'usr_rows', rating_column => 'rating', feedback => 'implicit', options => '{"factors": 9}', algorithm => 'als'),
       recsys.create_model('usr_popular', 'usr_rows', algorithm => 'popular');
SELECT m, users, items FROM unnest('{usr_stars,usr_events,usr_popular}'::text[]) m, recsys.train(m) ORDER BY m;
-- a new user, one with the same rows as another, users who have no vector, or one of zeros
INSERT INTO usr_rows VALUES (500, 3, 5), (500, 4, 5), (501, NULL, 5), (502, 3, NULL), (503, 77777, 5), (504, 5, -1), (504, 6, -1);
INSERT INTO usr_rows SELECT 1000, item_id, rating FROM usr_rows WHERE user_id = 10;

-- ---- recommend_users ---------------------------------------------------------------
SELECT rank, user_id, round(score::numeric, 3) AS score FROM recsys.recommend_users('usr_stars', 3, 3);
-- the score is that of predict(), of all users or of those who do not have the item
CREATE FUNCTION usr_differences(m text, item int, n int, exclude_seen boolean) RETURNS text LANGUAGE sql STABLE AS $$
    WITH a AS (SELECT rank, user_id, score::float8 FROM recsys.recommend_users(m, item, n, exclude_seen)),
         p AS (SELECT u.user_id::int, recsys.predict(m, u.user_id, item)::float8 AS score FROM (SELECT DISTINCT user_id FROM usr_rows) AS u
               WHERE NOT (exclude_seen AND EXISTS (SELECT FROM usr_rows r WHERE r.user_id = u.user_id AND r.item_id = item))),
         r AS (SELECT row_number() OVER (ORDER BY score DESC, user_id)::int AS rank, user_id::text, score FROM p WHERE score IS NOT NULL ORDER BY 1 LIMIT n)
    SELECT format('%s users, %s too many, %s missing', (SELECT count(*) FROM a),
                  (SELECT count(*) FROM (SELECT * FROM a EXCEPT ALL SELECT * FROM r) AS d),
                  (SELECT count(*) FROM (SELECT * FROM r EXCEPT ALL SELECT * FROM a) AS d))
$$;
SELECT m, item, n, e AS exclude_seen, usr_differences(m, item, n, e)
FROM unnest('{usr_stars,usr_events}'::text[]) m, unnest('{3,40}'::int[]) item, unnest('{0,1,10,1000}'::int[]) n, unnest('{t,f}'::boolean[]) e ORDER BY m, item, n, e;
-- a rating of NULL is a row with the item, too
SELECT count(*) FILTER (WHERE user_id = '502') AS null_rating, count(*) FILTER (WHERE user_id = '500') AS new_user, count(*) FILTER (WHERE user_id = '504') AS dislikes
FROM recsys.recommend_users('usr_stars', 3, 1000);
SELECT count(*) FILTER (WHERE user_id = '500') AS new_user FROM recsys.recommend_users('usr_stars', 3, 1000, false);
-- nobody
SELECT * FROM recsys.recommend_users('usr_stars', 77777);
SELECT * FROM recsys.recommend_users('usr_stars', NULL::bigint);
SELECT * FROM recsys.recommend_users('usr_popular', 3);
-- a version
SELECT version FROM recsys.train('usr_events', '{"factors": 2}', deploy => false);
SELECT (SELECT array_agg(user_id ORDER BY rank) FROM recsys.recommend_users('usr_events', 3, 5, version => 1)) =
       (SELECT array_agg(user_id ORDER BY rank) FROM recsys.recommend_users('usr_events', 3, 5)) AS same,
       (SELECT bool_and(score = recsys.predict('usr_events', user_id, '3', version => 2)) FROM recsys.recommend_users('usr_events', 3, 5, version => 2)) AS of_version;

-- ---- similar_users -----------------------------------------------------------------
SELECT rank, user_id, round(score::numeric, 3) AS score FROM recsys.similar_users('usr_events', 10, 2);
-- the cosine of the vectors without what the biases add; not the user themself
CREATE FUNCTION usr_cosines(m text, who int, n int) RETURNS text LANGUAGE sql STABLE AS $$
    WITH a AS (SELECT rank, user_id, score::float8 FROM recsys.similar_users(m, who, n)),
         v AS (SELECT u.user_id, (recsys.user_vector(m, u.user_id)::real[])[1:(SELECT (options->>'factors')::int FROM recsys.model_versions WHERE model = m AND active)]::recsys.recvec AS x
               FROM (SELECT DISTINCT user_id FROM usr_rows) AS u),
         r AS (SELECT row_number() OVER (ORDER BY c DESC, user_id)::int AS rank, user_id::text, c AS score
               FROM (SELECT w.user_id, recsys.cosine_similarity(v.x, w.x)::real::float8 AS c FROM v, v AS w
                     WHERE v.user_id = who AND w.user_id <> who AND recsys.norm(w.x) > 0 AND recsys.norm(v.x) > 0) AS c ORDER BY 1 LIMIT n)
    SELECT format('%s users, %s too many, %s missing', (SELECT count(*) FROM a),
                  (SELECT count(*) FROM (SELECT * FROM a EXCEPT ALL SELECT * FROM r) AS d),
                  (SELECT count(*) FROM (SELECT * FROM r EXCEPT ALL SELECT * FROM a) AS d))
$$;
SELECT m, who, n, usr_cosines(m, who, n)
FROM unnest('{usr_stars,usr_events}'::text[]) m, unnest('{10,500,504}'::int[]) who, unnest('{0,1,1000}'::int[]) n ORDER BY m, who, n;
-- nobody
SELECT * FROM recsys.similar_users('usr_stars', 99999);
SELECT * FROM recsys.similar_users('usr_stars', 502);
SELECT * FROM recsys.similar_users('usr_events', 504);
SELECT * FROM recsys.similar_users('usr_stars', NULL::bigint);
SELECT * FROM recsys.similar_users('usr_popular', 10);

-- ---- ids of every type ---------------------------------------------------------------
CREATE FUNCTION usr_uuid(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$SELECT lpad(n::text, 32, '0')::uuid$$;
CREATE TABLE usr_texts AS SELECT 'u' || user_id AS user_id, 'i' || item_id AS item_id, rating FROM usr_rows;
CREATE TABLE usr_uuids AS SELECT usr_uuid(user_id) AS user_id, usr_uuid(item_id) AS item_id, rating FROM usr_rows;
CREATE INDEX ON usr_texts (user_id);
CREATE INDEX ON usr_uuids (user_id);
SELECT recsys.create_model(t, t, feedback => 'implicit', options => '{"factors": 4}', algorithm => 'als') FROM unnest('{usr_texts,usr_uuids}'::text[]) t;
SELECT users FROM unnest('{usr_texts,usr_uuids}'::text[]) t, recsys.train(t);
SELECT user_id, score = recsys.predict_text('usr_texts', user_id, 'i3') AS predicted FROM recsys.recommend_users('usr_texts', 'i3'::text, 2);
SELECT score = recsys.predict_uuid('usr_uuids', user_id, usr_uuid(3)) AS predicted FROM recsys.recommend_users('usr_uuids', usr_uuid(3), 2);
SELECT score = recsys.predict_uuid('usr_uuids', user_id, usr_uuid(3)) AS predicted FROM recsys.recommend_users('usr_uuids', usr_uuid(3)::text, 2);
SELECT array_agg(user_id ORDER BY rank) = (SELECT array_agg(user_id ORDER BY rank) FROM recsys.recommend_users('usr_events', '3'::text, 3)) AS same
FROM recsys.recommend_users('usr_events', 3, 3);
SELECT user_id FROM recsys.similar_users('usr_texts', 'u10'::text, 1);
SELECT user_id FROM recsys.similar_users('usr_uuids', usr_uuid(10), 1);
SELECT user_id FROM recsys.similar_users('usr_stars', '10'::text, 1);

-- ---- errors, and who may ask ------------------------------------------------------------
SELECT * FROM recsys.recommend_users('usr_stars', 3, -1);
SELECT * FROM recsys.recommend_users('usr_stars', 3, NULL);
SELECT * FROM recsys.recommend_users('usr_stars', 3, exclude_seen => NULL);
SELECT * FROM recsys.recommend_users('usr_stars', 'abc'::text);
SELECT * FROM recsys.recommend_users('nobody', 3);
SELECT * FROM recsys.similar_users('usr_stars', 3, -1);
SELECT * FROM recsys.similar_users('usr_stars', 'abc'::text);
SELECT * FROM recsys.similar_users('usr_stars', 3, version => 9);
CREATE ROLE recsys_regress_users;
SET ROLE recsys_regress_users;
SELECT * FROM recsys.recommend_users('usr_stars', 3);
SELECT * FROM recsys.similar_users('usr_stars', 3);
RESET ROLE;
SELECT recsys.alter_model('usr_stars', run_as => 'owner');
GRANT REFERENCES ON recsys_data.usr_stars TO recsys_regress_users;
SET ROLE recsys_regress_users;
SELECT count(*) FROM recsys.recommend('usr_stars', 3);
SELECT * FROM recsys.recommend_users('usr_stars', 3);
SELECT * FROM recsys.similar_users('usr_stars', 3);
RESET ROLE;
-- a role that sees some of the users only
CREATE POLICY half ON usr_rows USING (user_id % 2 = 0);
ALTER TABLE usr_rows ENABLE ROW LEVEL SECURITY;
SELECT recsys.alter_model('usr_events', run_as => 'caller');
GRANT SELECT ON usr_rows, recsys_data.usr_events TO recsys_regress_users;
SET ROLE recsys_regress_users;
SELECT count(*), bool_and(user_id::int % 2 = 0) AS own FROM recsys.recommend_users('usr_events', 3, 1000, false);
SELECT count(*), bool_and(user_id::int % 2 = 0) AS own FROM recsys.similar_users('usr_events', 10, 1000);
SELECT count(*) FROM recsys.similar_users('usr_events', 11, 1000);
RESET ROLE;

SELECT count(recsys.drop_model(model)) FROM recsys.models WHERE model LIKE 'usr\_%';
DROP TABLE usr_rows, usr_texts, usr_uuids;
DROP FUNCTION usr_differences(text, int, int, boolean), usr_cosines(text, int, int), usr_uuid(int);
DROP ROLE recsys_regress_users;
