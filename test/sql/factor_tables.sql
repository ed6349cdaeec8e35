-- A factor table is read and written without the executor: one that has what
-- create_model() did not give it is refused by training and by readers.
CREATE TABLE ft_ratings (user_id int, item_id text, rating real);
INSERT INTO ft_ratings SELECT u, 'i' || i, 1 + (u + i) % 3 FROM generate_series(1, 6) AS u, generate_series(1, 5) AS i WHERE u <> i;
CREATE INDEX ON ft_ratings (user_id);
SELECT recsys.create_model('ft', 'ft_ratings', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');
SELECT version FROM recsys.train('ft');
-- what readers of either table and a training say
CREATE FUNCTION ft_attempt(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text;
    message text;
    detail text;
    hint text;
BEGIN
    EXECUTE 'SELECT FROM recsys.' || call;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN state || ': ' || concat_ws(E'\n', message, detail, hint);
END $$;
-- one line: how the four calls end, and what the last one says
CREATE FUNCTION ft_calls() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(split_part(said, ':', 1), ' ' ORDER BY n) || E'\n' || (array_agg(said ORDER BY n DESC))[1]
      FROM (SELECT n, ft_attempt(call) AS said
              FROM unnest('{"recommend_text(''ft'', 1)", "user_vector(''ft'', 1, fresh => false)",
                            "item_vector(''ft'', ''i1'')", "train(''ft'')"}'::text[]) WITH ORDINALITY AS c (call, n)) AS t
$$;
\pset format unaligned
\pset tuples_only on
-- the image is in the cache from here on
SELECT count(*) FROM recsys.recommend_text('ft', 1);
SELECT ft_calls();

-- NOT NULL: the algorithm popular writes NULLs there
BEGIN;
ALTER TABLE recsys_data.ft_item_factors ALTER factors SET NOT NULL;
SELECT recsys.alter_model('ft', algorithm => 'popular');
SELECT ft_calls();
ROLLBACK;
BEGIN;
ALTER TABLE recsys_data.ft_user_factors ALTER bias DROP NOT NULL;
SELECT ft_calls();
ROLLBACK;

-- columns
BEGIN;
ALTER TABLE recsys_data.ft_item_factors ADD more int;
SELECT ft_calls();
ROLLBACK;
BEGIN;
ALTER TABLE recsys_data.ft_item_factors ADD more int;
ALTER TABLE recsys_data.ft_item_factors DROP more;
SELECT ft_calls();
ROLLBACK;
BEGIN;
ALTER TABLE recsys_data.ft_item_factors RENAME users TO likes;
SELECT ft_calls();
ROLLBACK;
BEGIN;
ALTER TABLE recsys_data.ft_item_factors ALTER item_id TYPE varchar(2);
SELECT ft_calls();
ROLLBACK;
BEGIN;
ALTER TABLE recsys_data.ft_item_factors ALTER factors TYPE recsys.recvec(3);
SELECT ft_calls();
ROLLBACK;
BEGIN;
CREATE DOMAIN ft_count AS int CHECK (VALUE < 100);
ALTER TABLE recsys_data.ft_item_factors ALTER users TYPE ft_count;
SELECT ft_calls();
ROLLBACK;
BEGIN;
ALTER TABLE recsys_data.ft_user_factors ALTER bias SET DEFAULT 1;
SELECT ft_calls();
ROLLBACK;
BEGIN;
ALTER TABLE recsys_data.ft_item_factors ALTER users ADD GENERATED ALWAYS AS IDENTITY;
SELECT ft_calls();
ROLLBACK;
BEGIN;
ALTER TABLE recsys_data.ft_item_factors DROP users;
ALTER TABLE recsys_data.ft_item_factors ADD users int NOT NULL GENERATED ALWAYS AS (version + 1) STORED;
SELECT ft_calls();
ROLLBACK;
BEGIN;
DROP TABLE recsys_data.ft_item_factors;
CREATE TABLE recsys_data.ft_item_factors (version int, item_id text, factors recsys.recvec, users int NOT NULL GENERATED ALWAYS AS (version + 1) STORED, PRIMARY KEY (version, item_id));
SELECT ft_calls();
ROLLBACK;

-- constraints and unique indexes
BEGIN;
ALTER TABLE recsys_data.ft_item_factors ADD CONSTRAINT "few users" CHECK (users < 100) NOT VALID;
SELECT ft_calls();
ROLLBACK;
BEGIN;
CREATE TABLE ft_items (item_id text PRIMARY KEY);
ALTER TABLE recsys_data.ft_item_factors ADD CONSTRAINT ft_known FOREIGN KEY (item_id) REFERENCES ft_items NOT VALID;
SELECT ft_calls();
ROLLBACK;
BEGIN;
CREATE TABLE ft_notes (version int, item_id text, CONSTRAINT ft_of FOREIGN KEY (version, item_id) REFERENCES recsys_data.ft_item_factors);
SELECT ft_calls();
ROLLBACK;
BEGIN;
CREATE UNIQUE INDEX ft_unique ON recsys_data.ft_item_factors (item_id) WHERE version = 1;
SELECT ft_calls();
ROLLBACK;
BEGIN;
ALTER TABLE recsys_data.ft_item_factors ADD CONSTRAINT ft_excluded EXCLUDE (item_id WITH =, version WITH =);
SELECT ft_calls();
ROLLBACK;
BEGIN;
ALTER TABLE recsys_data.ft_item_factors DROP CONSTRAINT ft_item_factors_pkey;
SELECT ft_calls();
ALTER TABLE recsys_data.ft_item_factors ADD PRIMARY KEY (item_id, version);
SELECT ft_calls();
ALTER TABLE recsys_data.ft_item_factors DROP CONSTRAINT ft_item_factors_pkey;
ALTER TABLE recsys_data.ft_item_factors ADD PRIMARY KEY (version, item_id) DEFERRABLE;
SELECT ft_calls();
ALTER TABLE recsys_data.ft_item_factors DROP CONSTRAINT ft_item_factors_pkey;
ALTER TABLE recsys_data.ft_item_factors ADD PRIMARY KEY (version, item_id);
SELECT ft_calls();
ROLLBACK;

-- triggers, rules, row policies
CREATE FUNCTION ft_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
BEGIN;
CREATE TRIGGER ft_audit BEFORE INSERT ON recsys_data.ft_item_factors FOR EACH ROW EXECUTE FUNCTION ft_trigger();
SELECT ft_calls();
ALTER TABLE recsys_data.ft_item_factors DISABLE TRIGGER ft_audit;
SELECT ft_calls();
DROP TRIGGER ft_audit ON recsys_data.ft_item_factors;
SELECT ft_calls();
ROLLBACK;
BEGIN;
CREATE TRIGGER ft_told AFTER INSERT ON recsys_data.ft_user_factors FOR EACH STATEMENT EXECUTE FUNCTION ft_trigger();
SELECT ft_calls();
ROLLBACK;
BEGIN;
CREATE RULE ft_rule AS ON INSERT TO recsys_data.ft_item_factors DO ALSO NOTHING;
SELECT ft_calls();
DROP RULE ft_rule ON recsys_data.ft_item_factors;
SELECT ft_calls();
ROLLBACK;
BEGIN;
ALTER TABLE recsys_data.ft_item_factors ENABLE ROW LEVEL SECURITY;
SELECT ft_calls();
ROLLBACK;

-- inheritance and partitions
BEGIN;
CREATE TABLE ft_child () INHERITS (recsys_data.ft_item_factors);
SELECT ft_calls();
DROP TABLE ft_child;
SELECT ft_calls();
ROLLBACK;
BEGIN;
CREATE TABLE ft_parent (users int);
ALTER TABLE recsys_data.ft_item_factors INHERIT ft_parent;
SELECT ft_calls();
ALTER TABLE recsys_data.ft_item_factors NO INHERIT ft_parent;
SELECT ft_calls();
ROLLBACK;
BEGIN;
CREATE TABLE ft_whole (LIKE recsys_data.ft_item_factors) PARTITION BY LIST (version);
ALTER TABLE ft_whole ATTACH PARTITION recsys_data.ft_item_factors DEFAULT;
SELECT ft_calls();
ALTER TABLE ft_whole DETACH PARTITION recsys_data.ft_item_factors;
SELECT ft_calls();
ROLLBACK;

-- how it is stored
BEGIN;
ALTER TABLE recsys_data.ft_item_factors SET UNLOGGED;
SELECT ft_calls();
ROLLBACK;
BEGIN;
CREATE ACCESS METHOD ft_heap TYPE TABLE HANDLER heap_tableam_handler;
SET LOCAL default_table_access_method = ft_heap;
-- create_model() does not take the setting
SELECT recsys.create_model('ft_new', 'ft_ratings', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');
SELECT version FROM recsys.train('ft_new');
CREATE TABLE ft_copy (LIKE recsys_data.ft_item_factors INCLUDING ALL);
DROP TABLE recsys_data.ft_item_factors;
ALTER TABLE ft_copy RENAME TO ft_item_factors;
ALTER TABLE ft_item_factors SET SCHEMA recsys_data;
SELECT ft_calls();
ROLLBACK;

-- what may differ
BEGIN;
ALTER TABLE recsys_data.ft_item_factors SET (fillfactor = 50, autovacuum_enabled = off);
ALTER TABLE recsys_data.ft_item_factors ALTER factors SET STORAGE EXTERNAL, ALTER item_id SET STATISTICS 500, ALTER factors SET COMPRESSION pglz;
ALTER TABLE recsys_data.ft_item_factors REPLICA IDENTITY FULL;
ALTER TABLE recsys_data.ft_item_factors CLUSTER ON ft_item_factors_pkey;
GRANT SELECT, INSERT ON recsys_data.ft_item_factors TO PUBLIC;
COMMENT ON COLUMN recsys_data.ft_item_factors.users IS 'popularity';
CREATE STATISTICS ft_statistics ON version, users FROM recsys_data.ft_item_factors;
CREATE INDEX ON recsys_data.ft_item_factors (users);
CREATE INDEX ft_partial ON recsys_data.ft_item_factors (item_id) WHERE version > 1;
CREATE INDEX ft_expression ON recsys_data.ft_item_factors (lower(item_id));
SELECT ft_calls();
SET LOCAL enable_seqscan = off;
SELECT count(*) FROM recsys_data.ft_item_factors WHERE version > 1 AND item_id = 'i3';
SELECT version FROM recsys_data.ft_item_factors WHERE lower(item_id) = 'i3' ORDER BY 1;
-- an id may be of a longer type
ALTER TABLE recsys_data.ft_user_factors ALTER user_id TYPE bigint;
SELECT ft_calls();
ROLLBACK;
-- as REINDEX CONCURRENTLY has it meanwhile
CREATE UNIQUE INDEX CONCURRENTLY ft_pkey_ccnew ON recsys_data.ft_item_factors (version, item_id);
SELECT ft_calls();
DROP INDEX recsys_data.ft_pkey_ccnew;
REINDEX TABLE CONCURRENTLY recsys_data.ft_item_factors;
SELECT ft_calls();

-- a training that is refused has not read its source
CREATE SEQUENCE ft_reads;
CREATE VIEW ft_watched AS SELECT user_id, item_id, rating, nextval('ft_reads') FROM ft_ratings;
SELECT recsys.create_model('ft_late', 'ft_watched', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');
ALTER TABLE recsys_data.ft_late_user_factors ADD CHECK (bias < 1000);
SELECT version FROM recsys.train('ft_late');
SELECT is_called FROM ft_reads;
ALTER TABLE recsys_data.ft_late_user_factors DROP CONSTRAINT ft_late_user_factors_bias_check;
SELECT version FROM recsys.train('ft_late');
SELECT is_called FROM ft_reads;
SELECT recsys.drop_model('ft_late');

-- ids that outgrow their column
BEGIN;
ALTER TABLE recsys_data.ft_user_factors ALTER user_id TYPE smallint;
INSERT INTO ft_ratings VALUES (100000, 'i1', 3);
SELECT ft_attempt('train(''ft'')');
ALTER TABLE recsys_data.ft_user_factors ALTER user_id TYPE bigint;
SELECT ft_attempt('train(''ft'')');
ROLLBACK;

-- values that training does not write
BEGIN;
UPDATE recsys_data.ft_user_factors SET bias = 'NaN' WHERE user_id = 1;
SELECT * FROM recsys.recommend_text('ft', 1, fresh => false);
ROLLBACK;
BEGIN;
UPDATE recsys_data.ft_user_factors SET factors = '[1]' WHERE user_id = 1;
SELECT recsys.user_vector('ft', 1, fresh => false);
ROLLBACK;
BEGIN;
UPDATE recsys_data.ft_item_factors SET factors = '[1]' WHERE item_id = 'i1';
SELECT recsys.item_vector('ft', 'i1');
ROLLBACK;
BEGIN;
UPDATE recsys_data.ft_item_factors SET factors = NULL WHERE item_id = 'i1';
SELECT recsys.item_vector('ft', 'i1');
ROLLBACK;
BEGIN;
UPDATE recsys_data.ft_item_factors SET users = -1 WHERE item_id = 'i1';
SELECT recsys.item_vector('ft', 'i1');
ROLLBACK;
BEGIN;
-- long vectors lie out of line, long ids compressed
INSERT INTO ft_ratings SELECT 1, repeat('x', 1900) || i, 1 + i % 3 FROM generate_series(1, 3) AS i;
INSERT INTO ft_ratings SELECT 100 + u, repeat('x', 1900) || u, 3 FROM generate_series(1, 3) AS u;
ALTER TABLE recsys_data.ft_item_factors ALTER factors SET STORAGE EXTERNAL;
SELECT items FROM recsys.train('ft', '{"factors": 700}');
SELECT right(item_id, 3), score > 0 AS positive FROM recsys.recommend_text('ft', 101, 3, fresh => false) ORDER BY 1;
SELECT recsys.dims(recsys.item_vector('ft', repeat('x', 1900) || 2));
ROLLBACK;

\pset tuples_only off
\pset format aligned
SELECT recsys.drop_model('ft');
DROP VIEW ft_watched;
DROP FUNCTION ft_calls(), ft_attempt(text), ft_trigger();
DROP SEQUENCE ft_reads;
DROP TABLE ft_ratings;
