-- Ids of every type come back as they were.
CREATE TABLE ty_ratings (s smallint, b bigint, t text COLLATE "C", v varchar(40), u uuid, rating real);
INSERT INTO ty_ratings
SELECT a - 3, CASE a WHEN 1 THEN -9223372036854775808 WHEN 2 THEN 9223372036854775807 ELSE a * 10 + b END,
       CASE a WHEN 1 THEN '' WHEN 2 THEN 'A' WHEN 3 THEN 'a' WHEN 4 THEN 'a ' ELSE 'ä' || b END,
       repeat('é', a), md5(a::text)::uuid, (a + b) % 5 + 1
FROM generate_series(1, 6) AS a, generate_series(1, 6) AS b;
CREATE DOMAIN ty_domain AS text CHECK (VALUE <> 'no');
CREATE VIEW ty_view AS SELECT t::ty_domain AS user_id, v AS item_id, rating FROM ty_ratings;

SELECT recsys.create_model('ty1', 'ty_ratings', 's', 'b', options => '{"factors": 2, "iterations": 2}', algorithm => 'als');
SELECT recsys.create_model('ty2', 'ty_ratings', 't', 'u', options => '{"factors": 2, "iterations": 2}', algorithm => 'als');
SELECT recsys.create_model('ty3', 'ty_ratings', 'u', 'v', options => '{"factors": 2, "iterations": 2}', algorithm => 'als');
SELECT recsys.create_model('ty4', 'ty_ratings', 'v', 's', options => '{"factors": 2, "iterations": 2}', algorithm => 'als');
SELECT recsys.create_model('ty5', 'ty_view', options => '{"factors": 2, "iterations": 2}', algorithm => 'als');
SELECT recsys.create_model('ty6', 'ty_ratings', 's', 's', options => '{"factors": 2, "iterations": 2}', algorithm => 'als');
SELECT model, t.users, t.items FROM (VALUES ('ty1'), ('ty2'), ('ty3'), ('ty4'), ('ty5'), ('ty6')) AS m(model), recsys.train(model) AS t ORDER BY model;

SELECT array_agg(DISTINCT s ORDER BY s) = (SELECT array_agg(user_id ORDER BY user_id) FROM recsys_data.ty1_user_factors) AS smallints FROM ty_ratings;
SELECT array_agg(DISTINCT b ORDER BY b) = (SELECT array_agg(item_id ORDER BY item_id) FROM recsys_data.ty1_item_factors) AS bigints FROM ty_ratings;
SELECT array_agg(DISTINCT t ORDER BY t) = (SELECT array_agg(user_id ORDER BY user_id) FROM recsys_data.ty2_user_factors) AS texts FROM ty_ratings;
SELECT array_agg(DISTINCT u ORDER BY u) = (SELECT array_agg(item_id ORDER BY item_id) FROM recsys_data.ty2_item_factors) AS uuids FROM ty_ratings;
SELECT array_agg(DISTINCT v ORDER BY v) = (SELECT array_agg(item_id ORDER BY item_id) FROM recsys_data.ty3_item_factors) AS varchars FROM ty_ratings;
SELECT array_agg(DISTINCT t ORDER BY t) = (SELECT array_agg(user_id ORDER BY user_id) FROM recsys_data.ty5_user_factors) AS domains FROM ty_ratings;

-- too long for a key
INSERT INTO ty_ratings (t, u, rating) VALUES (repeat('x', 2000), md5('x')::uuid, 1);
SELECT users FROM recsys.train('ty2');
INSERT INTO ty_ratings (t, u, rating) VALUES (repeat('x', 2001), md5('x')::uuid, 1);
SELECT users FROM recsys.train('ty2');

SELECT recsys.drop_model('ty' || n) FROM generate_series(1, 6) AS n;
DROP VIEW ty_view;
DROP DOMAIN ty_domain;
DROP TABLE ty_ratings;
