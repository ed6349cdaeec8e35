\echo Use "ALTER EXTENSION recsys UPDATE TO '0.2.0'" to load this file. \quit

-- ---- popular counts those who like an item ----------------------------------

-- ---- what the name of a model is bound to -------------------------------------

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

REVOKE ALL ON recsys.model_anchor FROM PUBLIC;

INSERT INTO recsys.model_anchor (model, view, owner, item_factors)
SELECT m.name, c.oid, c.relowner, COALESCE(t.oid, 0)
  FROM recsys.model AS m
  JOIN pg_catalog.pg_class AS c
    ON c.relname OPERATOR(pg_catalog.=) m.name::name
   AND c.relnamespace OPERATOR(pg_catalog.=) 'recsys_data'::regnamespace
   AND c.relkind OPERATOR(pg_catalog.=) 'v'
  LEFT JOIN pg_catalog.pg_class AS t
    ON t.relname OPERATOR(pg_catalog.=) (m.name OPERATOR(pg_catalog.||) '_item_factors')::name
   AND t.relnamespace OPERATOR(pg_catalog.=) 'recsys_data'::regnamespace
   AND t.relkind OPERATOR(pg_catalog.=) 'r';

-- ---- what is recorded of a version ------------------------------------------------

ALTER TABLE recsys.model_version ADD COLUMN liked double precision;
COMMENT ON COLUMN recsys.model_version.liked IS 'mean value of the pairs that are likes: ratings at or above the mean of all, weights above 0; 1 where there are none; 0 for the algorithm popular; NULL for versions from before 0.2.0';
ALTER TABLE recsys.model_version ADD COLUMN refreshed_from int;
COMMENT ON COLUMN recsys.model_version.refreshed_from IS 'the trained version whose item factors a refresh took over; NULL: this one was trained';
ALTER TABLE recsys.model_version ADD COLUMN choice jsonb;
COMMENT ON COLUMN recsys.model_version.choice IS 'of the algorithm auto: what training held out, tried and chose; NULL: it did not choose';
-- the row lies in one place, as each question compares it with the one known
ALTER TABLE recsys.model_version SET (toast_tuple_target = 8160);
ALTER TABLE recsys.model_version ADD COLUMN deviation double precision;
COMMENT ON COLUMN recsys.model_version.deviation IS 'standard deviation of the ratings, 1 where all are equal; NULL for implicit feedback, the algorithm popular, and versions from before 0.2.0';
ALTER TABLE recsys.model_version ADD COLUMN preference jsonb;
COMMENT ON COLUMN recsys.model_version.preference IS 'options as used of the part that ranks items, of a version of ratings that has one; NULL: items are ranked by their score';
COMMENT ON TABLE recsys.model_version IS 'one row for each result of a training or refresh, immutable; see the view recsys.model_versions';
COMMENT ON COLUMN recsys.model_version.loss IS 'the objective after each iteration; of a refresh, one: at its end';

-- ---- the catalogue of a model ------------------------------------------------------

ALTER TABLE recsys.model ADD COLUMN catalog_column text;
COMMENT ON COLUMN recsys.model.catalog_column IS 'column of the items in what the view recsys_data.<model>_catalog was made over; NULL: the model has no catalog, and every item may be recommended';

DROP FUNCTION recsys.create_model(text, regclass, name, name, name, name, text, text, text, jsonb);
DROP FUNCTION recsys.alter_model(text, text, text, text, jsonb);
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

-- ---- the right to ask ------------------------------------------------------------

-- who may ask a model without reading it sees that it is there
CREATE OR REPLACE VIEW recsys.models WITH (security_barrier) AS
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

CREATE OR REPLACE VIEW recsys.model_versions WITH (security_barrier) AS
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

-- ---- evaluate: more metrics, exclude_seen, min_rating; evaluate_users; split ---

DROP FUNCTION recsys.evaluate(text, regclass, int[], int);
CREATE FUNCTION recsys.evaluate(
    model   text,
    test    regclass,
    k       int[] DEFAULT '{10,20}',
    version int   DEFAULT NULL,
    exclude_seen boolean DEFAULT true,
    min_rating real DEFAULT NULL,
    OUT metric         text,
    OUT k              int,
    OUT value          double precision,
    OUT users          int,
    OUT users_skipped  int,
    OUT standard_error double precision)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED COST 1000000 ROWS 24
AS 'MODULE_PATHNAME', 'recsys_evaluate';
COMMENT ON FUNCTION recsys.evaluate(text, regclass, int[], int, boolean, real) IS
'Measures a version on held-out data by asking what recommend() and predict() answer, with vectors folded in from the model''s rows of this moment. test is read as the caller: its columns are called as the source''s were, or user_id, item_id, rating. For each user of test, T is the set of distinct relevant items of their test rows: every one, or with min_rating those with a rating of at least that, also those that the model does not know or the user has already seen; R is the list of all items, but (exclude_seen) those of their rows in the model''s view, cut at k; hits = |R and T|. precision = hits / k; recall = hits / |T|; hit_rate = 1 if there is a hit, else 0; mrr = 1 / rank of the first hit, 0 without one (Voorhees 1999); map = sum over hits of (hits up to that rank / rank), divided by min(k, |T|) (TREC, cut at k; so Spark and implicit); ndcg = sum over hits of 1 / log2(rank + 1), divided by the same sum for min(k, |T|) hits at the top (binary gains; Jarvelin and Kekalainen 2002). These are means over users; a user the model does not know is evaluated on the popular items, an empty list scores 0; users_skipped counts users without an item in T; standard_error is s / sqrt(users). novelty is the mean over users with a list of the mean rank of its items by popularity, from 1 for the item that most users like (LensKit''s mean popularity rank, which is a share of the items). Of the lists of all users: coverage is the share of the version''s items that are in one of them (catalog coverage of Ge, Delgado-Battenfeld and Jannach 2010); gini = (sum over i of (2 i - n - 1) x_i) / (n * sum of x), x_1 <= ... <= x_n being how often each of the version''s n items is in them: 0 if all alike, near 1 if few have everything (Gini 1912). known_users is the share of these users of whom the model''s view has rows, known_items the share of the items of all T that the version has; a warning says if most are unknown, or most are left out as seen. Explicit feedback adds, over all test rows that have a rating and a prediction: rmse, the root of the mean squared error, and mae, the mean absolute error, in units of the rating; f1 = 2 both / (liked + predicted), the rows whose rating and prediction, rating, and prediction are at least min_rating or, without it, the version''s mean (van Rijsbergen 1979); users_skipped counts users without any prediction; standard_error takes users as the sampling units of a ratio estimator (Cochran 1977, section 2.11). predicted_share is the share of rated test rows that have a prediction. Rows with a NULL user are ignored. value is NULL when there is nothing to measure, standard_error when fewer than two users were, and of coverage and gini. Ordered by metric, k. Errors: 42704, 42501, 55000 as for recommend(), 42P01 no such relation, 42703 no such column, 22023 k is empty, not positive or not one-dimensional, or min_rating is not finite, 22004 an argument or an element of k is NULL, 54000 k has more than 100 elements, 42804 an id column of a type that cannot be an id, 22000 a test rating is not finite.';

CREATE FUNCTION recsys.evaluate_users(
    model   text,
    test    regclass,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    exclude_seen boolean DEFAULT true,
    min_rating real DEFAULT NULL,
    OUT user_id           text,
    OUT source            text,
    OUT seen              int,
    OUT rows              int,
    OUT relevant          int,
    OUT hits              int,
    OUT hit_rate          double precision,
    OUT "precision"       double precision,
    OUT recall            double precision,
    OUT ndcg              double precision,
    OUT average_precision double precision,
    OUT reciprocal_rank   double precision,
    OUT novelty           double precision,
    OUT predicted         int,
    OUT rmse              double precision,
    OUT mae               double precision)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED COST 1000000 ROWS 1000
AS 'MODULE_PATHNAME', 'recsys_evaluate_users';
COMMENT ON FUNCTION recsys.evaluate_users(text, regclass, int, int, boolean, real) IS
'What evaluate() measures, a row for each user of test, in ascending order of their ids: to be grouped, joined or compared in SQL. source is that of recommend(); seen counts the user''s rows in the model''s view, rows those in test, relevant the distinct relevant items of these (|T|), predicted those with a rating and a prediction. hits to novelty are of the list cut at k, as evaluate() defines them, NULL where relevant is 0 (novelty also for an empty list); their means are its recall, hit_rate, ..., map (average_precision) and mrr (reciprocal_rank). rmse and mae are over the predicted rows, NULL without any; sqrt(sum(rmse ^ 2 * predicted) / sum(predicted)) is evaluate()''s. Errors: as evaluate().';

CREATE FUNCTION recsys.split(
    source      regclass,
    method      text,
    user_column name DEFAULT 'user_id',
    item_column name DEFAULT 'item_id',
    time_column name DEFAULT NULL,
    share       double precision DEFAULT 0.1,
    since       text DEFAULT NULL,
    n           int  DEFAULT 1,
    seed        int  DEFAULT 0,
    new_users   boolean DEFAULT false,
    train       text DEFAULT NULL,
    test        text DEFAULT NULL)
RETURNS TABLE (fold text, relation regclass, rows bigint, users bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 3
SET search_path = pg_catalog, pg_temp
AS $split$
DECLARE
    source_name text[];     -- schema and name
    columns     text;
    time_type   text;
    wanted      name;
    label       name := 'fold';
    pair        text;       -- hash of user and item, 0 to 2^63 - 1
    of_user     text;       -- what a window is over
    is_test     text;
    has_train   text;       -- whether a row of the user is not to be tested
    otherwise   text := 'train';
    labels      text[];     -- the fold of a row, as the views train and test see it
    folds       text[] := '{train,test}';
    part        text[];
    views       text[];
BEGIN
    SELECT a.name INTO wanted
      FROM (VALUES ('source', source IS NULL), ('method', method IS NULL), ('user_column', user_column IS NULL),
                   ('item_column', item_column IS NULL), ('share', share IS NULL), ('n', n IS NULL),
                   ('seed', seed IS NULL), ('new_users', new_users IS NULL)) AS a (name, missing) WHERE a.missing;
    IF FOUND THEN
        RAISE null_value_not_allowed USING MESSAGE = format('argument "%s" must not be null', wanted);
    ELSIF method NOT IN ('time', 'last', 'random') THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('unrecognized method "%s"', method),
            HINT = 'Methods are time, last and random.';
    ELSIF method <> 'random' AND time_column IS NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = format('method "%s" needs a time_column', method);
    ELSIF NOT (share > 0 AND share < 1) THEN
        RAISE invalid_parameter_value USING MESSAGE = format('share must be between 0 and 1, not %s', share);
    ELSIF n < 1 THEN
        RAISE invalid_parameter_value USING MESSAGE = format('n must be positive, not %s', n);
    END IF;

    SELECT ARRAY[s.nspname, c.relname] INTO source_name
      FROM pg_class AS c JOIN pg_namespace AS s ON s.oid = c.relnamespace WHERE c.oid = source;
    IF NOT FOUND THEN
        RAISE undefined_table USING MESSAGE = format('relation with OID %s does not exist', source::oid);
    END IF;
    FOREACH wanted IN ARRAY ARRAY[user_column, item_column, time_column] LOOP
        PERFORM FROM pg_attribute AS a WHERE a.attrelid = source AND a.attname = wanted AND a.attnum > 0;
        IF NOT FOUND AND wanted IS NOT NULL THEN
            RAISE undefined_column USING
                MESSAGE = format('relation "%s" has no column "%s"', source_name[2], wanted),
                HINT = 'Name the columns: user_column, item_column, time_column.';
        END IF;
    END LOOP;
    SELECT string_agg(format('s.%I', a.attname), ', ' ORDER BY a.attnum),
           min(format_type(a.atttypid, a.atttypmod)) FILTER (WHERE a.attname = time_column)
      INTO columns, time_type
      FROM pg_attribute AS a WHERE a.attrelid = source AND a.attnum > 0 AND NOT a.attisdropped;
    WHILE EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = source AND a.attname = label) LOOP
        label := label || '_';
    END LOOP;

    pair := format('(hashtextextended(t.%I::text COLLATE "C", hashtextextended(t.%I::text COLLATE "C", %s)) & %s)',
                   item_column, user_column, seed, 9223372036854775807);
    of_user := format('PARTITION BY t.%I, t.%I IS NULL', user_column, item_column);
    CASE method
        WHEN 'random' THEN
            is_test := format('%s < %s', pair, (share * 9223372036854775808::double precision)::bigint);
            has_train := format('cume_dist() OVER (%s ORDER BY %s) < 1', of_user, pair);
        WHEN 'last' THEN
            of_user := format('%s ORDER BY t.%I DESC NULLS LAST, %s', of_user, time_column, pair);
            is_test := format('rank() OVER (%s) <= %s', of_user, n);
            has_train := format('cume_dist() OVER (%s) < 1', of_user);
        WHEN 'time' THEN
            IF since IS NULL THEN
                EXECUTE format('SELECT percentile_disc(%L::double precision) WITHIN GROUP (ORDER BY t.%I DESC)::text FROM %I.%I AS t',
                               share, time_column, source_name[1], source_name[2]) INTO since;
            END IF;
            is_test := format('t.%I >= %L::%s', time_column, since, time_type);
            has_train := format('bool_or((%s) IS NOT TRUE) OVER (%s)', is_test, of_user);
            otherwise := 'left out';
    END CASE;
    -- by time nothing that might be tested is trained on: train need not look at has_train
    labels := array_fill(format('CASE WHEN %s THEN ''test'' ELSE ''train'' END', is_test), ARRAY[2]);
    IF NOT new_users THEN
        labels[2] := format('CASE WHEN (%s) IS NOT TRUE THEN ''train'' WHEN %s THEN ''test'' ELSE %L END',
                            is_test, has_train, otherwise);
        labels[1] := CASE method WHEN 'time' THEN labels[1] ELSE labels[2] END;
    END IF;

    -- for instance, by last with n = 1 and new_users:
    --   CREATE VIEW public.events_test WITH (security_invoker = true) AS SELECT s.user_id, s.item_id, s.at
    --    FROM (SELECT t.*, CASE WHEN rank() OVER (PARTITION BY t.user_id, t.item_id IS NULL
    --          ORDER BY t.at DESC NULLS LAST, (hashtextextended(...) & ...)) <= 1
    --          THEN 'test' ELSE 'train' END AS fold FROM public.events AS t) AS s WHERE s.fold = 'test'
    FOR i IN 1 .. 2 LOOP
        part := parse_ident(coalesce(CASE i WHEN 1 THEN train ELSE test END,
                                     quote_ident(source_name[2] || '_' || folds[i])));
        IF cardinality(part) = 1 THEN
            part := source_name[1] || part;
        ELSIF cardinality(part) > 2 THEN
            RAISE invalid_name USING MESSAGE = format('improper name of a view: "%s"', array_to_string(part, '.'));
        END IF;
        views[i] := format('%I.%I', part[1], part[2]);
        EXECUTE format('CREATE VIEW %s WITH (security_invoker = true) AS SELECT %s'
                       ' FROM (SELECT t.*, %s AS %I FROM %I.%I AS t) AS s WHERE s.%I = %L',
                       views[i], columns, labels[i], label, source_name[1], source_name[2], label, folds[i]);
    END LOOP;

    RETURN QUERY EXECUTE format(
        'SELECT f.fold, f.relation, coalesce(c.n, 0), coalesce(c.users, 0)'
        ' FROM (VALUES (''train'', $1), (''test'', $2), (''left out'', NULL)) AS f (fold, relation)'
        ' LEFT JOIN (SELECT s.%I, count(*), count(DISTINCT s.%I) FROM (SELECT t.*, %s AS %I FROM %I.%I AS t) AS s'
        ' GROUP BY 1) AS c (fold, n, users) USING (fold) WHERE f.relation IS NOT NULL OR c.n > 0'
        ' ORDER BY f.fold = ''left out'', f.fold DESC',
        label, user_column, labels[2], label, source_name[1], source_name[2])
        USING views[1]::regclass, views[2]::regclass;
END $split$;
COMMENT ON FUNCTION recsys.split(regclass, text, name, name, name, double precision, text, int, int, boolean, text, text) IS
'Makes two views over a table, view or any other relation that has rows: train, to create a model on, and test, to evaluate() it with. They have the columns of source and are read with the rights of their reader (security_invoker). method says which rows are tested: ''time'', those at or after since or, if that is NULL, the latest moment since which at least the given share of the rows that have a time are; ''last'', the last n rows of each user by time (rows without one count as the earliest, rows of one time are ordered by a hash of user and item); ''random'', about the given share of all pairs of user and item, by a hash of both and the seed. Rows of the same user and item (and, for last, time) are always in the same view, so last may test some more than n. A user always keeps a row in train: by last and random the row that would be the last to be tested; by time a user whose rows are all later is in neither view. With new_users true neither rule holds: every row that the method picks is tested. The same rows are split alike whatever their order and wherever they are. Names are those of views without or with schema; default is that of the source with _train or _test, in its schema. One row for train and test, and one for the rows in neither, if any (fold ''left out''): the view, its rows, its users. Errors: 22004 an argument whose default is not NULL is NULL, 22023 unrecognized method, no time_column, share not within 0 and 1, n not positive, 42703 no such column, 42P07 there is a relation of that name, 42501 the caller may not read the source or not create a view in the schema, 42602 a name with more than a schema.';

-- ---- recommend: preference beside score; preference() -------------------------

DROP FUNCTION recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int);
DROP FUNCTION recsys.recommend(text, text, int, boolean, bigint[], bigint[], boolean, int);
DROP FUNCTION recsys.recommend(text, uuid, int, boolean, bigint[], bigint[], boolean, int);
DROP FUNCTION recsys.recommend_text(text, bigint, int, boolean, text[], text[], boolean, int);
DROP FUNCTION recsys.recommend_text(text, text, int, boolean, text[], text[], boolean, int);
DROP FUNCTION recsys.recommend_text(text, uuid, int, boolean, text[], text[], boolean, int);
DROP FUNCTION recsys.recommend_uuid(text, bigint, int, boolean, uuid[], uuid[], boolean, int);
DROP FUNCTION recsys.recommend_uuid(text, text, int, boolean, uuid[], uuid[], boolean, int);
DROP FUNCTION recsys.recommend_uuid(text, uuid, int, boolean, uuid[], uuid[], boolean, int);

CREATE FUNCTION recsys.recommend(
    model        text,
    user_id      bigint,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   bigint[] DEFAULT NULL,
    exclude      bigint[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    after        text     DEFAULT NULL,
    OUT rank     int,
    OUT item_id  bigint,
    OUT preference real,
    OUT score    real,
    OUT source   text,
    OUT next     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend';
COMMENT ON FUNCTION recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int, text) IS
'The k best items for a user, best first: items with bigint ids (smallint and integer included). Exact: every eligible item is scored; equal scores by ascending id. preference is what the list is ranked by, equal to preference() to the last bit. score is what predict() gives, to the last bit: the predicted rating (explicit) or preference (implicit). source tells where the answer comes from: "folded", the vector solved from the user''s rows of this moment; "model", the vector that training stored (fresh => false): by both the preference is the score, but in a model of ratings that is ranked by a part of its own (algorithm auto), where it is x.y of that part, which tells what users choose; "popular", no vector, so that score is NULL, or one for which all items score alike, as that of a user with dislikes only: the items that most users like (by a weight above 0; by a rating at or above the mean of all), the preference being their number. exclude_seen leaves out every item of the user''s rows. candidates NULL means all items, an empty array none; in both arrays NULL elements and unknown ids are ignored. Fewer than k rows come only when fewer items are eligible. after asks for pages: '''' for the first page, then the next of the last row; next is NULL without after. While the version and the user''s rows stay as they are, no item comes twice and none is left out; a notice says when the order has changed. Where the model has a catalog, items of which the caller sees no row there are not eligible. Errors: 42704 no such model, 42501 no right to ask it, 55000 no such version, or the catalog is missing, 42804 the items are of another type, 22004 another argument is NULL, 22023 k is negative or after is no token of a page, 22P02 the id is not of the model''s type, 22000 the equations have no solution, 54000 the user''s rows need more than recsys.serving_memory. A NULL user_id gets no rows. Fold-in: Hu, Koren, Volinsky 2008, section 4; Zhou et al. 2008, section 3.';

CREATE FUNCTION recsys.recommend(
    model        text,
    user_id      text,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   bigint[] DEFAULT NULL,
    exclude      bigint[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    after        text     DEFAULT NULL,
    OUT rank     int,
    OUT item_id  bigint,
    OUT preference real,
    OUT score    real,
    OUT source   text,
    OUT next     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend';
COMMENT ON FUNCTION recsys.recommend(text, text, int, boolean, bigint[], bigint[], boolean, int, text) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int, text), but for the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.recommend(
    model        text,
    user_id      uuid,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   bigint[] DEFAULT NULL,
    exclude      bigint[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    after        text     DEFAULT NULL,
    OUT rank     int,
    OUT item_id  bigint,
    OUT preference real,
    OUT score    real,
    OUT source   text,
    OUT next     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend';
COMMENT ON FUNCTION recsys.recommend(text, uuid, int, boolean, bigint[], bigint[], boolean, int, text) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int, text), but for the user id given as uuid.';

CREATE FUNCTION recsys.recommend_text(
    model        text,
    user_id      bigint,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   text[] DEFAULT NULL,
    exclude      text[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    after        text     DEFAULT NULL,
    OUT rank     int,
    OUT item_id  text,
    OUT preference real,
    OUT score    real,
    OUT source   text,
    OUT next     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_text';
COMMENT ON FUNCTION recsys.recommend_text(text, bigint, int, boolean, text[], text[], boolean, int, text) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int, text), but for items of any model with their ids as text and the user id given as bigint.';

CREATE FUNCTION recsys.recommend_text(
    model        text,
    user_id      text,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   text[] DEFAULT NULL,
    exclude      text[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    after        text     DEFAULT NULL,
    OUT rank     int,
    OUT item_id  text,
    OUT preference real,
    OUT score    real,
    OUT source   text,
    OUT next     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_text';
COMMENT ON FUNCTION recsys.recommend_text(text, text, int, boolean, text[], text[], boolean, int, text) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int, text), but for items of any model with their ids as text and the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.recommend_text(
    model        text,
    user_id      uuid,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   text[] DEFAULT NULL,
    exclude      text[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    after        text     DEFAULT NULL,
    OUT rank     int,
    OUT item_id  text,
    OUT preference real,
    OUT score    real,
    OUT source   text,
    OUT next     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_text';
COMMENT ON FUNCTION recsys.recommend_text(text, uuid, int, boolean, text[], text[], boolean, int, text) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int, text), but for items of any model with their ids as text and the user id given as uuid.';

CREATE FUNCTION recsys.recommend_uuid(
    model        text,
    user_id      bigint,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   uuid[] DEFAULT NULL,
    exclude      uuid[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    after        text     DEFAULT NULL,
    OUT rank     int,
    OUT item_id  uuid,
    OUT preference real,
    OUT score    real,
    OUT source   text,
    OUT next     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_uuid';
COMMENT ON FUNCTION recsys.recommend_uuid(text, bigint, int, boolean, uuid[], uuid[], boolean, int, text) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int, text), but for items with uuid ids and the user id given as bigint.';

CREATE FUNCTION recsys.recommend_uuid(
    model        text,
    user_id      text,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   uuid[] DEFAULT NULL,
    exclude      uuid[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    after        text     DEFAULT NULL,
    OUT rank     int,
    OUT item_id  uuid,
    OUT preference real,
    OUT score    real,
    OUT source   text,
    OUT next     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_uuid';
COMMENT ON FUNCTION recsys.recommend_uuid(text, text, int, boolean, uuid[], uuid[], boolean, int, text) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int, text), but for items with uuid ids and the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.recommend_uuid(
    model        text,
    user_id      uuid,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   uuid[] DEFAULT NULL,
    exclude      uuid[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    after        text     DEFAULT NULL,
    OUT rank     int,
    OUT item_id  uuid,
    OUT preference real,
    OUT score    real,
    OUT source   text,
    OUT next     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_uuid';
COMMENT ON FUNCTION recsys.recommend_uuid(text, uuid, int, boolean, uuid[], uuid[], boolean, int, text) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int, text), but for items with uuid ids and the user id given as uuid.';

COMMENT ON FUNCTION recsys.predict(text, bigint, bigint, boolean, int) IS
'The score of one item for a user, as recommend() gives it: the predicted rating (explicit) or preference (implicit). mean + user bias + item bias + inner product (Koren, Bell, Volinsky 2009, equation 4), in double precision, rounded once. For an item that the version does not know, mean + user bias (explicit) or NULL (implicit). NULL when the user has no usable rows (fresh) or no stored vector (fresh => false), and for the popular algorithm; NULL for a NULL id. Errors as for recommend().';

CREATE FUNCTION recsys.preference(
    model   text,
    user_id bigint,
    item_id bigint,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_preference';
COMMENT ON FUNCTION recsys.preference(text, bigint, bigint, boolean, int) IS
'What recommend() ranks one item by for a user, and returns as preference, equal to the last bit: the score that predict() gives; or, where several parts rank, their weighted sum, each divided by its standard deviation over all items for this user; or, in a model of ratings that is ranked by a part of its own, x.y of that part; or, where the answer is "popular", the number of users who like the item. NULL when the item is unknown or an id is NULL. Errors as for recommend().';

CREATE FUNCTION recsys.preference(
    model   text,
    user_id text,
    item_id bigint,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_preference';
COMMENT ON FUNCTION recsys.preference(text, text, bigint, boolean, int) IS
'As recsys.preference(text, bigint, bigint, boolean, int), but for the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.preference(
    model   text,
    user_id uuid,
    item_id bigint,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_preference';
COMMENT ON FUNCTION recsys.preference(text, uuid, bigint, boolean, int) IS
'As recsys.preference(text, bigint, bigint, boolean, int), but for the user id given as uuid.';

CREATE FUNCTION recsys.preference_text(
    model   text,
    user_id bigint,
    item_id text,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_preference_text';
COMMENT ON FUNCTION recsys.preference_text(text, bigint, text, boolean, int) IS
'As recsys.preference(text, bigint, bigint, boolean, int), but for items of any model with their ids as text and the user id given as bigint.';

CREATE FUNCTION recsys.preference_text(
    model   text,
    user_id text,
    item_id text,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_preference_text';
COMMENT ON FUNCTION recsys.preference_text(text, text, text, boolean, int) IS
'As recsys.preference(text, bigint, bigint, boolean, int), but for items of any model with their ids as text and the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.preference_text(
    model   text,
    user_id uuid,
    item_id text,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_preference_text';
COMMENT ON FUNCTION recsys.preference_text(text, uuid, text, boolean, int) IS
'As recsys.preference(text, bigint, bigint, boolean, int), but for items of any model with their ids as text and the user id given as uuid.';

CREATE FUNCTION recsys.preference_uuid(
    model   text,
    user_id bigint,
    item_id uuid,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_preference_uuid';
COMMENT ON FUNCTION recsys.preference_uuid(text, bigint, uuid, boolean, int) IS
'As recsys.preference(text, bigint, bigint, boolean, int), but for items with uuid ids and the user id given as bigint.';

CREATE FUNCTION recsys.preference_uuid(
    model   text,
    user_id text,
    item_id uuid,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_preference_uuid';
COMMENT ON FUNCTION recsys.preference_uuid(text, text, uuid, boolean, int) IS
'As recsys.preference(text, bigint, bigint, boolean, int), but for items with uuid ids and the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.preference_uuid(
    model   text,
    user_id uuid,
    item_id uuid,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_preference_uuid';
COMMENT ON FUNCTION recsys.preference_uuid(text, uuid, uuid, boolean, int) IS
'As recsys.preference(text, bigint, bigint, boolean, int), but for items with uuid ids and the user id given as uuid.';

-- ---- what is left of a model, who may dump ------------------------------------

COMMENT ON FUNCTION recsys.drop_model(text, boolean) IS
'Drops a model with its view, its catalog, its factor tables and all its versions, or what is left of a model that is gone: the caller''s relations, and, if the caller may create models, the catalog rows of a name that no relation has. Errors: 42704 no such model, 42501 not the owner, 55P03 it is being trained, 2BP01 something depends on its view.';

-- pg_dump reads what it dumps as its caller: the database's owner could dump before
-- recsys was installed, and must be able to afterwards.  Passwords are not in here.
GRANT SELECT ON recsys.model, recsys.model_version, recsys.model_anchor,
    recsys.kafka_source, recsys.kafka_partition, recsys.kafka_dead_letter, recsys.kafka_gap,
    recsys.kafka_dead_letter_id_seq TO pg_database_owner;

-- ---- item images ---------------------------------------------------------------

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

-- ---- refresh ----------------------------------------------------------------------

CREATE FUNCTION recsys.refresh(
    model       text,
    deploy      boolean DEFAULT true,
    OUT version        int,
    OUT refreshed_from int,
    OUT users          int,
    OUT items          int,
    OUT new_users      int,
    OUT new_items      int,
    OUT ratings        bigint,
    OUT loss           double precision,
    OUT seconds        double precision,
    OUT deployed       boolean
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'recsys_refresh' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1 COST 1000000;
COMMENT ON FUNCTION recsys.refresh(text, boolean) IS
    'Takes users and items that appeared since the model was trained into a new version, without retraining. Items that the trained version has keep their factors; users are solved from their rows of these items, new items from their rows of these users, then all users from all of their rows, exactly: so a stored user is what recommend() folds in. That is fold-in for both sides (Hu, Koren, Volinsky 2008, section 4; Zhou et al. 2008, section 3). The trained version is the active one or, where that was itself refreshed, the one it was refreshed from, so that a new item is solved anew by each refresh. Its mean and its options hold, but for keep_versions. Items and users without rows are left out. The algorithm popular is counted anew. deploy => false leaves the active version as it is. One row: the version, the trained one, users and items published, how many of them the trained one has not (new_users NULL for popular), ratings after the rule for repeated ones, the objective (NULL for popular), seconds. Errors: 55000 no active version, feedback or algorithm was altered since, or no item of the trained version has rows; the others as for train().';

-- ---- recommend_for_items, similar_items, popular, explain -----------------------

CREATE FUNCTION recsys.recommend_for_items(
    model         text,
    items         bigint[],
    weights       real[] DEFAULT NULL,
    k             int DEFAULT 10,
    exclude_given boolean DEFAULT true,
    candidates    bigint[] DEFAULT NULL,
    exclude       bigint[] DEFAULT NULL,
    version       int DEFAULT NULL,
    after         text DEFAULT NULL,
    OUT rank int,
    OUT item_id bigint,
    OUT preference real,
    OUT score real,
    OUT source text,
    OUT next text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_for_items';
COMMENT ON FUNCTION recsys.recommend_for_items(text, bigint[], real[], int, boolean, bigint[], bigint[], int, text) IS
'The k best items for somebody whose rows these items are: a basket, a session, an anonymous visitor. Reads no row of the model''s view. As for a user of recommend(): vector folded in from the items, preference and score those that preference() and predict() would give, source "folded", or "popular" where the items say nothing or there are none. weights holds a rating (explicit) or weight (implicit) for each item; it counts as in a row of the source: an item that is repeated is reduced as rows are, one with a NULL weight counts as given but says nothing, a negative weight of implicit feedback is a dislike. Without weights each item is liked: a row of weight 1 where the model counts rows; otherwise an item is worth the mean of all likes that the version was trained on, which are the ratings at or above the mean of all or the weights above 0. NULL for items is the empty array; NULL elements and unknown ids are ignored. exclude_given leaves out the items. after asks for pages, as for recommend(). candidates NULL means all items, an empty array none. Where the model has a catalog, items of which the caller sees no row there are not eligible. Errors: 42704 no such model, 42501 no right to ask it, 55000 no such version, or the catalog is missing, or one from before 0.2.0 is asked without weights, 42804 the items are of another type, 22004 another argument is NULL, 22023 k is negative, after is no token of a page, there are not as many weights as items, or a weight is not finite, 22000 the equations have no solution, 54000 the items need more than recsys.serving_memory.';

CREATE FUNCTION recsys.recommend_for_items_text(
    model         text,
    items         text[],
    weights       real[] DEFAULT NULL,
    k             int DEFAULT 10,
    exclude_given boolean DEFAULT true,
    candidates    text[] DEFAULT NULL,
    exclude       text[] DEFAULT NULL,
    version       int DEFAULT NULL,
    after         text DEFAULT NULL,
    OUT rank int,
    OUT item_id text,
    OUT preference real,
    OUT score real,
    OUT source text,
    OUT next text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_for_items_text';
COMMENT ON FUNCTION recsys.recommend_for_items_text(text, text[], real[], int, boolean, text[], text[], int, text) IS
'As recsys.recommend_for_items(text, bigint[], real[], int, boolean, bigint[], bigint[], int, text), but for items of any model with their ids as text.';

CREATE FUNCTION recsys.recommend_for_items_uuid(
    model         text,
    items         uuid[],
    weights       real[] DEFAULT NULL,
    k             int DEFAULT 10,
    exclude_given boolean DEFAULT true,
    candidates    uuid[] DEFAULT NULL,
    exclude       uuid[] DEFAULT NULL,
    version       int DEFAULT NULL,
    after         text DEFAULT NULL,
    OUT rank int,
    OUT item_id uuid,
    OUT preference real,
    OUT score real,
    OUT source text,
    OUT next text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_for_items_uuid';
COMMENT ON FUNCTION recsys.recommend_for_items_uuid(text, uuid[], real[], int, boolean, uuid[], uuid[], int, text) IS
'As recsys.recommend_for_items(text, bigint[], real[], int, boolean, bigint[], bigint[], int, text), but for items with uuid ids.';

CREATE FUNCTION recsys.similar_items(
    model      text,
    item_id    bigint,
    k          int DEFAULT 10,
    candidates bigint[] DEFAULT NULL,
    exclude    bigint[] DEFAULT NULL,
    version    int DEFAULT NULL,
    OUT rank int,
    OUT item_id bigint,
    OUT score real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_similar_items';
COMMENT ON FUNCTION recsys.similar_items(text, bigint, int, bigint[], bigint[], int) IS
'The k items most like an item, best first, the score being the cosine of their vectors in the part that ranks, from -1 to 1, without the component of the bias. Exact: every eligible item is compared; equal scores by ascending id. The item itself is not among them, nor are items whose vector is zero. No rows for an unknown or NULL item, for one whose vector is zero, and for the algorithm popular. candidates NULL means all items, an empty array none; in both arrays NULL elements and unknown ids are ignored. Where the model has a catalog, items of which the caller sees no row there are not eligible. Errors: 42704 no such model, 42501 no right to ask it, 55000 no such version, or the catalog is missing, 42804 the items are of another type, 22004 an argument is NULL, 22023 k is negative.';

CREATE FUNCTION recsys.similar_items_text(
    model      text,
    item_id    text,
    k          int DEFAULT 10,
    candidates text[] DEFAULT NULL,
    exclude    text[] DEFAULT NULL,
    version    int DEFAULT NULL,
    OUT rank int,
    OUT item_id text,
    OUT score real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_similar_items_text';
COMMENT ON FUNCTION recsys.similar_items_text(text, text, int, text[], text[], int) IS
'As recsys.similar_items(text, bigint, int, bigint[], bigint[], int), but for items of any model with their ids as text.';

CREATE FUNCTION recsys.similar_items_uuid(
    model      text,
    item_id    uuid,
    k          int DEFAULT 10,
    candidates uuid[] DEFAULT NULL,
    exclude    uuid[] DEFAULT NULL,
    version    int DEFAULT NULL,
    OUT rank int,
    OUT item_id uuid,
    OUT score real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_similar_items_uuid';
COMMENT ON FUNCTION recsys.similar_items_uuid(text, uuid, int, uuid[], uuid[], int) IS
'As recsys.similar_items(text, bigint, int, bigint[], bigint[], int), but for items with uuid ids.';

CREATE FUNCTION recsys.popular(
    model      text,
    k          int DEFAULT 10,
    candidates bigint[] DEFAULT NULL,
    exclude    bigint[] DEFAULT NULL,
    version    int DEFAULT NULL,
    since      interval DEFAULT NULL,
    half_life  interval DEFAULT NULL,
    OUT rank int,
    OUT item_id bigint,
    OUT score real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_popular';
COMMENT ON FUNCTION recsys.popular(text, int, bigint[], bigint[], int, interval, interval) IS
'The k items that most users like, best first, the score being their number: by a weight above 0 (implicit), by a rating at or above the mean of all (explicit). Equal scores by ascending id. Without since and half_life: when the version was trained, which is what recommend() answers with source "popular". With either: by the rows that the model''s view shows the caller now, of items that the version has; the mean is that of the version. since leaves out rows that were older at the start of the transaction: it takes those with time >= now() - since. With half_life a like counts 2^(-age / half_life), a like of the future 1. A user counts once for an item, by their latest rating (of equally late ones the mean) or by the sum of their weights, at the time of their latest row; rows without a time do not count, items that nobody likes are not in the list. history_limit does not matter. candidates NULL means all items, an empty array none; in both arrays NULL elements and unknown ids are ignored. Where the model has a catalog, items of which the caller sees no row there are not eligible. Errors: 42704 no such model, 42501 no right to ask it, 55000 no such version, or the catalog is missing, or since or half_life where the model has no time column or times that are numbers, 42804 the items are of another type, 22004 another argument is NULL, 22023 k is negative, or an interval is not positive or not finite, 22008 an interval leads out of the range of times.';

CREATE FUNCTION recsys.popular_text(
    model      text,
    k          int DEFAULT 10,
    candidates text[] DEFAULT NULL,
    exclude    text[] DEFAULT NULL,
    version    int DEFAULT NULL,
    since      interval DEFAULT NULL,
    half_life  interval DEFAULT NULL,
    OUT rank int,
    OUT item_id text,
    OUT score real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_popular_text';
COMMENT ON FUNCTION recsys.popular_text(text, int, text[], text[], int, interval, interval) IS
'As recsys.popular(text, int, bigint[], bigint[], int, interval, interval), but for items of any model with their ids as text.';

CREATE FUNCTION recsys.popular_uuid(
    model      text,
    k          int DEFAULT 10,
    candidates uuid[] DEFAULT NULL,
    exclude    uuid[] DEFAULT NULL,
    version    int DEFAULT NULL,
    since      interval DEFAULT NULL,
    half_life  interval DEFAULT NULL,
    OUT rank int,
    OUT item_id uuid,
    OUT score real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_popular_uuid';
COMMENT ON FUNCTION recsys.popular_uuid(text, int, uuid[], uuid[], int, interval, interval) IS
'As recsys.popular(text, int, bigint[], bigint[], int, interval, interval), but for items with uuid ids.';

CREATE FUNCTION recsys.explain(
    model   text,
    user_id bigint,
    item_id bigint,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT item_id bigint,
    OUT rating real,
    OUT contribution double precision,
    OUT part text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_explain';
COMMENT ON FUNCTION recsys.explain(text, bigint, bigint, int, int) IS
'What the score that predict() gives a user for an item is made of: contributions, which sum to the score but for rounding. part says what a row is: "item", one of the k items of the user''s rows that contribute most, of either sign, with its rating as it counted (repeated ones reduced); "other items", the further ones together; "mean" (explicit), "user bias" and "item bias" (with biases). An item contributes weight * y.(A^-1 y_item), A being the matrix of the user''s fold-in and weight what the item adds on its right-hand side (Hu, Koren, Volinsky 2008, section 5). A dislike of implicit feedback contributes 0: it only bears upon what the others contribute. No rows where predict() is NULL. Shows rows of the user, so the right to read them is needed: SELECT on the model''s view; REFERENCES is not enough. Errors: 42704 no such model, 42501 no right to use it, 55000 no such version, 42804 the items are of another type, 22004 an argument but an id is NULL, 22023 k is negative, 22P02 an id is not of the model''s type, 22000 the equations have no solution, 54000 the user''s rows need more than recsys.serving_memory.';

CREATE FUNCTION recsys.explain(
    model   text,
    user_id text,
    item_id bigint,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT item_id bigint,
    OUT rating real,
    OUT contribution double precision,
    OUT part text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_explain';
COMMENT ON FUNCTION recsys.explain(text, text, bigint, int, int) IS
'As recsys.explain(text, bigint, bigint, int, int), but for the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.explain(
    model   text,
    user_id uuid,
    item_id bigint,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT item_id bigint,
    OUT rating real,
    OUT contribution double precision,
    OUT part text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_explain';
COMMENT ON FUNCTION recsys.explain(text, uuid, bigint, int, int) IS
'As recsys.explain(text, bigint, bigint, int, int), but for the user id given as uuid.';

CREATE FUNCTION recsys.explain_text(
    model   text,
    user_id bigint,
    item_id text,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT item_id text,
    OUT rating real,
    OUT contribution double precision,
    OUT part text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_explain_text';
COMMENT ON FUNCTION recsys.explain_text(text, bigint, text, int, int) IS
'As recsys.explain(text, bigint, bigint, int, int), but for items of any model with their ids as text and the user id given as bigint.';

CREATE FUNCTION recsys.explain_text(
    model   text,
    user_id text,
    item_id text,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT item_id text,
    OUT rating real,
    OUT contribution double precision,
    OUT part text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_explain_text';
COMMENT ON FUNCTION recsys.explain_text(text, text, text, int, int) IS
'As recsys.explain(text, bigint, bigint, int, int), but for items of any model with their ids as text and the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.explain_text(
    model   text,
    user_id uuid,
    item_id text,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT item_id text,
    OUT rating real,
    OUT contribution double precision,
    OUT part text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_explain_text';
COMMENT ON FUNCTION recsys.explain_text(text, uuid, text, int, int) IS
'As recsys.explain(text, bigint, bigint, int, int), but for items of any model with their ids as text and the user id given as uuid.';

CREATE FUNCTION recsys.explain_uuid(
    model   text,
    user_id bigint,
    item_id uuid,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT item_id uuid,
    OUT rating real,
    OUT contribution double precision,
    OUT part text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_explain_uuid';
COMMENT ON FUNCTION recsys.explain_uuid(text, bigint, uuid, int, int) IS
'As recsys.explain(text, bigint, bigint, int, int), but for items with uuid ids and the user id given as bigint.';

CREATE FUNCTION recsys.explain_uuid(
    model   text,
    user_id text,
    item_id uuid,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT item_id uuid,
    OUT rating real,
    OUT contribution double precision,
    OUT part text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_explain_uuid';
COMMENT ON FUNCTION recsys.explain_uuid(text, text, uuid, int, int) IS
'As recsys.explain(text, bigint, bigint, int, int), but for items with uuid ids and the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.explain_uuid(
    model   text,
    user_id uuid,
    item_id uuid,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT item_id uuid,
    OUT rating real,
    OUT contribution double precision,
    OUT part text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_explain_uuid';
COMMENT ON FUNCTION recsys.explain_uuid(text, uuid, uuid, int, int) IS
'As recsys.explain(text, bigint, bigint, int, int), but for items with uuid ids and the user id given as uuid.';

COMMENT ON FUNCTION recsys.user_vector(text, bigint, boolean, int) IS
'The vector of a user: x of "factors" components, or (x, 1) when the model has biases, so that "ORDER BY f.factors <#> user_vector" over the rows of the version in recsys_data.<model>_item_factors ranks as predict() does, and as recommend() where the version has one part. fresh solves it from the user''s rows of this moment, else it is the one that training stored. NULL when there is none, and for a NULL id. Errors: 42704, 42501, 55000, 22004, 22P02 as for recommend().';

-- ---- recommend_all, recommend_users, similar_users --------------------------------

COMMENT ON FUNCTION recsys.train(text, jsonb, boolean) IS
    'Trains a model on what its view shows now and makes the result a new version; a model of the algorithm auto first chooses options by rows that it holds out, see the column choice of recsys.model_versions; options go before the model''s for this version only, deploy => false leaves the active version as it is. One row: the version, users and items published, ratings after the rule for repeated ones, iterations done, the objective after the last (NULL for popular), seconds. Errors: 42704 no such model, 42501 not its owner, 55P03 it is being trained, 55000 a factor table was altered, or lacks a column that the algorithm needs, 22004 an argument is NULL, 22023 wrong option or nothing to train on, 22000 a rating that is no number or factors that are not determined, 22003 a value out of range, 54000 more memory than recsys.training_memory, 25006 read-only.';
COMMENT ON FUNCTION recsys.training_progress_slots() IS
    'the rows of the view recsys.training_progress: runs in this database of models that the caller may use or owns';
COMMENT ON VIEW recsys.training_progress IS
    'trainings, and answers for all users, that run now; empty unless the library recsys is in shared_preload_libraries';
COMMENT ON COLUMN recsys.training_progress.phase IS 'reading, preparing, choosing, iterating and publishing of a training, of one with a part that ranks preparing and preferring (its iterations) before the last, and of one with an item part preparing and relating (solving it) then; reading, preparing and answering of recommend_all() and its kin';
COMMENT ON COLUMN recsys.training_progress.iteration IS 'iterations finished; choosing: candidates tried';
COMMENT ON COLUMN recsys.training_progress.rows_done IS 'users or items solved in the current half of an iteration; answering: users who are answered';

CREATE FUNCTION recsys.recommend_all(
    model        text,
    k            int     DEFAULT 10,
    exclude_seen boolean DEFAULT true,
    version      int     DEFAULT NULL,
    OUT user_id    text,
    OUT rank       int,
    OUT item_id    bigint,
    OUT preference real,
    OUT score      real,
    OUT source     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 100000
AS 'MODULE_PATHNAME', 'recsys_recommend_all';
COMMENT ON FUNCTION recsys.recommend_all(text, int, boolean, int) IS
'The k best items of each user of whom the caller sees a row: what recommend() answers for them, bit by bit, ordered by user and rank. user_id is the id as text; the other columns, and exclude_seen, are those of recommend(). Lists hold only items of which the caller sees a row in the model''s catalog, if it has one. Reads the view once, as the caller; all users are folded in and searched for by recsys.training_threads threads. The rows of the view and the memory of the computation must fit into recsys.training_memory; the result goes to disk beyond work_mem. Writes nothing, so that it works on a standby. While it runs, recsys.training_progress shows it. Errors: 42704 no such model, 42501 no SELECT on its view or the catalog, 55000 no such version or the catalog is missing, 42804 the items are of another type, 22004 another argument than version is NULL, 22023 k is negative, 22000 the equations of a user have no solution, 54000 more memory than recsys.training_memory or a text id that is too long, 53000 no thread can be started.';

CREATE FUNCTION recsys.recommend_all_text(
    model        text,
    k            int     DEFAULT 10,
    exclude_seen boolean DEFAULT true,
    version      int     DEFAULT NULL,
    OUT user_id    text,
    OUT rank       int,
    OUT item_id    text,
    OUT preference real,
    OUT score      real,
    OUT source     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 100000
AS 'MODULE_PATHNAME', 'recsys_recommend_all_text';
COMMENT ON FUNCTION recsys.recommend_all_text(text, int, boolean, int) IS
'As recsys.recommend_all(text, int, boolean, int), but for items of any model with their ids as text.';

CREATE FUNCTION recsys.recommend_all_uuid(
    model        text,
    k            int     DEFAULT 10,
    exclude_seen boolean DEFAULT true,
    version      int     DEFAULT NULL,
    OUT user_id    text,
    OUT rank       int,
    OUT item_id    uuid,
    OUT preference real,
    OUT score      real,
    OUT source     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 100000
AS 'MODULE_PATHNAME', 'recsys_recommend_all_uuid';
COMMENT ON FUNCTION recsys.recommend_all_uuid(text, int, boolean, int) IS
'As recsys.recommend_all(text, int, boolean, int), but for items with uuid ids.';

CREATE FUNCTION recsys.recommend_users(
    model        text,
    item_id      bigint,
    k            int      DEFAULT 10,
    exclude_seen boolean DEFAULT true,
    version      int      DEFAULT NULL,
    OUT rank       int,
    OUT user_id    text,
    OUT preference real,
    OUT score      real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_users';
COMMENT ON FUNCTION recsys.recommend_users(text, bigint, int, boolean, int) IS
'The k users who prefer an item most, for instance to tell them of it. All users of whom the caller sees usable rows now are folded in; preference is what recommend() ranks the item by for them, and score what predict() gives, to the last bit; equal ones in the order of ids. user_id is the id as text. exclude_seen leaves out the users who have a row with the item. No rows for an item that the version does not know or of which the caller sees no row in the catalog, for a NULL id, and for the popular algorithm. Costs as much as recommend_all() without its lists, whatever k is. Errors as for recommend_all(), and 22P02 the id is not of the model''s type.';

CREATE FUNCTION recsys.recommend_users(
    model        text,
    item_id      text,
    k            int      DEFAULT 10,
    exclude_seen boolean DEFAULT true,
    version      int      DEFAULT NULL,
    OUT rank       int,
    OUT user_id    text,
    OUT preference real,
    OUT score      real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_users';
COMMENT ON FUNCTION recsys.recommend_users(text, text, int, boolean, int) IS
'As recsys.recommend_users(text, bigint, int, boolean, int), but for the item id given as text, which is converted to the type of the model''s items.';

CREATE FUNCTION recsys.recommend_users(
    model        text,
    item_id      uuid,
    k            int      DEFAULT 10,
    exclude_seen boolean DEFAULT true,
    version      int      DEFAULT NULL,
    OUT rank       int,
    OUT user_id    text,
    OUT preference real,
    OUT score      real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_users';
COMMENT ON FUNCTION recsys.recommend_users(text, uuid, int, boolean, int) IS
'As recsys.recommend_users(text, bigint, int, boolean, int), but for the item id given as uuid.';

CREATE FUNCTION recsys.similar_users(
    model   text,
    user_id bigint,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT rank    int,
    OUT user_id text,
    OUT score   real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_similar_users';
COMMENT ON FUNCTION recsys.similar_users(text, bigint, int, int) IS
'The k users whose vectors are nearest in direction to that of a user, who is not among them. All users of whom the caller sees usable rows now are folded in. The score is the cosine, as recsys.cosine_similarity() gives it for their vectors in the part that ranks, which is user_vector() without the component of the bias where the version has one part, as real; equal ones in the order of ids; user_id is the id as text. No rows when the user has no vector or one of zeros, for a NULL id, and for the popular algorithm. Costs as much as recommend_users(). Errors as for recommend_users().';

CREATE FUNCTION recsys.similar_users(
    model   text,
    user_id text,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT rank    int,
    OUT user_id text,
    OUT score   real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_similar_users';
COMMENT ON FUNCTION recsys.similar_users(text, text, int, int) IS
'As recsys.similar_users(text, bigint, int, int), but for the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.similar_users(
    model   text,
    user_id uuid,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT rank    int,
    OUT user_id text,
    OUT score   real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_similar_users';
COMMENT ON FUNCTION recsys.similar_users(text, uuid, int, int) IS
'As recsys.similar_users(text, bigint, int, int), but for the user id given as uuid.';
