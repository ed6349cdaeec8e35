-- recommend_all() is recommend() of every user of whom the caller sees a row, bit by bit.
SET client_min_messages = warning;
CREATE TABLE all_rows (user_id int, item_id int, rating real, at int);
-- several times 32 users, heavy and light ones, repeated rows
INSERT INTO all_rows SELECT u, (u * 7 + i * i * 13) % 97, 1 + (u * i) % 5, i
FROM generate_series(1, 150) AS u, generate_series(1, 40) AS i WHERE i <= 3 + u % 40;
CREATE INDEX ON all_rows (user_id) INCLUDE (item_id, rating);
SELECT recsys.create_model('all_stars', 'all_rows', time_column => 'at', options => '{"factors": 8}', algorithm => 'als'),
       recsys.create_model('all_plain', 'all_rows', options => '{"factors": 3, "biases": false}', algorithm => 'als'),
       recsys.create_model('all_latest', 'all_rows', time_column => 'at', options => '{"factors": 8, "history_limit": 4}', algorithm => 'als'),
       recsys.create_model('all_events', 'all_rows', rating_column => 'rating', feedback => 'implicit', options => '{"factors": 17}', algorithm => 'als'),
       recsys.create_model('all_recent', 'all_rows', rating_column => 'rating', time_column => 'at', feedback => 'implicit', options => '{"factors": 8, "history_limit": 4}', algorithm => 'als'),
       recsys.create_model('all_counts', 'all_rows', feedback => 'implicit', options => '{"factors": 5}', algorithm => 'als'),
       recsys.create_model('all_popular', 'all_rows', feedback => 'implicit', algorithm => 'popular');
SELECT m, users, items FROM unnest('{all_stars,all_plain,all_latest,all_events,all_recent,all_counts,all_popular}'::text[]) m, recsys.train(m) ORDER BY m;

-- What training did not see: a user with no item, with no usable rating, with unknown items
-- only; unusable ratings; other times of the same pair; dislikes; a new user.
INSERT INTO all_rows VALUES (1000, NULL, 3, 1), (1001, 3, NULL, 1), (1002, 99999, 2, 1), (1003, 5, 4, 1), (1003, 6, 1, NULL);
INSERT INTO all_rows VALUES (1, 4, 'NaN', 2), (2, 5, 3, NULL), (2, 5, 4, NULL), (4, 9, 'infinity', 4), (5, 99999, 3, 1), (NULL, 4, 1, 1);
INSERT INTO all_rows SELECT user_id, item_id, rating, at FROM all_rows WHERE user_id % 7 = 0;
INSERT INTO all_rows SELECT user_id, item_id, 6 - rating, at + 1 FROM all_rows WHERE user_id % 5 = 0;
INSERT INTO all_rows SELECT 1004, i, -1, 1 FROM generate_series(1, 5) AS i;
INSERT INTO all_rows SELECT 1005, 7, w, 1 FROM unnest('{2,-2}'::real[]) AS w;

-- Rows of recommend_all() that recommend() does not give, and the other way round.
CREATE FUNCTION all_differences(m text, k int, exclude_seen boolean, version int DEFAULT NULL) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE format(
        'WITH a AS (SELECT user_id, rank, item_id, preference::float8, score::float8, source FROM recsys.recommend_all_text($1, $2, $3, $4)),
              r AS (SELECT u.user_id, r.rank, r.item_id, r.preference::float8, r.score::float8, r.source
                    FROM (SELECT DISTINCT user_id::text FROM recsys_data.%I WHERE user_id IS NOT NULL) AS u,
                         recsys.recommend_text($1, u.user_id, $2, $3, version => $4) AS r)
         SELECT format(''%%s rows of %%s users, %%s too many, %%s missing'',
                       (SELECT count(*) FROM a), (SELECT count(DISTINCT user_id) FROM a),
                       (SELECT count(*) FROM (SELECT * FROM a EXCEPT ALL SELECT * FROM r) AS d),
                       (SELECT count(*) FROM (SELECT * FROM r EXCEPT ALL SELECT * FROM a) AS d))', m)
    INTO answer USING m, k, exclude_seen, version;
    RETURN answer;
END $$;
SELECT m, k, e AS exclude_seen, all_differences(m, k, e)
FROM unnest('{all_stars,all_plain,all_latest,all_events,all_recent,all_counts,all_popular}'::text[]) m, unnest('{0,1,10,1000}'::int[]) k, unnest('{t,f}'::boolean[]) e
ORDER BY m, k, e;
SELECT m, source, score IS NULL AS no_score, count(*) FROM unnest('{all_stars,all_events,all_popular}'::text[]) m, recsys.recommend_all(m, 1) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- in the order of users, as numbers here, and of ranks
SELECT array_agg(user_id ORDER BY n) = array_agg(user_id ORDER BY user_id::int, rank) AS ordered
FROM (SELECT user_id, rank, row_number() OVER () AS n FROM recsys.recommend_all('all_stars', 3)) AS r;

-- the same for any number of threads, and for rows that come user after user
CREATE TABLE all_kept AS SELECT * FROM recsys.recommend_all('all_stars');
SET recsys.training_threads = 1;
INSERT INTO all_kept SELECT * FROM recsys.recommend_all('all_stars');
SET recsys.training_threads = 7;
INSERT INTO all_kept SELECT * FROM recsys.recommend_all('all_stars');
RESET recsys.training_threads;
CREATE TABLE all_sorted AS SELECT * FROM all_rows ORDER BY user_id, random();
TRUNCATE all_rows;
INSERT INTO all_rows SELECT * FROM all_sorted;
INSERT INTO all_kept SELECT * FROM recsys.recommend_all('all_stars');
SELECT count(*), min(n), max(n) FROM (SELECT count(*) AS n FROM all_kept GROUP BY user_id, rank, item_id, preference, score, source) AS c;

-- a version; the rows of this transaction
DELETE FROM all_rows WHERE rating IN ('NaN', 'infinity');
SELECT version, deployed FROM recsys.train('all_stars', '{"factors": 2}', deploy => false);
SELECT v, all_differences('all_stars', 10, true, v) FROM unnest('{1,2}'::int[]) v;
BEGIN;
DELETE FROM all_rows WHERE user_id > 3 OR user_id IS NULL;
SELECT all_differences('all_stars', 10, true);
DELETE FROM all_rows WHERE user_id <= 3;
SELECT count(*) FROM recsys.recommend_all('all_stars');
ROLLBACK;
-- read-only, in a cursor, in a prepared statement, in the select list, of no user of a join
BEGIN READ ONLY;
DECLARE c CURSOR FOR SELECT user_id, rank, source FROM recsys.recommend_all('all_stars', 2);
FETCH 3 FROM c;
ROLLBACK;
PREPARE all_of(text, int) AS SELECT count(*) FROM recsys.recommend_all($1, $2);
EXECUTE all_of('all_stars', 2);
EXECUTE all_of('all_popular', 1);
SELECT count(*) FROM (SELECT recsys.recommend_all('all_stars', 2)) AS r;

-- ids of every type, in the order of theirs
CREATE FUNCTION all_uuid(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$SELECT lpad(n::text, 32, '0')::uuid$$;
CREATE VIEW all_texts AS SELECT 'u' || user_id AS user_id, repeat('long', 50) || item_id AS item_id, rating FROM all_rows;
CREATE VIEW all_uuids AS SELECT all_uuid(user_id) AS user_id, all_uuid(item_id) AS item_id, rating FROM all_rows;
CREATE VIEW all_mixed AS SELECT 3000000000 + user_id AS user_id, 'i' || item_id AS item_id, rating FROM all_rows WHERE rating < 10;
SET client_min_messages = error;
SELECT recsys.create_model(t, t, options => '{"factors": 4}', algorithm => 'als') FROM unnest('{all_texts,all_uuids,all_mixed}'::text[]) t;
SELECT t, users, items FROM unnest('{all_texts,all_uuids,all_mixed}'::text[]) t, recsys.train(t) ORDER BY t;
SELECT t, all_differences(t, 10, true) FROM unnest('{all_texts,all_uuids,all_mixed}'::text[]) t;
SELECT pg_typeof(user_id), pg_typeof(item_id), item_id = r.id AS same FROM recsys.recommend_all_uuid('all_uuids', 1) a,
    LATERAL (SELECT item_id AS id FROM recsys.recommend_uuid('all_uuids', a.user_id, 1)) r LIMIT 1;
SELECT user_id, pg_typeof(item_id) FROM recsys.recommend_all_text('all_texts', 1) LIMIT 2;
SELECT (SELECT count(*) FROM recsys.recommend_all_text('all_stars', 2) t JOIN recsys.recommend_all('all_stars', 2) b USING (user_id, rank)
        WHERE t.item_id = b.item_id::text AND t.preference = b.preference AND t.score IS NOT DISTINCT FROM b.score) = (SELECT count(*) FROM recsys.recommend_all('all_stars', 2)) AS same;

-- a view that calls recommend_all() of another model
CREATE VIEW all_nested AS SELECT a.user_id::int, a.item_id::int, a.rank AS rating FROM recsys.recommend_all('all_stars', 3) AS a;
SELECT recsys.create_model('all_nested', 'all_nested', options => '{"factors": 2}', algorithm => 'als');
SET client_min_messages = warning;
SELECT users FROM recsys.train('all_nested');
SELECT all_differences('all_nested', 2, true);

-- the wrong arguments, and the wrong name
SELECT count(*) FROM recsys.recommend_all('all_stars', 0);
SELECT * FROM recsys.recommend_all('all_stars', -1);
SELECT * FROM recsys.recommend_all('all_stars', NULL);
SELECT * FROM recsys.recommend_all(NULL);
SELECT * FROM recsys.recommend_all('all_stars', exclude_seen => NULL);
SELECT * FROM recsys.recommend_all('nobody');
SELECT * FROM recsys.recommend_all('all_stars', version => 77);
SELECT * FROM recsys.recommend_all('all_stars', version => 0);
SELECT * FROM recsys.recommend_all('all_texts');
SELECT * FROM recsys.recommend_all_uuid('all_texts');
-- more than recsys.training_memory, to read and to answer
SET recsys.training_memory = '1MB';
INSERT INTO all_rows SELECT u, i, 1, 1 FROM generate_series(1, 1000) AS u, generate_series(1, 50) AS i;
SELECT * FROM recsys.recommend_all('all_stars');
DELETE FROM all_rows WHERE at = 1 AND rating = 1 AND user_id > 100;
CREATE TABLE all_wide AS SELECT CASE WHEN i <= 100 THEN i ELSE 1 END AS user_id, i AS item_id FROM generate_series(1, 4000) AS i;
CREATE INDEX ON all_wide (user_id);
SELECT recsys.create_model('all_wide', 'all_wide', feedback => 'implicit', algorithm => 'popular');
SELECT users, items FROM recsys.train('all_wide');
DO $$ BEGIN PERFORM recsys.recommend_all('all_wide', 2147483647); EXCEPTION WHEN program_limit_exceeded THEN
    RAISE WARNING '%', regexp_replace(SQLERRM, '[0-9]+ MB, but', '# MB, but'); END $$;
RESET recsys.training_memory;
SELECT all_differences('all_wide', 2147483647, true);
-- a user whose equations have no solution is named
CREATE TABLE all_singular AS SELECT u AS user_id, i AS item_id, 1 + (u * i) % 5 AS rating FROM generate_series(1, 100) AS u, generate_series(1, 20) AS i;
CREATE INDEX ON all_singular (user_id);
SELECT recsys.create_model('all_singular', 'all_singular', options => '{"factors": 2, "regularization": 0, "biases": false}', algorithm => 'als');
SELECT users FROM recsys.train('all_singular');
INSERT INTO all_singular VALUES (201, 3, 2), (202, 4, 5), (77777, 1, 1);
SELECT * FROM recsys.recommend_all('all_singular');
SELECT * FROM recsys.recommend_users('all_singular', 3);

-- ---- who may ask, and whom they see --------------------------------------------------
CREATE ROLE recsys_regress_all;
CREATE ROLE recsys_regress_none;
CREATE TABLE all_tenants (user_id int, item_id int, rating real, tenant name);
INSERT INTO all_tenants SELECT u, i, 1 + (u * i) % 5, CASE WHEN u % 3 = 0 THEN 'recsys_regress_all' ELSE 'somebody' END
FROM generate_series(1, 60) AS u, generate_series(1, 20) AS i WHERE (u + i) % 3 > 0;
CREATE INDEX ON all_tenants (user_id);
ALTER TABLE all_tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON all_tenants USING (tenant = current_user);
SELECT recsys.create_model('all_tenants', 'all_tenants', options => '{"factors": 3}', algorithm => 'als');
SELECT users FROM recsys.train('all_tenants');
GRANT SELECT ON all_tenants, recsys_data.all_tenants TO recsys_regress_all;
SELECT all_differences('all_tenants', 5, true);
SET ROLE recsys_regress_all;
SELECT all_differences('all_tenants', 5, true);
SELECT count(DISTINCT user_id), bool_and(user_id::int % 3 = 0) AS own FROM recsys.recommend_all('all_tenants', 2);
SET ROLE recsys_regress_none;
SELECT * FROM recsys.recommend_all('all_tenants');
RESET ROLE;
-- the right to ask is not enough; with run_as owner the right to read the view is
SELECT recsys.alter_model('all_tenants', run_as => 'owner');
GRANT REFERENCES ON recsys_data.all_tenants TO recsys_regress_none;
REVOKE SELECT ON all_tenants FROM recsys_regress_all;
SET ROLE recsys_regress_none;
SELECT count(*) FROM recsys.recommend('all_tenants', 1);
SELECT * FROM recsys.recommend_all('all_tenants');
SET ROLE recsys_regress_all;
SELECT all_differences('all_tenants', 5, true);
RESET ROLE;

-- ---- what lists may hold --------------------------------------------------------------
CREATE TABLE all_shelf AS SELECT i AS item_id, i % 3 AS stock FROM generate_series(-5, 90) AS i;
INSERT INTO all_shelf VALUES (NULL, 1), (4, 1), (77777, 1);
CREATE INDEX ON all_shelf (item_id);
CREATE VIEW all_listed AS SELECT item_id FROM all_shelf WHERE stock >= current_setting('all_test.stock')::int;
SET all_test.stock = 1;
SELECT recsys.alter_model(m, catalog => 'all_listed') FROM unnest('{all_stars,all_events,all_popular}'::text[]) AS m;
SELECT m, s, k, set_config('all_test.stock', s::text, false) IS NULL AS x, all_differences(m, k, true)
FROM unnest('{all_stars,all_events,all_popular}'::text[]) m, unnest('{1,2,3}'::int[]) s, unnest('{3,1000}'::int[]) k ORDER BY m, s, k;
SET all_test.stock = 1;
SELECT bool_and(l.stock >= 1) AS in_stock, count(*) FROM recsys.recommend_all('all_stars', 3) a JOIN all_shelf l USING (item_id);
-- an item that is not shown is for nobody; users like a user are not items
SELECT (SELECT count(*) FROM recsys.recommend_users('all_stars', 7, 5)) AS shown, (SELECT count(*) FROM recsys.recommend_users('all_stars', 6, 5)) AS not_shown,
       (SELECT count(*) FROM recsys.similar_users('all_stars', 7, 5)) AS similar;
-- a caller who may not read the catalogue gets no list
GRANT SELECT ON all_rows, recsys_data.all_stars TO recsys_regress_all;
SET ROLE recsys_regress_all;
SELECT * FROM recsys.recommend_all('all_stars');
SELECT * FROM recsys.recommend_users('all_stars', 7);
RESET ROLE;
DROP VIEW all_listed CASCADE;
SELECT * FROM recsys.recommend_all('all_stars');

SELECT count(recsys.drop_model(model)) FROM recsys.models WHERE model LIKE 'all\_%';
DROP VIEW all_nested, all_texts, all_uuids, all_mixed;
DROP TABLE all_shelf, all_singular, all_wide, all_rows, all_kept, all_sorted, all_tenants;
DROP FUNCTION all_differences(text, int, boolean, int), all_uuid(int);
DROP ROLE recsys_regress_all, recsys_regress_none;
