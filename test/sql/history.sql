-- history_limit: training and fold-in take the same rows; and what the rows of one user may cost.
SET client_min_messages = error;
CREATE SCHEMA hi;
CREATE TABLE hi.events (user_id int, item_id int, rating real, at timestamptz);
-- many equal times, some without; rows that repeat, rows without a rating, without an item
INSERT INTO hi.events
SELECT u, i, CASE WHEN (u + n) % 11 > 0 THEN 1 + (u * i + n) % 5 END,
       CASE WHEN (u + i + n) % 4 > 0 THEN timestamptz '2026-01-01 00:00+00' + (u * n * 31 + i) % 7 * interval '1 day' END
FROM generate_series(1, 40) AS u, generate_series(1, 3) AS n, generate_series(1, 12) AS i WHERE (u * 7 + i * n) % 3 > 0;
INSERT INTO hi.events VALUES (1, NULL, 5, '2027-01-01 00:00+00'), (2, 99, NULL, '2027-01-01 00:00+00');
-- the rows that count, written down in plain SQL
CREATE FUNCTION hi.latest(n int) RETURNS TABLE (user_id int, item_id int, rating real, at timestamptz) LANGUAGE sql STABLE AS $$
    SELECT user_id, item_id, rating, at
      FROM (SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY at DESC NULLS LAST, item_id::text COLLATE "C", rating DESC) AS place
              FROM hi.events WHERE item_id IS NOT NULL AND rating IS NOT NULL) AS e
     WHERE place <= n $$;
CREATE VIEW hi.texts AS SELECT 'user ' || user_id AS user_id, item_id::text AS item_id, rating::numeric AS rating, at FROM hi.events;
CREATE VIEW hi.latest_texts AS SELECT 'user ' || user_id AS user_id, item_id::text AS item_id, rating, at FROM hi.latest(9);
CREATE VIEW hi.uuids AS SELECT lpad(user_id::text, 32, '0')::uuid AS user_id, rpad(item_id::text, 32, '0')::uuid AS item_id, rating::int AS rating, at::timestamp::date AS at FROM hi.events;
CREATE VIEW hi.latest_uuids AS SELECT lpad(user_id::text, 32, '0')::uuid AS user_id, rpad(item_id::text, 32, '0')::uuid AS item_id, rating, at FROM hi.latest(9);

SELECT recsys.create_model(feedback || '_' || kind, 'hi.' || kind, time_column => 'at', rating_column => 'rating', feedback => feedback,
                           options => '{"factors": 3, "iterations": 3, "history_limit": 9, "regularization": 0.1}', algorithm => 'als'),
       recsys.create_model(feedback || '_latest_' || kind, 'hi.latest_' || kind, time_column => 'at', rating_column => 'rating', feedback => feedback,
                           options => '{"factors": 3, "iterations": 3, "regularization": 0.1}', algorithm => 'als')
  FROM unnest('{explicit,implicit}'::text[]) AS feedback, unnest('{texts,uuids}'::text[]) AS kind;
-- the same bits as from those rows alone
SELECT feedback, kind, a.users, a.items, a.ratings, a.loss = b.loss AS same
  FROM unnest('{explicit,implicit}'::text[]) AS feedback, unnest('{texts,uuids}'::text[]) AS kind,
       recsys.train(feedback || '_' || kind) AS a, recsys.train(feedback || '_latest_' || kind) AS b ORDER BY 1, 2;
SELECT count(*), count(*) FILTER (WHERE a.factors::text = b.factors::text) AS same
  FROM recsys_data.explicit_texts_user_factors AS a JOIN recsys_data.explicit_latest_texts_user_factors AS b USING (user_id);
-- folded = stored, without an index and with one, which is then read for the rows alone
CREATE FUNCTION hi.folded() RETURNS TABLE (model text, users bigint, same bigint) LANGUAGE sql AS $$
    SELECT 'explicit_texts', count(*), count(*) FILTER (WHERE recsys.user_vector('explicit_texts', user_id)::text = factors::text) FROM recsys_data.explicit_texts_user_factors
    UNION ALL
    SELECT 'implicit_texts', count(*), count(*) FILTER (WHERE recsys.user_vector('implicit_texts', user_id)::text = factors::text) FROM recsys_data.implicit_texts_user_factors
    UNION ALL
    SELECT 'explicit_uuids', count(*), count(*) FILTER (WHERE recsys.user_vector('explicit_uuids', user_id)::text = factors::text) FROM recsys_data.explicit_uuids_user_factors
    UNION ALL
    SELECT 'implicit_uuids', count(*), count(*) FILTER (WHERE recsys.user_vector('implicit_uuids', user_id)::text = factors::text) FROM recsys_data.implicit_uuids_user_factors $$;
SELECT * FROM hi.folded();
CREATE INDEX ON hi.events (('user ' || user_id), at);
CREATE INDEX ON hi.events ((lpad(user_id::text, 32, '0')::uuid), at);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT * FROM hi.folded();
RESET enable_seqscan;
RESET enable_bitmapscan;
-- and the same for every limit
SELECT l, (SELECT ratings FROM recsys.train('explicit_texts', jsonb_build_object('history_limit', l), deploy => true)) AS ratings, f.users, f.same
  FROM unnest('{1,2,5,1000,2147483647}'::int[]) AS l, LATERAL (SELECT * FROM hi.folded() WHERE model = 'explicit_texts' AND l > 0) AS f;

-- what is seen is not limited: neither by the limit nor to rows with a rating
SELECT count(*), bool_and(r.item_id IN (SELECT item_id FROM hi.texts WHERE user_id = 'user 2')) AS all_seen
  FROM recsys.recommend_text('explicit_texts', 'user 2', 100, false) AS r;
SELECT count(*) FROM recsys.recommend_text('explicit_texts', 'user 2', 100) AS r WHERE r.item_id IN (SELECT item_id FROM hi.texts WHERE user_id = 'user 2');
SELECT count(*) FROM recsys.recommend_text('explicit_texts', 'user 2', 100, fresh => false) AS r WHERE r.item_id IN (SELECT item_id FROM hi.texts WHERE user_id = 'user 2');
SELECT recsys.drop_model(feedback || latest || kind) FROM unnest('{explicit_,implicit_}'::text[]) AS feedback, unnest('{"",latest_}'::text[]) AS latest, unnest('{texts,uuids}'::text[]) AS kind;

-- a crawler: its rows are refused before they fill the memory, and nobody else's
CREATE TABLE hi.visits (user_id int, item_id int, at int);
INSERT INTO hi.visits SELECT CASE WHEN n <= 20000 THEN 1 ELSE 2 + n % 10 END, n % 10000, n FROM generate_series(1, 20500) AS n;
CREATE INDEX ON hi.visits (user_id, at);
SELECT recsys.create_model('visits', 'hi.visits', time_column => 'at', feedback => 'implicit', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');
SELECT recsys.create_model('visited', 'hi.visits', feedback => 'implicit', algorithm => 'popular');
SELECT users FROM recsys.train('visits');
SELECT users FROM recsys.train('visited');
SELECT count(*) FROM recsys.recommend('visits', 1);
SET recsys.serving_memory = '64kB';
SELECT count(*) FROM recsys.recommend('visits', 1);
SELECT recsys.predict('visits', 1, 1);
SELECT count(*) FROM recsys.recommend('visits', 1, fresh => false);
SELECT count(*) FROM recsys.recommend('visited', 1);
SELECT count(*) FROM recsys.recommend('visits', 2);
SELECT count(*) FROM recsys.recommend('visits', 1, exclude_seen => false, fresh => false);
-- as the messages say
SELECT users FROM recsys.train('visits', '{"history_limit": 100}');
SELECT recsys.predict('visits', 1, 9999) IS NOT NULL AS predicted;
SELECT count(*) FROM recsys.recommend('visits', 1);
SELECT count(*) FROM recsys.recommend('visits', 1, exclude_seen => false);
SET recsys.serving_memory = '100kB';
SELECT count(*) FROM recsys.recommend('visits', 1);
-- from 17 on the message has units
\set VERBOSITY sqlstate
SET recsys.serving_memory = '63kB';
\set VERBOSITY default
RESET recsys.serving_memory;
SELECT recsys.drop_model('visits'), recsys.drop_model('visited');
DROP SCHEMA hi CASCADE;
