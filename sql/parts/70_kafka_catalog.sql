-- ---------------------------------------------------------------------------
-- Kafka: sources, how far each partition is read, and what could not be a row.
--
-- Nobody but the extension's owner touches these tables; functions and workers do
-- it for those who have the right, and the views show each reader what he may see.
-- No foreign keys: a parallel restore would load the tables in the wrong order.
-- Target and transform are names, not OIDs: a table that was dropped and made
-- again is found again.
-- ---------------------------------------------------------------------------

CREATE TABLE recsys.kafka_source (
    source          text COLLATE "C" PRIMARY KEY
                    CHECK (pg_catalog.octet_length(source) BETWEEN 1 AND 63),
    owner           regrole NOT NULL,
    server          text NOT NULL,
    topic           text NOT NULL,
    target_schema   text NOT NULL,
    target_table    text NOT NULL,
    columns         jsonb,
    transform       text,
    on_conflict     text NOT NULL,
    options         jsonb NOT NULL,
    cluster_id      text,
    enabled         boolean NOT NULL,
    generation      int NOT NULL,
    failed_at       timestamptz,
    failed_sqlstate text,
    failed_reason   text,
    failed_hint     text,
    created_at      timestamptz NOT NULL,
    CHECK ((columns IS NULL) <> (transform IS NULL))
);
COMMENT ON TABLE recsys.kafka_source IS 'one row for each topic that is read into a table; see the view recsys.kafka_sources';
COMMENT ON COLUMN recsys.kafka_source.generation IS 'goes up with every change of the row; a worker that was started for another generation ends';
COMMENT ON COLUMN recsys.kafka_source.failed_at IS 'set where only a person can decide: the source stays failed until kafka_start, kafka_seek or kafka_alter_source';
COMMENT ON COLUMN recsys.kafka_source.cluster_id IS 'id of the cluster that was read from; another one is refused';

CREATE TABLE recsys.kafka_partition (
    source        text COLLATE "C" NOT NULL,
    partition     int NOT NULL,
    next_offset   bigint NOT NULL CHECK (next_offset >= 0),
    messages      bigint NOT NULL DEFAULT 0,
    rows          bigint NOT NULL DEFAULT 0,
    dead_letters  bigint NOT NULL DEFAULT 0,
    anchor_offset bigint,
    anchor_time   bigint,
    anchor_hash   bigint,
    low           bigint,
    high          bigint,
    seen_at       timestamptz,
    committed_at  timestamptz,
    PRIMARY KEY (source, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE recsys.kafka_partition IS 'how far each partition is read: changed in the transaction that writes the rows, and only from the offset it had when they were read';
COMMENT ON COLUMN recsys.kafka_partition.anchor_offset IS 'the last message read: its offset, time in milliseconds and a hash; found different, the topic is another one';
COMMENT ON COLUMN recsys.kafka_partition.high IS 'last stable offset when seen_at; next_offset up to it is the lag';

CREATE TABLE recsys.kafka_dead_letter (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source        text COLLATE "C" NOT NULL,
    topic         text NOT NULL,
    partition     int NOT NULL,
    "offset"      bigint NOT NULL,
    message_time  timestamptz,
    key           bytea,
    payload       bytea,
    payload_bytes int,
    sha256        bytea,
    headers       jsonb,
    sqlstate      text NOT NULL,
    reason        text NOT NULL,
    attempts      int NOT NULL DEFAULT 1,
    first_at      timestamptz NOT NULL,
    last_at       timestamptz NOT NULL,
    UNIQUE (source, partition, "offset", id)
);
COMMENT ON TABLE recsys.kafka_dead_letter IS 'messages that could not become rows, as they came; see the view recsys.kafka_dead_letters';
COMMENT ON SEQUENCE recsys.kafka_dead_letter_id_seq IS 'ids of dead letters';
COMMENT ON COLUMN recsys.kafka_dead_letter.payload IS 'as it came; cut where it is longer than max_message_bytes, payload_bytes and sha256 are of the whole';

CREATE TABLE recsys.kafka_gap (
    source      text COLLATE "C" NOT NULL,
    partition   int NOT NULL,
    from_offset bigint NOT NULL,
    to_offset   bigint NOT NULL,
    reason      text NOT NULL,
    found_at    timestamptz NOT NULL,
    PRIMARY KEY (source, partition, from_offset, found_at)
);
COMMENT ON TABLE recsys.kafka_gap IS 'offsets that were passed over because the broker no longer had them; to_offset is the first that was read again';

-- Not those whose owner was dropped: a dump would have his OID, which is another role's
-- where it is restored.
SELECT pg_catalog.pg_extension_config_dump('recsys.kafka_source',
    'WHERE EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid = owner)');
SELECT pg_catalog.pg_extension_config_dump('recsys.kafka_partition',
    'WHERE source IN (SELECT s.source FROM recsys.kafka_source AS s JOIN pg_catalog.pg_roles AS r ON r.oid = s.owner)');
SELECT pg_catalog.pg_extension_config_dump('recsys.kafka_dead_letter',
    'WHERE source IN (SELECT s.source FROM recsys.kafka_source AS s JOIN pg_catalog.pg_roles AS r ON r.oid = s.owner)');
SELECT pg_catalog.pg_extension_config_dump('recsys.kafka_gap',
    'WHERE source IN (SELECT s.source FROM recsys.kafka_source AS s JOIN pg_catalog.pg_roles AS r ON r.oid = s.owner)');
SELECT pg_catalog.pg_extension_config_dump('recsys.kafka_dead_letter_id_seq', '');
