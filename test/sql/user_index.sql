-- create_model warns where serving has to read a table to find the rows of one user, whatever is in between.
\set VERBOSITY terse
CREATE SCHEMA ui;
CREATE TABLE ui.ev (uid int, iid int, rating real, kind int);
CREATE TABLE ui.other (uid int, iid int, rating real);
CREATE INDEX other_uid ON ui.other (uid);
CREATE TABLE ui.kinds (kind int, weight real);
CREATE VIEW ui.plain AS SELECT uid AS user_id, iid AS item_id, rating FROM ui.ev;
CREATE VIEW ui.nested AS SELECT * FROM ui.plain WHERE rating > 0;
CREATE VIEW ui.cast AS SELECT uid::text AS user_id, iid AS item_id, rating FROM ui.ev;
CREATE VIEW ui.joined AS SELECT uid AS user_id, iid AS item_id, weight AS rating FROM ui.ev JOIN ui.kinds USING (kind);
CREATE VIEW ui.counted AS SELECT uid AS user_id, iid AS item_id, count(*) AS rating FROM ui.ev GROUP BY 1, 2;
CREATE VIEW ui.both AS SELECT uid AS user_id, iid AS item_id, rating FROM ui.ev UNION ALL SELECT uid, iid, rating FROM ui.other;
CREATE VIEW ui.first AS SELECT uid AS user_id, iid AS item_id, rating FROM ui.ev LIMIT 1000;
CREATE VIEW ui.made AS SELECT n AS user_id, n AS item_id, n AS rating FROM generate_series(1, 1000) AS n;
CREATE VIEW ui.constant AS SELECT 1 AS user_id, 2 AS item_id, 3 AS rating;
CREATE MATERIALIZED VIEW ui.copy AS SELECT * FROM ui.plain;
CREATE TABLE ui.parts (user_id int, item_id int, rating real) PARTITION BY RANGE (item_id);
CREATE TABLE ui.part_1 PARTITION OF ui.parts FOR VALUES FROM (1) TO (10);
CREATE TABLE ui.part_2 PARTITION OF ui.parts FOR VALUES FROM (10) TO (20);
CREATE TABLE ui.sources AS SELECT s FROM unnest('{plain,nested,cast,joined,counted,both,first,made,constant,copy,parts}'::text[]) WITH ORDINALITY AS s (s, n);
-- What is said of each source.
CREATE FUNCTION ui.create_all() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    source text;
BEGIN
    FOR source IN SELECT s FROM ui.sources LOOP
        RAISE INFO '%:', source;
        PERFORM recsys.create_model('ui', ('ui.' || source)::regclass, options => '{"factors": 2}', algorithm => 'als');
        PERFORM recsys.drop_model('ui');
    END LOOP;
END $$;
SELECT ui.create_all();
-- what it says in full
\set VERBOSITY default
SELECT recsys.create_model('ui', 'ui.plain', algorithm => 'als');
SELECT recsys.drop_model('ui');
SELECT recsys.create_model('ui', 'ui.first', algorithm => 'als');
SELECT recsys.drop_model('ui');
\set VERBOSITY terse
-- an index whose second column it is, a partial index, an index of one partition do not do
CREATE INDEX ev_iid ON ui.ev (iid, uid);
CREATE INDEX ev_part ON ui.ev (uid) WHERE rating > 3;
CREATE INDEX ON ui.part_1 (user_id);
DELETE FROM ui.sources WHERE s NOT IN ('plain', 'parts');
SELECT ui.create_all();
-- an index does, of rows or of the expression
INSERT INTO ui.sources SELECT unnest('{nested,cast,joined,counted,both}'::text[]);
CREATE INDEX ON ui.ev (uid);
CREATE INDEX ON ui.part_2 USING hash (user_id);
SELECT ui.create_all();
CREATE INDEX ON ui.ev ((uid::text));
CREATE INDEX ON ui.copy (user_id);
INSERT INTO ui.sources VALUES ('copy');
SELECT ui.create_all();
-- also where there is little to read
DROP INDEX ui.ev_iid;
INSERT INTO ui.ev VALUES (1, 1, 1, 1);
ANALYZE ui.ev;
SELECT ui.create_all();
SELECT ui.create_all();
SHOW enable_seqscan;

-- of a table the hint is the statement that makes the index, whatever the columns are called
\set VERBOSITY default
CREATE TABLE ui."Weird "" name" ("The User" text, "select" uuid, "R, ""ating" numeric, "at)" date);
SELECT recsys.create_model('ui', 'ui."Weird "" name"', 'The User', 'select', 'R, "ating', 'at)', options => '{"history_limit": 2}', algorithm => 'als');
SELECT recsys.drop_model('ui');
SELECT recsys.create_model('ui', 'ui."Weird "" name"', 'The User', 'select', feedback => 'implicit', algorithm => 'als');
SELECT recsys.drop_model('ui');
SELECT recsys.create_model('ui', 'ui."Weird "" name"', 'The User', 'The User', 'R, "ating', algorithm => 'als');
SELECT recsys.drop_model('ui');
-- the first of them answers without the table: all rows of a user, the latest, the items
CREATE INDEX ON ui."Weird "" name" ("The User", "at)") INCLUDE ("select", "R, ""ating");
INSERT INTO ui."Weird "" name" SELECT 'u' || u, md5((u % 3 + i)::text)::uuid, i, date '2026-01-01' + i FROM generate_series(1, 9) u, generate_series(1, 9) i;
SELECT recsys.create_model('ui', 'ui."Weird "" name"', 'The User', 'select', 'R, "ating', 'at)', options => '{"factors": 2, "history_limit": 2}', algorithm => 'als');
SELECT users FROM recsys.train('ui');
ANALYZE ui."Weird "" name";
CREATE FUNCTION ui.scans(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        RETURN QUERY SELECT s FROM substring(line FROM '(\w+( \w+)* Scan)') AS s WHERE s IS NOT NULL;
    END LOOP;
END $$;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT ui.scans(q) FROM unnest(ARRAY[
    'SELECT item_id, rating, "time" FROM recsys_data.ui WHERE user_id = ''u1''',
    'SELECT item_id, rating, "time" FROM recsys_data.ui WHERE user_id = ''u1'' AND "time" IS NOT NULL ORDER BY "time" DESC, item_id LIMIT 2',
    'SELECT DISTINCT item_id FROM recsys_data.ui WHERE user_id = ''u1''']) AS q;
RESET enable_seqscan;
RESET enable_bitmapscan;
SELECT recsys.drop_model('ui');
SET client_min_messages = warning;
DROP SCHEMA ui CASCADE;
