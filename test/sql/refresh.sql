-- refresh: new users and items without retraining.
\pset null <null>
SET client_min_messages = warning;
CREATE TABLE re_stars (user_id int, item_id int, rating real, at timestamptz);
INSERT INTO re_stars
SELECT u, i, 1 + (u * 7 + i * i) % 5 - CASE WHEN (u + i) % 9 = 0 THEN 2 ELSE 0 END, '2026-01-01'::timestamptz + (u * 40 + i) * interval '1 minute'
  FROM generate_series(1, 40) AS u, generate_series(1, 20) AS i WHERE (u * 7 + i * i) % 4 > 0;
CREATE INDEX ON re_stars (user_id);
SELECT recsys.create_model('re', 're_stars', time_column => 'at', options => '{"factors": 5}', algorithm => 'als'),
       recsys.create_model('re_flat', 're_stars', options => '{"factors": 3, "biases": false}', algorithm => 'als'),
       recsys.create_model('re_i', 're_stars', rating_column => 'rating', time_column => 'at', feedback => 'implicit', options => '{"factors": 6, "history_limit": 9}', algorithm => 'als'),
       recsys.create_model('re_p', 're_stars', algorithm => 'popular');

-- nothing to refresh yet
SELECT * FROM recsys.refresh('re');
SELECT version FROM recsys.train('re', deploy => false);
SELECT * FROM recsys.refresh('re');
SELECT recsys.deploy('re', 1);
SELECT m, t.version FROM unnest('{re_flat,re_i,re_p}'::text[]) AS m, recsys.train(m) AS t;

-- What is stored of each model; what its active version says, and that a stored user is the folded one.
CREATE VIEW re_items AS
SELECT 're' AS model, * FROM recsys_data.re_item_factors UNION ALL SELECT 're_flat', * FROM recsys_data.re_flat_item_factors
UNION ALL SELECT 're_i', * FROM recsys_data.re_i_item_factors UNION ALL SELECT 're_p', * FROM recsys_data.re_p_item_factors;
CREATE VIEW re_users AS
SELECT 're' AS model, * FROM recsys_data.re_user_factors UNION ALL SELECT 're_flat', * FROM recsys_data.re_flat_user_factors
UNION ALL SELECT 're_i', * FROM recsys_data.re_i_user_factors;
CREATE VIEW re_folded AS
SELECT f.model, f.version, count(*) AS users,
       bool_and(recsys.user_vector(f.model, f.user_id, version => f.version)::text = f.factors::text
                AND recsys.predict(f.model, f.user_id, 3, version => f.version) IS NOT DISTINCT FROM recsys.predict(f.model, f.user_id, 3, fresh => false, version => f.version)) AS same
  FROM re_users AS f JOIN recsys.models AS m ON m.model = f.model AND m.active_version = f.version GROUP BY 1, 2;

-- without new rows everything is as it was, to the bit
SELECT m, r.version, refreshed_from, users, items, new_users, new_items, ratings, loss IS NULL AS no_loss, deployed FROM unnest('{re,re_flat,re_i,re_p}'::text[]) AS m, recsys.refresh(m) AS r;
SELECT a.model, count(*), bool_and(a.factors::text IS NOT DISTINCT FROM b.factors::text AND a.users = b.users) AS same
  FROM re_items AS a JOIN re_items AS b USING (model, item_id) WHERE a.version = 1 AND b.version = 2 GROUP BY 1 ORDER BY 1;
SELECT a.model, count(*), bool_and(a.factors::text = b.factors::text AND a.bias = b.bias) AS same
  FROM re_users AS a JOIN re_users AS b USING (model, user_id) WHERE a.version = 1 AND b.version = 2 GROUP BY 1 ORDER BY 1;
SELECT * FROM re_folded ORDER BY 1;
SELECT a.model, b.iterations, b.refreshed_from, a.options = b.options AS same_options, a.mean = b.mean AS same_mean, cardinality(b.loss) AS losses,
       a.loss[cardinality(a.loss)] / b.loss[1] BETWEEN 0.9999 AND 1.0001 AS same_loss
  FROM recsys.model_versions AS a JOIN recsys.model_versions AS b USING (model) WHERE a.version = 1 AND b.version = 2 AND a.model ~ '^re' ORDER BY 1;

-- new items, new users, new rows of old ones
INSERT INTO re_stars
SELECT u, i, 1 + (u * 7 + i * i) % 5, '2026-02-01'::timestamptz + (u * 40 + i) * interval '1 minute'
  FROM generate_series(31, 50) AS u, generate_series(15, 24) AS i WHERE (u + i) % 3 > 0 AND (u > 40 OR i > 20);
SELECT max(r.item_id) FROM recsys.recommend('re', 1, 100) AS r;
SELECT m, r.version, refreshed_from, users, items, new_users, new_items, ratings FROM unnest('{re,re_flat,re_i,re_p}'::text[]) AS m, recsys.refresh(m) AS r;
SELECT * FROM re_folded ORDER BY 1;
SELECT a.model, count(*), bool_and(a.factors::text IS NOT DISTINCT FROM b.factors::text) AS same
  FROM re_items AS a JOIN re_items AS b USING (model, item_id) WHERE a.version = 1 AND b.version = 3 GROUP BY 1 ORDER BY 1;
SELECT count(*), max(r.item_id) FROM recsys.recommend('re', 1, 100) AS r;
SELECT DISTINCT r.source FROM recsys.recommend('re', 50, 3, fresh => false) AS r;
-- how many like an item is counted anew, by the mean of the version; popular counts by that of all rows
SELECT i.model, count(*), bool_and(i.users = (
         SELECT count(*) FROM (SELECT user_id, CASE WHEN i.model = 're_i' THEN sum(rating) ELSE avg(rating) END AS r FROM (
             SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY at DESC) AS age FROM re_stars) AS s
          WHERE s.item_id = i.item_id AND (i.model <> 're_i' OR age <= 9) GROUP BY user_id) AS c
          WHERE CASE i.model WHEN 're_i' THEN c.r > 0 ELSE c.r >= CASE i.model WHEN 're_p' THEN (SELECT avg(rating) FROM re_stars)::real ELSE v.mean::real END END)) AS same
  FROM re_items AS i JOIN recsys.model_versions AS v USING (model, version) WHERE v.version = 3 GROUP BY 1 ORDER BY 1;
-- popular is what a training counts
SELECT version FROM recsys.train('re_p', deploy => false);
SELECT count(*), count(*) FILTER (WHERE a.users = b.users) AS same FROM recsys_data.re_p_item_factors AS a FULL JOIN recsys_data.re_p_item_factors AS b USING (item_id) WHERE a.version = 3 AND b.version = 4;

-- lists go by the new vectors: no length is that of another version
SELECT bool_and(s.score = recsys.cosine_similarity((a.factors::real[])[1:5]::recsys.recvec, (b.factors::real[])[1:5]::recsys.recvec)::real) AS same, count(*)
  FROM re_items AS a, LATERAL recsys.similar_items('re', a.item_id, 100) AS s JOIN re_items AS b ON b.item_id = s.item_id AND b.model = 're' AND b.version = 3
 WHERE a.model = 're' AND a.version = 3;

-- any number of threads gives the same bits
BEGIN;
SET LOCAL recsys.training_threads = 1;
SELECT version FROM recsys.refresh('re');
SET LOCAL recsys.training_threads = 3;
SELECT version FROM recsys.refresh('re');
SELECT count(*), bool_and(a.factors::text = b.factors::text AND a.bias = b.bias) AS same FROM re_users AS a JOIN re_users AS b USING (model, user_id) WHERE a.model = 're' AND a.version = 4 AND b.version = 5;
SELECT count(*), bool_and(a.factors::text = b.factors::text AND a.users = b.users) AS same FROM re_items AS a JOIN re_items AS b USING (model, item_id) WHERE a.model = 're' AND a.version = 4 AND b.version = 5;
ROLLBACK;

-- a new item by its equations in plain SQL, from the users' vectors of the items that were known; here without biases
CREATE FUNCTION re_solve(a float8[], b float8[]) RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE
    k int := cardinality(b); f float8;
BEGIN
    FOR p IN 1 .. k LOOP
        FOR r IN 1 .. k LOOP
            CONTINUE WHEN r = p;
            f := a[r][p] / a[p][p];
            FOR c IN 1 .. k LOOP a[r][c] := a[r][c] - f * a[p][c]; END LOOP;
            b[r] := b[r] - f * b[p];
        END LOOP;
    END LOOP;
    FOR p IN 1 .. k LOOP b[p] := b[p] / a[p][p]; END LOOP;
    RETURN b;
END
$$;
CREATE TABLE re_before (user_id int, x float8[]);
INSERT INTO re_before
SELECT u, recsys.user_vector('re_flat', u, version => 1)::float8[] FROM generate_series(1, 50) AS u;
SELECT i.item_id, (SELECT max(abs(s.y - t.y)) < 1e-5 FROM unnest(re_solve(
           ARRAY(SELECT ARRAY(SELECT sum(b.x[p] * b.x[q]) + CASE WHEN p = q THEN (v.options->>'regularization')::float8 * count(*) ELSE 0 END
                                FROM generate_series(1, 3) AS q, re_stars AS r JOIN re_before AS b USING (user_id) WHERE r.item_id = i.item_id GROUP BY q ORDER BY q) FROM generate_series(1, 3) AS p ORDER BY p),
           ARRAY(SELECT sum(b.x[p] * (r.rating - v.mean)) FROM generate_series(1, 3) AS p, re_stars AS r JOIN re_before AS b USING (user_id) WHERE r.item_id = i.item_id GROUP BY p ORDER BY p)
       )) WITH ORDINALITY AS s (y, n) JOIN unnest(i.factors::float8[]) WITH ORDINALITY AS t (y, n) USING (n)) AS solved
  FROM recsys_data.re_flat_item_factors AS i JOIN recsys.model_versions AS v USING (version) WHERE v.model = 're_flat' AND v.version = 3 AND i.item_id > 20 ORDER BY 1;

-- one row goes, one comes: the count of rows tells nothing
SELECT count(*) FROM re_stars;
UPDATE re_stars SET item_id = 99 WHERE user_id = 2 AND item_id = 1;
SELECT count(*) FROM re_stars;
SELECT users, items, new_items FROM recsys.refresh('re');
SELECT item_id, users FROM recsys_data.re_item_factors WHERE version IN (3, 4) AND item_id IN (1, 99) ORDER BY version, item_id;
SELECT * FROM re_folded WHERE model = 're';

-- an item without rows is left out; with rows it is back as it was trained; a new one is solved from all rows of now
UPDATE re_stars SET item_id = 98 WHERE item_id = 2;
SELECT version, refreshed_from, items, new_items FROM recsys.refresh('re');
SELECT count(*) FROM recsys.recommend('re', 1, 100, exclude_seen => false) AS r WHERE r.item_id = 2;
UPDATE re_stars SET item_id = 2 WHERE item_id = 98;
INSERT INTO re_stars SELECT u, 99, 5, now() FROM generate_series(3, 9) AS u;
SELECT version, refreshed_from, items, new_items FROM recsys.refresh('re');
SELECT a.factors::text = b.factors::text AS same FROM re_items AS a JOIN re_items AS b USING (model, item_id) WHERE a.model = 're' AND a.version = 1 AND b.version = 6 AND item_id = 2;
SELECT a.factors::text = b.factors::text AS same, a.users, b.users FROM re_items AS a JOIN re_items AS b USING (model, item_id) WHERE a.model = 're' AND a.version = 5 AND b.version = 6 AND item_id = 99;

-- versions are pruned as after a training, but not the one that they were refreshed from
SELECT version, refreshed_from, active, (SELECT count(*) FROM recsys_data.re_item_factors AS f WHERE f.version = v.version) AS item_rows
  FROM recsys.model_versions AS v WHERE model = 're' ORDER BY 1;
SELECT recsys.rollback('re');
SELECT version, refreshed_from, deployed FROM recsys.refresh('re', deploy => false);
SELECT active_version, versions FROM recsys.models WHERE model = 're';
-- how many are kept is up to the model, all else to the version
SELECT recsys.alter_model('re', options => '{"factors": 7, "keep_versions": 1, "regularization": 3}');
SELECT version FROM recsys.refresh('re');
SELECT version, refreshed_from, active, options->'factors' AS factors, options->'keep_versions' AS keep FROM recsys.model_versions WHERE model = 're' ORDER BY 1;
-- a training needs the old ones no more
SELECT version FROM recsys.train('re');
SELECT version, refreshed_from, active FROM recsys.model_versions WHERE model = 're' ORDER BY 1;
SELECT version, refreshed_from, new_items FROM recsys.refresh('re');
SELECT DISTINCT version FROM recsys_data.re_item_factors ORDER BY 1;

-- text and uuid ids
CREATE VIEW re_ids AS SELECT 'u' || user_id AS user_id, ('00000000-0000-0000-0000-' || lpad(item_id::text, 12, '0'))::uuid AS item_id, rating, at FROM re_stars;
SELECT recsys.create_model('re_ids', 're_ids', time_column => 'at', options => '{"factors": 4}', algorithm => 'als');
BEGIN;
DELETE FROM re_stars WHERE item_id > 20 OR user_id > 40;
SELECT users, items FROM recsys.train('re_ids');
INSERT INTO re_stars SELECT 41, i, 4 FROM generate_series(1, 25) AS i;
SELECT users, items, new_users, new_items FROM recsys.refresh('re_ids');
SELECT recsys.user_vector('re_ids', 'u41')::text = recsys.user_vector('re_ids', 'u41', fresh => false)::text AS same;
ROLLBACK;

-- what cannot be refreshed: the model was altered, nothing is left, rows of the version are missing
SELECT recsys.alter_model('re_flat', feedback => 'implicit', options => '{"biases": null}');
SELECT version FROM recsys.refresh('re_flat');
SELECT recsys.alter_model('re_flat', feedback => 'explicit', algorithm => 'popular');
SELECT version FROM recsys.refresh('re_flat');
SELECT recsys.alter_model('re_flat', algorithm => 'als', options => '{"biases": false}');
BEGIN;
UPDATE re_stars SET item_id = item_id + 1000;
SELECT version FROM recsys.refresh('re_flat');
ROLLBACK;
BEGIN;
TRUNCATE re_stars;
SELECT version FROM recsys.refresh('re_flat');
ROLLBACK;
BEGIN;
DELETE FROM recsys_data.re_flat_item_factors WHERE version = 1 AND item_id = 7;
SELECT version FROM recsys.refresh('re_flat');
ROLLBACK;
BEGIN;
INSERT INTO recsys_data.re_flat_item_factors SELECT version, 1000, factors, users FROM recsys_data.re_flat_item_factors WHERE version = 1 AND item_id = 7;
SELECT version FROM recsys.refresh('re_flat');
ROLLBACK;
-- weights that say nothing
BEGIN;
UPDATE re_stars SET rating = 0 WHERE item_id <= 20;
SELECT version FROM recsys.refresh('re_i');
ROLLBACK;
BEGIN;
SET LOCAL recsys.training_memory = '1MB';
INSERT INTO re_stars SELECT 1, i, 3 FROM generate_series(1000, 20000) AS i;
DO $$ BEGIN PERFORM recsys.refresh('re_flat'); EXCEPTION WHEN program_limit_exceeded THEN RAISE WARNING 'refused'; END $$;
ROLLBACK;
SELECT version FROM recsys.refresh('re_flat');

-- arguments, rights
SELECT * FROM recsys.refresh(NULL);
SELECT * FROM recsys.refresh('re', NULL);
SELECT * FROM recsys.refresh('nore');
CREATE ROLE recsys_re_user;
GRANT SELECT ON recsys_data.re, re_stars TO recsys_re_user;
SET ROLE recsys_re_user;
SELECT * FROM recsys.refresh('re');
SELECT max(version), max(refreshed_from) FROM recsys.model_versions WHERE model = 're';
RESET ROLE;
BEGIN READ ONLY;
SELECT * FROM recsys.refresh('re');
ROLLBACK;
-- a view of the owner that refreshes
CREATE FUNCTION re_again(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM recsys.refresh('re'); RETURN $1; END $$;
CREATE VIEW re_trap AS SELECT re_again(user_id) AS user_id, item_id, rating FROM re_stars;
SELECT recsys.create_model('re_trap', 're_trap', algorithm => 'als');
SELECT version FROM recsys.train('re_trap');

-- one statement's savepoint takes it back
BEGIN;
SAVEPOINT s;
SELECT version FROM recsys.refresh('re');
ROLLBACK TO s;
SELECT active_version FROM recsys.models WHERE model = 're';
COMMIT;

DROP VIEW re_folded, re_users, re_items;
SELECT recsys.drop_model(m) FROM unnest('{re,re_flat,re_i,re_p,re_ids,re_trap}'::text[]) AS m;
DROP VIEW re_ids, re_trap;
DROP FUNCTION re_again, re_solve;
DROP TABLE re_stars, re_before;
DROP ROLE recsys_re_user;
