-- Lists hold the items of which the caller sees a row in the catalogue, in this snapshot; no other function looks at it.
\pset null <null>
SET client_min_messages = error;
CREATE SCHEMA rcat;
CREATE TABLE rcat.likes (user_id int, item_id int, rating real);
INSERT INTO rcat.likes SELECT u, i, 1 + h % 5 FROM (SELECT u, i, abs(hashint4(u * 1000 + i)) AS h FROM generate_series(1, 30) AS u, generate_series(1, 300) AS i) AS x WHERE h % 7 = 0;
CREATE INDEX ON rcat.likes (user_id) INCLUDE (item_id, rating);
-- Items that no model knows, too, rows without an item, and items that are there more than once.
CREATE TABLE rcat.products (item_id int, stock int NOT NULL, expires date, tenant text NOT NULL);
INSERT INTO rcat.products SELECT i, abs(hashint4(i)) % 10, CASE WHEN i % 3 = 0 THEN '2024-01-01'::date + i % 50 END, 'tenant ' || i % 4
  FROM generate_series(-300, 800) AS i WHERE i % 11 > 0;
INSERT INTO rcat.products SELECT item_id, stock, expires, tenant FROM rcat.products WHERE item_id BETWEEN 1 AND 60;
INSERT INTO rcat.products SELECT NULL, 1, NULL, 'tenant 1' FROM generate_series(1, 9);
CREATE INDEX ON rcat.products (item_id);
VACUUM ANALYZE rcat.products;
-- Eligible is what is in stock at the level that the session has set, and not expired.
CREATE VIEW rcat.listed AS SELECT item_id FROM rcat.products
 WHERE stock >= current_setting('rcat.stock')::int AND (expires IS NULL OR expires >= '2024-01-20');
SET rcat.stock = 0;
-- Twins: the one without a catalogue says what the other one ranks.
CREATE FUNCTION rcat.make(kind text, options json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM recsys.create_model(kind, 'rcat.likes', rating_column => 'rating', feedback => options->>'feedback', algorithm => options->>'algorithm',
                                options => '{"factors": 6, "iterations": 3}', catalog => 'rcat.listed');
    PERFORM recsys.create_model('free_' || kind, 'rcat.likes', rating_column => 'rating', feedback => options->>'feedback', algorithm => options->>'algorithm',
                                options => '{"factors": 6, "iterations": 3}');
    PERFORM recsys.train(kind), recsys.train('free_' || kind);
END $$;
SELECT rcat.make('stars', '{"feedback": "explicit", "algorithm": "als"}'), rcat.make('taps', '{"feedback": "implicit", "algorithm": "als"}'),
       rcat.make('top', '{"feedback": "implicit", "algorithm": "popular"}');

-- How many lists differ from that of plain SQL, of how many, with how many rows: $1 is the call without a model and k.
CREATE FUNCTION rcat.differing(call text, rest text, OUT lists bigint, OUT differing bigint, OUT n bigint) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format($q$
        SELECT count(*), count(*) FILTER (WHERE got.list IS DISTINCT FROM want.list), sum(coalesce(cardinality(got.list), 0))
          FROM unnest('{stars,taps,top}'::text[]) AS m, generate_series(1, 40, 3) AS u, unnest('{0,1,10,64,1000}'::int[]) AS k,
               LATERAL (SELECT array_agg((r.rank, r.item_id, to_jsonb(r) - 'next')::text ORDER BY r.rank) AS list FROM recsys.%1$s(m, %2$s, k => k) AS r) AS got,
               LATERAL (SELECT array_agg((row_number, w.item_id, jsonb_set(to_jsonb(w) - 'next' - 'row_number', '{rank}', row_number::text::jsonb))::text ORDER BY row_number) AS list
                          FROM (SELECT row_number() OVER (ORDER BY f.rank), f.* FROM recsys.%1$s('free_' || m, %2$s, k => 100000) AS f
                                 WHERE EXISTS (SELECT FROM rcat.listed AS l WHERE l.item_id = f.item_id)) AS w WHERE row_number <= k) AS want$q$, call, rest)
      INTO lists, differing, n;
END $$;
CREATE VIEW rcat.calls AS SELECT * FROM (VALUES
    (1, 'recommend', 'u'), (2, 'recommend', 'u, exclude_seen => false'), (3, 'recommend', 'u, fresh => false'),
    (4, 'recommend', 'u, candidates => ARRAY(SELECT n::bigint FROM generate_series(1, 400, 3) AS n)'), (5, 'recommend', 'u, candidates => ''{7,8,9}'', exclude => ''{8}'''),
    (6, 'recommend', 'u, exclude => ARRAY(SELECT n::bigint FROM generate_series(1, 400, 3) AS n)'), (7, 'recommend', 'u, after => '''''),
    (8, 'recommend_for_items', 'ARRAY[u, u + 1]::bigint[]'), (9, 'similar_items', 'u'), (10, 'popular', 'exclude => ARRAY[u]::bigint[]')) AS v (n, call, rest);
SELECT call, rest, d.* FROM rcat.calls, LATERAL rcat.differing(call, rest) AS d ORDER BY calls.n;
-- few are in stock, one is, none is
SET rcat.stock = 9;
SELECT call, rest, d.* FROM rcat.calls, LATERAL rcat.differing(call, rest) AS d ORDER BY calls.n;
BEGIN;
DELETE FROM rcat.products WHERE item_id <> (SELECT min(item_id) FROM rcat.listed WHERE item_id > 100);
SELECT call, rest, d.* FROM rcat.calls, LATERAL rcat.differing(call, rest) AS d ORDER BY calls.n;
SET rcat.stock = 100;
SELECT sum(d.lists), sum(d.differing), sum(d.n) FROM rcat.calls, LATERAL rcat.differing(call, rest) AS d;
ROLLBACK;
SET rcat.stock = 0;
-- text asks a model with other ids
SELECT array_agg(r.item_id ORDER BY r.rank) = (SELECT array_agg(n.item_id::text ORDER BY n.rank) FROM recsys.recommend('taps', 4) AS n) AS same FROM recsys.recommend_text('taps', 4) AS r;
-- pages: all of them, each item once
CREATE FUNCTION rcat.pages(m text, u int, k int) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    items bigint[] = '{}'; page bigint[]; token text = '';
BEGIN
    LOOP
        SELECT array_agg(r.item_id ORDER BY r.rank), max(r.next) FILTER (WHERE r.rank = cardinality(items) + k) INTO page, token FROM recsys.recommend(m, u, k, after => token) AS r;
        items = items || page;
        IF token IS NULL THEN RETURN items; END IF;
    END LOOP;
END $$;
SELECT m, u, k, p = ARRAY(SELECT r.item_id FROM recsys.recommend(m, u, 1000) AS r ORDER BY rank) AS whole, cardinality(p) > 90 AS many
  FROM unnest('{stars,taps,top}'::text[]) AS m, unnest('{3,99}'::int[]) AS u, unnest('{1,7,1000}'::int[]) AS k, rcat.pages(m, u, k) AS p ORDER BY 1, 2, 3;

-- predict, preference, explain, vectors and evaluate do not look at it
SELECT count(*), bool_and(recsys.predict('stars', 3, item_id) = recsys.predict('free_stars', 3, item_id) AND recsys.preference('top', 3, item_id) = recsys.preference('free_top', 3, item_id)) AS same
  FROM (SELECT DISTINCT item_id FROM rcat.likes) AS i WHERE NOT EXISTS (SELECT FROM rcat.listed AS l WHERE l.item_id = i.item_id);
SELECT count(*) > 3 AS parts, count(*) FILTER (WHERE a IS DISTINCT FROM b) AS differ
  FROM recsys.explain('stars', 3, 11) WITH ORDINALITY AS a JOIN recsys.explain('free_stars', 3, 11) WITH ORDINALITY AS b USING (ordinality);
SELECT recsys.user_vector('taps', 3) OPERATOR(recsys.=) recsys.user_vector('free_taps', 3) AS users, recsys.item_vector('taps', 11) OPERATOR(recsys.=) recsys.item_vector('free_taps', 11) AS items;
SELECT count(*), count(*) FILTER (WHERE a.value IS DISTINCT FROM b.value) AS differ
  FROM recsys.evaluate('taps', 'rcat.likes', exclude_seen => false) AS a JOIN recsys.evaluate('free_taps', 'rcat.likes', exclude_seen => false) AS b USING (metric, k);
-- the item that is asked about need not be in it
SELECT count(*) FROM recsys.similar_items('stars', 11), rcat.listed AS l WHERE l.item_id = 11;
SELECT count(*) FROM recsys.similar_items('stars', 11);

-- looked up by the index; where few are listed, all is read once; few candidates are looked up
CREATE FUNCTION rcat.scans(call text, OUT n bigint, OUT by_index boolean, OUT whole bigint) LANGUAGE plpgsql AS $$
DECLARE
    index_before bigint = pg_stat_get_xact_numscans('rcat.products_item_id_idx'::regclass);
    table_before bigint = pg_stat_get_xact_numscans('rcat.products'::regclass);
BEGIN
    EXECUTE 'SELECT count(*) FROM recsys.' || call INTO n;
    by_index = pg_stat_get_xact_numscans('rcat.products_item_id_idx'::regclass) > index_before;
    whole = pg_stat_get_xact_numscans('rcat.products'::regclass) - table_before;
END $$;
SELECT * FROM rcat.scans('recommend(''stars'', 4)');
SELECT * FROM rcat.scans('similar_items(''stars'', 4)');
SELECT * FROM rcat.scans('popular(''stars'', 20)');
SELECT * FROM rcat.scans('recommend(''stars'', 4, 0)');
SELECT * FROM rcat.scans('recommend(''stars'', 4, candidates => ''{}'')');
SET rcat.stock = 100;
SELECT * FROM rcat.scans('recommend(''stars'', 4)');
SELECT * FROM rcat.scans('recommend(''stars'', 4, candidates => ''{5,6,7,8,9}'')');
SET rcat.stock = 0;
-- without an index all is read at once, and when there is one again it is used
BEGIN;
ALTER INDEX rcat.products_item_id_idx RENAME TO unused;
CREATE INDEX products_item_id_idx ON rcat.likes (item_id);
DROP INDEX rcat.unused;
SELECT * FROM rcat.scans('recommend(''stars'', 4)');
ROLLBACK;
SELECT * FROM rcat.scans('recommend(''stars'', 4)');

-- a snapshot: rows of this transaction count, until they are rolled back
CREATE FUNCTION rcat.top() RETURNS text STABLE LANGUAGE sql AS $$ SELECT string_agg(item_id::text, ' ' ORDER BY rank) FROM recsys.popular('taps', 4) $$;
SELECT rcat.top();
BEGIN;
DELETE FROM rcat.products WHERE item_id = (SELECT item_id FROM recsys.popular('taps', 1));
SELECT rcat.top();
SAVEPOINT s;
UPDATE rcat.products SET expires = '2000-01-01' WHERE item_id = (SELECT item_id FROM recsys.popular('taps', 1));
SELECT rcat.top();
ROLLBACK TO s;
SELECT rcat.top();
-- a cursor keeps its own
DECLARE c CURSOR FOR SELECT rcat.top() FROM generate_series(1, 2);
FETCH c;
DELETE FROM rcat.products WHERE item_id = (SELECT item_id FROM recsys.popular('taps', 1));
SELECT rcat.top();
FETCH c;
ROLLBACK;
SELECT rcat.top();
-- rows written by the same statement do not count yet
BEGIN;
WITH d AS (DELETE FROM rcat.products RETURNING 1) SELECT count(*) > 0 AS deleted, rcat.top() FROM d;
SELECT rcat.top();
ROLLBACK;

-- the leak: a tenant saw what others sell, and how much of it
CREATE ROLE recsys_regress_shop;
GRANT USAGE ON SCHEMA rcat TO recsys_regress_shop;
CREATE TABLE rcat.sales AS SELECT l.user_id, l.item_id, p.tenant FROM rcat.likes AS l JOIN (SELECT DISTINCT item_id, tenant FROM rcat.products) AS p USING (item_id);
CREATE INDEX ON rcat.sales (user_id);
ALTER TABLE rcat.sales ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON rcat.sales USING (tenant = current_setting('shop.tenant'));
ALTER TABLE rcat.products ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON rcat.products USING (tenant = current_setting('shop.tenant'));
GRANT SELECT ON rcat.sales, rcat.products TO recsys_regress_shop;
SELECT recsys.create_model('shop', 'rcat.sales', feedback => 'implicit', options => '{"factors": 4, "iterations": 2}', algorithm => 'als');
SELECT FROM recsys.train('shop');
GRANT SELECT ON recsys_data.shop TO recsys_regress_shop;
-- Whose are the items of all lists? Read below the policies.
CREATE FUNCTION rcat.tenants(items bigint[]) RETURNS text SECURITY DEFINER LANGUAGE sql AS $$
    SELECT string_agg(DISTINCT tenant, ', ' ORDER BY tenant) FROM rcat.products WHERE item_id = ANY (items) $$;
CREATE VIEW rcat.seen WITH (security_invoker) AS SELECT
    rcat.tenants(ARRAY(SELECT item_id FROM recsys.popular('shop', 1000))) AS popular,
    rcat.tenants(ARRAY(SELECT r.item_id FROM generate_series(1, 40) AS u, recsys.recommend('shop', u, 1000) AS r)) AS recommend,
    rcat.tenants(ARRAY(SELECT r.item_id FROM generate_series(1, 40) AS u, recsys.recommend('shop', u) AS r)) AS ten,
    rcat.tenants(ARRAY(SELECT item_id FROM recsys.recommend_for_items('shop', '{1,2}', k => 1000))) AS for_items,
    rcat.tenants(ARRAY(SELECT r.item_id FROM generate_series(1, 40) AS i, recsys.similar_items('shop', i, 1000) AS r)) AS similar;
GRANT SELECT ON rcat.seen TO recsys_regress_shop;
SET ROLE recsys_regress_shop;
SET shop.tenant = 'tenant 1';
SELECT * FROM rcat.seen;
RESET ROLE;
SELECT recsys.alter_model('shop', catalog => 'rcat.products');
GRANT SELECT ON recsys_data.shop_catalog TO recsys_regress_shop;
SET ROLE recsys_regress_shop;
SELECT * FROM rcat.seen;
-- the tenant of the moment, in one session, with the same plans
SET shop.tenant = 'tenant 2';
SELECT * FROM rcat.seen;
BEGIN;
SET LOCAL shop.tenant = 'nobody';
SELECT * FROM rcat.seen;
ROLLBACK;
SELECT * FROM rcat.seen;
-- a role that sees all
RESET ROLE;
SELECT * FROM rcat.seen;
SET ROLE recsys_regress_shop;
SELECT * FROM rcat.seen;
-- run_as owner reads with the owner's right, whom no policy holds
RESET ROLE;
SELECT recsys.alter_model('shop', run_as => 'owner');
SET ROLE recsys_regress_shop;
SELECT popular FROM rcat.seen;
-- but for a predicate that says whom it serves
RESET ROLE;
CREATE VIEW rcat.mine AS SELECT item_id FROM rcat.products WHERE tenant = current_setting('shop.tenant');
SELECT recsys.alter_model('shop', catalog => 'rcat.mine');
REVOKE SELECT ON rcat.products, recsys_data.shop, recsys_data.shop_catalog FROM recsys_regress_shop;
GRANT REFERENCES ON recsys_data.shop TO recsys_regress_shop;
SET ROLE recsys_regress_shop;
SELECT * FROM rcat.seen;
SELECT count(*) FROM rcat.products;
RESET ROLE;
SELECT recsys.drop_model('shop');

-- code of the catalogue's owner: it may ask other models, and change the catalogue that is being read
SET recsys.local_cache_size = 0;
CREATE FUNCTION rcat.busy(i int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM recsys.recommend('free_stars', i % 40, 3);
    PERFORM FROM recsys.recommend('top', i % 40, 3);
    RETURN i % 5 > 0;
END $$;
CREATE VIEW rcat.busy AS SELECT item_id FROM rcat.products WHERE item_id BETWEEN 1 AND 100 AND rcat.busy(item_id);
SELECT recsys.create_model('busy', 'rcat.likes', options => '{"factors": 6, "iterations": 3}', catalog => 'rcat.busy', algorithm => 'als');
SELECT FROM recsys.train('busy');
SELECT u, count(*), bool_and(b.item_id = f.item_id AND b.preference = f.preference) AS same
  FROM unnest('{3,99}'::int[]) AS u, LATERAL (SELECT * FROM recsys.recommend('busy', u, 20)) AS b
  JOIN LATERAL (SELECT row_number() OVER (ORDER BY rank) AS rank, item_id, preference FROM recsys.recommend('free_stars', u, 1000)
                 WHERE item_id BETWEEN 1 AND 100 AND item_id % 5 > 0 AND item_id % 11 > 0) AS f USING (rank) GROUP BY u ORDER BY u;
RESET recsys.local_cache_size;
-- a third of the items is shown, so that a second batch is looked up
CREATE FUNCTION rcat.change(i int, what text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF current_setting('rcat.change') = what THEN
        PERFORM set_config('rcat.change', '', true);
        EXECUTE what;
    END IF;
    RETURN i % 3 = 0;
END $$;
CREATE FUNCTION rcat.during(what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text;
BEGIN
    PERFORM set_config('rcat.change', what, true);
    EXECUTE format('CREATE OR REPLACE VIEW rcat.changing AS SELECT item_id FROM rcat.products WHERE rcat.change(item_id, %L)', what);
    PERFORM recsys.alter_model('busy', catalog => 'rcat.changing');
    SELECT 'done, ' || count(*) INTO said FROM recsys.recommend('busy', 99, 20);
    RAISE EXCEPTION USING ERRCODE = 'ZZ001', MESSAGE = said;
EXCEPTION WHEN OTHERS THEN
    RETURN CASE WHEN SQLSTATE = 'ZZ001' THEN '' ELSE SQLSTATE || ': ' END || SQLERRM;
END $$;
SELECT what, rcat.during(what) FROM unnest(ARRAY[
    'SELECT 1', 'DROP VIEW recsys_data.busy_catalog', 'CREATE OR REPLACE VIEW recsys_data.busy_catalog AS SELECT item_id FROM rcat.likes WHERE item_id > 290',
    'DROP VIEW recsys_data.busy_catalog; CREATE VIEW recsys_data.busy_catalog AS SELECT item_id::text FROM rcat.likes', 'ALTER VIEW recsys_data.busy_catalog RENAME TO other',
    'DELETE FROM rcat.products', 'SELECT recsys.alter_model(''busy'', drop_catalog => true)', 'SELECT recsys.drop_model(''busy'')',
    'SELECT FROM recsys.recommend(''busy'', 99, 20)', 'SET LOCAL recsys.local_cache_size = 0', 'CLOSE ALL', 'SELECT 1 / 0']) AS what;

-- the catalogue is changed by a function that the planner calls
CREATE FUNCTION rcat.execute(what text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE what; END $$;
CREATE FUNCTION rcat.planned(i int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    what text := current_setting('rcat.change');
BEGIN
    PERFORM set_config('rcat.change', '', true);
    PERFORM rcat.execute(what) WHERE what <> '';
    RETURN true;
END $$;
CREATE VIEW rcat.planned AS SELECT item_id FROM rcat.products WHERE rcat.planned(1);
CREATE FUNCTION rcat.during_planning(what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text;
BEGIN
    PERFORM set_config('rcat.change', '', true);
    PERFORM recsys.alter_model('busy', catalog => 'rcat.planned');
    PERFORM recsys.alter_model('top', catalog => 'rcat.products');
    PERFORM set_config('rcat.change', what, true);
    SELECT 'done, ' || count(*) INTO said FROM recsys.recommend('busy', 99, 20);
    RAISE EXCEPTION USING ERRCODE = 'ZZ001', MESSAGE = said;
EXCEPTION WHEN OTHERS THEN
    RETURN CASE WHEN SQLSTATE = 'ZZ001' THEN '' ELSE SQLSTATE || ': ' END || SQLERRM;
END $$;
SELECT what, rcat.during_planning(what) FROM unnest(ARRAY[
    'SELECT 1', 'SELECT FROM recsys.recommend(''busy'', 99, 20)',
    'ALTER VIEW recsys_data.top_catalog RENAME TO other; ALTER VIEW recsys_data.busy_catalog RENAME TO top_catalog; SELECT FROM recsys.recommend(''top'', 99, 20)',
    'DROP VIEW recsys_data.busy_catalog; SELECT FROM recsys.recommend(''top'', 99, 20)']) AS what;

SELECT recsys.drop_model(model) FROM recsys.models;
DROP SCHEMA rcat CASCADE;
DROP ROLE recsys_regress_shop;
