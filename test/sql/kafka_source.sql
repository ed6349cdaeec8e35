-- Kafka sources that exist: alter, start, stop, seek, drop, discard, and what names may be.
-- Rows are made by hand here: making a source asks a broker.
\pset null <null>
SET client_min_messages = error;
CREATE ROLE recsys_regress_owner LOGIN;
CREATE ROLE recsys_regress_member LOGIN IN ROLE recsys_regress_owner;
CREATE ROLE recsys_regress_other LOGIN;
CREATE SERVER k FOREIGN DATA WRAPPER recsys_kafka OPTIONS (brokers '127.0.0.1:1');
CREATE SERVER k2 FOREIGN DATA WRAPPER recsys_kafka OPTIONS (brokers '127.0.0.1:2');
CREATE SERVER k3 FOREIGN DATA WRAPPER recsys_kafka OPTIONS (brokers '127.0.0.1:3');
GRANT USAGE ON FOREIGN SERVER k, k2 TO recsys_regress_owner;
CREATE SCHEMA ks;
GRANT USAGE ON SCHEMA ks TO PUBLIC;
CREATE TABLE ks.events (user_id int, item_id int PRIMARY KEY);
CREATE TABLE ks."a ""table"", 'quoted'" (x int);
GRANT INSERT ON ALL TABLES IN SCHEMA ks TO recsys_regress_owner;
CREATE FUNCTION ks."a ""function""(" (payload bytea, metadata jsonb) RETURNS TABLE (user_id int, item_id int)
    LANGUAGE sql AS 'SELECT 1, 2';
CREATE FUNCTION ks."a ""function""(" (payload text) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION ks.transform(jsonb, jsonb) RETURNS SETOF ks.events LANGUAGE sql AS 'SELECT 1, 2';
CREATE FUNCTION ks.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    m text; h text;
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, h = PG_EXCEPTION_HINT;
    RETURN concat(SQLSTATE, ': ', m, E'\n  hint: ' || nullif(h, ''));
END $$;
CREATE FUNCTION ks.make(source text, owner text = 'recsys_regress_owner') RETURNS void LANGUAGE sql AS $$
    INSERT INTO recsys.kafka_source (source, owner, server, topic, target_schema, target_table, columns, on_conflict,
                                     options, enabled, generation, created_at)
    VALUES (source, owner::regrole, 'k', 't', 'ks', 'events', '{"user_id": "$.u", "item_id": "$.i"}', 'error', '{"linger_ms": 5}',
            true, 7, now());
    INSERT INTO recsys.kafka_partition (source, partition, next_offset, anchor_offset, anchor_time, anchor_hash)
    VALUES (source, 0, 10, 9, 1700000000000, 1), (source, 1, 20, 19, 1700000000000, 1);
    INSERT INTO recsys.kafka_dead_letter (source, topic, partition, "offset", payload, sqlstate, reason, first_at, last_at)
    SELECT source, 't', 0, i, 'x', '22023', 'bad', now(), now() FROM generate_series(1, 4) AS i;
    INSERT INTO recsys.kafka_gap VALUES (source, 0, 1, 2, 'retention', now());
$$;
CREATE FUNCTION ks.fail(name text) RETURNS void LANGUAGE sql AS $$
    UPDATE recsys.kafka_source SET failed_at = now(), failed_sqlstate = '55000', failed_reason = 'r', failed_hint = 'h'
     WHERE source = name
$$;
SELECT ks.make('s');
RESET client_min_messages;

-- whose source it is
SELECT c, ks.attempt('SELECT recsys.' || c) AS said
  FROM unnest(ARRAY['kafka_start(''none'')', 'kafka_stop(''none'')', 'kafka_seek(''none'', ''earliest'')', 'kafka_drop_source(''none'')',
                    'kafka_alter_source(''none'')', 'kafka_preview(''none'')', 'kafka_discard(''none'')', 'kafka_retry(''none'')']) AS c;
SET ROLE recsys_regress_other;
SELECT c, ks.attempt('SELECT recsys.' || c) AS said
  FROM unnest(ARRAY['kafka_retry(''s'')', 'kafka_start(''s'')', 'kafka_stop(''s'')', 'kafka_seek(''s'', ''earliest'')',
                    'kafka_drop_source(''s'')', 'kafka_alter_source(''s'')', 'kafka_preview(''s'')', 'kafka_discard(''s'')']) AS c;
RESET ROLE;
SELECT c, ks.attempt('SELECT recsys.' || c) AS said
  FROM unnest(ARRAY['kafka_start(NULL)', 'kafka_seek(''s'', NULL)', 'kafka_seek(''s'', ''first'')', 'kafka_seek(''s'', ''1'', -1)',
                    'kafka_seek(''s'', ''{"0": 1}'', 0)', 'kafka_preview(''s'', 0)', 'kafka_preview(''s'', 1001)',
                    'kafka_drop_source(''s'', NULL)']) AS c;

-- stop and start: a member of the owner may; a failure is forgotten.  What is warned of
-- depends on the server, see test/t/100_kafka_launcher.pl.
SET client_min_messages = error;
SET ROLE recsys_regress_member;
SELECT recsys.kafka_stop('s');
RESET ROLE;
SELECT enabled, generation, failed_at FROM recsys.kafka_source;
SELECT ks.fail('s');
SET ROLE recsys_regress_member;
SELECT recsys.kafka_start('s');
RESET ROLE;
SELECT enabled, generation, failed_at, failed_sqlstate, failed_reason, failed_hint FROM recsys.kafka_source;
UPDATE recsys.kafka_source SET generation = 2147483647;
SELECT recsys.kafka_stop('s');
SELECT generation FROM recsys.kafka_source;
BEGIN;
SELECT recsys.kafka_start('s');
ROLLBACK;
RESET client_min_messages;
SELECT enabled, generation FROM recsys.kafka_source;

-- alter: what is NULL stays
SET ROLE recsys_regress_owner;
SELECT recsys.kafka_alter_source('s', server => 'k2', on_conflict => 'nothing', options => '{"batch_rows": 7, "linger_ms": null}');
SELECT server, target, columns, transform, on_conflict, options, enabled FROM recsys.kafka_sources;
SELECT recsys.kafka_alter_source('s', transform => 'ks.transform');
SELECT columns, transform FROM recsys.kafka_sources;
SELECT ks.attempt($$SELECT recsys.kafka_alter_source('s', server => 'k3')$$);
SELECT ks.attempt($$SELECT recsys.kafka_alter_source('s', target => 'pg_class')$$);
SELECT ks.attempt($$SELECT recsys.kafka_alter_source('s', options => '{"linger": 1}')$$);
SELECT ks.attempt($$SELECT recsys.kafka_alter_source('s', on_conflict => 'x')$$);
SELECT ks.attempt($$SELECT recsys.kafka_alter_source('s', columns => '{"user_id": "$"}', transform => 'ks.transform')$$);
SELECT left(ks.attempt($$SELECT recsys.kafka_alter_source('s', owner => 'recsys_regress_other')$$), 5);
RESET ROLE;
SELECT ks.attempt($$SELECT recsys.kafka_alter_source('s', owner => 'recsys_regress_other')$$);
GRANT USAGE ON FOREIGN SERVER k2 TO recsys_regress_other;
SELECT ks.attempt($$SELECT recsys.kafka_alter_source('s', owner => 'recsys_regress_other')$$);
GRANT INSERT ON ks.events TO recsys_regress_other;
SELECT recsys.kafka_alter_source('s', owner => 'recsys_regress_other');
SELECT owner, generation FROM recsys.kafka_source;
SELECT recsys.kafka_alter_source('s', owner => 'recsys_regress_owner');
-- what is gone is said
ALTER FUNCTION ks.transform(jsonb, jsonb) RENAME TO transformer;
SELECT ks.attempt($$SELECT recsys.kafka_alter_source('s', on_conflict => 'error')$$);
ALTER FUNCTION ks.transformer(jsonb, jsonb) RENAME TO transform;
ALTER TABLE ks.events RENAME TO moved;
SELECT ks.attempt($$SELECT recsys.kafka_alter_source('s', on_conflict => 'error')$$);
SELECT recsys.kafka_alter_source('s', target => 'ks.moved');
SELECT target FROM recsys.kafka_sources;
ALTER TABLE ks.moved RENAME TO events;
-- an owner that may not be one
SELECT ks.make('of_superuser', quote_ident(current_user));
SELECT regexp_replace(ks.attempt($$SELECT recsys.kafka_start('of_superuser')$$), '"[^"]*", must', 'ROLE, must');
SELECT regexp_replace(ks.attempt($$SELECT recsys.kafka_preview('of_superuser')$$), '"[^"]*", must', 'ROLE, must');
SELECT regexp_replace(ks.attempt($$SELECT recsys.kafka_alter_source('of_superuser', options => '{}')$$), '"[^"]*", must', 'ROLE, must');
SELECT recsys.kafka_drop_source('of_superuser');

-- dead letters
SELECT array_agg("offset" ORDER BY "offset") FROM recsys.kafka_dead_letters;
SELECT min(id) AS first FROM recsys.kafka_dead_letter \gset
SET ROLE recsys_regress_member;
SELECT recsys.kafka_discard('s', ARRAY[:first, :first + 2, -1, NULL]);
SELECT array_agg("offset" ORDER BY "offset") FROM recsys.kafka_dead_letters;
SELECT recsys.kafka_discard('s', '{}');
SELECT recsys.kafka_discard('s');
SELECT recsys.kafka_discard('s');
RESET ROLE;
BEGIN;
CREATE TABLE ks.written ();
SELECT recsys.kafka_retry('s');
ROLLBACK;

-- drop: all that is the source's goes
SELECT recsys.kafka_drop_source('s');
SELECT (SELECT count(*) FROM recsys.kafka_source), (SELECT count(*) FROM recsys.kafka_partition),
       (SELECT count(*) FROM recsys.kafka_dead_letter), (SELECT count(*) FROM recsys.kafka_gap);
SELECT recsys.kafka_drop_source('s', if_exists => true);

-- names are data
CREATE TABLE ks.names (name text);
INSERT INTO ks.names VALUES ('a"b'), ('a''b'), ('$$'), (';'), ('a\b'), ('%s%n'), ('{"a":1}'), (repeat('é', 31)), (' '), ('NULL'), ('--');
SELECT count(ks.make(name)) FROM ks.names;
SELECT count(recsys.kafka_stop(name)), count(recsys.kafka_alter_source(name, options => '{"linger_ms": 9}')),
       count(recsys.kafka_discard(name, '{}')) FROM ks.names;
SELECT source, options, enabled FROM recsys.kafka_sources ORDER BY source;
SELECT name FROM ks.names AS n WHERE NOT EXISTS (SELECT FROM recsys.kafka_source AS s WHERE s.source = n.name);
SELECT count(recsys.kafka_drop_source(name)) FROM ks.names WHERE name <> ';';
SELECT source FROM recsys.kafka_sources;
SELECT recsys.kafka_alter_source(';', transform => 'ks."a ""function""("(bytea,jsonb)'::regprocedure::oid::regproc);
SELECT transform, to_regprocedure(transform)::oid = 'ks."a ""function""("(bytea,jsonb)'::regprocedure::oid AS found FROM recsys.kafka_sources;
SELECT ks.attempt($$SELECT recsys.kafka_alter_source(';', target => 'ks."a ""table"", ''quoted''"')$$);
CREATE FUNCTION ks.x(jsonb, jsonb) RETURNS TABLE (x int) LANGUAGE sql AS 'SELECT 1';
SELECT recsys.kafka_alter_source(';', target => 'ks."a ""table"", ''quoted''"', transform => 'ks.x');
SELECT target, target::regclass = 'ks."a ""table"", ''quoted''"'::regclass AS found FROM recsys.kafka_sources;
SELECT recsys.kafka_drop_source(';');

-- not in a transaction that cannot write
SET default_transaction_read_only = on;
SELECT c, ks.attempt('SELECT recsys.' || c) AS said
  FROM unnest(ARRAY['kafka_create_source(''s'', ''k'', ''t'', ''ks.events'')', 'kafka_start(''s'')', 'kafka_stop(''s'')',
                    'kafka_seek(''s'', ''earliest'')', 'kafka_drop_source(''s'')', 'kafka_alter_source(''s'')',
                    'kafka_discard(''s'')', 'kafka_retry(''s'')']) AS c;
RESET default_transaction_read_only;

SET client_min_messages = error;
DROP SCHEMA ks CASCADE;
DROP SERVER k, k2, k3;
DROP ROLE recsys_regress_owner, recsys_regress_member, recsys_regress_other;
