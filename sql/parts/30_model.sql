-- ---------------------------------------------------------------------------
-- Models: create, alter, drop, look at.
--
-- PUBLIC may execute these functions: each checks the rights itself.  Creating
-- needs CREATE on the schema recsys_data and SELECT on the columns that are read;
-- altering and dropping need the ownership of the model's view.
-- ---------------------------------------------------------------------------

CREATE FUNCTION recsys.create_model(
    model         text,
    source        regclass,
    user_column   name    DEFAULT 'user_id',
    item_column   name    DEFAULT 'item_id',
    rating_column name    DEFAULT NULL,
    time_column   name    DEFAULT NULL,
    feedback      text    DEFAULT 'explicit',
    algorithm     text    DEFAULT 'auto',
    run_as        text    DEFAULT 'caller',
    options       jsonb   DEFAULT '{}',
    catalog        regclass DEFAULT NULL,
    catalog_column name     DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_create_model';
COMMENT ON FUNCTION recsys.create_model(text, regclass, name, name, name, name, text, text, text, jsonb, regclass, name) IS
'Defines a model over a table or view: makes the view recsys_data.<model> and two factor tables, owned by the caller. Explicit feedback without rating_column takes the column "rating"; implicit feedback without one counts rows. algorithm "auto" ranks by a weighted sum of parts, which the option weights weighs: vectors of alternating least squares, for a model of ratings those of the preference that the choice of what to rate and the ratings tell, and what the items of a user say of each item; "als" ranks by the score alone, for ratings the predicted one; "popular" gives everybody the same. run_as "caller" reads the source with the rights of the caller of a question, "owner" with those of the model''s owner. catalog is a table or view with a row for each item that may be recommended, catalog_column its column of items; NULL takes its column that has the name of item_column. Lists hold only items of which their caller sees a row there. It becomes the view recsys_data.<model>_catalog. Errors: 42710 the model exists, 42P07 another relation of recsys_data has its name, 42703 no such column, 0A000 or 42804 wrong column type, 42809 not a table or view, 42501 no right, 22023 wrong option, or catalog_column without catalog.';

CREATE FUNCTION recsys.alter_model(
    model     text,
    feedback  text  DEFAULT NULL,
    algorithm text  DEFAULT NULL,
    run_as    text  DEFAULT NULL,
    options   jsonb DEFAULT NULL,
    catalog        regclass DEFAULT NULL,
    catalog_column name     DEFAULT NULL,
    drop_catalog   boolean  DEFAULT false)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_alter_model';
COMMENT ON FUNCTION recsys.alter_model(text, text, text, text, jsonb, regclass, name, boolean) IS
'Changes what is given and leaves what is NULL. algorithm auto gives the factor tables of a model of before 0.2.0 the columns of its parts. options are laid over the model''s; a JSON null takes an option back to its default. catalog gives the model a catalog, as for create_model(), or another one; drop_catalog takes it away, so that every item may be recommended. Holds from the next training on; run_as and the catalog hold at once. Errors: 42704 no such model, 42501 not the owner, or the owner may not read the catalog, 55P03 run_as or a catalog is given or dropped, or those columns are added, and the model is being trained, 22023 wrong value, 42703 no such column, 0A000 or 42804 wrong column type, 42809 not a table or view, 42P07 another relation has the name of the catalog''s view, 42P16 the other catalog''s items are of another type: drop the catalog first.';

CREATE FUNCTION recsys.drop_model(model text, if_exists boolean DEFAULT false)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_drop_model';
COMMENT ON FUNCTION recsys.drop_model(text, boolean) IS
'Drops a model with its view, its catalog, its factor tables and all its versions, or what is left of a model that is gone: the caller''s relations, and, if the caller may create models, the catalog rows of a name that no relation has. Errors: 42704 no such model, 42501 not the owner, 55P03 it is being trained, 2BP01 something depends on its view.';

CREATE FUNCTION recsys.options(
    OUT name             text,
    OUT type             text,
    OUT default_explicit text,
    OUT default_implicit text,
    OUT range            text,
    OUT algorithms       text,
    OUT meaning          text)
RETURNS SETOF record
LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 20
AS 'MODULE_PATHNAME', 'recsys_options';
COMMENT ON FUNCTION recsys.options() IS
'Every option of create_model, alter_model and train; a NULL default says that the option does not apply to that kind of feedback.';

CREATE VIEW recsys.models WITH (security_barrier) AS
SELECT m.name AS model,
       pg_catalog.pg_get_userbyid(c.relowner) AS owner,
       m.feedback,
       m.algorithm,
       CASE WHEN (SELECT o.option_value::boolean
                    FROM pg_catalog.pg_options_to_table(c.reloptions) AS o
                   WHERE o.option_name OPERATOR(pg_catalog.=) 'security_invoker')
            THEN 'caller' ELSE 'owner' END AS run_as,
       m.options,
       m.active_version,
       v.users,
       v.items,
       v.ratings,
       v.started_at AS trained_at,
       pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) v.started_at AS age,
       (SELECT pg_catalog.count(*) FROM recsys.model_version AS n
         WHERE n.model OPERATOR(pg_catalog.=) m.name) AS versions,
       m.created_at,
       m.catalog_column IS NOT NULL AS catalog
  FROM recsys.model AS m
  JOIN pg_catalog.pg_class AS c
    ON c.oid OPERATOR(pg_catalog.=) recsys.model_view(m.name)
  LEFT JOIN recsys.model_version AS v
    ON v.model OPERATOR(pg_catalog.=) m.name
   AND v.version OPERATOR(pg_catalog.=) m.active_version
 WHERE pg_catalog.has_table_privilege(c.oid, 'SELECT')
    OR (pg_catalog.has_table_privilege(c.oid, 'REFERENCES')
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_options_to_table(c.reloptions) AS o
                         WHERE o.option_name OPERATOR(pg_catalog.=) 'security_invoker' AND o.option_value::boolean));
COMMENT ON VIEW recsys.models IS 'the models that the reader may ask, with what their active version was trained on';

CREATE VIEW recsys.model_versions WITH (security_barrier) AS
SELECT v.model,
       v.version,
       v.version OPERATOR(pg_catalog.=) m.active_version IS TRUE AS active,
       v.feedback,
       v.algorithm,
       v.options,
       v.users,
       v.items,
       v.ratings,
       v.rows_read,
       v.rows_skipped,
       v.mean,
       v.iterations,
       v.loss,
       v.started_at,
       v.seconds,
       v.trained_by,
       v.library_version,
       v.kernel,
       v.threads,
       CASE WHEN pg_catalog.has_table_privilege(c.oid, 'SELECT') THEN v.source END AS source,
       v.snapshot,
       v.refreshed_from,
       v.choice,
       v.preference
  FROM recsys.model_version AS v
  JOIN recsys.model AS m ON m.name OPERATOR(pg_catalog.=) v.model
  JOIN pg_catalog.pg_class AS c
    ON c.oid OPERATOR(pg_catalog.=) recsys.model_view(m.name)
 WHERE pg_catalog.has_table_privilege(c.oid, 'SELECT')
    OR (pg_catalog.has_table_privilege(c.oid, 'REFERENCES')
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_options_to_table(c.reloptions) AS o
                         WHERE o.option_name OPERATOR(pg_catalog.=) 'security_invoker' AND o.option_value::boolean));
COMMENT ON VIEW recsys.model_versions IS 'the versions of the models that the reader may ask: options, counts, loss by iteration, the trained version that a refresh was refreshed from, what the algorithm auto chose, options of the part that ranks, where there is one, and, for who may SELECT from the model''s view, where they came from';
