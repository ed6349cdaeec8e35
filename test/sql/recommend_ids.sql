-- recommend with ids of every type: the user id is overloaded, the item's type is in the name.
CREATE TABLE ids_bigint (user_id bigint, item_id bigint, rating real, PRIMARY KEY (user_id, item_id));
INSERT INTO ids_bigint
SELECT u, i, CASE WHEN u % 2 = i % 2 THEN 5 - 0.3 * ((i - 1) / 2) ELSE 1.5 - 0.1 * ((i - 1) / 2) END
FROM generate_series(1, 20) AS u, generate_series(1, 10) AS i WHERE (u + i) % 5 <> 0;
CREATE FUNCTION ids_uuid(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
AS $$SELECT lpad(n::text, 32, '0')::uuid$$;
CREATE TABLE ids_text AS SELECT 'u' || user_id AS user_id, 'i' || item_id AS item_id, rating FROM ids_bigint;
CREATE TABLE ids_uuids AS SELECT ids_uuid(user_id) AS user_id, ids_uuid(item_id) AS item_id, rating FROM ids_bigint;
-- uuid users, smallint items; varchar users, integer items under a domain
CREATE DOMAIN ids_item AS int CHECK (VALUE > 0);
CREATE TABLE ids_mixed AS SELECT ids_uuid(user_id) AS user_id, item_id::smallint, rating FROM ids_bigint;
CREATE TABLE ids_domain AS SELECT user_id::varchar(20) AS user_id, item_id::ids_item, rating FROM ids_bigint;
CREATE INDEX ON ids_text (user_id);
CREATE INDEX ON ids_uuids (user_id);
CREATE INDEX ON ids_mixed (user_id);
CREATE INDEX ON ids_domain (user_id);
SELECT recsys.create_model(t, t, options => '{"factors": 4, "regularization": 0.01}', algorithm => 'als')
FROM unnest('{ids_bigint,ids_text,ids_uuids,ids_mixed,ids_domain}'::text[]) t;
SELECT t, v.items FROM unnest('{ids_bigint,ids_text,ids_uuids,ids_mixed,ids_domain}'::text[]) t, recsys.train(t) v ORDER BY t;

-- the user id as bigint, int, text, unknown; the item in the name
SELECT r.item_id, r.source FROM recsys.recommend('ids_bigint', 2::bigint, 1, false) r;
SELECT r.item_id, r.source FROM recsys.recommend('ids_bigint', 2, 1, false) r;
SELECT r.item_id, r.source FROM recsys.recommend('ids_bigint', '2'::text, 1, false) r;
SELECT r.item_id, r.source FROM recsys.recommend('ids_bigint', ' 2 ', 1, false) r;
SELECT r.item_id, r.source, pg_typeof(r.item_id) FROM recsys.recommend_text('ids_bigint', 2, 1, false) r;
SELECT r.item_id, r.source, pg_typeof(r.item_id) FROM recsys.recommend_text('ids_text', 'u2', 1, false) r;
SELECT r.item_id, r.source, pg_typeof(r.item_id) FROM recsys.recommend_uuid('ids_uuids', ids_uuid(2), 1, false) r;
SELECT r.item_id, r.source FROM recsys.recommend_uuid('ids_uuids', '00000000-0000-0000-0000-000000000002', 1, false) r;
SELECT r.item_id, r.source, pg_typeof(r.item_id) FROM recsys.recommend_text('ids_uuids', ids_uuid(2), 1, false) r;
SELECT r.item_id, r.source, pg_typeof(r.item_id) FROM recsys.recommend('ids_mixed', ids_uuid(2), 1, false) r;
SELECT r.item_id, r.source, pg_typeof(r.item_id) FROM recsys.recommend('ids_domain', 2, 1, false) r;

-- all models agree
SELECT count(*) FROM generate_series(1, 20) u, recsys.recommend('ids_bigint', u) b
JOIN recsys.recommend_text('ids_bigint', u) bt ON bt.rank = b.rank AND bt.item_id = b.item_id::text AND bt.score = b.score
JOIN recsys.recommend('ids_mixed', ids_uuid(u)) m ON m.rank = b.rank AND m.item_id = b.item_id
JOIN recsys.recommend('ids_domain', u) d ON d.rank = b.rank AND d.item_id = b.item_id
JOIN recsys.recommend_text('ids_text', 'u' || u) t ON t.rank = b.rank AND t.item_id = 'i' || b.item_id
JOIN recsys.recommend_uuid('ids_uuids', ids_uuid(u)) x ON x.rank = b.rank AND x.item_id = ids_uuid(b.item_id);
SELECT count(*) FROM generate_series(1, 20) u, recsys.recommend('ids_bigint', u) b;

-- candidates and exclude have the item's type
SELECT array_agg(r.item_id ORDER BY r.rank) FROM recsys.recommend_text('ids_text', 'u2', 2, false, candidates => '{i4,i2,nobody,NULL}') r;
SELECT array_agg(r.item_id ORDER BY r.rank) FROM recsys.recommend_text('ids_bigint', 2, 2, false, exclude => '{2}') r;
SELECT count(*) FROM recsys.recommend_uuid('ids_uuids', ids_uuid(2), 100, false, exclude => ARRAY[ids_uuid(2), NULL]) r;
SELECT * FROM recsys.recommend_text('ids_bigint', 2, candidates => '{abc}');

-- the wrong name says which to call
SELECT * FROM recsys.recommend('ids_text', 'u2');
SELECT * FROM recsys.recommend('ids_uuids', ids_uuid(2));
SELECT * FROM recsys.recommend_uuid('ids_text', 'u2');
SELECT * FROM recsys.recommend_uuid('ids_bigint', 2);
SELECT recsys.predict('ids_text', 'u2', 2);
SELECT recsys.predict_uuid('ids_bigint', 2, ids_uuid(2));

-- an id that the model's type cannot read
SELECT * FROM recsys.recommend('ids_bigint', 'abc');
SELECT * FROM recsys.recommend('ids_bigint', ids_uuid(2));
SELECT * FROM recsys.recommend_uuid('ids_uuids', 2);
-- one that it can read but not hold: nobody
SELECT count(*), min(r.source) FROM recsys.recommend('ids_mixed', '00000000-0000-0000-0000-00000000ffff', 1) r;
SELECT recsys.preference('ids_mixed', ids_uuid(2), 70000);
SELECT recsys.item_vector('ids_domain', 9223372036854775807) IS NULL AS unknown;

-- predict and vectors
SELECT recsys.predict('ids_bigint', 2, 2) = recsys.predict_text('ids_bigint', '2', '2') AS same;
SELECT recsys.predict_text('ids_text', 'u2', 'i2') > 4 AS likes, recsys.predict_uuid('ids_uuids', ids_uuid(2), ids_uuid(2)) > 4 AS likes;
SELECT recsys.dims(recsys.user_vector('ids_text', 'u2')), recsys.dims(recsys.user_vector('ids_uuids', ids_uuid(2))),
       recsys.dims(recsys.item_vector('ids_text', 'i2')), recsys.dims(recsys.item_vector('ids_uuids', ids_uuid(2))),
       recsys.item_vector('ids_bigint', 2) OPERATOR(recsys.=) recsys.item_vector('ids_bigint', '2') AS same;

-- the order in which items are read does not matter: that of a linguistic
-- collation, where the server has one, gives the ranks and scores of "C"
SELECT CASE WHEN getdatabaseencoding() = 'UTF8' AND EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu')
            THEN '"und-x-icu"' ELSE '"C"' END AS linguistic \gset
CREATE TABLE ids_bytewise (user_id int, item_id text COLLATE "C", rating real);
CREATE TABLE ids_words (user_id int, item_id text COLLATE :linguistic, rating real);
INSERT INTO ids_bytewise SELECT u, chr(CASE WHEN i % 2 = 0 THEN 65 ELSE 97 END + i) || i, 1 + (u * i) % 5
  FROM generate_series(1, 20) AS u, generate_series(0, 19) AS i WHERE (u + i) % 3 <> 0;
INSERT INTO ids_words SELECT * FROM ids_bytewise;
CREATE INDEX ON ids_bytewise (user_id);
CREATE INDEX ON ids_words (user_id);
SELECT recsys.create_model('ids_bytewise', 'ids_bytewise', options => '{"factors": 3}', algorithm => 'als'), recsys.create_model('ids_words', 'ids_words', options => '{"factors": 3}', algorithm => 'als');
SELECT b.version, w.version FROM recsys.train('ids_bytewise') b, recsys.train('ids_words') w;
SELECT count(*) FROM generate_series(1, 20) u, recsys.recommend_text('ids_bytewise', u, 100, false) b
  JOIN LATERAL recsys.recommend_text('ids_words', u, 100, false) w USING (rank, item_id, score);

-- text ids are bytes: order of equal scores, and case
CREATE TABLE ids_bytes (user_id text, item_id text);
INSERT INTO ids_bytes SELECT 'u' || u, i FROM generate_series(1, 5) u, unnest('{b,B,a,é,aa,"",z}'::text[]) i;
CREATE INDEX ON ids_bytes (user_id);
SELECT recsys.create_model('ids_bytes', 'ids_bytes', feedback => 'implicit', algorithm => 'popular');
SELECT items FROM recsys.train('ids_bytes');
SELECT array_agg(r.item_id ORDER BY r.rank) FROM recsys.recommend_text('ids_bytes', 'nobody') r;
SELECT array_agg(r.item_id ORDER BY r.rank) FROM recsys.recommend_text('ids_bytes', 'nobody', candidates => '{b,"",A,é}') r;

-- whole numbers that lie close together are found by bits, others by a hash: all that
-- the model has, and none besides
CREATE TABLE ids_close AS SELECT user_id, item_id * 50 - 264 AS item_id, rating FROM ids_bigint;
CREATE TABLE ids_wide AS SELECT user_id, item_id * 1000 - 264 AS item_id, rating FROM ids_bigint;
CREATE TABLE ids_ends AS SELECT user_id, CASE item_id WHEN 1 THEN '-9223372036854775808' WHEN 10 THEN '9223372036854775807' ELSE item_id END AS item_id, rating FROM ids_bigint;
CREATE INDEX ON ids_close (user_id);
CREATE INDEX ON ids_wide (user_id);
CREATE INDEX ON ids_ends (user_id);
SELECT recsys.create_model(t, t, options => '{"factors": 4, "regularization": 0.01}', algorithm => 'als') FROM unnest('{ids_close,ids_wide,ids_ends}'::text[]) t;
SELECT t, v.items FROM unnest('{ids_close,ids_wide,ids_ends}'::text[]) t, recsys.train(t) v ORDER BY t;
SELECT t, array_agg(i ORDER BY i) FROM unnest('{ids_close,ids_wide,ids_ends}'::text[]) t,
    (SELECT generate_series(-1000, 11000) UNION ALL VALUES ('-9223372036854775808'::bigint), ('-9223372036854775807'),
        ('9223372036854775744'), ('9223372036854775806'), ('9223372036854775807')) AS x (i)
WHERE recsys.preference(t, 2, i) IS NOT NULL GROUP BY t ORDER BY t;
SELECT count(*) FROM generate_series(1, 20) u, recsys.recommend('ids_bigint', u) b
JOIN recsys.recommend('ids_close', u) c ON c.rank = b.rank AND c.item_id = b.item_id * 50 - 264 AND c.score = b.score
JOIN recsys.recommend('ids_wide', u) w ON w.rank = b.rank AND w.item_id = b.item_id * 1000 - 264 AND w.score = b.score
JOIN recsys.recommend('ids_ends', u) e ON e.rank = b.rank AND e.score = b.score;
SELECT recsys.drop_model(t) FROM unnest('{ids_close,ids_wide,ids_ends}'::text[]) t;
DROP TABLE ids_close, ids_wide, ids_ends;

SELECT recsys.drop_model(t) FROM unnest('{ids_bigint,ids_text,ids_uuids,ids_mixed,ids_domain,ids_bytes,ids_bytewise,ids_words}'::text[]) t;
DROP TABLE ids_bigint, ids_text, ids_uuids, ids_mixed, ids_domain, ids_bytes, ids_bytewise, ids_words;
DROP DOMAIN ids_item;
DROP FUNCTION ids_uuid;
