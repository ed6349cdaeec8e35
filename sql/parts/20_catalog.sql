-- ---------------------------------------------------------------------------
-- The catalog: models and their trained versions.
--
-- Nobody but the extension's owner touches these tables; the C functions do it
-- for those who have the right, and the views below show each reader what he
-- may see.  No OID is stored: a dump would carry a bare number.  No foreign key
-- ties the two: a parallel restore would load them in the wrong order.
-- ---------------------------------------------------------------------------

CREATE TABLE recsys.model (
    name           text COLLATE "C" PRIMARY KEY
                   CHECK (pg_catalog.octet_length(name) BETWEEN 1 AND 48),
    feedback       text NOT NULL,
    algorithm      text NOT NULL,
    options        jsonb NOT NULL,
    active_version int,
    last_version   int NOT NULL,
    user_column    text NOT NULL,
    item_column    text NOT NULL,
    rating_column  text,
    time_column    text,
    created_at     timestamptz NOT NULL
);
COMMENT ON TABLE recsys.model IS 'one row for each model; see the view recsys.models';

CREATE TABLE recsys.model_version (
    model           text COLLATE "C" NOT NULL,
    version         int NOT NULL,
    stamp           bigint NOT NULL,
    feedback        text NOT NULL,
    algorithm       text NOT NULL,
    options         jsonb NOT NULL,
    mean            double precision NOT NULL,
    users           int NOT NULL,
    items           int NOT NULL,
    ratings         bigint NOT NULL,
    rows_read       bigint NOT NULL,
    rows_skipped    bigint NOT NULL,
    iterations      int NOT NULL,
    loss            double precision[] NOT NULL,
    started_at      timestamptz NOT NULL,
    seconds         double precision NOT NULL,
    trained_by      text NOT NULL,
    library_version text NOT NULL,
    kernel          text NOT NULL,
    threads         int NOT NULL,
    source          text NOT NULL,
    snapshot        text NOT NULL,
    PRIMARY KEY (model, version)
);
COMMENT ON TABLE recsys.model_version IS 'one row for each result of a training, immutable; see the view recsys.model_versions';
COMMENT ON COLUMN recsys.model_version.stamp IS 'random; tells this result from any other that ever carried this number';
COMMENT ON COLUMN recsys.model_version.loss IS 'the objective after each iteration';

SELECT pg_catalog.pg_extension_config_dump('recsys.model', '');
SELECT pg_catalog.pg_extension_config_dump('recsys.model_version', '');
