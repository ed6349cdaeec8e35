-- What a session keeps (images, plans) is decoded by what it was made of: views
-- that are replaced or swap names make an error, and never a wrong read.
CREATE TABLE ca_texts (user_id int, item_id text, rating real);
INSERT INTO ca_texts SELECT u, 'AAAAAAAA' || i, 1 + (u + i) % 3 FROM generate_series(1, 6) AS u, generate_series(1, 5) AS i WHERE u <> i;
CREATE TABLE ca_ints AS SELECT user_id, right(item_id, 1)::bigint AS item_id, rating FROM ca_texts;
CREATE TABLE ca_uuids AS SELECT user_id, md5(item_id)::uuid AS item_id, rating FROM ca_texts;
CREATE TABLE ca_others AS SELECT 'u' || user_id AS user_id, item_id, rating FROM ca_ints;
CREATE INDEX ON ca_texts (user_id);
CREATE INDEX ON ca_ints (user_id);
CREATE INDEX ON ca_uuids (user_id);
CREATE INDEX ON ca_others (user_id);
SELECT recsys.create_model('ca_' || t, ('ca_' || t)::regclass, options => '{"factors": 2, "iterations": 1}', algorithm => 'als')
  FROM unnest('{texts,ints,uuids,others}'::text[]) AS t;
SELECT version FROM unnest('{texts,ints,uuids,others}'::text[]) AS t, recsys.train('ca_' || t);

-- every image and every plan is kept from here on
CREATE FUNCTION ca_ask(model text) RETURNS TABLE (call text, said text) LANGUAGE plpgsql AS $$
DECLARE
    state text;
    message text;
    detail text;
BEGIN
    FOREACH call IN ARRAY '{"predict_text(%L, ''1''::text, ''4702111234474983745'')", "predict(%L, 1::bigint, 4702111234474983745)",
                            "predict_uuid(%L, 1::bigint, ''41414141-4141-4141-4141-414141414141''::uuid)", "recommend_text(%L, ''1''::text, 9, false)",
                            "recommend_text(%L, ''1''::text, 9, fresh => false)", "user_vector(%L, ''1''::text, fresh => false)", "item_vector(%L, ''1''::text)"}'::text[]
    LOOP
        BEGIN
            EXECUTE format('SELECT count(*) FROM recsys.' || call, model) INTO said;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
            said := state || ': ' || concat_ws(E'\n', message, detail);
        END;
        RETURN NEXT;
    END LOOP;
END $$;
SELECT call, said FROM unnest('{texts,ints,uuids,others}'::text[]) AS t, ca_ask('ca_' || t);

-- a view of other items in place of the model's
BEGIN;
DROP VIEW recsys_data.ca_texts;
CREATE VIEW recsys_data.ca_texts AS SELECT 1 AS user_id, 4702111234474983745 AS item_id, 3 AS rating;
SELECT * FROM ca_ask('ca_texts');
DROP VIEW recsys_data.ca_texts;
CREATE VIEW recsys_data.ca_texts AS SELECT 1 AS user_id, '41414141-4141-4141-4141-414141414141'::uuid AS item_id, 3 AS rating;
SELECT * FROM ca_ask('ca_texts');
DROP VIEW recsys_data.ca_uuids;
CREATE VIEW recsys_data.ca_uuids AS SELECT 1 AS user_id, 4702111234474983745 AS item_id, 3 AS rating;
SELECT * FROM ca_ask('ca_uuids');
ROLLBACK;

-- two views swap names, with items of different kinds, then with users
BEGIN;
ALTER VIEW recsys_data.ca_texts RENAME TO ca_between;
ALTER VIEW recsys_data.ca_ints RENAME TO ca_texts;
ALTER VIEW recsys_data.ca_between RENAME TO ca_ints;
SELECT * FROM ca_ask('ca_texts');
SELECT * FROM ca_ask('ca_ints');
ROLLBACK;
BEGIN;
ALTER VIEW recsys_data.ca_others RENAME TO ca_between;
ALTER VIEW recsys_data.ca_ints RENAME TO ca_others;
ALTER VIEW recsys_data.ca_between RENAME TO ca_ints;
SELECT * FROM ca_ask('ca_others');
SELECT * FROM ca_ask('ca_ints');
-- trained again they are models like others
SELECT recsys.drop_model('ca_' || t) FROM unnest('{others,ints}'::text[]) AS t;
SELECT recsys.create_model('ca_others', 'ca_ints', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');
SELECT version FROM recsys.train('ca_others');
SELECT * FROM ca_ask('ca_others');
ROLLBACK;

-- the factor table is rewritten, with ids of another kind and back
BEGIN;
ALTER TABLE recsys_data.ca_ints_item_factors ALTER item_id TYPE text;
SELECT * FROM ca_ask('ca_ints');
ALTER TABLE recsys_data.ca_ints_item_factors ALTER item_id TYPE bigint USING item_id::bigint + 1;
SELECT item_id FROM recsys.recommend('ca_ints', 99);
ROLLBACK;
BEGIN;
TRUNCATE recsys_data.ca_ints_item_factors;
SELECT * FROM recsys.recommend('ca_ints', 99);
ROLLBACK;
SELECT item_id FROM recsys.recommend('ca_ints', 99);

-- the same stamp with other options: restored by hand, say
BEGIN;
SELECT recsys.dims(recsys.user_vector('ca_ints', 1));
UPDATE recsys.model_version SET options = options || '{"biases": false}' WHERE model = 'ca_ints';
SELECT recsys.user_vector('ca_ints', 1);
ROLLBACK;
BEGIN;
UPDATE recsys.model_version SET options = options || '{"factors": 1000}' WHERE model = 'ca_ints';
SELECT count(*) FROM recsys.recommend('ca_ints', 1);
ROLLBACK;

-- a function of the view replaces it, or alters a factor table, while it is read
CREATE TABLE ca_todo (sql text);
CREATE FUNCTION ca_do(rating real) RETURNS real LANGUAGE plpgsql AS $$
DECLARE
    todo text;
BEGIN
    DELETE FROM public.ca_todo RETURNING sql INTO todo;
    IF todo IS NOT NULL THEN
        EXECUTE todo;
    END IF;
    RETURN rating;
END $$;
CREATE VIEW ca_watched AS SELECT user_id, item_id, ca_do(rating) AS rating FROM ca_ints;
SELECT recsys.create_model('ca_watched', 'ca_watched', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');
SELECT version FROM recsys.train('ca_watched');
\set VERBOSITY sqlstate
BEGIN;
INSERT INTO ca_todo VALUES ('ALTER VIEW recsys_data.ca_watched RENAME TO ca_gone; CREATE VIEW recsys_data.ca_watched AS SELECT user_id, item_id, rating::numeric FROM public.ca_ints');
SELECT FROM recsys.evaluate('ca_watched', 'ca_ints');
ROLLBACK;
BEGIN;
INSERT INTO ca_todo VALUES ('ALTER VIEW recsys_data.ca_watched RENAME TO ca_gone; CREATE VIEW recsys_data.ca_watched AS SELECT user_id, item_id::text, rating FROM public.ca_ints');
SELECT FROM recsys.evaluate('ca_watched', 'ca_ints');
ROLLBACK;
BEGIN;
INSERT INTO ca_todo VALUES ('ALTER TABLE recsys_data.ca_watched_item_factors ALTER item_id TYPE text');
SELECT FROM recsys.recommend('ca_watched', 1);
ROLLBACK;
BEGIN;
INSERT INTO ca_todo VALUES ('ALTER TABLE recsys_data.ca_watched_item_factors ADD CHECK (users < 100)');
SELECT FROM recsys.train('ca_watched');
ROLLBACK;
\set VERBOSITY default

SELECT recsys.drop_model('ca_' || t) FROM unnest('{texts,ints,uuids,others,watched}'::text[]) AS t;
DROP VIEW ca_watched;
DROP FUNCTION ca_ask(text), ca_do(real);
DROP TABLE ca_todo, ca_texts, ca_ints, ca_uuids, ca_others;
