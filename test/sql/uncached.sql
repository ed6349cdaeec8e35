-- Where item vectors fit nowhere, answers are read from the factor table: the same ones, bit by bit.
\pset null <null>
SET client_min_messages = error;
CREATE TABLE un_stars (user_id int, item_id int, rating real);
INSERT INTO un_stars SELECT u, i, 1 + h % 5 FROM (SELECT u, i, abs(hashint4(u * 1000 + i)) AS h FROM generate_series(1, 40) AS u, generate_series(1, 300) AS i) AS x WHERE h % 6 = 0;
-- items that score alike, and a user without likes
INSERT INTO un_stars SELECT user_id, item_id + 1000, rating FROM un_stars WHERE item_id <= 40;
INSERT INTO un_stars SELECT 41, i, -1 FROM generate_series(1, 9) AS i;
CREATE INDEX ON un_stars (user_id);
-- ids whose order in the key need not be that of their bytes
CREATE TABLE un_words AS SELECT user_id::text AS user_id, CASE item_id % 3 WHEN 0 THEN 'b' WHEN 1 THEN 'B ' ELSE 'a-' END || item_id AS item_id, rating FROM un_stars;
SELECT CASE WHEN getdatabaseencoding() = 'UTF8' AND EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu')
            THEN '"und-x-icu"' ELSE '"C"' END AS linguistic \gset
ALTER TABLE un_words ALTER item_id TYPE text COLLATE :linguistic;
CREATE INDEX ON un_words (user_id);
CREATE TABLE un_keys AS SELECT md5(user_id::text)::uuid AS user_id, md5(item_id::text)::uuid AS item_id, rating FROM un_stars;
CREATE INDEX ON un_keys (user_id);
-- what is listed: most items, few, or none
CREATE TABLE un_listed AS SELECT DISTINCT item_id, item_id % 10 > 0 AS most, item_id % 40 = 1 AS few FROM un_stars;
CREATE INDEX ON un_listed (item_id);
CREATE VIEW un_catalog AS SELECT item_id FROM un_listed WHERE CASE current_setting('un.listed') WHEN 'most' THEN most WHEN 'few' THEN few ELSE false END;
SET un.listed = 'most';
SELECT recsys.create_model('un_' || m.name, m.source::regclass, rating_column => 'rating', feedback => m.feedback, algorithm => m.algorithm,
                           options => m.options::jsonb, catalog => m.catalog::regclass)
  FROM (VALUES ('biased', 'un_stars', 'explicit', 'als', '{"factors": 5, "iterations": 2}', NULL),
               ('two', 'un_stars', 'explicit', 'auto', '{"factors": 6, "iterations": 2}', 'un_catalog'),
               ('plain', 'un_keys', 'explicit', 'als', '{"factors": 18, "iterations": 2, "biases": false}', NULL),
               ('words', 'un_words', 'implicit', 'als', '{"factors": 33, "iterations": 2, "unobserved_weight": 1}', NULL),
               ('listed', 'un_stars', 'implicit', 'als', '{"factors": 7, "iterations": 2, "history_limit": 0}', 'un_catalog'),
               ('sum', 'un_words', 'implicit', 'auto', '{"factors": 9, "iterations": 2, "weights": {"als": 0.5, "item": 0.3, "popularity": 0.2}}', NULL),
               ('item', 'un_keys', 'implicit', 'auto', '{"factors": 3, "iterations": 2, "weights": {"item": 1}}', NULL),
               ('top', 'un_stars', 'explicit', 'popular', '{}', NULL)) AS m (name, source, feedback, algorithm, options, catalog);

-- Every question about every third user, asked of one model. $u is the user, $i an item of theirs, $p all its items.
CREATE FUNCTION un_ask(m text) RETURNS TABLE (question text, asked bigint, answer text) LANGUAGE plpgsql AS $$
DECLARE
    ut text;
    it text;
    f text;
    call text;
BEGIN
    SELECT max(format_type(atttypid, NULL)) FILTER (WHERE attname = 'user_id'), max(format_type(atttypid, NULL)) FILTER (WHERE attname = 'item_id')
      INTO ut, it FROM pg_attribute WHERE attrelid = ('recsys_data.' || m)::regclass;
    f := CASE it WHEN 'integer' THEN '' ELSE '_' || it END;
    it := replace(it, 'integer', 'bigint');
    ut := replace(ut, 'integer', 'bigint');
    FOREACH question IN ARRAY '{"recommend$f($m, $u, $k)", "recommend$f($m, $u, $k, exclude_seen => false)", "recommend$f($m, $u, $k, fresh => false)",
        "recommend$f($m, $u, $k, candidates => $p[5:9])", "recommend$f($m, $u, $k, candidates => $p[1:200] || $p[1:9] || NULL)", "recommend$f($m, $u, $k, candidates => ''{}'')",
        "recommend$f($m, $u, $k, exclude => $p[20:200])", "recommend$f($m, $u, $k, candidates => $p[5:300], exclude => $p[100:200])",
        "recommend$f($m, $u, $k, after => '''')", "recommend$f($m, $u, $k, after => (SELECT next FROM recsys.recommend$f($m, $u, 7, after => '''') WHERE rank = 7))",
        "recommend_for_items$f($m, $p[3:7], k => $k)", "recommend_for_items$f($m, $p[3:5], ''{1,NULL,-2}'', k => $k, exclude_given => false)", "recommend_for_items$f($m, ''{}'', k => $k)",
        "similar_items$f($m, $i, $k)", "similar_items$f($m, $i, $k, candidates => $p[5:300], exclude => $p[9:9])", "popular$f($m, $k)", "popular$f($m, $k, exclude => $p[4:200])",
        "explain$f($m, $u, $i, $k)", "explain$f($m, $u, $p[1], $k)", "user_vector($m, $u)", "user_vector($m, $u, fresh => false)"}'::text[]
    LOOP
        call := replace(replace(replace(replace(question, '$f', f), '$m', quote_literal(m)), '$k', 'k'), '$p', 'p');
        EXECUTE format('SELECT count(*), md5(string_agg(concat_ws('' '', u, k, a), E''\n'' ORDER BY u, k)) FROM
            (SELECT array_agg(item_id::%s ORDER BY item_id::text COLLATE "C") AS p FROM recsys_data.%I) AS p,
            (SELECT user_id::%s AS u, (min(item_id::text COLLATE "C"))::%s AS i FROM recsys_data.%I GROUP BY user_id HAVING hashtext(user_id::text) %% 3 = 0) AS u,
            unnest(''{0,1,10,1000}''::int[]) AS k, LATERAL (SELECT string_agg(r::text, E''\n'') AS a FROM recsys.%s AS r) AS r',
            it, m || '_item_factors', ut, it, m, replace(replace(call, '$u', 'u'), '$i', 'i')) INTO asked, answer;
        RETURN NEXT;
    END LOOP;
    FOREACH question IN ARRAY '{predict, preference}'::text[] LOOP
        EXECUTE format('SELECT count(a), md5(string_agg(concat_ws('' '', u, i, a), E''\n'' ORDER BY u, i)) FROM
            (SELECT u.user_id AS u, i.item_id::text COLLATE "C" AS i, recsys.%s(%L, u.user_id::%s, i.item_id::%s) AS a FROM recsys_data.%I AS i,
                    (SELECT DISTINCT user_id FROM recsys_data.%I WHERE hashtext(user_id::text) %% 3 = 0) AS u) AS a', question || f, m, ut, it, m || '_item_factors', m)
            INTO asked, answer;
        RETURN NEXT;
    END LOOP;
END $$;

-- In the transaction that trained, images are of this session alone, so that its limit alone decides.
CREATE FUNCTION un_differing(m text, OUT questions bigint, OUT asked numeric, OUT differing text[], OUT kept boolean, OUT kept_again boolean, OUT needed boolean) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM recsys.train(m);
    -- summed in another order than that of the ids, what is short here is lost beside what is long, and vectors differ
    IF m = 'un_words' THEN
        UPDATE recsys_data.un_words_item_factors
           SET factors = array_cat(CASE WHEN item_id LIKE 'B%' THEN '{131072,131072}' ELSE ARRAY[0.01, -0.01 * (1 + users % 3)] END, array_fill(0::real, '{31}'))::recsys.recvec;
    END IF;
    SET LOCAL recsys.local_cache_size = '64MB';
    CREATE TEMP TABLE un_with ON COMMIT DROP AS SELECT * FROM un_ask(m);
    SELECT c.kept INTO kept FROM recsys.cache_status AS c WHERE c.model = m;
    SET LOCAL recsys.local_cache_size = 0;
    CREATE TEMP TABLE un_without ON COMMIT DROP AS SELECT * FROM un_ask(m);
    SELECT c.kept, c.needed > c.bytes INTO kept_again, needed FROM recsys.cache_status AS c WHERE c.model = m;
    SELECT count(*), sum(w.asked), array_agg(question) FILTER (WHERE w IS DISTINCT FROM o) INTO questions, asked, differing
      FROM un_with AS w FULL JOIN un_without AS o USING (question);
    DROP TABLE un_with, un_without;
END $$;
SELECT m, d.* FROM unnest('{un_biased,un_two,un_plain,un_words,un_listed,un_sum,un_item,un_top}'::text[]) AS m, un_differing(m) AS d;
SET un.listed = 'few';
SELECT d.* FROM un_differing('un_listed') AS d;
SET un.listed = 'none';
SELECT d.* FROM un_differing('un_listed') AS d;
RESET client_min_messages;

-- one item more or less than the version has, and a row that training does not write
SET recsys.local_cache_size = 0;
\set VERBOSITY terse
BEGIN;
SELECT version FROM recsys.train('un_words');
SELECT count(*) FROM recsys.recommend_text('un_words', '7'::text);
SAVEPOINT s;
DELETE FROM recsys_data.un_words_item_factors WHERE item_id = 'b3';
SELECT count(*) FROM recsys.recommend_text('un_words', '7'::text);
ROLLBACK TO s;
INSERT INTO recsys_data.un_words_item_factors SELECT version, 'more', factors, users FROM recsys_data.un_words_item_factors WHERE item_id = 'b3';
SELECT count(*) FROM recsys.recommend_text('un_words', '7'::text);
ROLLBACK TO s;
UPDATE recsys_data.un_words_item_factors SET factors = '[1]' WHERE item_id = 'b3';
SELECT count(*) FROM recsys.recommend_text('un_words', '7'::text);
ROLLBACK TO s;
UPDATE recsys_data.un_words_item_factors SET factors = NULL WHERE item_id = 'b3';
SELECT recsys.predict_text('un_words', '7'::text, 'b3');
ROLLBACK TO s;
UPDATE recsys_data.un_words_item_factors SET users = -1 WHERE item_id = 'b3';
SELECT count(*) FROM recsys.popular_text('un_words');
ROLLBACK TO s;
ALTER TABLE recsys_data.un_words_item_factors ADD CHECK (users >= 0);
SELECT recsys.predict_text('un_words', '7'::text, 'b3');
ROLLBACK;
-- an item that the version has not, an id of another type
BEGIN;
SELECT version FROM recsys.train('un_biased');
SELECT recsys.predict('un_biased', 1, 99999), recsys.preference('un_biased', 99, 1), recsys.predict('un_biased', 1, 9223372036854775807), recsys.predict('un_biased', 1, NULL);
SELECT count(*) FROM recsys.similar_items('un_biased', 99999);
SELECT * FROM recsys.recommend('un_biased', 99, 2, candidates => '{99999,3,9223372036854775807}');
SELECT * FROM recsys.recommend_text('un_words', '1'::text, 2, candidates => '{nothing}');
-- the vectors of one user's items have a limit
SET LOCAL recsys.serving_memory = '64kB';
SAVEPOINT s;
SELECT count(*) FROM recsys.recommend_for_items('un_biased', (SELECT array_agg(n::bigint) FROM generate_series(1, 1000) AS n));
ROLLBACK TO s;
-- said by prewarm
RESET recsys.serving_memory;
SELECT bytes > 0 AS bytes FROM recsys.prewarm('un_biased');
ROLLBACK;

SELECT recsys.drop_model('un_' || m) FROM unnest('{biased,two,plain,words,listed,sum,item,top}'::text[]) AS m;
DROP FUNCTION un_ask, un_differing;
DROP VIEW un_catalog;
DROP TABLE un_stars, un_words, un_keys, un_listed;
