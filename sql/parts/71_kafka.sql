-- ---------------------------------------------------------------------------
-- Kafka: servers, sources, and what is known of them.
--
-- PUBLIC may execute the functions: each checks the rights itself.  Creating a
-- source needs USAGE on its server and rights on its target, everything else the
-- ownership of the source.  Who may make servers is up to whoever grants USAGE on
-- the foreign-data wrapper.
-- ---------------------------------------------------------------------------

CREATE FUNCTION recsys.kafka_validator(options text[], catalog oid)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_kafka_validator';
COMMENT ON FUNCTION recsys.kafka_validator(text[], oid) IS
'Checks the options of servers and user mappings of the foreign-data wrapper recsys_kafka. Errors: HV00D not an option, HV002 one is missing, 22023 wrong value, 42501 sasl_password_file without the right to read files of the server.';

CREATE FOREIGN DATA WRAPPER recsys_kafka VALIDATOR recsys.kafka_validator;
COMMENT ON FOREIGN DATA WRAPPER recsys_kafka IS
'Kafka clusters: CREATE SERVER ... OPTIONS (brokers, security_protocol, sasl_mechanism, ssl_ca, client_rack), CREATE USER MAPPING ... OPTIONS (sasl_username, sasl_password or sasl_password_file, ssl_certificate, ssl_key, ssl_key_password)';

CREATE FUNCTION recsys.kafka_connection(server text, role regrole)
RETURNS jsonb
LANGUAGE c STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_kafka_connection';
COMMENT ON FUNCTION recsys.kafka_connection(text, regrole) IS
'internal, for workers: a server and the user mapping of a role as properties of librdkafka, passwords included';

-- ---- sources --------------------------------------------------------------

CREATE FUNCTION recsys.kafka_create_source(
    source      text,
    server      name,
    topic       text,
    target      regclass,
    columns     jsonb   DEFAULT NULL,
    transform   regproc DEFAULT NULL,
    start       text    DEFAULT 'earliest',
    on_conflict text    DEFAULT 'error',
    options     jsonb   DEFAULT '{}')
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_kafka_create_source';
COMMENT ON FUNCTION recsys.kafka_create_source(text, name, text, regclass, jsonb, regproc, text, text, jsonb) IS
'Lets events of a topic become rows of a table, owned and read by the caller, from the commit on. Either columns, a JSON object from column to a place in the message, or transform, a function (payload bytea or jsonb, metadata jsonb) that returns rows. start is earliest, latest, a timestamp, an offset, or offsets by partition, and becomes numbers before the function returns. Warns when nothing reads sources of this database. Errors: 42710 the source exists, 42704 no such server or user mapping, 42501 no right on server, table, column or function, or a superuser owns it, 42703 no such column, 428C9 a generated column, 42809 not a table, 42P13 not a transform, 42P10 no primary key for on_conflict update, 0A000 row policies hold, 22023 wrong value, 53400 no worker slot, 58P01 built without Kafka, 08006 no broker answers.';

CREATE FUNCTION recsys.kafka_alter_source(
    source      text,
    server      name     DEFAULT NULL,
    target      regclass DEFAULT NULL,
    columns     jsonb    DEFAULT NULL,
    transform   regproc  DEFAULT NULL,
    on_conflict text     DEFAULT NULL,
    options     jsonb    DEFAULT NULL,
    owner       regrole  DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_kafka_alter_source';
COMMENT ON FUNCTION recsys.kafka_alter_source(text, name, regclass, jsonb, regproc, text, jsonb, regrole) IS
'Changes what is given and leaves what is NULL; columns take the place of a transform and the reverse. options are laid over the source''s; a JSON null takes an option back to its default. The worker goes on with the next message. A source that had failed is tried again. Errors: 42704 no such source, 42501 not its owner or no right of the owner that results, and those of kafka_create_source.';

CREATE FUNCTION recsys.kafka_drop_source(source text, if_exists boolean DEFAULT false)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_kafka_drop_source';
COMMENT ON FUNCTION recsys.kafka_drop_source(text, boolean) IS
'Drops a source with its positions, dead letters and gap records; the target keeps its rows. Errors: 42704 no such source, 42501 not its owner.';

CREATE FUNCTION recsys.kafka_start(source text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_kafka_start';
COMMENT ON FUNCTION recsys.kafka_start(text) IS
'Starts a source that was stopped or has failed, from where it was. Errors: 42704 no such source, 42501 not its owner, or a superuser owns it.';

CREATE FUNCTION recsys.kafka_stop(source text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_kafka_stop';
COMMENT ON FUNCTION recsys.kafka_stop(text) IS
'Stops a source, from the commit on. Errors: 42704 no such source, 42501 not its owner.';

CREATE FUNCTION recsys.kafka_seek(source text, "position" text, partition int DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_kafka_seek';
COMMENT ON FUNCTION recsys.kafka_seek(text, text, int) IS
'Lets a source go on at another position, which is written as start of kafka_create_source is; for one partition or for all. Messages in between are passed over or read again. A source that had failed is tried again; when all partitions go to one position, another cluster than before is accepted. Errors: 42704 no such source, 42501 not its owner, 22023 no such position or partition, and those of the broker.';

-- ---- messages -------------------------------------------------------------

CREATE FUNCTION recsys.kafka_preview(
    source text,
    n      int DEFAULT 10,
    OUT partition    int,
    OUT "offset"     bigint,
    OUT message_time timestamptz,
    OUT rows         jsonb,
    OUT sqlstate     text,
    OUT reason       text)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 10 COST 1000000
AS 'MODULE_PATHNAME', 'recsys_kafka_preview';
COMMENT ON FUNCTION recsys.kafka_preview(text, int) IS
'What the next n messages of a source would become: an array of rows, or the SQLSTATE and the reason of a dead letter. Writes nothing, and sees what is committed. Errors: 42704 no such source, 42501 not its owner, 22023 n is not between 1 and 1000, 25006 on a standby, 55P03 the table is locked.';

CREATE FUNCTION recsys.kafka_retry(
    source text,
    ids    bigint[] DEFAULT NULL,
    OUT retried bigint,
    OUT rows    bigint,
    OUT failed  bigint)
RETURNS record
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000000
AS 'MODULE_PATHNAME', 'recsys_kafka_retry';
COMMENT ON FUNCTION recsys.kafka_retry(text, bigint[]) IS
'Tries dead letters of a source again, those of these ids or all: what becomes rows is deleted, the rest stays with its new reason. Commits by itself. Errors: 42704 no such source, 42501 not its owner, 25001 the transaction has written.';

CREATE FUNCTION recsys.kafka_discard(source text, ids bigint[] DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_kafka_discard';
COMMENT ON FUNCTION recsys.kafka_discard(text, bigint[]) IS
'Deletes dead letters of a source, those of these ids or all, and returns how many. Errors: 42704 no such source, 42501 not its owner.';

-- ---- what is known ----------------------------------------------------------

CREATE FUNCTION recsys.kafka_slots(
    OUT source       text,
    OUT state        text,
    OUT since        timestamptz,
    OUT sqlstate     text,
    OUT reason       text,
    OUT hint         text,
    OUT pid          int,
    OUT generation   int,
    OUT retry_at     timestamptz,
    OUT started_at   timestamptz,
    OUT last_commit  timestamptz,
    OUT messages     bigint,
    OUT rows         bigint,
    OUT bytes        bigint,
    OUT dead_letters bigint,
    OUT batches      bigint,
    OUT rate_1m      double precision,
    OUT rate_5m      double precision,
    OUT rate_15m     double precision,
    OUT batch_ms_p50 double precision,
    OUT batch_ms_p99 double precision,
    OUT queued       bigint)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 10
AS 'MODULE_PATHNAME', 'recsys_kafka_slots';
COMMENT ON FUNCTION recsys.kafka_slots() IS
'the workers of this database as they report themselves, of sources that the caller owns or, with pg_monitor, of all; see the view recsys.kafka_status';

CREATE FUNCTION recsys.kafka_service(
    OUT served boolean,
    OUT reason text,
    OUT hint   text)
RETURNS record
LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'recsys_kafka_service';
COMMENT ON FUNCTION recsys.kafka_service() IS
'Are sources of this database read, and if not, why and what to do about it';

CREATE VIEW recsys.kafka_sources WITH (security_barrier) AS
SELECT s.source,
       s.owner,
       s.server,
       s.topic,
       pg_catalog.format('%I.%I', s.target_schema, s.target_table) AS target,
       s.columns,
       s.transform,
       s.on_conflict,
       s.options,
       s.enabled,
       s.cluster_id,
       p.partitions,
       p.messages,
       p.rows,
       p.dead_letters,
       s.created_at
  FROM recsys.kafka_source AS s
 CROSS JOIN LATERAL (
        SELECT pg_catalog.count(*) AS partitions,
               COALESCE(pg_catalog.sum(k.messages), 0)::bigint AS messages,
               COALESCE(pg_catalog.sum(k.rows), 0)::bigint AS rows,
               COALESCE(pg_catalog.sum(k.dead_letters), 0)::bigint AS dead_letters
          FROM recsys.kafka_partition AS k
         WHERE k.source OPERATOR(pg_catalog.=) s.source) AS p
 WHERE pg_catalog.pg_has_role(s.owner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE');
COMMENT ON VIEW recsys.kafka_sources IS
'the sources that the reader owns, with pg_monitor all of them: their definition, and what was read since they were created';

CREATE VIEW recsys.kafka_status WITH (security_barrier) AS
SELECT s.source,
       CASE WHEN NOT s.enabled THEN 'stopped'
            WHEN s.failed_at IS NOT NULL THEN 'failed'
            WHEN w.pid IS NOT NULL THEN w.state
            WHEN NOT v.served THEN 'not running'
            ELSE COALESCE(w.state, 'waiting') END AS state,
       CASE WHEN NOT s.enabled THEN NULL
            WHEN s.failed_at IS NOT NULL THEN s.failed_at
            WHEN w.pid IS NULL AND NOT v.served THEN NULL
            ELSE w.since END AS since,
       CASE WHEN s.failed_at IS NOT NULL THEN s.failed_sqlstate
            WHEN NOT s.enabled OR w.pid IS NULL AND NOT v.served THEN NULL
            ELSE w.sqlstate END AS sqlstate,
       CASE WHEN s.failed_at IS NOT NULL THEN s.failed_reason
            WHEN NOT s.enabled THEN NULL
            WHEN w.pid IS NULL AND NOT v.served THEN v.reason
            ELSE w.reason END AS reason,
       CASE WHEN s.failed_at IS NOT NULL THEN s.failed_hint
            WHEN NOT s.enabled THEN 'Start it with recsys.kafka_start().'
            WHEN w.pid IS NULL AND NOT v.served THEN v.hint
            ELSE w.hint END AS hint,
       w.pid,
       w.retry_at,
       w.started_at,
       w.last_commit,
       w.messages,
       w.rows,
       w.bytes,
       w.dead_letters,
       w.batches,
       w.rate_1m,
       w.rate_5m,
       w.rate_15m,
       w.batch_ms_p50,
       w.batch_ms_p99,
       w.queued
  FROM recsys.kafka_source AS s
 CROSS JOIN recsys.kafka_service() AS v
  LEFT JOIN recsys.kafka_slots() AS w ON w.source OPERATOR(pg_catalog.=) s.source
 WHERE pg_catalog.pg_has_role(s.owner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE');
COMMENT ON VIEW recsys.kafka_status IS
'one row for each source: what it does, since when, why and what to do; the figures are those of its worker since it started';
COMMENT ON COLUMN recsys.kafka_status.state IS
'stopped by kafka_stop; not running: nothing reads sources of this database; waiting for a worker slot; starting; connecting: no broker was heard of yet; running; idle: all is read; degraded: a batch is held until an outage is over; failed: see reason';
COMMENT ON COLUMN recsys.kafka_status.retry_at IS 'when a worker is started again';
COMMENT ON COLUMN recsys.kafka_status.rate_1m IS 'messages a second over the last minute';
COMMENT ON COLUMN recsys.kafka_status.batch_ms_p50 IS 'milliseconds from the first row of a batch to its commit: the median of the latest 128 batches';
COMMENT ON COLUMN recsys.kafka_status.queued IS 'messages fetched ahead';

CREATE VIEW recsys.kafka_lag WITH (security_barrier) AS
SELECT s.source,
       p.partition,
       p.next_offset,
       p.low,
       p.high,
       CASE WHEN p.high IS NOT NULL
            THEN GREATEST(p.high OPERATOR(pg_catalog.-) p.next_offset, 0::bigint) END AS lag,
       CASE WHEN p.high OPERATOR(pg_catalog.<=) p.next_offset THEN 0
            WHEN p.high IS NOT NULL AND p.anchor_time IS NOT NULL
            THEN GREATEST(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.-)
                          (p.anchor_time::double precision OPERATOR(pg_catalog./) 1000), 0) END AS lag_seconds,
       p.seen_at,
       pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) p.seen_at AS age,
       p.committed_at,
       p.messages,
       p.rows,
       p.dead_letters
  FROM recsys.kafka_partition AS p
  JOIN recsys.kafka_source AS s ON s.source OPERATOR(pg_catalog.=) p.source
 WHERE pg_catalog.pg_has_role(s.owner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE');
COMMENT ON VIEW recsys.kafka_lag IS 'how far each partition of each source is read, and how far behind that is';
COMMENT ON COLUMN recsys.kafka_lag.high IS 'end of what could be read when seen_at';
COMMENT ON COLUMN recsys.kafka_lag.lag IS 'offsets up to high that are not read yet; NULL while high is unknown';
COMMENT ON COLUMN recsys.kafka_lag.lag_seconds IS 'age of the last message that was read when there are more, 0 when there are none; NULL while that is unknown';
COMMENT ON COLUMN recsys.kafka_lag.age IS 'of high, and so of the lag';

CREATE VIEW recsys.kafka_dead_letters WITH (security_barrier) AS
SELECT d.id,
       d.source,
       d.topic,
       d.partition,
       d."offset",
       d.message_time,
       d.sqlstate,
       d.reason,
       d.attempts,
       d.first_at,
       d.last_at,
       d.key,
       d.payload,
       d.payload_bytes,
       d.sha256,
       d.headers
  FROM recsys.kafka_dead_letter AS d
  JOIN recsys.kafka_source AS s ON s.source OPERATOR(pg_catalog.=) d.source
 WHERE pg_catalog.pg_has_role(s.owner, 'USAGE');
COMMENT ON VIEW recsys.kafka_dead_letters IS
'messages of the reader''s own sources that could not become rows, as they came, and why; see recsys.kafka_retry and recsys.kafka_discard';

CREATE VIEW recsys.kafka_gaps WITH (security_barrier) AS
SELECT g.source,
       g.partition,
       g.from_offset,
       g.to_offset,
       g.reason,
       g.found_at
  FROM recsys.kafka_gap AS g
  JOIN recsys.kafka_source AS s ON s.source OPERATOR(pg_catalog.=) g.source
 WHERE pg_catalog.pg_has_role(s.owner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE');
COMMENT ON VIEW recsys.kafka_gaps IS
'offsets that were passed over because the broker no longer had them, from from_offset up to but not including to_offset';
