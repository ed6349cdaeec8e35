-- ---------------------------------------------------------------------------
-- Item images: what sessions hold in memory to answer from.
-- ---------------------------------------------------------------------------

CREATE FUNCTION recsys.prewarm(
    model       text,
    version     int DEFAULT NULL,
    OUT bytes   bigint,
    OUT seconds double precision
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'recsys_prewarm' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 1 COST 100000;
COMMENT ON FUNCTION recsys.prewarm(text, int) IS
    'Builds the item image of a version (NULL: the active one), or finds it built, so that the next question need not wait for it. One row: its size and how long it took; with a warning where it can be kept nowhere. Errors: 42704 no such model, 42501 no right to use it, 55000 no such version.';

CREATE FUNCTION recsys.cache_images(
    OUT factor_table regclass,
    OUT version      int,
    OUT kept         boolean,
    OUT shared       boolean,
    OUT bytes        bigint,
    OUT needed       bigint,
    OUT complete     boolean,
    OUT since        timestamptz,
    OUT seconds      double precision,
    OUT sessions     int,
    OUT uses         bigint,
    OUT used_at      timestamptz
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'recsys_cache_images'
    LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION recsys.cache_images() IS
    'the rows of the view recsys.cache_status: item images in this database, of models that the caller has SELECT or REFERENCES on';

CREATE VIEW recsys.cache_status WITH (security_barrier) AS
SELECT m.model, i.version, i.kept, i.shared, i.bytes, i.needed, i.complete, i.since, i.seconds, i.sessions, i.uses, i.used_at
  FROM recsys.cache_images() AS i
  JOIN pg_catalog.pg_class AS t ON t.oid OPERATOR(pg_catalog.=) i.factor_table
  JOIN recsys.models AS m
    ON t.relname OPERATOR(pg_catalog.=) (m.model OPERATOR(pg_catalog.||) '_item_factors')::name
   AND t.relnamespace OPERATOR(pg_catalog.=) 'recsys_data'::regnamespace;
COMMENT ON VIEW recsys.cache_status IS
    'item images in memory, of models that the reader may use: shared by all sessions, or this session''s own';
COMMENT ON COLUMN recsys.cache_status.kept IS 'false: they fit neither recsys.cache_size nor recsys.local_cache_size, or the system had no room; each question reads the rows that it needs';
COMMENT ON COLUMN recsys.cache_status.bytes IS 'what is held; where they are not kept, what all items tell together';
COMMENT ON COLUMN recsys.cache_status.needed IS 'what it takes to keep them, in bytes; NULL until that is known';
COMMENT ON COLUMN recsys.cache_status.shared IS 'false: this session alone has it; not sharable, or there was no room';
COMMENT ON COLUMN recsys.cache_status.complete IS 'false while a session builds it';
COMMENT ON COLUMN recsys.cache_status.since IS 'when it was complete, or its building began';
COMMENT ON COLUMN recsys.cache_status.seconds IS 'how long building it took';
COMMENT ON COLUMN recsys.cache_status.sessions IS 'how many sessions have it attached';
COMMENT ON COLUMN recsys.cache_status.uses IS 'questions that were answered from it';
GRANT SELECT ON recsys.cache_status TO PUBLIC;
