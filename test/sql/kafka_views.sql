-- The views of Kafka sources: what they show, and to whom.
\pset null <null>
SET timezone = 'UTC';
SET client_min_messages = error;
CREATE ROLE recsys_regress_owner LOGIN;
CREATE ROLE recsys_regress_member IN ROLE recsys_regress_owner;
CREATE ROLE recsys_regress_monitor IN ROLE pg_monitor;
CREATE ROLE recsys_regress_other;
INSERT INTO recsys.kafka_source (source, owner, server, topic, target_schema, target_table, columns, transform, on_conflict,
                                 options, cluster_id, enabled, generation, failed_at, failed_sqlstate, failed_reason, failed_hint,
                                 created_at)
VALUES ('running', 'recsys_regress_owner', 'k', 't', 'S x', 'T', '{"a": "$"}', NULL, 'error', '{}', 'c1', true, 1, NULL, NULL, NULL, NULL, now()),
       ('broken', 'recsys_regress_owner', 'k', 't', 's', 't', NULL, 'f(bytea,jsonb)', 'error', '{}', 'c1', true, 1, '2024-01-01Z', '55000', 'topic recreated', 'seek', now()),
       ('broken_stopped', 'recsys_regress_owner', 'k', 't', 's', 't', NULL, 'f(bytea,jsonb)', 'error', '{}', 'c1', false, 1, '2024-01-01Z', '55000', 'topic recreated', 'seek', now()),
       ('stopped', 'recsys_regress_other', 'k', 't', 's', 't', NULL, 'f(bytea,jsonb)', 'error', '{}', 'c1', false, 1, NULL, NULL, NULL, NULL, now());
INSERT INTO recsys.kafka_partition (source, partition, next_offset, messages, rows, dead_letters, anchor_time, low, high, seen_at)
VALUES ('running', 0, 10, 10, 9, 1, 1700000000000, 0, 15, now() - interval '1 minute'),
       ('running', 1, 20, 5, 5, 0, 1700000000000, 5, 20, now()),
       ('running', 2, 30, 0, 0, 0, NULL, 0, 31, now()),
       ('running', 3, 40, 0, 0, 0, 1700000000000, NULL, NULL, NULL),
       ('running', 4, 50, 0, 0, 0, 99999999999999, 0, 60, now()),
       ('running', 5, 50, 0, 0, 0, 1700000000000, 0, 45, now()),
       ('stopped', 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL);
INSERT INTO recsys.kafka_dead_letter (source, topic, partition, "offset", payload, sqlstate, reason, first_at, last_at)
VALUES ('running', 't', 0, 3, 'secret', '22023', 'no number', now(), now()), ('stopped', 't', 0, 3, 'secret', '22023', 'no number', now(), now());
INSERT INTO recsys.kafka_gap VALUES ('running', 0, 1, 5, 'retention', now()), ('stopped', 0, 1, 5, 'retention', now());
RESET client_min_messages;

-- what the views say
SELECT source, owner, target, columns, transform, enabled, partitions, messages, rows, dead_letters FROM recsys.kafka_sources ORDER BY source;
-- why nothing is read depends on the server, see test/t/100_kafka_launcher.pl
SELECT source, state, since, sqlstate, CASE WHEN state = 'not running' AND reason <> '' THEN 'told' ELSE reason END AS reason,
       CASE WHEN state = 'not running' AND hint <> '' THEN 'told' ELSE hint END AS hint, pid
  FROM recsys.kafka_status ORDER BY source;
SELECT partition, next_offset, low, high, lag,
       CASE WHEN lag_seconds > 1e6 THEN 'long' ELSE lag_seconds::text END AS lag_seconds, age >= interval '1 minute' AS old
  FROM recsys.kafka_lag WHERE source = 'running' ORDER BY partition;
SELECT served, reason <> '' AS reason, hint <> '' AS hint FROM recsys.kafka_service();
SELECT * FROM recsys.kafka_slots();

-- and to whom
CREATE TEMP VIEW seen AS
SELECT (SELECT string_agg(source, ' ' ORDER BY source) FROM recsys.kafka_sources) AS sources,
       (SELECT string_agg(source, ' ' ORDER BY source) FROM recsys.kafka_status) AS status,
       (SELECT string_agg(DISTINCT source, ' ') FROM recsys.kafka_lag) AS lag,
       (SELECT string_agg(source, ' ' ORDER BY source) FROM recsys.kafka_dead_letters) AS dead_letters,
       (SELECT string_agg(source, ' ' ORDER BY source) FROM recsys.kafka_gaps) AS gaps;
ALTER VIEW seen SET (security_invoker = true);
GRANT SELECT ON seen TO PUBLIC;
SELECT * FROM seen;
SET ROLE recsys_regress_owner;
SELECT * FROM seen;
SET ROLE recsys_regress_member;
SELECT * FROM seen;
SET ROLE recsys_regress_monitor;
SELECT * FROM seen;
SET ROLE recsys_regress_other;
SELECT * FROM seen;
-- a condition that leaks is asked only about what may be seen
CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
    RAISE NOTICE 'saw %', $1;
    RETURN true;
END $$;
SELECT count(*) FROM recsys.kafka_dead_letters WHERE pg_temp.leak(source);
SELECT count(*) FROM recsys.kafka_sources WHERE pg_temp.leak(source);
RESET ROLE;

-- nobody touches the tables, or asks for passwords
SELECT c.relname, string_agg(r.rolname || ' ' || p.privilege, ', ' ORDER BY r.rolname, p.privilege) AS may
  FROM pg_class AS c
  LEFT JOIN (pg_roles AS r CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS p(privilege))
    ON r.rolname IN ('recsys_regress_owner', 'recsys_regress_monitor') AND has_table_privilege(r.rolname, c.oid, p.privilege)
 WHERE c.relnamespace = 'recsys'::regnamespace AND c.relname LIKE 'kafka%' AND c.relkind IN ('r', 'v')
 GROUP BY c.relname ORDER BY c.relname;
SELECT p.proname FROM pg_proc AS p
 WHERE p.pronamespace = 'recsys'::regnamespace AND p.proname LIKE 'kafka%'
   AND NOT has_function_privilege('recsys_regress_owner', p.oid, 'EXECUTE');
SELECT has_foreign_data_wrapper_privilege('recsys_regress_owner', 'recsys_kafka', 'USAGE');
-- everything is described
SELECT p.proname FROM pg_proc AS p
 WHERE p.pronamespace = 'recsys'::regnamespace AND p.proname LIKE 'kafka%' AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT c.relname FROM pg_class AS c
 WHERE c.relnamespace = 'recsys'::regnamespace AND c.relname LIKE 'kafka%' AND c.relkind IN ('r', 'v') AND obj_description(c.oid, 'pg_class') IS NULL;

-- an owner that is gone hides nothing
SET client_min_messages = error;
DROP VIEW seen;
DROP FUNCTION pg_temp.leak(text);
DROP ROLE recsys_regress_owner;
RESET client_min_messages;
SELECT source, state FROM recsys.kafka_status ORDER BY source;
SELECT recsys.kafka_drop_source('running'), recsys.kafka_drop_source('broken'), recsys.kafka_drop_source('broken_stopped'),
       recsys.kafka_drop_source('stopped');

SET client_min_messages = error;
DROP ROLE recsys_regress_member, recsys_regress_monitor, recsys_regress_other;
