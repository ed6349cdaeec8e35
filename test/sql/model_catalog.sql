-- The catalogue of a model: what create_model, alter_model and drop_model make of it, whose it is, and what may happen to it.
\pset null <null>
SET client_min_messages = error;
CREATE SCHEMA mcat;
CREATE DOMAIN mcat.sku AS int;
CREATE TABLE mcat.ratings (user_id int, product int, rating real);
INSERT INTO mcat.ratings SELECT u, i, 1 + (u * i) % 5 FROM generate_series(1, 8) AS u, generate_series(1, 12) AS i WHERE (u + i) % 3 > 0;
CREATE INDEX ON mcat.ratings (user_id);
CREATE TABLE mcat.products (id bigint PRIMARY KEY, product int, small smallint, sku mcat.sku, name text, code varchar(9), key uuid, weight numeric, odd text COLLATE "C");
INSERT INTO mcat.products SELECT i, i, i, i, i::text, i::text, md5(i::text)::uuid, i FROM generate_series(1, 12) AS i WHERE i % 4 > 0;
CREATE INDEX ON mcat.products (product);
-- a server without ICU has no such collation: there the case is not tried
SELECT EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') AS has_icu \gset
\if :has_icu
CREATE COLLATION mcat.blind (provider = icu, locale = 'und', deterministic = false);
\endif

-- Run a statement; say what became of it.
CREATE FUNCTION mcat.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    m text; d text; h text;
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
    RETURN concat(SQLSTATE, ': ', m, E'\n  detail: ' || nullif(d, ''), E'\n  hint: ' || nullif(h, ''));
END $$;
-- The relations of models that are there, with whose rights the views read, and what the row says.
CREATE VIEW mcat.made AS
SELECT c.relname, c.relkind, c.reloptions, pg_get_userbyid(c.relowner) = current_user AS mine FROM pg_class AS c
 WHERE c.relnamespace = 'recsys_data'::regnamespace AND c.relkind IN ('r', 'v');
CREATE VIEW mcat.rows AS SELECT name, item_column, catalog_column FROM recsys.model;
GRANT SELECT ON mcat.made TO PUBLIC;

-- a second view; the column is called as item_column, or named
SELECT recsys.create_model('m', 'mcat.ratings', item_column => 'product', catalog => 'mcat.products', algorithm => 'als');
SELECT * FROM mcat.made ORDER BY relname;
SELECT * FROM mcat.rows;
SELECT count(*), min(item_id), max(item_id), obj_description('recsys_data.m_catalog'::regclass) FROM recsys_data.m_catalog;
SELECT model, catalog FROM recsys.models;
SELECT recsys.drop_model('m');
SELECT * FROM mcat.made;
SELECT recsys.create_model('m', 'mcat.ratings', item_column => 'product', run_as => 'owner', catalog => 'mcat.products', catalog_column => 'id', algorithm => 'als');
SELECT * FROM mcat.made WHERE relname LIKE 'm%catalog';
SELECT * FROM mcat.rows;
SELECT recsys.drop_model('m');

-- what is refused; nothing is left of it
SELECT a, mcat.attempt(format('SELECT recsys.create_model(''m'', ''mcat.ratings'', item_column => ''product'', %s, algorithm => ''als'')', a)) FROM unnest(ARRAY[
    'catalog_column => ''id''', 'catalog => ''mcat.products'', catalog_column => ''iid''', 'catalog => ''mcat.products'', catalog_column => ''ctid''',
    'catalog => ''mcat.products'', catalog_column => ''name''', 'catalog => ''mcat.products'', catalog_column => ''key''',
    'catalog => ''mcat.products'', catalog_column => ''weight''', 'catalog => ''mcat.ratings_user_id_idx''', 'catalog => 1::oid::regclass']) AS a;
SELECT mcat.attempt('SELECT recsys.create_model(''m'', ''mcat.ratings'', item_column => ''product'', catalog => ''mcat.attempted'', algorithm => ''als'')');
SELECT mcat.attempt('SELECT recsys.create_model(''m'', ''mcat.ratings'', catalog => ''mcat.products'', algorithm => ''als'')');
CREATE TABLE mcat.plain (item_id text, user_id int, rating real);
\if :has_icu
CREATE TABLE mcat.blind (item_id text COLLATE mcat.blind, user_id int, rating real);
SELECT mcat.attempt('SELECT recsys.create_model(''m'', ''mcat.plain'', catalog => ''mcat.blind'', algorithm => ''als'')') AS attempt \gset
\else
SELECT E'0A000: column "item_id" has a nondeterministic collation\n  detail: Ids are compared byte by byte.' AS attempt \gset
\endif
SELECT :'attempt' AS attempt;
CREATE TEMP TABLE products (product int);
SELECT mcat.attempt('SELECT recsys.create_model(''m'', ''mcat.ratings'', item_column => ''product'', catalog => ''products'', algorithm => ''als'')');
CREATE TABLE recsys_data.m_catalog (item_id int);
SELECT mcat.attempt('SELECT recsys.create_model(''m'', ''mcat.ratings'', item_column => ''product'', catalog => ''mcat.products'', algorithm => ''als'')');
DROP TABLE recsys_data.m_catalog;
SELECT * FROM mcat.made;
SELECT * FROM mcat.rows;

-- ids of one kind go together, whatever their types
SELECT c, mcat.attempt(format('SELECT recsys.create_model(''m'', ''mcat.ratings'', item_column => ''product'', catalog => ''mcat.products'', catalog_column => %L, algorithm => ''als'');
    SELECT recsys.train(''m'', ''{"factors": 2, "iterations": 1}'');
    DO $d$ DECLARE items bigint[] = ARRAY(SELECT item_id FROM recsys.popular(''m'', 99) ORDER BY 1); BEGIN
        ASSERT items = ''{1,2,3,5,6,7,9,10,11}'', items; END $d$;
    SELECT recsys.drop_model(''m'')', c)) FROM unnest('{id,product,small,sku}'::text[]) AS c;
CREATE TABLE mcat.named AS SELECT user_id, product::text AS item_id, rating FROM mcat.ratings;
SELECT c, mcat.attempt(format('SELECT recsys.create_model(''m'', ''mcat.named'', catalog => ''mcat.products'', catalog_column => %L, algorithm => ''als'');
    SELECT recsys.train(''m'', ''{"factors": 2, "iterations": 1}'');
    DO $d$ DECLARE items text[] = ARRAY(SELECT item_id FROM recsys.popular_text(''m'', 99) ORDER BY item_id COLLATE "C"); BEGIN
        ASSERT items = ''{1,10,11,2,3,5,6,7,9}'', items; END $d$;
    SELECT recsys.drop_model(''m'')', c)) FROM unnest('{name,code}'::text[]) AS c;
CREATE TABLE mcat.keyed AS SELECT user_id, md5(product::text)::uuid AS item_id, rating FROM mcat.ratings;
SELECT recsys.create_model('m', 'mcat.keyed', catalog => 'mcat.products', catalog_column => 'key', algorithm => 'als');
SELECT FROM recsys.train('m', '{"factors": 2, "iterations": 1}');
SELECT count(*), bool_and(item_id IN (SELECT key FROM mcat.products)) FROM recsys.popular_uuid('m', 99);
SELECT recsys.drop_model('m');

-- added, replaced, taken away
SELECT recsys.create_model('m', 'mcat.ratings', item_column => 'product', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');
SELECT FROM recsys.train('m');
CREATE FUNCTION mcat.items() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(item_id::text, ' ' ORDER BY item_id) FROM recsys.popular('m', 99) $$;
SELECT mcat.items();
SELECT recsys.alter_model('m', catalog => 'mcat.products');
SELECT mcat.items(), (SELECT catalog_column FROM mcat.rows);
GRANT SELECT ON recsys_data.m_catalog TO PUBLIC;
-- another type is another view
SELECT mcat.attempt('SELECT recsys.alter_model(''m'', catalog => ''mcat.products'', catalog_column => ''id'')');
CREATE VIEW mcat.few AS SELECT product AS item FROM mcat.products WHERE id < 4;
SELECT mcat.attempt('SELECT recsys.alter_model(''m'', catalog => ''mcat.few'', catalog_column => ''item'')');
SELECT recsys.alter_model('m', drop_catalog => true);
SELECT mcat.items(), (SELECT catalog_column FROM mcat.rows), (SELECT count(*) FROM mcat.made WHERE relname = 'm_catalog');
SELECT recsys.alter_model('m', drop_catalog => true);
SELECT recsys.alter_model('m', catalog => 'mcat.products');
GRANT SELECT ON recsys_data.m_catalog TO PUBLIC;
SELECT recsys.alter_model('m', catalog => 'mcat.few', catalog_column => 'item');
SELECT mcat.items(), (SELECT catalog_column FROM mcat.rows);
-- those who could read the one may read the other
SELECT relacl IS NOT NULL AS granted FROM pg_class WHERE oid = 'recsys_data.m_catalog'::regclass;
-- run_as is that of both views, before or with the catalogue
SELECT recsys.alter_model('m', run_as => 'owner');
SELECT relname, reloptions FROM mcat.made WHERE relkind = 'v' ORDER BY 1;
SELECT recsys.alter_model('m', run_as => 'caller', catalog => 'mcat.products');
SELECT relname, reloptions FROM mcat.made WHERE relkind = 'v' ORDER BY 1;
SELECT recsys.alter_model('m', run_as => 'owner', drop_catalog => true);
SELECT relname, reloptions FROM mcat.made WHERE relkind = 'v' ORDER BY 1;
SELECT recsys.alter_model('m', catalog => 'mcat.products');
SELECT relname, reloptions FROM mcat.made WHERE relkind = 'v' ORDER BY 1;
-- refused: nothing changes
SELECT a, mcat.attempt(format('SELECT recsys.alter_model(''m'', %s)', a)) FROM unnest(ARRAY[
    'catalog_column => ''id''', 'catalog => ''mcat.few'', drop_catalog => true', 'drop_catalog => NULL', 'catalog => ''mcat.few''',
    'catalog => ''mcat.products'', catalog_column => ''key''', 'catalog => ''mcat.products'', options => ''{"rank": 1}''']) AS a;
SELECT mcat.items(), (SELECT catalog_column FROM mcat.rows);
CREATE VIEW mcat.report AS SELECT count(*) FROM recsys_data.m_catalog;
SELECT mcat.attempt('SELECT recsys.alter_model(''m'', drop_catalog => true)'), mcat.attempt('SELECT recsys.drop_model(''m'')');
DROP VIEW mcat.report;
SELECT mcat.items();

-- a missing view does not make all items eligible: the model says that it has a catalogue
DROP VIEW recsys_data.m_catalog;
SELECT call, mcat.attempt('SELECT * FROM recsys.' || call) FROM unnest(ARRAY['recommend(''m'', 1)', 'popular(''m'')', 'similar_items(''m'', 1)', 'recommend_for_items(''m'', ''{1}'')',
    'predict(''m'', 1, 2)', 'explain(''m'', 1, 2)', 'user_vector(''m'', 1)', 'item_vector(''m'', 1)', 'evaluate(''m'', ''mcat.ratings'')', 'train(''m'')']) AS call;
SELECT recsys.alter_model('m', catalog => 'mcat.products');
SELECT mcat.items();
DROP VIEW recsys_data.m_catalog;
SELECT recsys.alter_model('m', run_as => 'caller');
SELECT recsys.alter_model('m', drop_catalog => true);
SELECT mcat.items();
-- nor does a relation that is not a catalogue, such as the view of a model by this name
SELECT recsys.alter_model('m', catalog => 'mcat.few', catalog_column => 'item');
DROP VIEW recsys_data.m_catalog;
SELECT recsys.create_model('m_catalog', 'mcat.ratings', item_column => 'product', algorithm => 'als');
SELECT mcat.attempt('SELECT mcat.items()');
SELECT mcat.attempt('SELECT recsys.alter_model(''m'', catalog => ''mcat.products'')');
SELECT recsys.drop_model('m'), recsys.drop_model('m_catalog');
SELECT * FROM mcat.made;
-- the other way round, the name is taken
SELECT recsys.create_model('m', 'mcat.ratings', item_column => 'product', catalog => 'mcat.products', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');
SELECT mcat.attempt('SELECT recsys.create_model(''m_catalog'', ''mcat.ratings'', item_column => ''product'', algorithm => ''als'')');
SELECT FROM recsys.train('m');
BEGIN;
DROP VIEW recsys_data.m_catalog;
CREATE VIEW recsys_data.m_catalog AS SELECT name AS item_id FROM mcat.products;
SELECT mcat.attempt('SELECT mcat.items()');
ROLLBACK;
BEGIN;
DROP VIEW recsys_data.m_catalog;
CREATE MATERIALIZED VIEW recsys_data.m_catalog AS SELECT product AS item_id FROM mcat.products;
SELECT mcat.attempt('SELECT mcat.items()');
ROLLBACK;
-- another definition of the owner's own will do
BEGIN;
CREATE OR REPLACE VIEW recsys_data.m_catalog AS SELECT product AS item_id FROM mcat.products WHERE id > 6;
SELECT mcat.items();
ROLLBACK;
-- with what it reads it goes, too
BEGIN;
SELECT mcat.attempt('DROP TABLE mcat.products');
DROP TABLE mcat.products CASCADE;
SELECT mcat.attempt('SELECT mcat.items()');
ROLLBACK;
SELECT mcat.items();

-- roles: the model's owner owns the catalogue, whichever role alters it, and it reads with the owner's right
CREATE ROLE recsys_regress_owner;
CREATE ROLE recsys_regress_member IN ROLE recsys_regress_owner;
CREATE ROLE recsys_regress_other;
CREATE ROLE recsys_regress_app;
GRANT USAGE ON SCHEMA mcat TO PUBLIC;
GRANT CREATE ON SCHEMA recsys_data TO recsys_regress_owner, recsys_regress_other;
SELECT recsys.drop_model('m');
GRANT SELECT ON mcat.ratings TO recsys_regress_owner;
SET ROLE recsys_regress_owner;
SELECT mcat.attempt('SELECT recsys.create_model(''m'', ''mcat.ratings'', item_column => ''product'', catalog => ''mcat.products'', algorithm => ''als'')');
SELECT recsys.create_model('m', 'mcat.ratings', item_column => 'product', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');
SELECT FROM recsys.train('m');
-- not with the right of a superuser
RESET ROLE;
SELECT mcat.attempt('SELECT recsys.alter_model(''m'', catalog => ''mcat.products'')');
GRANT SELECT (product) ON mcat.products TO recsys_regress_owner;
SELECT recsys.alter_model('m', catalog => 'mcat.products');
SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'recsys_data.m_catalog'::regclass;
SELECT recsys.alter_model('m', drop_catalog => true);
SET ROLE recsys_regress_member;
SELECT recsys.alter_model('m', catalog => 'mcat.products');
SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'recsys_data.m_catalog'::regclass;
SELECT recsys.alter_model('m', run_as => 'owner');
SET ROLE recsys_regress_other;
SELECT mcat.attempt('SELECT recsys.alter_model(''m'', drop_catalog => true)');
-- with run_as owner a caller who may ask the model is shown the items that its owner reads
SET ROLE recsys_regress_owner;
GRANT REFERENCES ON recsys_data.m TO recsys_regress_app;
SET ROLE recsys_regress_app;
SELECT mcat.items(), mcat.attempt('SELECT * FROM recsys_data.m_catalog'), mcat.attempt('SELECT product FROM mcat.products');
-- with run_as caller they need the right to read both views, and what is below them
SET ROLE recsys_regress_owner;
SELECT recsys.alter_model('m', run_as => 'caller');
GRANT SELECT ON recsys_data.m TO recsys_regress_app;
SET ROLE recsys_regress_app;
SELECT mcat.attempt('SELECT mcat.items()');
SET ROLE recsys_regress_owner;
GRANT SELECT ON recsys_data.m_catalog TO recsys_regress_app;
SET ROLE recsys_regress_app;
SELECT mcat.attempt('SELECT mcat.items()');
RESET ROLE;
GRANT SELECT (product) ON mcat.products TO recsys_regress_app;
SET ROLE recsys_regress_app;
SELECT mcat.items();
-- each view has its own say: users in private, products by the caller
RESET ROLE;
ALTER VIEW recsys_data.m SET (security_invoker = false);
REVOKE SELECT ON recsys_data.m FROM recsys_regress_app;
SET ROLE recsys_regress_app;
SELECT mcat.items();
RESET ROLE;
REVOKE SELECT ON recsys_data.m_catalog FROM recsys_regress_app;
SET ROLE recsys_regress_app;
SELECT mcat.attempt('SELECT mcat.items()');

-- a view of another role is not the catalogue
SET ROLE recsys_regress_owner;
SELECT recsys.alter_model('m', run_as => 'owner');
DROP VIEW recsys_data.m_catalog;
SET ROLE recsys_regress_other;
CREATE VIEW recsys_data.m_catalog AS SELECT i AS item_id FROM generate_series(1, 12) AS i;
GRANT SELECT ON recsys_data.m_catalog TO PUBLIC;
RESET ROLE;
SELECT mcat.attempt('SELECT mcat.items()');
SET ROLE recsys_regress_owner;
SELECT mcat.attempt('SELECT mcat.items()');
SELECT mcat.attempt('SELECT recsys.alter_model(''m'', catalog => ''mcat.products'')');
-- it can be taken away, or the model dropped; the other role's view stays
BEGIN;
SELECT recsys.alter_model('m', drop_catalog => true);
SELECT mcat.items();
ROLLBACK;
BEGIN;
SELECT recsys.drop_model('m');
SELECT relname, mine FROM mcat.made;
ROLLBACK;
SET ROLE recsys_regress_other;
DROP VIEW recsys_data.m_catalog;
SET ROLE recsys_regress_owner;
SELECT recsys.alter_model('m', catalog => 'mcat.products');
SELECT mcat.items();

-- another owner: of all four relations
RESET ROLE;
BEGIN;
ALTER VIEW recsys_data.m_catalog OWNER TO recsys_regress_other;
SELECT mcat.attempt('SELECT mcat.items()');
ROLLBACK;
BEGIN;
ALTER VIEW recsys_data.m OWNER TO recsys_regress_other;
ALTER TABLE recsys_data.m_user_factors OWNER TO recsys_regress_other;
ALTER TABLE recsys_data.m_item_factors OWNER TO recsys_regress_other;
SELECT mcat.attempt('SELECT mcat.items()');
ALTER VIEW recsys_data.m_catalog OWNER TO recsys_regress_other;
SELECT mcat.attempt('SELECT mcat.items()');
GRANT SELECT ON mcat.products TO recsys_regress_other;
SELECT mcat.items();
ROLLBACK;
GRANT SELECT ON mcat.products, mcat.ratings TO recsys_regress_other;
REASSIGN OWNED BY recsys_regress_owner TO recsys_regress_other;
SELECT mcat.items();
SET ROLE recsys_regress_other;
SELECT recsys.alter_model('m', run_as => 'caller');
SELECT relname, reloptions, mine FROM mcat.made ORDER BY 1;
SELECT recsys.drop_model('m');
SELECT * FROM mcat.made;

-- what is left of a model goes with its catalogue
SELECT recsys.create_model('m', 'mcat.ratings', item_column => 'product', catalog => 'mcat.products', algorithm => 'als');
RESET ROLE;
BEGIN;
DELETE FROM recsys.model;
SET ROLE recsys_regress_other;
SELECT mcat.attempt('SELECT recsys.create_model(''m'', ''mcat.ratings'', item_column => ''product'', catalog => ''mcat.products'', algorithm => ''als'')');
SELECT recsys.drop_model('m');
SELECT * FROM mcat.made;
ROLLBACK;
SET ROLE recsys_regress_other;
BEGIN;
DROP VIEW recsys_data.m;
SELECT recsys.drop_model('m');
SELECT * FROM mcat.made;
ROLLBACK;
DROP VIEW recsys_data.m;
DROP TABLE recsys_data.m_user_factors, recsys_data.m_item_factors;
-- its view alone is nothing of a model; it keeps the name from being taken
SELECT mcat.attempt('SELECT recsys.create_model(''m'', ''mcat.ratings'', item_column => ''product'', catalog => ''mcat.products'', algorithm => ''als'')');
SELECT recsys.create_model('m', 'mcat.ratings', item_column => 'product', algorithm => 'als');
SELECT catalog FROM recsys.models;
SELECT mcat.attempt('SELECT recsys.alter_model(''m'', catalog => ''mcat.products'')');
SELECT recsys.drop_model('m');
SELECT * FROM mcat.made;
RESET ROLE;
DROP OWNED BY recsys_regress_other;
SELECT * FROM mcat.made;

-- names that are to be quoted
CREATE TABLE mcat."Pro""ducts; --" ("I d" int PRIMARY KEY);
INSERT INTO mcat."Pro""ducts; --" VALUES (3);
SELECT recsys.create_model(E'a"b''c\\', 'mcat.ratings', item_column => 'product', catalog => 'mcat."Pro""ducts; --"', catalog_column => 'I d', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');
SELECT FROM recsys.train(E'a"b''c\\');
SELECT item_id FROM recsys.popular(E'a"b''c\\');
SELECT recsys.drop_model(E'a"b''c\\');
SELECT recsys.create_model(repeat('n', 48), 'mcat.ratings', item_column => 'product', catalog => 'mcat.products', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');
SELECT FROM recsys.train(repeat('n', 48));
SELECT count(*) FROM recsys.popular(repeat('n', 48), 99);
SELECT recsys.drop_model(repeat('n', 48));
SELECT * FROM mcat.made;

-- a warning where no index finds items
RESET client_min_messages;
SELECT recsys.create_model('m', 'mcat.ratings', item_column => 'product', catalog => 'mcat.products', catalog_column => 'small', algorithm => 'als');
SELECT recsys.alter_model('m', drop_catalog => true);
CREATE VIEW mcat.listed AS SELECT small AS item FROM mcat.products WHERE name <> 'x';
CREATE VIEW mcat.some AS SELECT small AS item FROM mcat.products LIMIT 5;
SELECT recsys.alter_model('m', catalog => 'mcat.listed', catalog_column => 'item');
SELECT recsys.alter_model('m', catalog => 'mcat.some', catalog_column => 'item');
CREATE INDEX ON mcat.products (small);
SELECT recsys.alter_model('m', catalog => 'mcat.listed', catalog_column => 'item');
SELECT recsys.drop_model('m');
SET client_min_messages = error;
DROP ROLE recsys_regress_member;
DROP OWNED BY recsys_regress_owner, recsys_regress_app;
DROP SCHEMA mcat CASCADE;
DROP ROLE recsys_regress_owner, recsys_regress_other, recsys_regress_app;
