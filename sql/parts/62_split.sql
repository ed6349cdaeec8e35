-- ---------------------------------------------------------------------------
-- A part to train on and a part to test with, as views over the source.
--
-- Views leave no copy of the data behind, and split anything that has rows.
-- security_invoker: readers see the rows that they may see of the source, and nobody
-- gets a right by a view that somebody else made.  In which part a row is follows from what the
-- rows hold, whatever their order.  Windows are partitioned by user, so that an index of
-- the source still finds the rows of one.
-- ---------------------------------------------------------------------------

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
