-- Who may train, and with whose rights the source is read.
CREATE ROLE recsys_tr_owner;
CREATE ROLE recsys_tr_member IN ROLE recsys_tr_owner;
CREATE ROLE recsys_tr_user;
GRANT CREATE ON SCHEMA recsys_data TO recsys_tr_owner;
GRANT CREATE ON SCHEMA public TO recsys_tr_owner;
CREATE TABLE tr_ratings (user_id int, item_id int, rating real);
INSERT INTO tr_ratings SELECT u, i, (u * i) % 5 + 1 FROM generate_series(1, 6) AS u, generate_series(1, 6) AS i;
CREATE INDEX ON tr_ratings (user_id);
GRANT SELECT ON tr_ratings TO recsys_tr_owner;

SET ROLE recsys_tr_owner;
SELECT recsys.create_model('tr', 'tr_ratings', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');
GRANT SELECT ON recsys_data.tr TO recsys_tr_user;
SELECT version, users FROM recsys.train('tr');

-- a member of the owner may, a user of the model may not
SET ROLE recsys_tr_member;
SELECT version FROM recsys.train('tr');
SELECT trained_by FROM recsys.model_versions WHERE model = 'tr' AND active;
SET ROLE recsys_tr_user;
SELECT version FROM recsys.train('tr');
SELECT recsys.deploy('tr', 1);
SELECT recsys.rollback('tr');
SELECT * FROM recsys.training_progress;
SELECT count(*) FROM recsys.model_version;
RESET ROLE;

-- row-level security binds the owner, whoever calls: three of six users are seen
ALTER TABLE tr_ratings ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON tr_ratings TO recsys_tr_owner USING (user_id <= 3);
SELECT users FROM recsys.train('tr');
SET ROLE recsys_tr_member;
SELECT users FROM recsys.train('tr');
RESET ROLE;
ALTER TABLE tr_ratings DISABLE ROW LEVEL SECURITY;

-- a right taken away
REVOKE SELECT ON tr_ratings FROM recsys_tr_owner;
SELECT users FROM recsys.train('tr');
GRANT SELECT (user_id, item_id) ON tr_ratings TO recsys_tr_owner;
SELECT users FROM recsys.train('tr');
GRANT SELECT (rating) ON tr_ratings TO recsys_tr_owner;
SELECT users FROM recsys.train('tr');
GRANT SELECT ON tr_ratings TO recsys_tr_owner;

-- a function of the owner never runs with the rights of a superuser who trains
SET ROLE recsys_tr_owner;
CREATE TABLE tr_seen (who name);
CREATE FUNCTION tr_trap(int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.tr_seen VALUES (current_user);
    BEGIN
        EXECUTE 'ALTER ROLE recsys_tr_owner SUPERUSER';
    EXCEPTION WHEN insufficient_privilege THEN
        INSERT INTO public.tr_seen VALUES ('refused');
    END;
    RETURN $1;
END
$$;
CREATE VIEW tr_view AS SELECT public.tr_trap(user_id) AS user_id, item_id, rating FROM tr_ratings LIMIT 1;
SELECT recsys.create_model('tr_trap', 'tr_view', options => '{"factors": 2}', algorithm => 'als');
-- nor do its triggers, defaults or indexes on the factor tables
CREATE FUNCTION tr_index(recsys.recvec) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN public.tr_trap(1);
END
$$;
CREATE INDEX ON recsys_data.tr_trap_user_factors (tr_index(factors));
RESET ROLE;
SELECT users FROM recsys.train('tr_trap');
SELECT who, count(*) FROM tr_seen GROUP BY who ORDER BY who;
SELECT rolsuper FROM pg_roles WHERE rolname = 'recsys_tr_owner';

-- not in a read-only transaction, not in a parallel worker
BEGIN READ ONLY;
SELECT * FROM recsys.train('tr');
ROLLBACK;
BEGIN READ ONLY;
SELECT recsys.deploy('tr', 1);
ROLLBACK;
BEGIN READ ONLY;
SELECT recsys.rollback('tr');
ROLLBACK;

CREATE FUNCTION tr_lies() RETURNS int LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT version FROM recsys.train(''tr'')';
BEGIN;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
\set SHOW_CONTEXT never
SELECT count(*) FROM tr_ratings WHERE tr_lies() = user_id;
\set SHOW_CONTEXT errors
ROLLBACK;
DROP FUNCTION tr_lies();

-- factor tables that are none any more
SET ROLE recsys_tr_owner;
BEGIN;
ALTER TABLE recsys_data.tr_item_factors ADD COLUMN more int;
SELECT * FROM recsys.train('tr');
ROLLBACK;
BEGIN;
DROP TABLE recsys_data.tr_item_factors;
CREATE VIEW recsys_data.tr_item_factors AS SELECT 1 AS version, 1 AS item_id, NULL::recsys.recvec AS factors, 1 AS users;
SELECT * FROM recsys.train('tr');
ROLLBACK;
BEGIN;
ALTER TABLE recsys_data.tr_item_factors DROP CONSTRAINT tr_item_factors_pkey;
SELECT users FROM recsys.train('tr');
ROLLBACK;

SELECT recsys.drop_model('tr'), recsys.drop_model('tr_trap');
RESET ROLE;
DROP VIEW tr_view;
DROP FUNCTION tr_trap(int), tr_index(recsys.recvec);
DROP TABLE tr_ratings, tr_seen;
REVOKE CREATE ON SCHEMA recsys_data FROM recsys_tr_owner;
REVOKE CREATE ON SCHEMA public FROM recsys_tr_owner;
DROP ROLE recsys_tr_owner, recsys_tr_member, recsys_tr_user;
