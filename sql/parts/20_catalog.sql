-- ---------------------------------------------------------------------------
-- The catalog: models and their trained versions.
--
-- Nobody but the extension's owner writes to these tables; the C functions do it
-- for those who have the right, and the views below show readers what they may
-- see.  The database's owner may read them, to dump them.  No OID is dumped, where
-- it would be a bare number.  No foreign key ties the tables: a parallel restore
-- would load them in the wrong order.
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
    created_at     timestamptz NOT NULL,
    catalog_column text
);
COMMENT ON TABLE recsys.model IS 'one row for each model; see the view recsys.models';
COMMENT ON COLUMN recsys.model.catalog_column IS 'column of the items in what the view recsys_data.<model>_catalog was made over; NULL: the model has no catalog, and every item may be recommended';

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
    liked           double precision,
    refreshed_from  int,
    choice          jsonb,
    deviation       double precision,
    preference      jsonb,
    PRIMARY KEY (model, version)
) WITH (toast_tuple_target = 8160); -- the row lies in one place: each question compares it with the one known
COMMENT ON TABLE recsys.model_version IS 'one row for each result of a training or refresh, immutable; see the view recsys.model_versions';
COMMENT ON COLUMN recsys.model_version.stamp IS 'random; tells this result from any other that ever carried this number';
COMMENT ON COLUMN recsys.model_version.loss IS 'the objective after each iteration; of a refresh, one: at its end';
COMMENT ON COLUMN recsys.model_version.liked IS 'mean value of the pairs that are likes: ratings at or above the mean of all, weights above 0; 1 where there are none; 0 for the algorithm popular; NULL for versions from before 0.2.0';
COMMENT ON COLUMN recsys.model_version.refreshed_from IS 'the trained version whose item factors a refresh took over; NULL: this one was trained';
COMMENT ON COLUMN recsys.model_version.choice IS 'of the algorithm auto: what training held out, tried and chose; NULL: it did not choose';
COMMENT ON COLUMN recsys.model_version.deviation IS 'standard deviation of the ratings, 1 where all are equal; NULL for implicit feedback, the algorithm popular, and versions from before 0.2.0';
COMMENT ON COLUMN recsys.model_version.preference IS 'options as used of the part that ranks items, of a version of ratings that has one; NULL: items are ranked by their score';

-- Not dumped: OIDs mean nothing where the dump is restored.  pg_upgrade keeps them.
CREATE TABLE recsys.model_anchor (
    model text COLLATE "C" PRIMARY KEY,
    view  oid NOT NULL,
    owner oid NOT NULL,
    item_factors oid NOT NULL
);
COMMENT ON TABLE recsys.model_anchor IS 'what the name of a model is bound to: a view of that name is the model''s if it is this view, has this owner, or has the owner of this factor table; a model without a row takes any';

CREATE FUNCTION recsys.model_view(model text) RETURNS regclass
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'recsys_model_view';
COMMENT ON FUNCTION recsys.model_view(text) IS
'The view of a model; NULL where the view or a factor table is missing, or where the view of that name is another role''s. Rows of recsys.model and recsys.model_version for which it is NULL are left over from a model that is gone.';

-- Rows of a dump come after the relations they speak of, so a restored name is bound as
-- a new one is.
CREATE FUNCTION recsys.model_bind() RETURNS trigger
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'recsys_model_bind';
COMMENT ON FUNCTION recsys.model_bind() IS
'Binds the name of a model to the view and the factor table that have it.';
REVOKE ALL ON FUNCTION recsys.model_bind() FROM PUBLIC;
CREATE TRIGGER bind AFTER INSERT ON recsys.model
    FOR EACH ROW EXECUTE FUNCTION recsys.model_bind();

-- not what is left of a model that is gone
SELECT pg_catalog.pg_extension_config_dump('recsys.model', 'WHERE recsys.model_view(name) IS NOT NULL');
SELECT pg_catalog.pg_extension_config_dump('recsys.model_version', 'WHERE recsys.model_view(model) IS NOT NULL');
