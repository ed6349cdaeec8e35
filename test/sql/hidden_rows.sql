-- A stored vector is for those who see a row of its user, whatever it is that hides the rows.
SET client_min_messages = warning;
CREATE ROLE recsys_regress_owner;
CREATE ROLE recsys_regress_app;
GRANT CREATE ON SCHEMA recsys_data TO recsys_regress_owner;
CREATE SCHEMA hr AUTHORIZATION recsys_regress_owner;
GRANT USAGE ON SCHEMA hr TO recsys_regress_app;
SET ROLE recsys_regress_owner;
CREATE TABLE hr.likes (user_id int, item_id int, rating real);
INSERT INTO hr.likes SELECT u, i, (u * i) % 5 + 1 FROM generate_series(1, 6) AS u, generate_series(1, 6) AS i WHERE u <> i;
CREATE INDEX ON hr.likes (user_id);
CREATE TABLE hr.roles (who name);
INSERT INTO hr.roles VALUES ('recsys_regress_owner');
GRANT SELECT ON hr.likes, hr.roles TO recsys_regress_app;
CREATE FUNCTION hr.is_owner() RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT current_user = 'recsys_regress_owner' $$;
CREATE FUNCTION hr.mine(v int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN current_user = 'recsys_regress_owner' THEN v END $$;
CREATE FUNCTION hr.rows() RETURNS SETOF hr.likes LANGUAGE sql STABLE AS $$ SELECT * FROM hr.likes WHERE hr.is_owner() $$;
CREATE VIEW hr.nested AS SELECT * FROM hr.likes WHERE hr.is_owner();
CREATE VIEW hr.same AS SELECT * FROM hr.likes;
CREATE MATERIALIZED VIEW hr.copy AS SELECT * FROM hr.likes;
GRANT SELECT ON hr.nested, hr.same, hr.copy TO recsys_regress_app;
SELECT recsys.create_model('hr', 'hr.likes', options => '{"factors": 2, "iterations": 2}', algorithm => 'als');
SELECT users FROM recsys.train('hr');
GRANT SELECT ON recsys_data.hr TO recsys_regress_app;

-- The view of the model as this query: what the application sees of user 1, and what it is given.
CREATE FUNCTION hr.given(query text, run_as text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE 'SET ROLE recsys_regress_owner';
    EXECUTE format('CREATE OR REPLACE VIEW recsys_data.hr WITH (security_invoker = %s) AS %s', run_as = 'caller', query);
    EXECUTE 'SET ROLE recsys_regress_app';
    EXECUTE $q$
        SELECT concat((SELECT count(*) FROM recsys_data.hr WHERE user_id = 1), ' rows: ',
                      (SELECT min(source) FROM recsys.recommend('hr', 1, 1, false, fresh => false)),
                      CASE WHEN recsys.predict('hr', 1, 2, fresh => false) IS NOT NULL THEN ', predicted' END,
                      CASE WHEN recsys.user_vector('hr', 1, fresh => false) IS NOT NULL THEN ', vector' END) $q$ INTO answer;
    EXECUTE 'SET ROLE NONE';
    RETURN answer;
END $$;
CREATE TABLE hr.views (n int, query text);
INSERT INTO hr.views SELECT n, replace(replace(query, '...', 's.user_id, s.item_id, s.rating, NULL::timestamptz AS "time" FROM'), '$who', '(current_user = ''recsys_regress_owner'')')
FROM unnest(ARRAY[
    'SELECT ... hr.likes s',
    'SELECT s.user_id, s.item_id, s.rating, NULL::timestamptz AS "time" FROM ONLY hr.likes s',
    'SELECT s.user_id, s.item_id, 1::real AS rating, NULL::timestamptz AS "time" FROM hr.likes s',
    'SELECT ... hr.copy s',
    'SELECT ... hr.likes s WHERE $who',
    'SELECT DISTINCT ... hr.likes s WHERE $who',
    'SELECT ... hr.likes s GROUP BY 1, 2, 3 HAVING $who',
    'SELECT 1 AS user_id, 2 AS item_id, 3::real AS rating, NULL::timestamptz AS "time" FROM hr.likes s HAVING $who',
    'SELECT ... hr.likes s LIMIT CASE WHEN $who THEN NULL ELSE 0 END',
    'SELECT ... hr.likes s OFFSET CASE WHEN $who THEN 0 ELSE 1000 END',
    'SELECT ... hr.likes s JOIN hr.roles r ON r.who = current_user',
    'SELECT ... hr.roles r LEFT JOIN hr.likes s ON r.who = current_user',
    'SELECT ... hr.likes s, hr.roles r WHERE r.who = current_user',
    'SELECT ... (SELECT * FROM hr.likes WHERE $who) s',
    'WITH s AS (SELECT * FROM hr.likes WHERE $who) SELECT ... s',
    'SELECT ... hr.likes s WHERE false UNION ALL SELECT ... hr.likes s WHERE $who',
    'SELECT ... hr.likes s EXCEPT SELECT ... hr.likes s WHERE NOT $who',
    'SELECT ... hr.nested s',
    'SELECT ... hr.rows() s',
    'SELECT ... ROWS FROM (hr.rows()) s',
    'SELECT ... hr.likes s TABLESAMPLE system (CASE WHEN $who THEN 100 ELSE 0 END)',
    'SELECT CASE WHEN $who THEN s.user_id END AS user_id, s.item_id, s.rating, NULL::timestamptz AS "time" FROM hr.likes s',
    'SELECT hr.mine(s.user_id) AS user_id, s.item_id, s.rating, NULL::timestamptz AS "time" FROM hr.likes s',
    'SELECT s.user_id, hr.mine(s.item_id) AS item_id, s.rating, NULL::timestamptz AS "time" FROM hr.likes s',
    'SELECT (SELECT s.user_id WHERE $who) AS user_id, s.item_id, s.rating, NULL::timestamptz AS "time" FROM hr.likes s',
    'SELECT generate_series(s.user_id, CASE WHEN $who THEN s.user_id END) AS user_id, s.item_id, s.rating, NULL::timestamptz AS "time" FROM hr.likes s',
    'SELECT 1 AS user_id, 2 AS item_id, 3::real AS rating, NULL::timestamptz AS "time" WHERE $who']) WITH ORDINALITY AS v (query, n);
RESET ROLE;
ALTER FUNCTION hr.given(text, text) OWNER TO CURRENT_USER;
SELECT n, hr.given(query, 'caller') AS caller, hr.given(query, 'owner') AS owner FROM hr.views ORDER BY n;

-- rights and policies of the table
CREATE FUNCTION hr.change(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'SET ROLE recsys_regress_owner';
    EXECUTE statement;
    EXECUTE 'SET ROLE NONE';
    RETURN statement;
END $$;
REVOKE SELECT ON hr.likes FROM recsys_regress_app;
SELECT hr.given(query, 'owner') FROM hr.views WHERE n = 1;
GRANT SELECT (user_id, item_id, rating) ON hr.likes TO recsys_regress_app;
SELECT hr.given(query, 'caller') FROM hr.views WHERE n = 1;
GRANT SELECT ON hr.likes TO recsys_regress_app;
SELECT hr.change(c), hr.given(query, 'caller') AS caller, hr.given(query, 'owner') AS owner
  FROM hr.views, unnest(ARRAY['ALTER TABLE hr.likes ENABLE ROW LEVEL SECURITY', 'CREATE POLICY p ON hr.likes USING (hr.is_owner())',
                              'ALTER TABLE hr.likes FORCE ROW LEVEL SECURITY']) AS c WHERE n = 1;

-- partitions
CREATE TABLE hr.parts (LIKE hr.likes) PARTITION BY HASH (user_id);
CREATE TABLE hr.parts_0 PARTITION OF hr.parts FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO hr.parts SELECT * FROM hr.likes;
GRANT SELECT ON hr.parts TO recsys_regress_app;
RESET ROLE;
SELECT hr.given('SELECT s.user_id, s.item_id, s.rating, NULL::timestamptz AS "time" FROM hr.parts s', 'caller');
SET ROLE recsys_regress_owner;
SELECT recsys.drop_model('hr');
RESET ROLE;
DROP OWNED BY recsys_regress_owner, recsys_regress_app CASCADE;
DROP ROLE recsys_regress_owner, recsys_regress_app;
