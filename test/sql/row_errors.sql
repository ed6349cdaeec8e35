-- Errors that come out of a row name the row: in training, in serving, in evaluate.
CREATE TABLE roe_events (customer bigint, product text, quantity int, at date);
INSERT INTO roe_events SELECT c, 'p' || (c * n) % 7, 1 + c % 2, '2026-01-01' FROM generate_series(1, 20) c, generate_series(1, 3) n;
CREATE INDEX ON roe_events (customer);
CREATE VIEW roe_weights AS SELECT customer AS user_id, product AS item_id, ln(1 + quantity) AS weight, at FROM roe_events;
SELECT recsys.create_model('roe', 'roe_weights', rating_column => 'weight', time_column => 'at', feedback => 'implicit', options => '{"factors": 2}', algorithm => 'als');
SELECT users FROM recsys.train('roe');
-- an expression of the view: the row before is named, and how to find the row
INSERT INTO roe_events VALUES (7, 'p9', -1, '2026-01-02');
SELECT users FROM recsys.train('roe');
SELECT user_id, item_id FROM recsys_data.roe OFFSET 60 LIMIT 1;
SELECT count(*) FROM recsys.recommend_text('roe', 7, 3);
SELECT count(*) FROM recsys.recommend_text('roe', 8, 3);
-- a date beyond timestamp, a rating beyond double precision
UPDATE roe_events SET quantity = 1, at = '300000-01-01' WHERE product = 'p9';
SELECT users FROM recsys.train('roe');
SELECT count(*) FROM recsys.recommend_text('roe', 7, 3);
DELETE FROM roe_events WHERE product = 'p9';
CREATE OR REPLACE VIEW roe_weights AS
SELECT customer AS user_id, product AS item_id, exp(1000.0::float8 * quantity) AS weight, at FROM roe_events;
SELECT users FROM recsys.train('roe');
-- the first row
CREATE OR REPLACE VIEW roe_weights AS SELECT customer AS user_id, product AS item_id, (1 / (quantity - quantity))::float8 AS weight, at FROM roe_events;
SELECT users FROM recsys.train('roe');
-- our own: an id that is too long, a rating that is no number; bigint and uuid ids after a batch of rows
CREATE OR REPLACE VIEW roe_weights AS SELECT customer AS user_id, product AS item_id, quantity::float8 AS weight, at FROM roe_events;
INSERT INTO roe_events VALUES (8, repeat('long ', 401), 1, '2026-01-01');
SELECT users FROM recsys.train('roe');
DELETE FROM roe_events WHERE customer = 8 AND length(product) > 2000;
CREATE TABLE roe_uuids (user_id uuid, item_id int, rating float8);
INSERT INTO roe_uuids SELECT md5(n::text)::uuid, n, n % 5 FROM generate_series(1, 256) n;
CREATE INDEX ON roe_uuids (user_id);
CREATE VIEW roe_inverse AS SELECT user_id, item_id, 1 / (rating + 1) AS rating FROM roe_uuids;
SELECT recsys.create_model('roe_uuid', 'roe_inverse', algorithm => 'als');
INSERT INTO roe_uuids VALUES (md5('x')::uuid, 5, -1);
SELECT users FROM recsys.train('roe_uuid');
SELECT user_id = md5('x')::uuid AS found FROM recsys_data.roe_uuid OFFSET 256 LIMIT 1;
UPDATE roe_uuids SET rating = '-Infinity' WHERE rating < 0;
SELECT users FROM recsys.train('roe_uuid');
UPDATE roe_uuids SET rating = 'NaN' WHERE rating < 0;
SELECT users FROM recsys.train('roe_uuid');
SELECT recsys.drop_model(m) FROM unnest('{roe,roe_uuid}'::text[]) m;
DROP VIEW roe_weights, roe_inverse;
DROP TABLE roe_events, roe_uuids;
