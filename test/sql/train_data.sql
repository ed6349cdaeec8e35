-- Data that is empty, wrong, extreme or repeated.
CREATE TABLE td_ratings (user_id int, item_id int, rating double precision, at timestamptz);
CREATE INDEX ON td_ratings (user_id);
SELECT recsys.create_model('td', 'td_ratings', options => '{"factors": 2, "iterations": 3}', algorithm => 'als');
SELECT recsys.create_model('tdt', 'td_ratings', time_column => 'at', options => '{"factors": 2, "iterations": 3}', algorithm => 'als');

-- are all published factors finite?
CREATE FUNCTION td_finite() RETURNS boolean LANGUAGE sql AS $$
    SELECT bool_and(x <> 'NaN' AND abs(x) < 'Infinity')
    FROM (SELECT unnest(factors::real[]) FROM recsys_data.td_user_factors
          UNION ALL SELECT unnest(factors::real[]) FROM recsys_data.td_item_factors) AS f(x)
$$;

-- nothing to train on
SELECT * FROM recsys.train('td');
INSERT INTO td_ratings VALUES (NULL, 1, 1), (1, NULL, 1), (1, 1, NULL);
SELECT * FROM recsys.train('td');
SELECT count(*) FROM recsys.model_versions WHERE model = 'td';

-- one row; one user; one item
INSERT INTO td_ratings VALUES (1, 1, 4);
SELECT users, items, ratings FROM recsys.train('td');
SELECT rows_read, rows_skipped FROM recsys.model_versions WHERE model = 'td' AND active;
INSERT INTO td_ratings SELECT 1, i, i FROM generate_series(2, 5) AS i;
SELECT users, items, ratings FROM recsys.train('td');
TRUNCATE td_ratings;
INSERT INTO td_ratings SELECT u, 1, u FROM generate_series(1, 5) AS u;
SELECT users, items, ratings FROM recsys.train('td');
SELECT td_finite();

-- not a number, not finite, not in range: the row is named, nothing is published
INSERT INTO td_ratings VALUES (7, 8, 'NaN');
SELECT * FROM recsys.train('td');
UPDATE td_ratings SET rating = 'Infinity' WHERE user_id = 7;
SELECT * FROM recsys.train('td');
UPDATE td_ratings SET rating = '-Infinity' WHERE user_id = 7;
SELECT * FROM recsys.train('td');
UPDATE td_ratings SET rating = 1e308 WHERE user_id = 7;
SELECT * FROM recsys.train('td');
SELECT active_version FROM recsys.models WHERE model = 'td';

-- at the edge of float: finite, or refused
UPDATE td_ratings SET rating = 1e-320 WHERE user_id = 7;
SELECT users FROM recsys.train('td');
SELECT td_finite();
UPDATE td_ratings SET rating = 1e38 WHERE user_id = 7;
DO $$
BEGIN
    PERFORM recsys.train('td');
EXCEPTION WHEN data_exception OR numeric_value_out_of_range THEN
    NULL;
END
$$;
SELECT td_finite();

-- all zero, all equal
UPDATE td_ratings SET rating = 0;
SELECT users FROM recsys.train('td');
SELECT td_finite();
UPDATE td_ratings SET rating = 3;
SELECT users, loss < 1e-9 AS exact FROM recsys.train('td');
SELECT td_finite();

-- a scale of twelve orders of magnitude
TRUNCATE td_ratings;
INSERT INTO td_ratings SELECT u, i, CASE WHEN u = 1 THEN 1e6 ELSE 1e-6 END * (i + u) FROM generate_series(1, 9) AS u, generate_series(1, 7) AS i;
SELECT users, items FROM recsys.train('td', '{"factors": 3}');
SELECT td_finite();

-- more factors than users or items
SELECT users, items FROM recsys.train('td', '{"factors": 50}');
SELECT td_finite();

-- repeated cells count once: the mean, or the latest by time
TRUNCATE td_ratings;
INSERT INTO td_ratings SELECT u, i, (u + i) % 5, '2026-01-01' FROM generate_series(1, 9) AS u, generate_series(1, 7) AS i;
SELECT ratings, loss FROM recsys.train('td') \gset once_
INSERT INTO td_ratings SELECT * FROM td_ratings;
SELECT ratings = :once_ratings AS same_ratings, loss = :once_loss AS same_loss FROM recsys.train('td');
UPDATE td_ratings SET rating = rating + 1, at = '2026-01-02' WHERE ctid IN (SELECT max(ctid) FROM td_ratings GROUP BY user_id, item_id);
SELECT ratings, loss = :once_loss AS same_loss FROM recsys.train('td');
SELECT mean FROM recsys.model_versions WHERE model = 'td' AND active \gset mean_of_both_
SELECT ratings FROM recsys.train('tdt');
SELECT round((mean - :mean_of_both_mean)::numeric, 6) AS half_a_point FROM recsys.model_versions WHERE model = 'tdt' AND active;

-- many copies of one cell
INSERT INTO td_ratings SELECT 1, 1, n % 5, NULL FROM generate_series(1, 100000) AS n;
SELECT ratings FROM recsys.train('td');

-- no regularization and two items that are alike: no unique answer, and nothing changes
SELECT active_version FROM recsys.models WHERE model = 'td' \gset
TRUNCATE td_ratings;
INSERT INTO td_ratings VALUES (1, 1, 5), (1, 2, 5), (2, 1, 3), (2, 2, 3);
SELECT * FROM recsys.train('td', '{"regularization": 0, "factors": 4}');
SELECT active_version = :active_version AS unchanged FROM recsys.models WHERE model = 'td';
SELECT count(*) FROM recsys_data.td_user_factors WHERE version > :active_version;

-- an error of the source passes through
CREATE FUNCTION td_fail(int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    IF $1 = 2 THEN RAISE EXCEPTION 'row % is bad', $1; END IF;
    RETURN $1;
END
$$;
CREATE VIEW td_view AS SELECT td_fail(user_id) AS user_id, item_id, rating FROM td_ratings;
SELECT recsys.create_model('tdv', 'td_view', algorithm => 'als');
SELECT * FROM recsys.train('tdv');
SELECT active_version FROM recsys.models WHERE model = 'tdv';

-- a source that trains
CREATE OR REPLACE FUNCTION td_fail(int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    PERFORM recsys.train('td');
    RETURN $1;
END
$$;
SELECT * FROM recsys.train('tdv');

-- estimates are not believed: sizes come from counting
ALTER TABLE td_ratings SET (autovacuum_enabled = off);
INSERT INTO td_ratings SELECT n, n % 100, 1 FROM generate_series(1, 1000) AS n;
ANALYZE td_ratings;
DELETE FROM td_ratings WHERE user_id > 2;
SELECT users, items, ratings FROM recsys.train('td');

SELECT recsys.drop_model('td'), recsys.drop_model('tdt'), recsys.drop_model('tdv');
DROP VIEW td_view;
DROP FUNCTION td_fail(int), td_finite();
DROP TABLE td_ratings;
