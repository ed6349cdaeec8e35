-- recsys.create_model and recsys.options: what is made, and what is refused.
\pset null <null>
SET client_min_messages = error;
CREATE SCHEMA mc;
CREATE TABLE mc.ratings (user_id int, item_id bigint, rating real, at timestamptz, note text[]);
CREATE INDEX ON mc.ratings (user_id);
RESET client_min_messages;

-- Run a statement; say what became of it.
CREATE FUNCTION pg_temp.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    m text; d text; h text;
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
    RETURN concat(SQLSTATE, ': ', m, E'\n  detail: ' || nullif(d, ''), E'\n  hint: ' || nullif(h, ''));
END $$;
-- The same for create_model() with these arguments; what is made is dropped.
CREATE FUNCTION pg_temp.try(arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text := pg_temp.attempt(format('SELECT recsys.create_model(''probe'', %s)', arguments));
BEGIN
    IF said = 'done' THEN
        PERFORM recsys.drop_model('probe');
    END IF;
    RETURN said;
END $$;

-- the options
SELECT name, type, default_explicit, default_implicit, range, algorithms FROM recsys.options() ORDER BY name;
SELECT count(*) FROM recsys.options() WHERE meaning IS NULL OR meaning = '';

-- what is made: a view, two tables, a row
SELECT recsys.create_model('movies', 'mc.ratings', algorithm => 'als');
INSERT INTO mc.ratings VALUES (1, 2, 3, '2024-01-01 00:00Z'), (NULL, NULL, NULL, NULL);
SELECT user_id, item_id, rating, "time", pg_typeof("time") FROM recsys_data.movies;
SELECT c.relname, c.relkind, c.reloptions, pg_get_userbyid(c.relowner) = current_user AS mine
  FROM pg_class AS c WHERE c.relnamespace = 'recsys_data'::regnamespace AND c.relkind IN ('r', 'v', 'i')
 ORDER BY c.relname;
SELECT a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
  FROM pg_attribute AS a
 WHERE a.attrelid IN ('recsys_data.movies'::regclass, 'recsys_data.movies_user_factors'::regclass,
                      'recsys_data.movies_item_factors'::regclass) AND a.attnum > 0
 ORDER BY a.attrelid::regclass::text, a.attnum;
SELECT obj_description('recsys_data.movies'::regclass);
SELECT name, feedback, algorithm, options, active_version, last_version, user_column, item_column,
       rating_column, time_column, created_at = now() AS new
  FROM recsys.model;
SELECT model, owner = current_user AS mine, feedback, algorithm, run_as, options, active_version, users, trained_at, versions
  FROM recsys.models;
SELECT count(*) FROM recsys.model_versions;
SELECT recsys.create_model('movies', 'mc.ratings', algorithm => 'als');
SELECT recsys.drop_model('movies');
SELECT count(*) FROM pg_class WHERE relnamespace = 'recsys_data'::regnamespace;
SELECT count(*) FROM recsys.model;

-- without rating: explicit takes "rating", implicit counts rows; with time; as owner
SELECT recsys.create_model('m', 'mc.ratings', time_column => 'at', feedback => 'implicit', run_as => 'owner',
                           algorithm => 'popular', options => '{"keep_versions": 2}');
SELECT user_id, item_id, rating, pg_typeof(rating), "time" = '2024-01-01 00:00Z' AS "time" FROM recsys_data.m;
SELECT feedback, algorithm, run_as, options FROM recsys.models;
SELECT recsys.drop_model('m');

-- a warning where each recommendation would read everything
SELECT recsys.create_model('m', 'mc.ratings', user_column => 'item_id', item_column => 'user_id', algorithm => 'als');
SELECT recsys.drop_model('m');
CREATE INDEX ON mc.ratings (item_id) WHERE rating > 3;
CREATE INDEX ON mc.ratings USING brin (item_id);
SELECT recsys.create_model('m', 'mc.ratings', user_column => 'item_id', item_column => 'user_id', algorithm => 'als');
SELECT recsys.drop_model('m');
CREATE INDEX ON mc.ratings USING hash (item_id);
SELECT recsys.create_model('m', 'mc.ratings', user_column => 'item_id', item_column => 'user_id', algorithm => 'als');
SELECT recsys.drop_model('m');
SET client_min_messages = error;

-- NULL for each argument in turn: two may be NULL
SELECT n.i, pg_temp.attempt(format('SELECT recsys.create_model(%s)',
         (SELECT string_agg(CASE WHEN a.i = n.i THEN 'NULL' ELSE a.v END, ', ' ORDER BY a.i)
            FROM unnest(ARRAY['''nulls''', '''mc.ratings''', '''user_id''', '''item_id''', '''rating''', '''at''',
                              '''explicit''', '''als''', '''caller''', '''{}''']) WITH ORDINALITY AS a (v, i))))
  FROM generate_series(1, 10) AS n (i) WHERE n.i NOT IN (5, 6);
SELECT pg_temp.try('''mc.ratings'', rating_column => NULL, time_column => NULL');
SELECT pg_temp.attempt('SELECT recsys.create_model(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)');

-- words
SELECT a, pg_temp.try('''mc.ratings'', ' || a) FROM unnest(ARRAY[
    'feedback => ''''', 'feedback => ''Explicit''', 'feedback => ''both''',
    'algorithm => ''ALS''', 'algorithm => ''item_knn''', 'run_as => ''superuser''', 'run_as => ''''']) AS a;

-- options: shape, names, types, ranges
SELECT a, pg_temp.try(format('''mc.ratings'', options => %L', a)) FROM unnest(ARRAY[
    '[]', '1', 'null', '"factors"', '[{"factors": 8}]',
    '{"rank": 8}', '{"Factors": 8}', '{"": 1}', '{"alpha": 1}', '{"unobserved_weight": 1}',
    '{"factors": null}', '{"factors": "8"}', '{"factors": [8]}', '{"factors": {"a": 1}}', '{"factors": true}', '{"factors": 8.5}',
    '{"factors": 0}', '{"factors": -1}', '{"factors": 1}', '{"factors": 8.0}', '{"factors": 2147483647}', '{"factors": 2147483648}', '{"factors": 1e30}',
    '{"iterations": 0}', '{"iterations": -1}', '{"iterations": 1}', '{"iterations": 2147483647}',
    '{"regularization": 0}', '{"regularization": -1}', '{"regularization": -1e-300}', '{"regularization": "NaN"}', '{"regularization": 1e308}', '{"regularization": 1e5000}', '{"regularization": 1e-45}', '{"regularization": 1e-400}',
    '{"reg_scaling": -0.1}', '{"reg_scaling": 2.5}', '{"biases": 1}', '{"biases": "true"}', '{"biases": false}',
    '{"solver": "fast"}', '{"solver": 1}', '{"solver": "exact"}', '{"tolerance": 1.5}', '{"tolerance": -1}',
    '{"keep_versions": 0}', '{"keep_versions": 1001}', '{"history_limit": -1}', '{"history_limit": 10}',
    '{"seed": null}', '{"seed": 0}', '{"seed": -1}', '{"seed": 9223372036854775807}', '{"seed": -9223372036854775808}', '{"seed": 9223372036854775808}', '{"seed": 1.5}',
    '{"threads": 2}', '{"factors": 4, "factors": 9999999}']) AS a;
SELECT a, pg_temp.try(format('''mc.ratings'', feedback => ''implicit'', options => %L', a)) FROM unnest(ARRAY[
    '{"alpha": 0}', '{"alpha": -1}', '{"alpha": 1e38}', '{"alpha": 1e39}', '{"alpha": "Infinity"}',
    '{"unobserved_weight": -0.5}', '{"biases": true}']) AS a;
SELECT pg_temp.try('''mc.ratings'', time_column => ''at'', options => ''{"history_limit": 10}''');
-- the greatest number of factors and one more
SELECT f.n - f.greatest AS more, pg_temp.try(format('''mc.ratings'', options => ''{"factors": %s}''', f.n)) = 'done' AS accepted
  FROM (SELECT greatest + d AS n, greatest
          FROM (SELECT split_part(range, ' .. ', 2)::int AS greatest FROM recsys.options() WHERE name = 'factors') AS o,
               unnest(ARRAY[0, 1]) AS d) AS f
 ORDER BY 1;
-- a number of many digits does not come back as a message of many digits
SELECT length(pg_temp.try('''mc.ratings'', options => ''{"regularization": 1e100000}''')) < 200 AS short;

-- names are data
CREATE TABLE mc.canary (n int);
CREATE FUNCTION pg_temp.name_works(name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text;
BEGIN
    said := pg_temp.attempt(format('SELECT recsys.create_model(%L, ''mc.ratings'', algorithm => ''als'')', name));
    IF said <> 'done' THEN
        RETURN said;
    END IF;
    IF (SELECT count(*) FROM recsys.models WHERE model = name) <> 1 OR
       (SELECT count(*) FROM pg_class WHERE relnamespace = 'recsys_data'::regnamespace
           AND relname IN (name, name || '_user_factors', name || '_item_factors')) <> 3 THEN
        RETURN 'not made';
    END IF;
    PERFORM recsys.alter_model(name, run_as => 'owner', options => '{"seed": 7}');
    IF (SELECT run_as || (options ->> 'seed') FROM recsys.models WHERE model = name) IS DISTINCT FROM 'owner7' THEN
        RETURN 'not altered';
    END IF;
    PERFORM recsys.drop_model(name);
    IF EXISTS (SELECT FROM recsys.model) OR
       EXISTS (SELECT FROM pg_class WHERE relnamespace = 'recsys_data'::regnamespace) THEN
        RETURN 'not dropped';
    END IF;
    RETURN 'works';
END $$;
SELECT i, pg_temp.name_works(name) FROM unnest(ARRAY[
    'Upper Case', 'quote"quote', 'quo''te', '"; DROP TABLE mc.canary; --', '''); DROP TABLE mc.canary; --', '$$', '$x$', E'new\nline',
    E'\\! touch x', 'back\slash', '.', 'a.b', 'select', ' ', '%s%n', 'größe', '日本語', '😀',
    repeat('x', 48), repeat('é', 24), repeat('😀', 12)]) WITH ORDINALITY AS n (name, i) ORDER BY i;
SELECT i, pg_temp.name_works(name) FROM unnest(ARRAY[
    '', repeat('x', 49), repeat('é', 24) || 'x', repeat('x', 10000)]) WITH ORDINALITY AS n (name, i) ORDER BY i;
SELECT count(*) AS canary FROM pg_class WHERE relname = 'canary';
-- a name that another model's table has, and the reverse
SELECT recsys.create_model('a', 'mc.ratings', algorithm => 'als');
SELECT pg_temp.attempt('SELECT recsys.create_model(''a_user_factors'', ''mc.ratings'', algorithm => ''als'')');
SELECT recsys.drop_model('a');
SELECT recsys.create_model('a_user_factors', 'mc.ratings', algorithm => 'als');
SELECT pg_temp.attempt('SELECT recsys.create_model(''a'', ''mc.ratings'', algorithm => ''als'')');
SELECT recsys.drop_model('a_user_factors');
CREATE VIEW recsys_data.mine AS SELECT 1 AS one;
SELECT pg_temp.attempt('SELECT recsys.create_model(''mine'', ''mc.ratings'', algorithm => ''als'')');
SELECT pg_temp.attempt('SELECT recsys.drop_model(''mine'')');
SELECT pg_temp.attempt('SELECT recsys.drop_model(''mine'', if_exists => true)');
DROP VIEW recsys_data.mine;

-- identifiers of the source
CREATE SCHEMA "Mc; --";
DO $$
BEGIN
    EXECUTE format('CREATE TABLE "Mc; --".%I (%I int, %I int, %I int, %I date)', 'T"ab''le ' || repeat('t', 50), 'User "Id"', repeat('i', 63), 'ra;ting', 'größe');
    EXECUTE format('INSERT INTO "Mc; --".%I VALUES (1, 2, 3, ''2024-01-01'')', 'T"ab''le ' || repeat('t', 50));
END $$;
SELECT recsys.create_model('quoted', c.oid, 'User "Id"', repeat('i', 63)::name, 'ra;ting', 'größe', algorithm => 'als')
  FROM pg_class AS c WHERE c.relnamespace = '"Mc; --"'::regnamespace AND c.relkind = 'r';
SELECT user_id, item_id, rating, "time" = '2024-01-01' AS "time" FROM recsys_data.quoted;
SELECT recsys.drop_model('quoted');

-- what may be a source
CREATE VIEW mc.v AS SELECT user_id, item_id, rating FROM mc.ratings;
CREATE VIEW mc.barrier WITH (security_barrier) AS SELECT user_id, item_id, rating FROM mc.ratings;
CREATE MATERIALIZED VIEW mc.mv AS SELECT user_id, item_id, rating FROM mc.ratings;
CREATE TABLE mc.parted (user_id int, item_id int, rating int) PARTITION BY HASH (user_id);
CREATE TABLE mc.part PARTITION OF mc.parted FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE UNLOGGED TABLE mc.unlogged (user_id int, item_id int, rating int);
CREATE FOREIGN DATA WRAPPER mc_fdw;
CREATE SERVER mc_server FOREIGN DATA WRAPPER mc_fdw;
CREATE FOREIGN TABLE mc.remote (user_id int, item_id int, rating int) SERVER mc_server;
CREATE TEMP TABLE temporary (user_id int, item_id int, rating int);
CREATE TEMP VIEW temporary_view AS SELECT user_id, item_id, rating FROM temporary;
CREATE SEQUENCE mc.seq;
CREATE TYPE mc.composite AS (user_id int, item_id int, rating int);
SELECT s, pg_temp.try(quote_literal(s)) FROM unnest(ARRAY[
    'mc.v', 'mc.barrier', 'mc.mv', 'mc.parted', 'mc.part', 'mc.unlogged', 'mc.remote',
    'pg_temp.temporary', 'pg_temp.temporary_view', 'mc.seq', 'mc.composite', 'mc.ratings_user_id_idx', 'mc.absent', 'mc.v.w.x', '']) AS s;
SELECT replace(pg_temp.try(reltoastrelid::text), reltoastrelid::regclass::text, '<toast>') ~ '^42809: "pg_toast_\d+" is not a table or view$' AS refused
  FROM pg_class WHERE oid = 'mc.ratings'::regclass;
SELECT pg_temp.try('4294967295::oid');
SELECT pg_temp.try('0::oid');
-- a system catalog is a table like others
SELECT pg_temp.try('''pg_catalog.pg_attribute'', ''attnum'', ''attndims'', ''attlen''');
SELECT pg_temp.try('''pg_catalog.pg_attribute'', ''attrelid'', ''attnum'', ''attlen''');
-- a model over the view of a model
SELECT recsys.create_model('base', 'mc.ratings', algorithm => 'als');
SELECT pg_temp.try('''recsys_data.base''');
SELECT recsys.drop_model('base');

-- what may be a column
CREATE DOMAIN mc.id AS int CHECK (VALUE > 0);
CREATE DOMAIN mc.id2 AS mc.id;
CREATE DOMAIN mc.stars AS numeric(2, 1);
CREATE TYPE mc.mood AS ENUM ('good', 'bad');
CREATE TABLE mc.types (
    i2 smallint, i4 int, i8 bigint, t text, tc text COLLATE "C", vc varchar(20), vcc varchar(10) COLLATE "POSIX", u uuid, dom mc.id, dom2 mc.id2, stars mc.stars,
    gen int GENERATED ALWAYS AS (i4 * 2) STORED, ident int GENERATED ALWAYS AS IDENTITY,
    bp char(4), nm name, num numeric, f4 real, f8 double precision, arr int[], mood mc.mood, comp mc.composite, b boolean, js jsonb, mon money,
    ts timestamp, tz timestamptz, d date, tim time, iv interval, gone int);
ALTER TABLE mc.types DROP COLUMN gone;
SELECT c, pg_temp.try(format('''mc.types'', %L, ''i4'', ''i4''', c)) AS as_user FROM unnest(ARRAY[
    'i2', 'i4', 'i8', 't', 'tc', 'vc', 'vcc', 'u', 'dom', 'dom2', 'gen', 'ident',
    'bp', 'nm', 'num', 'f4', 'f8', 'arr', 'mood', 'comp', 'b', 'js', 'mon',
    'gone', '........pg.dropped.30........', 'ctid', 'tableoid', 'oid', '*', '', 'I4', 'i4 ', 'types', repeat('x', 100)]) AS c;
SELECT c, pg_temp.try(format('''mc.types'', ''i4'', %L, ''i4''', c)) AS as_item FROM unnest(ARRAY['u', 'num', 'absent']) AS c;
SELECT c, pg_temp.try(format('''mc.types'', ''i4'', ''i8'', %L', c)) AS as_rating FROM unnest(ARRAY[
    'i2', 'i4', 'i8', 'num', 'f4', 'f8', 'stars', 'dom', 'gen', 't', 'b', 'mon', 'arr', 'js', 'gone', 'absent']) AS c;
SELECT c, pg_temp.try(format('''mc.types'', ''i4'', ''i8'', ''f4'', %L', c)) AS as_time FROM unnest(ARRAY[
    'ts', 'tz', 'd', 'i2', 'i8', 'dom', 'tim', 'iv', 't', 'num', 'absent']) AS c;
SELECT pg_temp.try('''mc.types'', ''i4'', ''i8''');
-- id columns keep type and collation; domains lie open
SELECT recsys.create_model('types', 'mc.types', 'dom2', 'vcc', 'stars', algorithm => 'als');
SELECT attrelid::regclass, attname, atttypid::regtype, attcollation::regcollation FROM pg_attribute
 WHERE attrelid IN ('recsys_data.types'::regclass, 'recsys_data.types_user_factors'::regclass, 'recsys_data.types_item_factors'::regclass)
   AND attname IN ('user_id', 'item_id') ORDER BY 1, 2;
SELECT recsys.drop_model('types');
-- the same column twice
SELECT pg_temp.try('''mc.types'', ''i4'', ''i4'', ''i4'', ''i4''');
-- a column called as the alias, or as a function, is a column
CREATE TABLE mc.s (s int, lower text, rating int);
SELECT pg_temp.try('''mc.s'', ''s'', ''lower''');
SELECT pg_temp.try('''mc.s'', ''s'', ''upper''');

-- a refusal leaves nothing
SELECT count(*) FROM recsys.model;
SELECT count(*) FROM pg_class WHERE relnamespace = 'recsys_data'::regnamespace;

-- the source is what was named, even if its schema is renamed under way
CREATE SCHEMA mc_one;
CREATE SCHEMA mc_two;
CREATE TABLE mc_one.r (user_id int, item_id int, rating int);
CREATE TABLE mc_two.r (user_id text, item_id int, rating int);
CREATE FUNCTION mc.swap() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    ALTER SCHEMA mc_one RENAME TO mc_three;
    ALTER SCHEMA mc_two RENAME TO mc_one;
END $$;
CREATE EVENT TRIGGER mc_swap ON ddl_command_start WHEN TAG IN ('CREATE VIEW') EXECUTE FUNCTION mc.swap();
SELECT pg_temp.try('''mc_one.r''');
DROP EVENT TRIGGER mc_swap;

-- event triggers that fail, at each place
CREATE FUNCTION mc.fail() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of %', tg_event, tg_tag;
END $$;
CREATE EVENT TRIGGER mc_fail ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION mc.fail();
SELECT pg_temp.attempt('SELECT recsys.create_model(''m'', ''mc.ratings'', algorithm => ''als'')');
DROP EVENT TRIGGER mc_fail;
SELECT count(*) FROM recsys.model;
SELECT recsys.create_model('m', 'mc.ratings', algorithm => 'als');
CREATE EVENT TRIGGER mc_fail ON sql_drop EXECUTE FUNCTION mc.fail();
SELECT pg_temp.attempt('SELECT recsys.drop_model(''m'')');
DROP EVENT TRIGGER mc_fail;
SELECT model FROM recsys.models;
SELECT recsys.drop_model('m');

-- inside a subtransaction, a trigger, a read-only transaction, a cursor
BEGIN;
SAVEPOINT s;
SELECT recsys.create_model('m', 'mc.ratings', algorithm => 'als');
ROLLBACK TO s;
SELECT count(*) FROM recsys.models;
SELECT recsys.create_model('m', 'mc.ratings', feedback => 'implicit', algorithm => 'als');
COMMIT;
SELECT model, feedback FROM recsys.models;
BEGIN;
SELECT recsys.drop_model('m');
SELECT recsys.create_model('m', 'mc.ratings', options => '{"factors": 3}', algorithm => 'als');
SAVEPOINT s;
SELECT recsys.drop_model('m');
ROLLBACK TO s;
COMMIT;
SELECT model, feedback, options FROM recsys.models;
CREATE FUNCTION mc.drop_it() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM recsys.drop_model('m');
    RETURN NULL;
END $$;
CREATE TRIGGER t AFTER INSERT ON mc.canary FOR EACH ROW EXECUTE FUNCTION mc.drop_it();
INSERT INTO mc.canary VALUES (1);
SELECT count(*) FROM recsys.models;
BEGIN READ ONLY;
SELECT pg_temp.attempt('SELECT recsys.create_model(''m'', ''mc.ratings'', algorithm => ''als'')');
SELECT pg_temp.attempt('SELECT recsys.alter_model(''m'')');
SELECT pg_temp.attempt('SELECT recsys.drop_model(''m'')');
COMMIT;
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT recsys.create_model('held', 'mc.ratings', algorithm => 'als');
COMMIT;
FETCH c;
CLOSE c;
SELECT recsys.drop_model('held');
SELECT count(*) FROM recsys.models;
-- in a CHECK, where nobody should; not in an index
CREATE TABLE mc.checked (n int CHECK (recsys.create_model(n::text, 'mc.ratings', algorithm => 'als') IS NOT NULL));
INSERT INTO mc.checked VALUES (1);
SELECT model FROM recsys.models;
SELECT pg_temp.attempt('CREATE INDEX ON mc.checked ((recsys.options()))');

SELECT recsys.drop_model('1', true);
DROP EVENT TRIGGER IF EXISTS mc_fail;
DROP FOREIGN DATA WRAPPER mc_fdw CASCADE;
DROP SCHEMA mc, mc_one, mc_two, "Mc; --" CASCADE;
