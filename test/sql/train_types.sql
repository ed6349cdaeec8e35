-- Training reads columns of any type as a cast would, and fold-in reads the same.
CREATE DOMAIN tt_real AS real;
CREATE DOMAIN tt_int AS int;
CREATE TABLE tt_rows (
    u2 smallint, u4 int, u8 bigint, ud tt_int,
    i2 smallint, i4 int, i8 bigint, id tt_int,
    r2 smallint, r4 int, r8 bigint, f4 real, f8 double precision, n numeric, d tt_real,
    t2 smallint, t4 int, t8 bigint, tz timestamptz, ts timestamp, td date);
INSERT INTO tt_rows
SELECT u, u, u, u, i, i, i, i,
       r, r * 70000, r * 5000000001, r / 8.0, r / 7.0::float8, r / 7.0, r / 8.0,
       t, t * 70000, t * 5000000001, '2000-01-01Z'::timestamptz + t * interval '1 day',
       '2000-01-01'::timestamp + t * interval '1 day', '2000-01-01'::date + t
FROM generate_series(-12, 12) AS u, generate_series(-9, 9) AS i, generate_series(-2, 2) AS t,
     LATERAL (SELECT (u * u + i * 5 + t * t * t) % 11) AS v(r)
WHERE (u + 2 * i) % 3 <> 0 AND (u * i + t) % 4 <> 0;
CREATE INDEX ON tt_rows (u2);
CREATE INDEX ON tt_rows (u4);
CREATE INDEX ON tt_rows (u8);
CREATE INDEX ON tt_rows (ud);

-- Train on expressions over the rows, as columns of a view and of a table of just these: the bytes
-- of all factors, whether the stored users are those folded in, and who they are.
CREATE FUNCTION tt_train(user_id text, item_id text, rating text, "time" text DEFAULT NULL,
                         OUT factors text, OUT folded boolean, OUT first bigint, OUT last bigint, OUT counted int) LANGUAGE plpgsql AS $$
DECLARE
    source text;
    given text;
BEGIN
    EXECUTE format('CREATE VIEW tt_view AS SELECT %s AS user_id, %s AS item_id, %s AS rating, %s AS at FROM tt_rows',
                   user_id, item_id, rating, coalesce("time", 'NULL::int'));
    CREATE TABLE tt_exact AS SELECT tt_view.user_id, tt_view.item_id, tt_view.rating FROM tt_view;
    CREATE INDEX ON tt_exact (user_id);
    FOREACH source IN ARRAY CASE WHEN "time" IS NULL THEN ARRAY['tt_view', 'tt_exact'] ELSE ARRAY['tt_view'] END LOOP
        PERFORM recsys.create_model('tt', source::regclass, time_column => CASE WHEN "time" IS NOT NULL THEN 'at' END,
                                    options => '{"factors": 3, "iterations": 3, "regularization": 1}', algorithm => 'als');
        PERFORM recsys.train('tt');
        SELECT md5(string_agg(f::text, ',' ORDER BY f::text)) INTO factors
        FROM (SELECT f.user_id, f.factors, bias FROM recsys_data.tt_user_factors AS f
              UNION ALL SELECT f.item_id, f.factors, users FROM recsys_data.tt_item_factors AS f) AS f;
        SELECT bool_and(recsys.user_vector('tt', f.user_id)::real[] = recsys.user_vector('tt', f.user_id, false)::real[]),
               min(f.user_id), max(f.user_id), count(*) INTO folded, first, last, counted
        FROM recsys_data.tt_user_factors AS f;
        IF given <> factors THEN
            RAISE EXCEPTION 'a table and a view differ';
        END IF;
        given := factors;
        PERFORM recsys.drop_model('tt');
    END LOOP;
    DROP VIEW tt_view;
    DROP TABLE tt_exact;
END
$$;

-- compiled code takes the rows apart here, as it does when there are many
SET jit_above_cost = 0;
SET client_min_messages = warning;

-- ratings
SELECT rating, (a).factors = (b).factors AS as_cast, (a).folded
FROM unnest(ARRAY['r2', 'r4', 'r8', 'f4', 'f8', 'n', 'd']) AS c(rating),
     LATERAL (SELECT tt_train('u8', 'i8', rating) AS a, tt_train('u8', 'i8', rating || '::float8') AS b
              OFFSET 0) AS t;

-- users and items
SELECT u, i, (a).factors = (b).factors AS as_cast, (a).folded
FROM (VALUES ('u2', 'i4'), ('u4', 'i2'), ('u4', 'i4'), ('ud', 'i8'), ('u8', 'id')) AS c(u, i),
     LATERAL (SELECT tt_train(u, i, 'f8') AS a, tt_train('u8', 'i8', 'f8') AS b OFFSET 0) AS t;

-- ids that come from a sequence are found otherwise than those that are large or negative
SELECT at, (a).folded, (a).first, (a).last, (a).counted
FROM unnest(ARRAY[0, 12, 1024, 262144, 2147483648]) AS c(at),
     LATERAL (SELECT tt_train('u8 + ' || at, 'i8 * i8 * i8 + ' || at, 'f8') AS a OFFSET 0) AS t;

-- times: the order of all is the same, and without them there is another model
SELECT "time", (a).factors = (b).factors AS by_time, (a).folded
FROM unnest(ARRAY['t2', 't4', 'tz', 'ts', 'td', NULL]) AS c("time"),
     LATERAL (SELECT tt_train('u8', 'i8', 'f8', "time") AS a, tt_train('u8', 'i8', 'f8', 't8') AS b
              OFFSET 0) AS t;

-- rows are named by their ids whatever the type
UPDATE tt_rows SET f4 = 'NaN' WHERE u4 = -7 AND i4 = -8;
SELECT recsys.create_model('tt', 'tt_rows', 'u4', 'i2', 'f4', algorithm => 'als');
SELECT * FROM recsys.train('tt');
SELECT recsys.drop_model('tt');

RESET client_min_messages;
RESET jit_above_cost;
DROP FUNCTION tt_train(text, text, text, text);
DROP TABLE tt_rows;
DROP DOMAIN tt_real, tt_int;
