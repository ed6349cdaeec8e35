-- predict: the score that recommend shows, item by item.
CREATE TABLE pre_likes (user_id int, item_id int, rating real, PRIMARY KEY (user_id, item_id));
INSERT INTO pre_likes
SELECT u, i, CASE WHEN u % 2 = i % 2 THEN 5 - 0.3 * ((i - 1) / 2) ELSE 1.5 - 0.1 * ((i - 1) / 2) END
FROM generate_series(1, 20) AS u, generate_series(1, 10) AS i WHERE (u + i) % 5 <> 0;
SELECT recsys.create_model('pre', 'pre_likes', options => '{"factors": 5, "regularization": 0.01}', algorithm => 'als');
SELECT deployed FROM recsys.train('pre');

-- ratings that were left out are found again
SELECT bool_and(abs(recsys.predict('pre', u, i) -
    CASE WHEN u % 2 = i % 2 THEN 5 - 0.3 * ((i - 1) / 2) ELSE 1.5 - 0.1 * ((i - 1) / 2) END) < 0.3) AS close
FROM generate_series(1, 20) AS u, generate_series(1, 10) AS i WHERE (u + i) % 5 = 0;

-- bit-equal to recommend, fresh and stored, with and without biases, both kinds of feedback
SELECT version FROM recsys.train('pre', '{"biases": false, "factors": 17}', deploy => false);
CREATE TABLE pre_counts AS SELECT user_id, item_id FROM pre_likes WHERE rating > 3;
CREATE INDEX ON pre_counts (user_id);
SELECT recsys.create_model('pre_counts', 'pre_counts', feedback => 'implicit', options => '{"factors": 5}', algorithm => 'als');
SELECT deployed FROM recsys.train('pre_counts');
SELECT m.model, m.version, f.fresh, count(*),
       bool_and(r.score = recsys.predict(m.model, u, r.item_id, f.fresh, m.version)) AS same
FROM (VALUES ('pre', 1), ('pre', 2), ('pre_counts', 1)) m(model, version),
     (VALUES (true), (false)) f(fresh), generate_series(1, 20) u,
     recsys.recommend(m.model, u, 100, false, fresh => f.fresh, version => m.version) r
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
-- preference() is what recommend ranks by, score what predict gives, also where it gives none
SELECT m.model, r.source, f.fresh, count(*),
       bool_and(r.preference = recsys.preference(m.model, u, r.item_id, f.fresh, m.version)) AS preference,
       bool_and(r.score IS NOT DISTINCT FROM recsys.predict(m.model, u, r.item_id, f.fresh, m.version)) AS score
FROM (VALUES ('pre', 1), ('pre', 2), ('pre_counts', 1)) m(model, version),
     (VALUES (true), (false)) f(fresh), generate_series(19, 22) u,
     recsys.recommend(m.model, u, 100, false, fresh => f.fresh, version => m.version) r
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT recsys.preference('pre', NULL::int, 2) IS NULL AS no_user, recsys.preference('pre', 2, NULL) IS NULL AS no_item,
       recsys.preference('pre', 2, 99) IS NULL AS unknown_item, recsys.preference('pre', 99, 99) IS NULL AS both_unknown;
-- row by row, users with and without a vector in turn
SELECT count(*), bool_and(p.preference = r.preference) AS same
FROM (SELECT i, u, recsys.preference('pre', u, i) AS preference FROM generate_series(1, 10) i, unnest('{2,99}'::int[]) u) p
JOIN unnest('{2,99}'::int[]) w(u) USING (u) JOIN LATERAL recsys.recommend('pre', w.u, 100, false) r ON r.item_id = p.i;

-- users whose rows did not change are folded in to the stored bits
SELECT m.model, m.version, count(*),
       bool_and(recsys.predict(m.model, u, i, true, m.version) = recsys.predict(m.model, u, i, false, m.version)) AS same
FROM (VALUES ('pre', 1), ('pre', 2), ('pre_counts', 1)) m(model, version), generate_series(1, 20) u, generate_series(1, 10) i
GROUP BY 1, 2 ORDER BY 1, 2;

-- order by predict is the order of recommend
SELECT array_agg(i ORDER BY recsys.predict('pre', 2, i) DESC, i) =
       (SELECT array_agg(r.item_id::int ORDER BY r.rank) FROM recsys.recommend('pre', 2, 100, false) r) AS same
FROM generate_series(1, 10) i;

-- unknown ids
SELECT recsys.predict('pre', 99, 2) IS NULL AS user_unknown, recsys.predict('pre', 99, 2, false) IS NULL AS user_unknown,
       recsys.predict('pre', 99, 99) IS NULL AS both, recsys.predict('pre_counts', 2, 99) IS NULL AS item_unknown;
-- of ratings, an unknown item has the mean and the user's bias, as explain shows them
SELECT abs(recsys.predict('pre', 2, 99) - sum(contribution)) < 1e-6 AS same, string_agg(part, ', ' ORDER BY part) AS parts,
       sum(contribution) FILTER (WHERE part = 'item bias') AS item_bias
FROM recsys.explain('pre', 2, 99);
SELECT abs(recsys.predict('pre', 2, 99, false) - (v.mean + f.bias)) < 1e-6 AS same
FROM recsys.models m JOIN recsys.model_versions v ON v.model = m.model AND v.version = m.active_version
JOIN recsys_data.pre_user_factors f ON f.version = v.version AND f.user_id = 2 WHERE m.model = 'pre';
-- a user who is new, and one who left
INSERT INTO pre_likes VALUES (99, 2, 5), (99, 3, 1);
DELETE FROM pre_likes WHERE user_id = 1;
SELECT recsys.predict('pre', 99, 4) > 3 AS fresh, recsys.predict('pre', 99, 4, false) IS NULL AS stored;
SELECT recsys.predict('pre', 1, 1) IS NULL AS fresh, recsys.predict('pre', 1, 1, false) > 4 AS stored;

-- versions
SELECT recsys.predict('pre', 2, 2, version => 2) <> recsys.predict('pre', 2, 2) AS differs;
SELECT recsys.predict('pre', 2, 2, version => 3);
SELECT recsys.predict('pre', 2, 2, version => 0);

-- an event the model does not know as item says nothing; a count is a sum of rows
SELECT recsys.predict('pre_counts', 2, 4) AS before \gset
INSERT INTO pre_counts VALUES (2, 1000);
SELECT recsys.predict('pre_counts', 2, 4) = :before::real AS same;
INSERT INTO pre_counts VALUES (2, 4), (2, 4), (2, 4);
SELECT recsys.predict('pre_counts', 2, 4) > :before::real AS more;

SELECT recsys.drop_model('pre'), recsys.drop_model('pre_counts');
DROP TABLE pre_likes, pre_counts;
