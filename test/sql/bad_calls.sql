-- Calls that no application makes on purpose, by the numbers of a list of bad inputs:
-- C10 values in every form of storage, C11 bytes that are not a vector, C13 C symbols that SQL
-- declares otherwise than the extension does, A37 schemas that were renamed.  A33 to A36 and
-- A38 are in t/045_bad_calls.pl; C10 to C13 of recvec alone in recvec_*.sql.
SET client_min_messages = warning;
CREATE SCHEMA bc;
CREATE TABLE bc.likes (user_id int, item_id int, rating real);
INSERT INTO bc.likes SELECT u, i, 1 + (u * i) % 5 FROM generate_series(1, 9) AS u, generate_series(1, 9) AS i WHERE (u + i) % 3 > 0;
CREATE INDEX ON bc.likes (user_id);
SELECT recsys.create_model('bc', 'bc.likes', options => '{"factors": 2}', algorithm => 'als');
SELECT users FROM recsys.train('bc');

-- ---- C10: one value plain, with a short header, compressed, out of line ------------------

CREATE TABLE bc.words (user_id text, item_id text, rating real);
INSERT INTO bc.words SELECT repeat('user', 450) || user_id, repeat('item', 450) || item_id, rating FROM bc.likes;
CREATE INDEX ON bc.words (md5(user_id));
SELECT recsys.create_model('bc_words', 'bc.words', options => '{"factors": 2}', algorithm => 'als');
SELECT users FROM recsys.train('bc_words');

CREATE TABLE bc.forms (form text, model text, user_id text, item_id text, items text[], weights real[], options jsonb);
ALTER TABLE bc.forms ALTER model SET STORAGE plain, ALTER user_id SET STORAGE plain, ALTER item_id SET STORAGE plain,
    ALTER items SET STORAGE plain, ALTER weights SET STORAGE plain, ALTER options SET STORAGE plain;
CREATE FUNCTION bc.put(name text) RETURNS void LANGUAGE sql AS $$
INSERT INTO bc.forms VALUES (name, 'bc_words', repeat('user', 450) || 4, repeat('item', 450) || 3,
    ARRAY[repeat('item', 450) || 3, repeat('item', 450) || 4], array_fill(4::real, ARRAY[2]), jsonb_build_object('factors', 2))
$$;
SELECT bc.put('plain');
ALTER TABLE bc.forms ALTER model SET STORAGE main, ALTER user_id SET STORAGE main, ALTER item_id SET STORAGE main,
    ALTER items SET STORAGE main, ALTER weights SET STORAGE main, ALTER options SET STORAGE main;
SELECT bc.put('compressed');
ALTER TABLE bc.forms SET (toast_tuple_target = 128);
ALTER TABLE bc.forms ALTER model SET STORAGE external, ALTER user_id SET STORAGE external, ALTER item_id SET STORAGE external,
    ALTER items SET STORAGE external, ALTER weights SET STORAGE external, ALTER options SET STORAGE external;
SELECT bc.put('out of line');
SELECT form, pg_column_size(model) AS model, pg_column_size(user_id) AS user, pg_column_compression(user_id) IS NOT NULL AS compressed,
       pg_column_size(items) AS items, pg_column_size(weights) AS weights FROM bc.forms;
SELECT pg_relation_size(reltoastrelid) > 0 AS out_of_line FROM pg_class WHERE oid = 'bc.forms'::regclass;
-- every function answers the same of each
CREATE TABLE bc.asked (question text, form text, answer text);
INSERT INTO bc.asked
SELECT q.question, f.form, q.answer FROM bc.forms AS f, LATERAL (
    SELECT 'recommend', string_agg(r::text, ' ' ORDER BY rank) FROM recsys.recommend_text(f.model, f.user_id, exclude => f.items) AS r
    UNION ALL SELECT 'recommend, candidates', string_agg(r::text, ' ' ORDER BY rank) FROM recsys.recommend_text(f.model, f.user_id, exclude_seen => false, candidates => f.items) AS r
    UNION ALL SELECT 'predict', recsys.predict_text(f.model, f.user_id, f.item_id)::text
    UNION ALL SELECT 'preference', recsys.preference_text(f.model, f.user_id, f.item_id)::text
    UNION ALL SELECT 'recommend_for_items', string_agg(r::text, ' ' ORDER BY rank) FROM recsys.recommend_for_items_text(f.model, f.items, f.weights) AS r
    UNION ALL SELECT 'similar_items', string_agg(r::text, ' ' ORDER BY rank) FROM recsys.similar_items_text(f.model, f.item_id, exclude => f.items) AS r
    UNION ALL SELECT 'popular', string_agg(r::text, ' ' ORDER BY rank) FROM recsys.popular_text(f.model, candidates => f.items) AS r
    UNION ALL SELECT 'explain', string_agg(r::text, ' ' ORDER BY r.part, r.item_id) FROM recsys.explain_text(f.model, f.user_id, f.item_id) AS r
    UNION ALL SELECT 'user_vector', recsys.user_vector(f.model, f.user_id)::text
    UNION ALL SELECT 'item_vector', recsys.item_vector(f.model, f.item_id)::text
    UNION ALL SELECT 'prewarm', (recsys.prewarm(f.model)).bytes::text
    UNION ALL SELECT 'train', (recsys.train(f.model, f.options)).loss::text) AS q (question, answer);
SELECT question, count(*), count(answer), count(DISTINCT answer) FROM bc.asked GROUP BY 1 ORDER BY 1;
-- and so does training, and testing, of a source with all of them
CREATE TABLE bc.mixed (LIKE bc.words);
ALTER TABLE bc.mixed ALTER user_id SET STORAGE plain, ALTER item_id SET STORAGE plain;
INSERT INTO bc.mixed SELECT user_id || '', item_id || '', rating FROM bc.words WHERE rating < 3;
ALTER TABLE bc.mixed ALTER user_id SET STORAGE main, ALTER item_id SET STORAGE main;
INSERT INTO bc.mixed SELECT user_id || '', item_id || '', rating FROM bc.words WHERE rating = 3;
ALTER TABLE bc.mixed SET (toast_tuple_target = 128);
ALTER TABLE bc.mixed ALTER user_id SET STORAGE external, ALTER item_id SET STORAGE external;
INSERT INTO bc.mixed SELECT user_id || '', item_id || '', rating FROM bc.words WHERE rating > 3;
SELECT count(DISTINCT pg_column_size(user_id)) FROM bc.mixed;
SELECT recsys.create_model('bc_mixed', 'bc.mixed', options => '{"factors": 2}', algorithm => 'als');
SELECT count(DISTINCT loss) AS losses FROM unnest('{bc_words,bc_mixed}'::text[]) AS m, recsys.train(m) AS t;
SELECT count(*), count(DISTINCT (metric, k, value)) * 2 AS equal FROM unnest('{bc.words,bc.mixed}'::regclass[]) AS t,
    recsys.evaluate('bc_words', t, exclude_seen => false);

-- ---- C11: a vector whose length belies its bytes, in the factor tables (see recvec_ops.sql) ----

BEGIN;
CREATE CAST (bytea AS recsys.recvec) WITHOUT FUNCTION;
SELECT users FROM recsys.train('bc');
CREATE FUNCTION bc.attempt(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE query INTO answer;
    RETURN 'answered';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ': ' || SQLERRM;
END $$;
UPDATE recsys_data.bc_item_factors SET factors = '\xff7f000000000000'::bytea::recsys.recvec WHERE item_id = 3;
UPDATE recsys_data.bc_user_factors SET factors = '\x0300000000000000'::bytea::recsys.recvec WHERE user_id = 1;
SELECT question, bc.attempt('SELECT ' || question) FROM unnest(ARRAY['recsys.item_vector(''bc'', 3)', 'recsys.user_vector(''bc'', 1, fresh => false)',
    'recsys.predict(''bc'', 1, 3)', 'count(*) FROM recsys.recommend(''bc'', 1, fresh => false)', 'count(*) FROM recsys.similar_items(''bc'', 3)']) AS question;
ROLLBACK;

-- ---- C13: C symbols declared otherwise -------------------------------------------------

CREATE VIEW bc.functions AS
SELECT p.* FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
  JOIN pg_extension AS e ON e.extname = 'recsys' AND d.refobjid = e.oid
 WHERE prolang = (SELECT oid FROM pg_language WHERE lanname = 'c');
-- Declare a symbol as described and call it; the SQLSTATE.
CREATE FUNCTION bc.called(symbol text, arguments text, result text, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    library text;
BEGIN
    SELECT probin INTO library FROM bc.functions LIMIT 1;
    EXECUTE format('CREATE FUNCTION bc.otherwise(%s) RETURNS %s AS %L, %L LANGUAGE c', arguments, result, library, symbol);
    EXECUTE format('SELECT * FROM bc.otherwise(%s)', call);
    RAISE SQLSTATE '00001';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;
-- without arguments: what has some is refused, what has none returns rows
SELECT state, count(*) > 70 AS most, CASE WHEN state <> '42P13' THEN array_agg(prosrc ORDER BY prosrc) END AS symbols
  FROM (SELECT DISTINCT prosrc FROM bc.functions) AS f, bc.called(prosrc, '', 'TABLE (one int, two int)', '') AS state GROUP BY 1 ORDER BY 1;
-- with the arguments it has, but other columns: values for them by name, the default where there is one
CREATE FUNCTION bc.arguments(function oid) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(coalesce(pg_get_function_arg_default(function, i::int), format('%L::%s', CASE
           WHEN name = 'model' THEN 'bc' WHEN name = 'test' THEN 'bc.likes' WHEN name IN ('items', 'users') THEN '{1}'
           ELSE '1' END, type)), ', ' ORDER BY i)
  FROM pg_proc AS p, unnest(proargtypes::regtype[]) WITH ORDINALITY AS t (type, i), LATERAL (SELECT proargnames[i]) AS n (name)
 WHERE p.oid = function
$$;
SELECT state, count(*) > 15 AS most, CASE WHEN state <> '42804' THEN array_agg(f.oid::regprocedure) END AS functions
  FROM bc.functions AS f, bc.called(prosrc, array_to_string(proargtypes::regtype[], ','), 'TABLE (one int, two int, three int, four int)', bc.arguments(f.oid)) AS state
 WHERE proretset AND proname NOT LIKE 'kafka%' AND NOT '{uuid,uuid[]}'::regtype[]::oid[] && proargtypes::oid[] GROUP BY 1 ORDER BY 1;
-- types: where one symbol serves several it looks which: ids of users, arrays of ids, ids in the result
SELECT bc.called('recsys_predict', 'text, int, bigint, boolean, int', 'real', '''bc'', 1, 1, true, NULL') AS user_id,
       bc.called('recsys_user_vector', 'text, float8, boolean, int', 'recsys.recvec', '''bc'', 1, true, NULL') AS vector,
       bc.called('recsys_similar_items', 'text, bigint, int, text[], bigint[], int', 'TABLE (rank int, item_id bigint, score real)', '''bc'', 1, 1, ''{1}'', NULL, NULL') AS candidates,
       bc.called('recsys_similar_items', 'text, bigint, int, bigint[], bigint[], int', 'TABLE (rank int, item_id text, score real)', '''bc'', 1, 1, NULL, NULL, NULL') AS item_id;
-- the trigger's function refuses a plain call, another table and another moment
SELECT format('CREATE FUNCTION bc.bind() RETURNS trigger LANGUAGE c AS %L, %L', probin, prosrc) FROM bc.functions WHERE proname = 'model_bind'
\gexec
CREATE TRIGGER bind BEFORE INSERT ON bc.likes FOR EACH ROW EXECUTE FUNCTION bc.bind();
INSERT INTO bc.likes VALUES (1, 1, 1);
DROP TRIGGER bind ON bc.likes;
CREATE TRIGGER bind AFTER INSERT ON bc.likes FOR EACH ROW EXECUTE FUNCTION bc.bind();
INSERT INTO bc.likes VALUES (1, 1, 1);
INSERT INTO bc.likes VALUES (NULL, 1, 1);
DROP TRIGGER bind ON bc.likes;

-- ---- A37: renamed schemas ---------------------------------------------------------------

-- the extension stays in its own
ALTER EXTENSION recsys SET SCHEMA bc;
-- what is renamed is missed until it is called so again
CREATE FUNCTION bc.answer() RETURNS text LANGUAGE sql BEGIN ATOMIC
SELECT string_agg(r::text, ' ' ORDER BY r.rank) FROM recsys.recommend('bc', 1, 3) AS r; END;
CREATE TABLE bc.before AS SELECT bc.answer();
ALTER SCHEMA recsys RENAME TO bc_renamed;
SELECT bc.answer();
SELECT bc_renamed.create_model('bc_second', 'bc.likes');
SELECT users FROM bc_renamed.train('bc');
SELECT '[1,2]'::bc_renamed.recvec;
ALTER SCHEMA bc_renamed RENAME TO recsys;
ALTER SCHEMA recsys_data RENAME TO bc_renamed;
SELECT bc.answer();
SELECT recsys.create_model('bc_second', 'bc.likes', algorithm => 'als');
SELECT users FROM recsys.train('bc');
ALTER SCHEMA bc_renamed RENAME TO recsys_data;
SELECT answer = bc.answer() AS same FROM bc.before;
SELECT recsys.drop_model(m) FROM unnest('{bc,bc_words,bc_mixed}'::text[]) AS m;
DROP SCHEMA bc CASCADE;
