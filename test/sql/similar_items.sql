-- similar_items and popular, against the same computed in SQL.
\pset null <null>
SET client_min_messages = warning;
CREATE TABLE si_stars (user_id int, item_id int, rating real);
INSERT INTO si_stars SELECT u, i, 1 + (u * 7 + i * 3) % 5 FROM generate_series(1, 40) u, generate_series(1, 20) i WHERE (u + i) % 3 > 0;
CREATE INDEX ON si_stars (user_id);
SELECT recsys.create_model('si', 'si_stars', options => '{"factors": 4}', algorithm => 'als'),
       recsys.create_model('si_i', 'si_stars', feedback => 'implicit', rating_column => 'rating', options => '{"factors": 5}', algorithm => 'als');
SELECT * FROM recsys.similar_items('si', 1);
SELECT * FROM recsys.popular('si');
SELECT users, items FROM recsys.train('si');
SELECT users, items FROM recsys.train('si_i');

-- the cosine of the factors: without the bias, which is the last component
CREATE VIEW si_vectors AS
SELECT 'si' AS model, item_id, (factors::real[])[1:4]::recsys.recvec AS y, users FROM recsys_data.si_item_factors
UNION ALL SELECT 'si_i', item_id, factors, users FROM recsys_data.si_i_item_factors;
CREATE VIEW si_brute AS
SELECT a.model, a.item_id AS of, b.item_id, c.score, row_number() OVER (PARTITION BY a.model, a.item_id ORDER BY c.score DESC, b.item_id) AS rank
FROM si_vectors a JOIN si_vectors b ON a.model = b.model AND a.item_id <> b.item_id,
     LATERAL (SELECT recsys.cosine_similarity(a.y, b.y)::real AS score) c;
SELECT model, count(*), bool_and(r.item_id IS NOT DISTINCT FROM b.item_id AND r.score IS NOT DISTINCT FROM b.score) AS same
FROM si_vectors v, LATERAL (SELECT * FROM recsys.similar_items(v.model, v.item_id, 100)) r
FULL JOIN LATERAL (SELECT rank, item_id, score FROM si_brute WHERE model = v.model AND of = v.item_id) b USING (rank) GROUP BY model ORDER BY model;
SELECT r.rank, r.score <= 1 AND r.score >= -1 AS bounded FROM recsys.similar_items('si', 1, 2) r;
-- candidates, exclusions; the item itself is never there
SELECT array_agg(r.item_id ORDER BY r.item_id) FROM recsys.similar_items('si', 1, candidates => '{1,2,3,NULL,99,4}', exclude => '{3}') r;
SELECT count(*) FROM recsys.similar_items('si', 1, candidates => '{}');
SELECT count(*) FROM recsys.similar_items('si', 1, candidates => '{1}');
SELECT count(*), max(rank) FROM recsys.similar_items('si', 1, 2147483647);
SELECT count(*) FROM recsys.similar_items('si', 1, 0);
-- no such item
SELECT count(*) FROM recsys.similar_items('si', 99);
SELECT count(*) FROM recsys.similar_items('si', NULL);
-- zero vectors are like nothing; vectors in one direction are alike, ties by id
BEGIN;
SELECT version FROM recsys.train('si_i', '{"keep_versions": 1}');
UPDATE recsys_data.si_i_item_factors SET factors = '[0,0,0,0,0]' WHERE item_id IN (3, 4);
UPDATE recsys_data.si_i_item_factors SET factors = '[1,2,3,4,5]' WHERE item_id IN (5, 9, 7);
UPDATE recsys_data.si_i_item_factors SET factors = '[-2,-4,-6,-8,-10]' WHERE item_id = 6;
SELECT count(*) FROM recsys.similar_items('si_i', 3, 100);
SELECT count(*), count(*) FILTER (WHERE item_id IN (3, 4)) FROM recsys.similar_items('si_i', 5, 100);
SELECT * FROM recsys.similar_items('si_i', 7, 3, candidates => '{9,6,5,3}');
ROLLBACK;

-- popular: what recommend() calls so
SELECT m, count(*), bool_and(p.item_id = r.item_id AND p.score = r.preference AND r.score IS NULL) AS same FROM unnest('{si,si_i}'::text[]) m,
LATERAL (SELECT * FROM recsys.popular(m, 100)) p JOIN LATERAL (SELECT * FROM recsys.recommend(m, 999, 100)) r USING (rank) GROUP BY m ORDER BY m;
SELECT count(*), bool_and(p.item_id = b.item_id AND p.score = b.users) AS same FROM recsys.popular('si', 100) p
JOIN (SELECT item_id, users, row_number() OVER (ORDER BY users DESC, item_id) AS rank FROM si_vectors WHERE model = 'si') b USING (rank);
SELECT * FROM recsys.popular('si', 2);
SELECT p.item_id FROM recsys.popular('si', candidates => '{3,4,NULL,99,5}', exclude => '{4}') p;
SELECT count(*) FROM recsys.popular('si', candidates => '{}');
SELECT count(*) FROM recsys.popular('si', 0);

-- the algorithm popular has no vectors, but counts
SELECT recsys.create_model('si_p', 'si_stars', algorithm => 'popular');
SELECT items FROM recsys.train('si_p');
SELECT count(*) FROM recsys.similar_items('si_p', 1);
SELECT count(*), bool_and(p.item_id = r.item_id AND p.score = r.score) AS same FROM recsys.popular('si', 100) p JOIN recsys.popular('si_p', 100) r USING (rank);

-- what cannot be asked
SELECT * FROM recsys.similar_items('si', 1, -1);
SELECT * FROM recsys.similar_items('si', 1, NULL);
SELECT * FROM recsys.similar_items(NULL, 1);
SELECT * FROM recsys.similar_items('nosi', 1);
SELECT * FROM recsys.similar_items('si', 1, version => 7);
SELECT * FROM recsys.similar_items_uuid('si', '00000000-0000-0000-0000-000000000001');
SELECT * FROM recsys.similar_items_text('si', 'one');
SELECT * FROM recsys.popular('si', -1);
SELECT * FROM recsys.popular('si', NULL);
SELECT * FROM recsys.popular(NULL);
SELECT * FROM recsys.popular('nosi');
SELECT * FROM recsys.popular('si', version => 7);
SELECT * FROM recsys.popular_uuid('si');
SELECT * FROM recsys.popular_text('si', candidates => '{one}');

-- text asks every model; uuid
SELECT count(*), bool_and(a.item_id = b.item_id::text AND a.score = b.score) FROM recsys.similar_items_text('si', '7', 5) a JOIN recsys.similar_items('si', 7, 5) b USING (rank);
SELECT a.item_id, a.score = b.score AS same FROM recsys.popular_text('si', 2) a JOIN recsys.popular('si', 2) b USING (rank);
CREATE VIEW si_uuids AS SELECT user_id, ('00000000-0000-0000-0000-' || lpad(item_id::text, 12, '0'))::uuid AS item_id, rating FROM si_stars;
SELECT recsys.create_model('si_u', 'si_uuids', options => '{"factors": 4}', algorithm => 'als');
SELECT users FROM recsys.train('si_u');
SELECT count(*), bool_and(right(a.item_id::text, 2)::int = b.item_id AND a.score = b.score) FROM recsys.similar_items_uuid('si_u', '00000000-0000-0000-0000-000000000007', 5) a
JOIN recsys.similar_items('si', 7, 5) b USING (rank);
SELECT item_id FROM recsys.popular_uuid('si_u', 1);
SELECT count(*), bool_and(right(a.item_id::text, 2)::int = b.item_id AND a.score = b.score) FROM recsys.recommend_for_items_uuid('si_u', '{00000000-0000-0000-0000-000000000007}') a
JOIN recsys.recommend_for_items('si', '{7}') b USING (rank);
SELECT * FROM recsys.similar_items('si_u', 1);
SELECT recsys.drop_model('si_u');
DROP VIEW si_uuids, si_brute, si_vectors;
SELECT recsys.drop_model(m) FROM unnest('{si,si_i,si_p}'::text[]) m;
DROP TABLE si_stars;
