-- Who may create, use, alter and drop models, and what they and their users get to see.
\pset null <null>
SET client_min_messages = error;
CREATE ROLE recsys_regress_owner;
CREATE ROLE recsys_regress_member IN ROLE recsys_regress_owner;
CREATE ROLE recsys_regress_noinherit NOINHERIT IN ROLE recsys_regress_owner;
CREATE ROLE recsys_regress_user;
CREATE ROLE recsys_regress_other;
CREATE SCHEMA pr;
GRANT USAGE ON SCHEMA pr TO PUBLIC;
CREATE TABLE pr.ratings (user_id int, item_id int, rating real, secret text);
INSERT INTO pr.ratings SELECT u, i, (u * i) % 5 + 1 FROM generate_series(1, 6) AS u, generate_series(1, 6) AS i WHERE u <> i;
CREATE INDEX ON pr.ratings (user_id);
CREATE SCHEMA pr_own AUTHORIZATION recsys_regress_owner;
GRANT USAGE ON SCHEMA pr_own TO PUBLIC;

-- Run a statement; say what became of it.
CREATE FUNCTION pr.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    m text; h text;
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, h = PG_EXCEPTION_HINT;
    RETURN concat(SQLSTATE, ': ', m, E'\n  hint: ' || nullif(h, ''));
END $$;

-- PUBLIC may not create models; CREATE on recsys_data is the right to
SET ROLE recsys_regress_owner;
SELECT pr.attempt('SELECT recsys.create_model(''m'', ''pr.ratings'', algorithm => ''als'')');
RESET ROLE;
GRANT CREATE ON SCHEMA recsys_data TO recsys_regress_owner, recsys_regress_other;
-- and SELECT on the columns that it reads
SET ROLE recsys_regress_owner;
SELECT pr.attempt('SELECT recsys.create_model(''m'', ''pr.ratings'', algorithm => ''als'')');
RESET ROLE;
GRANT SELECT (user_id, item_id) ON pr.ratings TO recsys_regress_owner;
SET ROLE recsys_regress_owner;
SELECT pr.attempt('SELECT recsys.create_model(''m'', ''pr.ratings'', algorithm => ''als'')');
SELECT pr.attempt('SELECT recsys.create_model(''counted'', ''pr.ratings'', feedback => ''implicit'', algorithm => ''als'')');
SELECT pr.attempt('SELECT recsys.create_model(''m'', ''pr.ratings'', time_column => ''secret'', algorithm => ''als'')');
RESET ROLE;
GRANT SELECT (rating) ON pr.ratings TO recsys_regress_owner;
SET ROLE recsys_regress_owner;
SELECT recsys.create_model('m', 'pr.ratings', options => '{"factors": 2, "iterations": 2}', algorithm => 'als');
SELECT users, items, ratings FROM recsys.train('m');
SELECT pr.attempt('SELECT secret FROM pr.ratings');
-- a schema that one may not look into
RESET ROLE;
REVOKE USAGE ON SCHEMA pr_own FROM PUBLIC;
CREATE TABLE pr_own.t (user_id int, item_id int, rating real);
GRANT SELECT ON pr_own.t TO PUBLIC;
SET ROLE recsys_regress_other;
SELECT pr.attempt('SELECT recsys.create_model(''o'', ''pr_own.t'', algorithm => ''als'')');
RESET ROLE;
SELECT pr.attempt(format('SET ROLE recsys_regress_other; SELECT recsys.create_model(''o'', %s, algorithm => ''als'')', 'pr_own.t'::regclass::oid));
RESET ROLE;
GRANT USAGE ON SCHEMA pr_own TO PUBLIC;

-- without SELECT on the view the model is not there to be seen, and not to be used
SET ROLE recsys_regress_user;
SELECT count(*) FROM recsys.models;
SELECT count(*) FROM recsys.model_versions;
SELECT call, pr.attempt('SELECT * FROM recsys.' || call) FROM unnest(ARRAY[
    'recommend(''m'', 1)', 'recommend_text(''m'', 1)', 'predict(''m'', 1, 2)', 'user_vector(''m'', 1)', 'item_vector(''m'', 1)',
    'evaluate(''m'', ''pr.ratings'')', 'train(''m'')', 'deploy(''m'', 1)', 'rollback(''m'')', 'alter_model(''m'', run_as => ''owner'')',
    'drop_model(''m'')', 'drop_model(''m'', if_exists => true)',
    'model', 'model_version']) AS call;
SELECT statement, pr.attempt(statement) FROM unnest(ARRAY[
    'SELECT * FROM recsys_data.m', 'SELECT * FROM recsys_data.m_user_factors', 'SELECT * FROM recsys_data.m_item_factors',
    'INSERT INTO recsys.model SELECT', 'UPDATE recsys.model SET feedback = ''implicit''', 'DELETE FROM recsys.model', 'DELETE FROM recsys.models',
    'UPDATE recsys.models SET options = ''{}''', 'DELETE FROM recsys.model_version', 'TRUNCATE recsys.model, recsys.model_version',
    'CREATE TABLE recsys_data.x ()', 'CREATE FUNCTION recsys.f() RETURNS int LANGUAGE sql AS ''SELECT 1''']) AS statement;
-- a right on columns of the view is not the right to the model
SET ROLE recsys_regress_owner;
GRANT SELECT (user_id, item_id, rating, "time") ON recsys_data.m TO recsys_regress_user;
SET ROLE recsys_regress_user;
SELECT pr.attempt('SELECT recsys.predict(''m'', 1, 2)');
SET ROLE recsys_regress_owner;
REVOKE SELECT (user_id, item_id, rating, "time") ON recsys_data.m FROM recsys_regress_user;
GRANT SELECT ON recsys_data.m TO recsys_regress_user;
-- granted: seen, but run_as caller wants the caller's right on the source as well
SET ROLE recsys_regress_user;
SELECT model, owner, run_as, users FROM recsys.models;
SELECT model, version, active, trained_by FROM recsys.model_versions;
SELECT pr.attempt('SELECT * FROM recsys.recommend(''m'', 1)');
SELECT pr.attempt('SELECT recsys.predict(''m'', 1, 2)');
SELECT pr.attempt('SELECT recsys.predict(''m'', 1, 2, fresh => false)');
-- run_as owner does not
SET ROLE recsys_regress_owner;
SELECT recsys.alter_model('m', run_as => 'owner');
SET ROLE recsys_regress_user;
SELECT rank, item_id, source FROM recsys.recommend('m', 1);
SELECT pr.attempt('SELECT count(*) FROM pr.ratings');
SELECT pr.attempt('SELECT count(*) FROM recsys_data.m_item_factors');
-- using is not owning
SELECT call, pr.attempt('SELECT * FROM recsys.' || call) FROM unnest(ARRAY[
    'train(''m'')', 'deploy(''m'', 1)', 'rollback(''m'')', 'alter_model(''m'')', 'drop_model(''m'')']) AS call;
SET ROLE recsys_regress_owner;
REVOKE SELECT ON recsys_data.m FROM recsys_regress_user;
SET ROLE recsys_regress_user;
SELECT pr.attempt('SELECT * FROM recsys.recommend(''m'', 1)');
-- a superuser gives and takes it as the owner does
RESET ROLE;
GRANT SELECT ON recsys_data.m TO recsys_regress_user;
SET ROLE recsys_regress_user;
SELECT count(*) FROM recsys.recommend('m', 1);
-- of the images in memory everybody is shown those of models that they may ask
SELECT count(*) > 0 AS images FROM recsys.cache_images() WHERE factor_table = 'recsys_data.m_item_factors'::regclass;
SET ROLE recsys_regress_other;
SELECT count(*) > 0 AS images FROM recsys.cache_images();

-- a member of the owner owns; one that does not inherit has to SET ROLE; a role that may create models owns its own alone
SET ROLE recsys_regress_member;
SELECT recsys.alter_model('m', run_as => 'caller', options => '{"iterations": 1}');
SELECT users FROM recsys.train('m', deploy => false);
SELECT recsys.deploy('m', 2);
SET ROLE recsys_regress_noinherit;
SELECT pr.attempt('SELECT recsys.alter_model(''m'')');
SET ROLE recsys_regress_other;
SELECT pr.attempt('SELECT recsys.alter_model(''m'')'), pr.attempt('SELECT recsys.drop_model(''m'')'),
       pr.attempt('SELECT recsys.create_model(''m'', ''pr.ratings'', algorithm => ''als'')');
SELECT pr.attempt('SELECT recsys.create_model(''m_user_factors'', ''recsys_data.m'', algorithm => ''als'')');
RESET ROLE;

-- row-level security: the model knows what its owner sees, an answer what its reader sees
CREATE TABLE pr.rls AS SELECT user_id, item_id, rating, CASE WHEN user_id <= 3 THEN 'recsys_regress_owner' ELSE 'recsys_regress_user' END AS who FROM pr.ratings;
INSERT INTO pr.rls SELECT user_id, item_id + 100, rating, 'recsys_regress_user' FROM pr.ratings WHERE user_id <= 3;
CREATE INDEX ON pr.rls (user_id);
ALTER TABLE pr.rls ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON pr.rls USING (who = current_user);
GRANT SELECT ON pr.rls TO recsys_regress_owner, recsys_regress_user;
SET ROLE recsys_regress_owner;
SELECT recsys.create_model('rls', 'pr.rls', options => '{"factors": 2, "iterations": 2}', algorithm => 'als');
GRANT SELECT ON recsys_data.rls TO recsys_regress_user;
SELECT (SELECT (count(*), count(DISTINCT user_id), count(DISTINCT item_id))::text FROM pr.rls) AS seen, (users, items, ratings)::text AS trained
  FROM recsys.train('rls');
-- whoever trains
RESET ROLE;
SELECT users, items, ratings FROM recsys.train('rls');
-- caller: user 1 has rows for both, different ones
SET ROLE recsys_regress_owner;
SELECT array_agg(item_id ORDER BY item_id) AS mine FROM recsys_data.rls WHERE user_id = 1;
SELECT array_agg(item_id ORDER BY item_id) AS not_seen FROM recsys.recommend('rls', 1);
SET ROLE recsys_regress_user;
SELECT array_agg(item_id ORDER BY item_id) AS mine FROM recsys_data.rls WHERE user_id = 1;
SELECT array_agg(item_id ORDER BY item_id) AS not_seen, array_agg(DISTINCT source) FROM recsys.recommend('rls', 1);
-- the same session, the other role, the same plan: nothing is kept across roles
SET ROLE recsys_regress_owner;
SELECT array_agg(item_id ORDER BY item_id) AS not_seen FROM recsys.recommend('rls', 1);
SELECT recsys.alter_model('rls', run_as => 'owner');
SET ROLE recsys_regress_user;
SELECT array_agg(item_id ORDER BY item_id) AS not_seen FROM recsys.recommend('rls', 1);
SET row_security = off;
SELECT pr.attempt('SELECT * FROM recsys.recommend(''rls'', 1)');
RESET row_security;
-- a security-barrier view as source
RESET ROLE;
CREATE VIEW pr.barrier WITH (security_barrier) AS SELECT user_id, item_id, rating FROM pr.ratings WHERE user_id <= 2;
GRANT SELECT ON pr.barrier TO recsys_regress_owner;
SET ROLE recsys_regress_owner;
SELECT recsys.create_model('barrier', 'pr.barrier', options => '{"factors": 2}', algorithm => 'als');
SELECT (SELECT count(*) FROM pr.barrier), users, ratings FROM recsys.train('barrier');
SELECT recsys.drop_model('barrier'), recsys.drop_model('rls'), recsys.drop_model('counted');

-- code of the owner runs as the owner and can do nothing that lasts, whoever trains
-- (armed for the training only: this session could always SET ROLE back)
CREATE TABLE pr_own.seen (place text, who name, said text);
CREATE TABLE pr_own.armed ();
CREATE FUNCTION pr_own.trap(place text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    tried text;
    said text;
BEGIN
    IF NOT EXISTS (SELECT FROM pr_own.armed) THEN
        RETURN 1;
    END IF;
    FOREACH tried IN ARRAY ARRAY['ALTER ROLE recsys_regress_owner SUPERUSER', 'SET ROLE NONE', 'RESET ROLE', 'SET SESSION AUTHORIZATION DEFAULT',
                                 'CREATE TEMP TABLE trapped ()', 'GRANT recsys_regress_other TO recsys_regress_owner',
                                 'SELECT 1 FROM pg_authid', 'DECLARE held CURSOR WITH HOLD FOR SELECT 1']
    LOOP
        BEGIN
            EXECUTE tried;
            said := 'done';
        EXCEPTION WHEN OTHERS THEN
            said := SQLSTATE;
        END;
        INSERT INTO pr_own.seen VALUES (place, current_user, concat(split_part(tried, ' ', 1), ' ', split_part(tried, ' ', 2), ': ', said));
    END LOOP;
    RETURN 1;
END $$;
CREATE FUNCTION pr_own.trap_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pr_own.trap('trigger of ' || tg_op);
    RETURN coalesce(NEW, OLD);
END $$;
CREATE FUNCTION pr_own.trap_index(v int, place text) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pr_own.trap(place);
    RETURN v;
END $$;
RESET ROLE;
CREATE POLICY own ON pr.rls TO recsys_regress_owner USING (true);
SET ROLE recsys_regress_owner;
CREATE TABLE pr_own.source AS SELECT user_id, item_id, rating FROM pr.rls;
ALTER TABLE pr_own.source ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY trap ON pr_own.source USING (user_id > 1 OR pr_own.trap('policy') = item_id);
CREATE VIEW pr_own.view AS SELECT user_id, item_id, CASE WHEN user_id = 2 AND item_id = 3 THEN pr_own.trap('view') ELSE rating END AS rating FROM pr_own.source;
SELECT recsys.create_model('hostile', 'pr_own.view', options => '{"factors": 2, "iterations": 1, "keep_versions": 1}', algorithm => 'als');
SELECT version FROM recsys.train('hostile');
CREATE INDEX ON recsys_data.hostile_user_factors (pr_own.trap_index(version, 'index'));
CREATE INDEX ON recsys_data.hostile_item_factors (users) WHERE pr_own.trap_index(version, 'predicate') > 0;
RESET ROLE;
INSERT INTO pr_own.armed DEFAULT VALUES;
SELECT version FROM recsys.train('hostile');
SELECT place, said, array_agg(DISTINCT who) AS as_whom FROM pr_own.seen GROUP BY place, said ORDER BY place COLLATE "C", said COLLATE "C";
SELECT current_user = session_user AS same, rolsuper, to_regclass('pg_temp.trapped') FROM pg_roles WHERE rolname = 'recsys_regress_owner';
SHOW search_path;
DELETE FROM pr_own.armed;
-- a trigger that would fire at commit, as somebody else, is not let in, no more than any other
SET ROLE recsys_regress_owner;
CREATE CONSTRAINT TRIGGER t AFTER INSERT OR DELETE ON recsys_data.hostile_item_factors
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pr_own.trap_trigger();
DELETE FROM pr_own.seen;
RESET ROLE;
INSERT INTO pr_own.armed DEFAULT VALUES;
SELECT pr.attempt('SELECT recsys.train(''hostile'')');
DROP TRIGGER t ON recsys_data.hostile_item_factors;
CREATE TRIGGER t AFTER INSERT OR DELETE ON recsys_data.hostile_item_factors FOR EACH STATEMENT EXECUTE FUNCTION pr_own.trap_trigger();
SELECT pr.attempt('SELECT recsys.train(''hostile'')');
DROP TRIGGER t ON recsys_data.hostile_item_factors;
ALTER TABLE recsys_data.hostile_item_factors ADD CHECK (pr_own.trap_index(version, 'check') > 0) NOT VALID;
SELECT pr.attempt('SELECT recsys.train(''hostile'')');
SELECT count(*) FROM pr_own.seen;
DELETE FROM pr_own.armed;
SELECT recsys.drop_model('hostile');

-- who may write to the factor tables cannot make what reads them believe what is not so
SET recsys.local_cache_size = 0;
SET ROLE recsys_regress_owner;
CREATE TABLE pr_own.uuids AS SELECT u AS user_id, md5(i::text)::uuid AS item_id, 3 AS rating FROM generate_series(1, 4) AS u, generate_series(1, 4) AS i WHERE u <> i;
SELECT recsys.create_model('forged', 'pr_own.uuids', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');
SELECT version FROM recsys.train('forged');
CREATE FUNCTION pr_own.after(change text) RETURNS TABLE (call text, said text) LANGUAGE plpgsql AS $$
BEGIN
    -- a version of this transaction, of which no other session has an image to share
    PERFORM recsys.train('forged');
    EXECUTE change;
    FOREACH call IN ARRAY ARRAY['recommend_uuid(''forged'', 1)', 'recommend_uuid(''forged'', 1, fresh => false)',
                                'item_vector(''forged'', md5(''1'')::uuid)', 'train(''forged'')']
    LOOP
        said := pr.attempt('SELECT * FROM recsys.' || call);
        RETURN NEXT;
    END LOOP;
END $$;
BEGIN;
SELECT * FROM pr_own.after('ALTER TABLE recsys_data.forged_item_factors ALTER item_id TYPE bigint USING get_byte(uuid_send(item_id), 0)');
ROLLBACK;
BEGIN;
SELECT * FROM pr_own.after('ALTER TABLE recsys_data.forged_item_factors ALTER item_id TYPE text');
ROLLBACK;
BEGIN;
SELECT * FROM pr_own.after('ALTER TABLE recsys_data.forged_user_factors ALTER user_id TYPE text');
ROLLBACK;
BEGIN;
SELECT * FROM pr_own.after('ALTER TABLE recsys_data.forged_item_factors ALTER factors TYPE bytea USING ''\x00''');
ROLLBACK;
BEGIN;
SELECT * FROM pr_own.after('ALTER TABLE recsys_data.forged_user_factors ALTER factors TYPE jsonb USING ''[]''');
ROLLBACK;
BEGIN;
SELECT * FROM pr_own.after('ALTER TABLE recsys_data.forged_item_factors DROP COLUMN users, ADD COLUMN users bigint');
ROLLBACK;
BEGIN;
SELECT * FROM pr_own.after('UPDATE recsys_data.forged_item_factors SET factors = ''[1]''');
ROLLBACK;
BEGIN;
SELECT * FROM pr_own.after('UPDATE recsys_data.forged_user_factors SET factors = ''[1,2,3,4,5,6,7,8,9]''');
ROLLBACK;
BEGIN;
SELECT * FROM pr_own.after('INSERT INTO recsys_data.forged_item_factors SELECT version, gen_random_uuid(), factors, 2147483647 FROM recsys_data.forged_item_factors');
ROLLBACK;
-- and a view of other columns is no way in
BEGIN;
SELECT * FROM pr_own.after('DROP VIEW recsys_data.forged; CREATE VIEW recsys_data.forged AS SELECT 1::bigint AS user_id, 2::bigint AS item_id, 3 AS rating, NULL::text AS "time"');
ROLLBACK;
SELECT recsys.drop_model('forged');

-- a model of which one relation belongs to somebody else is nobody's
RESET ROLE;
ALTER VIEW recsys_data.m OWNER TO recsys_regress_other;
SET ROLE recsys_regress_other;
SELECT call, pr.attempt('SELECT * FROM recsys.' || call) FROM unnest(ARRAY['train(''m'')', 'recommend(''m'', 1)', 'alter_model(''m'')', 'drop_model(''m'')']) AS call;
SET ROLE recsys_regress_owner;
SELECT call, pr.attempt('SELECT * FROM recsys.' || call) FROM unnest(ARRAY['train(''m'')', 'drop_model(''m'')']) AS call;
RESET ROLE;
ALTER VIEW recsys_data.m OWNER TO recsys_regress_owner;
ALTER TABLE recsys_data.m_user_factors OWNER TO recsys_regress_other;
SELECT pr.attempt('SELECT * FROM recsys.train(''m'')');
ALTER TABLE recsys_data.m_user_factors OWNER TO recsys_regress_owner;

-- roles: not dropped while they own, reassigned with all of it, dropped with all of it
DROP OWNED BY recsys_regress_user;
\set VERBOSITY terse
DROP ROLE recsys_regress_owner;
\set VERBOSITY default
REASSIGN OWNED BY recsys_regress_owner TO recsys_regress_other;
SELECT model, owner FROM recsys.models;
GRANT SELECT ON pr.ratings TO recsys_regress_other;
SET ROLE recsys_regress_owner;
SELECT pr.attempt('SELECT recsys.alter_model(''m'')');
SET ROLE recsys_regress_other;
SELECT users FROM recsys.train('m');
RESET ROLE;
REVOKE SELECT ON pr.ratings FROM recsys_regress_other;
SELECT pr.attempt('SELECT * FROM recsys.train(''m'')');
DROP OWNED BY recsys_regress_other CASCADE;
SELECT count(*) FROM recsys.models;
SELECT name FROM recsys.model;
-- what is left of it makes room, and is not handed to the next owner of the name
GRANT CREATE ON SCHEMA recsys_data TO recsys_regress_owner;
SET ROLE recsys_regress_owner;
SELECT recsys.create_model('m', 'pr.ratings', feedback => 'implicit', algorithm => 'als');
SELECT model, owner, feedback, active_version, versions FROM recsys.models;
SELECT count(*) FROM recsys.model_versions;
SELECT recsys.drop_model('m');
RESET ROLE;

DROP SCHEMA pr CASCADE;
DROP OWNED BY recsys_regress_owner, recsys_regress_other;
DROP ROLE recsys_regress_owner, recsys_regress_member, recsys_regress_noinherit, recsys_regress_user, recsys_regress_other;
