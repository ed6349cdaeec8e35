-- Training on ratings: what is published, and that it fits.
-- Two groups of users: each rates its own items 5 and the others' 1.
CREATE TABLE te_ratings (user_id int, item_id int, rating real);
INSERT INTO te_ratings
SELECT u, i, CASE WHEN u % 2 = i % 2 THEN 5 ELSE 1 END
FROM generate_series(1, 20) AS u, generate_series(1, 12) AS i
WHERE (u * 7 + i * 3) % 5 <> 0;
CREATE INDEX ON te_ratings (user_id);
SELECT recsys.create_model('te', 'te_ratings', options => '{"factors": 4, "iterations": 10, "regularization": 0.02}', algorithm => 'als');

-- one row tells what was done
SELECT version, users, items, ratings, iterations, loss > 0 AS has_loss, seconds >= 0 AS has_time, deployed
FROM recsys.train('te');

-- rows of the factor tables: x, 1 for users; y, bias for items
SELECT count(*), min(version), max(version), min(recsys.dims(factors)), max(recsys.dims(factors)) FROM recsys_data.te_user_factors;
SELECT count(*), min(version), max(version), min(recsys.dims(factors)), max(recsys.dims(factors)) FROM recsys_data.te_item_factors;
SELECT bool_and((factors::real[])[5] = 1) AS last_is_one FROM recsys_data.te_user_factors;
SELECT f.item_id, f.users, (SELECT count(*) FROM te_ratings r WHERE r.item_id = f.item_id AND r.rating >= (SELECT avg(rating) FROM te_ratings)) AS likes
FROM recsys_data.te_item_factors f ORDER BY f.item_id;

-- mean + bias of the user + inner product fits the ratings, also those held out
SELECT bool_and(abs(v.mean + u.bias - (i.factors OPERATOR(recsys.<#>) u.factors)
                    - CASE WHEN u.user_id % 2 = i.item_id % 2 THEN 5 ELSE 1 END) < 0.5) AS fits
FROM recsys_data.te_user_factors u CROSS JOIN recsys_data.te_item_factors i
CROSS JOIN recsys.model_versions v
WHERE v.model = 'te';

-- the objective falls in every iteration
SELECT bool_and(l < before) FROM (
    SELECT l, lag(l) OVER (ORDER BY n) AS before
    FROM recsys.model_versions v, unnest(v.loss) WITH ORDINALITY AS t(l, n) WHERE v.model = 'te') s;

-- what is written down about a run
SELECT version, active, feedback, algorithm, users, items, ratings, rows_read, rows_skipped,
       mean = (SELECT avg(rating) FROM te_ratings) AS mean_of_ratings, iterations, array_length(loss, 1) AS losses,
       trained_by = current_user AS by_me,
       library_version = (SELECT extversion FROM pg_extension WHERE extname = 'recsys') AS version_of_extension,
       kernel IN ('portable', 'avx2', 'avx512') AS kernel_known, threads > 0 AS has_threads,
       source LIKE '%FROM public.te_ratings s;' AS has_source,
       pg_visible_in_snapshot(pg_current_xact_id(), snapshot::pg_snapshot) AS sees_the_future
FROM recsys.model_versions WHERE model = 'te';
SELECT options FROM recsys.model_versions WHERE model = 'te';

-- nothing in it without biases
SELECT version, iterations FROM recsys.train('te', '{"biases": false, "iterations": 3}');
SELECT min(recsys.dims(factors)), max(recsys.dims(factors)), min(bias), max(bias) FROM recsys_data.te_user_factors WHERE version = 2;

-- it may stop early
SELECT iterations < 1000 AS stopped FROM recsys.train('te', '{"tolerance": 0.001, "iterations": 1000}');

-- a transaction sees its own rows, and a rollback takes the version away
BEGIN;
INSERT INTO te_ratings VALUES (99, 1, 3);
SELECT version, users, ratings FROM recsys.train('te', '{"iterations": 1}');
SELECT active_version FROM recsys.models WHERE model = 'te';
ROLLBACK;
SELECT active_version FROM recsys.models WHERE model = 'te';
SELECT count(*) FROM recsys_data.te_user_factors WHERE version = 4;
SELECT version, users FROM recsys.train('te', '{"iterations": 1}');

-- a savepoint can undo a training as well
BEGIN;
SAVEPOINT s;
SELECT version FROM recsys.train('te', '{"iterations": 1}');
ROLLBACK TO s;
SELECT active_version FROM recsys.models WHERE model = 'te';
COMMIT;

-- who asks is told
UPDATE te_ratings SET rating = 3;
SET recsys.log_progress = on;
SELECT version, loss FROM recsys.train('te', '{"iterations": 2}');
RESET recsys.log_progress;

-- nobody trains now
SELECT * FROM recsys.training_progress;

SELECT recsys.drop_model('te');
DROP TABLE te_ratings;

-- ratings of any size: what is derived from them is what a version may have
CREATE TABLE large_ratings AS
    SELECT u AS user_id, i AS item_id, ((u * i) % 5) * 5e9::real AS rating
      FROM generate_series(1, 20) u, generate_series(1, 10) i WHERE (u + i) % 3 > 0;
CREATE INDEX ON large_ratings (user_id);
SELECT recsys.create_model('large', 'large_ratings', options => '{"factors": 3}', algorithm => 'als');
SELECT version FROM recsys.train('large');
SELECT (options ->> 'regularization')::float8 BETWEEN 5e8 AND 8e8 AS large FROM recsys.model_versions WHERE model = 'large';
SELECT count(*) FROM recsys.recommend('large', 1, k => 3);
-- the greatest regularization leaves the mean
SELECT avg(rating) FROM large_ratings;
SELECT version FROM recsys.train('large', '{"regularization": 1e38}');
SELECT bool_and(recsys.predict('large', user_id, item_id) BETWEEN 7.9e9 AND 8e9) AS is_mean FROM large_ratings;
SELECT version FROM recsys.train('large', '{"regularization": 1e38, "factors": 64}');
SELECT bool_and(recsys.predict('large', user_id, item_id) BETWEEN 7.9e9 AND 8e9) AS is_mean FROM large_ratings;
SELECT recsys.drop_model('large');
DROP TABLE large_ratings;
