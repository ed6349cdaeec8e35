-- user_vector and item_vector: what an index over the factor table can be asked with.
CREATE TABLE vec_likes (user_id int, item_id int, rating real, PRIMARY KEY (user_id, item_id));
INSERT INTO vec_likes
SELECT u, i, CASE WHEN u % 2 = i % 2 THEN 5 - 0.3 * ((i - 1) / 2) ELSE 1.5 - 0.1 * ((i - 1) / 2) END
FROM generate_series(1, 20) AS u, generate_series(1, 10) AS i WHERE (u + i) % 5 <> 0;
SELECT recsys.create_model('vec', 'vec_likes', options => '{"factors": 3, "regularization": 0.01}', algorithm => 'als');
SELECT version FROM recsys.train('vec');
SELECT version FROM recsys.train('vec', '{"biases": false}', deploy => false);

-- one more component when there are biases: 1 for the user, the bias for the item
SELECT recsys.dims(recsys.user_vector('vec', 2)), recsys.dims(recsys.user_vector('vec', 2, version => 2)),
       recsys.dims(recsys.item_vector('vec', 2)), recsys.dims(recsys.item_vector('vec', 2, 2));
SELECT (recsys.user_vector('vec', 2)::real[])[4] AS one;
-- an item's vector is the stored row, a user's too while their rows are those of the training
SELECT count(*), bool_and(f.factors OPERATOR(recsys.=) recsys.item_vector('vec', f.item_id, f.version)) AS same FROM recsys_data.vec_item_factors f;
SELECT count(*), bool_and(f.factors OPERATOR(recsys.=) recsys.user_vector('vec', f.user_id, false, f.version)) AS stored,
       bool_and(f.factors OPERATOR(recsys.=) recsys.user_vector('vec', f.user_id, true, f.version)) AS fresh FROM recsys_data.vec_user_factors f;

-- the order of the inner product is that of recommend
SELECT v AS version, (SELECT array_agg(f.item_id ORDER BY f.factors OPERATOR(recsys.<#>) recsys.user_vector('vec', 2, version => v), f.item_id)
    FROM recsys_data.vec_item_factors f WHERE f.version = v) =
    (SELECT array_agg(r.item_id::int ORDER BY r.rank) FROM recsys.recommend('vec', 2, 100, false, version => v) r) AS same
FROM generate_series(1, 2) v;
-- score = mean + bias of the user + inner product
SELECT bool_and(abs(recsys.predict('vec', u.user_id, i.item_id, false) -
    (v.mean + u.bias - (i.factors OPERATOR(recsys.<#>) u.factors))) < 1e-5) AS score
FROM recsys_data.vec_user_factors u JOIN recsys_data.vec_item_factors i USING (version)
JOIN recsys.model_versions v ON v.model = 'vec' AND v.version = u.version WHERE v.active;

-- nobody, nothing
SELECT recsys.user_vector('vec', 99) IS NULL AS fresh, recsys.user_vector('vec', 99, false) IS NULL AS stored,
       recsys.item_vector('vec', 99) IS NULL AS item, recsys.item_vector('vec', '99') IS NULL AS item;
SELECT recsys.item_vector('vec', 'abc');
SELECT recsys.user_vector('vec', 'abc');
SELECT recsys.user_vector('vec', 2, version => 7);
SELECT recsys.item_vector('vec', 2, 7);
SELECT recsys.item_vector('vec', 2, 0);

-- new rows count
INSERT INTO vec_likes VALUES (99, 2, 5);
SELECT recsys.dims(recsys.user_vector('vec', 99)), recsys.user_vector('vec', 99, false) IS NULL AS stored;

SELECT recsys.drop_model('vec');
DROP TABLE vec_likes;
