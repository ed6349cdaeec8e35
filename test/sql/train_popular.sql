-- The algorithm popular: counts, no factors.
CREATE TABLE tp_ratings (user_id int, item_id text, rating real);
INSERT INTO tp_ratings SELECT u, i, 3 FROM generate_series(1, 10) AS u, generate_series(1, 5) AS i WHERE i <= u;
INSERT INTO tp_ratings VALUES (1, '1', 4), (1, '1', 5), (NULL, '1', 3), (2, NULL, 3), (2, '5', NULL);
CREATE INDEX ON tp_ratings (user_id);
SELECT recsys.create_model('tp', 'tp_ratings', algorithm => 'popular');
SELECT version, users, items, ratings, iterations, loss, deployed FROM recsys.train('tp');
SELECT * FROM recsys_data.tp_item_factors ORDER BY item_id;
SELECT count(*) FROM recsys_data.tp_user_factors;
SELECT algorithm, users, items, ratings, rows_read, rows_skipped, iterations, loss FROM recsys.model_versions WHERE model = 'tp';

-- the same items and counts as least squares has
SELECT recsys.alter_model('tp', algorithm => 'als', options => '{"factors": 2}');
SELECT version, users, items, ratings FROM recsys.train('tp');
SELECT count(*) FROM recsys_data.tp_item_factors a JOIN recsys_data.tp_item_factors b USING (item_id, users) WHERE a.version = 1 AND b.version = 2;

SELECT recsys.drop_model('tp');
DROP TABLE tp_ratings;
