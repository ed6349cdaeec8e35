-- A stored user equals the folded one, to the bit, with each option away from its default.
CREATE TABLE fo_rows (user_id int, item_id int, rating real, at timestamptz);
INSERT INTO fo_rows
SELECT u, i, 1 + (u * i + i) % 5 - CASE WHEN (u + i) % 9 = 0 THEN 2 ELSE 0 END, '2026-01-01'::timestamptz + (u * 40 + i) * interval '1 minute'
  FROM generate_series(1, 60) AS u, generate_series(1, 40) AS i WHERE (u * 7 + i * i) % 4 = 0;
CREATE INDEX ON fo_rows (user_id);
SELECT recsys.create_model('fo_explicit', 'fo_rows', rating_column => 'rating', time_column => 'at', algorithm => 'als');
SELECT recsys.create_model('fo_implicit', 'fo_rows', rating_column => 'rating', time_column => 'at', feedback => 'implicit', algorithm => 'als');

-- Values of an option that are not its default: all other words, or another number of its
-- range.  A cast stands in a CASE, so that no planner tries it on another type's default.
CREATE FUNCTION fo_values(name text, type text, dflt text, range text) RETURNS SETOF jsonb LANGUAGE sql AS $$
SELECT to_jsonb(v) FROM string_to_table(range, ', ') AS v WHERE type = 'text' AND v <> dflt
UNION ALL
SELECT CASE WHEN type = 'boolean' THEN to_jsonb(NOT dflt::boolean)
            WHEN type IN ('integer', 'bigint') THEN to_jsonb(dflt::bigint + 3)
            WHEN dflt ~ '^[0-9.]+$' THEN to_jsonb(dflt::float8 / 2 + 0.25)
            ELSE to_jsonb(0.25::float8) END
 WHERE type <> 'text'
$$;

-- A training with one option away from its default: did it take, and are all users the same?
CREATE FUNCTION fo_train(model text, option text, value jsonb, OUT recorded boolean, OUT users bigint, OUT same boolean) LANGUAGE plpgsql AS $$
DECLARE
    v int;
BEGIN
    SELECT t.version INTO v FROM recsys.train(fo_train.model, jsonb_build_object(option, value)) AS t;
    SELECT m.options->option = value INTO recorded FROM recsys.model_versions AS m WHERE m.model = fo_train.model AND m.version = v;
    SELECT count(*), bool_and(recsys.user_vector(fo_train.model, u)::text = recsys.user_vector(fo_train.model, u, fresh => false)::text
                              AND recsys.predict(fo_train.model, u, 3) IS NOT DISTINCT FROM recsys.predict(fo_train.model, u, 3, fresh => false))
      INTO users, same FROM generate_series(1, 60) AS u WHERE EXISTS (SELECT FROM fo_rows AS r WHERE r.user_id = u);
END
$$;

SELECT f.model, o.name, v.value, t.*
  FROM (SELECT * FROM recsys.options() WHERE algorithms LIKE '%als%') AS o,
       LATERAL (VALUES ('fo_explicit', o.default_explicit), ('fo_implicit', o.default_implicit)) AS f (model, dflt),
       fo_values(o.name, o.type, f.dflt, o.range) AS v (value),
       fo_train(f.model, o.name, v.value) AS t
 WHERE f.dflt IS NOT NULL
 ORDER BY 1, 2, 3;

-- none was forgotten
SELECT o.name FROM recsys.options() AS o
 WHERE NOT EXISTS (SELECT FROM fo_values(o.name, o.type, coalesce(o.default_explicit, o.default_implicit), o.range));

SELECT recsys.drop_model(x) FROM unnest(ARRAY['fo_explicit', 'fo_implicit']) AS x;
