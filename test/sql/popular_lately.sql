-- popular by the rows of a window of time, and with likes that fade.
\pset null <null>
SET client_min_messages = warning;
CREATE TABLE pl_stars (user_id int, item_id int, rating real, at timestamptz, local timestamp, day date, tick int);
-- all between half hours, so that no test is at an edge; some without a time, some in the future, some repeated, some equally late
INSERT INTO pl_stars (user_id, item_id, rating, at)
SELECT u, i, 1 + (u * 7 + i * i + n) % 5 - CASE WHEN (u + i) % 7 = 0 THEN 3 ELSE 0 END,
       CASE WHEN (u + i + n) % 11 = 0 THEN NULL
            ELSE now() - ((u * 13 + i * 5 + n * 3) % 60 - 2) * interval '1 hour' - interval '30 min' - n / 2 * interval '5 days' END
  FROM generate_series(1, 30) AS u, generate_series(1, 15) AS i, generate_series(0, 3) AS n WHERE (u * i + n) % 4 = 0;
INSERT INTO pl_stars (user_id, item_id, rating, at) SELECT user_id, item_id, 6 - rating, at FROM pl_stars WHERE (user_id + item_id) % 5 = 0;
UPDATE pl_stars SET local = at, day = at, tick = extract(epoch FROM at);
CREATE INDEX ON pl_stars (user_id);
CREATE INDEX ON pl_stars (at);
SELECT recsys.create_model('pl', 'pl_stars', time_column => 'at', options => '{"factors": 2, "history_limit": 3}', algorithm => 'als'),
       recsys.create_model('pl_i', 'pl_stars', rating_column => 'rating', time_column => 'at', feedback => 'implicit', options => '{"factors": 2}', algorithm => 'als'),
       recsys.create_model('pl_n', 'pl_stars', time_column => 'at', feedback => 'implicit', options => '{"factors": 2}', algorithm => 'als'),
       recsys.create_model('pl_local', 'pl_stars', time_column => 'local', options => '{"factors": 2}', algorithm => 'als'),
       recsys.create_model('pl_day', 'pl_stars', time_column => 'day', options => '{"factors": 2}', algorithm => 'als'),
       recsys.create_model('pl_p', 'pl_stars', time_column => 'at', algorithm => 'popular'),
       recsys.create_model('pl_tick', 'pl_stars', time_column => 'tick', options => '{"factors": 2}', algorithm => 'als'),
       recsys.create_model('pl_none', 'pl_stars', options => '{"factors": 2}', algorithm => 'als');
SELECT * FROM recsys.popular('pl', since => '1 day');
SELECT m, t.version FROM unnest('{pl,pl_i,pl_n,pl_local,pl_day,pl_p,pl_tick,pl_none}'::text[]) AS m, recsys.train(m) AS t;

-- the same in plain SQL
CREATE FUNCTION pl_brute(m text, since interval, half_life interval) RETURNS TABLE (rank bigint, item_id bigint, score real) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$
        WITH known AS (SELECT v.feedback, v.mean::real AS mean FROM recsys.model_versions v WHERE v.model = %1$L AND v.active),
        seen AS (SELECT v.*, rank() OVER (PARTITION BY v.user_id, v.item_id ORDER BY v."time" DESC) AS age
                   FROM recsys_data.%1$I v WHERE v."time" IS NOT NULL AND v.rating IS NOT NULL AND ($1 IS NULL OR v."time" >= now() - $1)),
        pairs AS (SELECT s.user_id, s.item_id, max(s."time")::timestamptz AS at, sum(s.rating)::real AS weight, (avg(s.rating) FILTER (WHERE s.age = 1))::real AS rating FROM seen s GROUP BY 1, 2),
        liked AS (SELECT p.item_id, CASE WHEN $2 IS NULL THEN 1 ELSE 0.5 ^ (greatest(0, extract(epoch FROM now()) - extract(epoch FROM p.at)) / extract(epoch FROM now() - (now() - $2)))::float8 END AS part
                    FROM pairs p, known k WHERE CASE k.feedback WHEN 'implicit' THEN p.weight > 0 ELSE p.rating >= k.mean END),
        scores AS (SELECT l.item_id, sum(l.part)::real AS score FROM liked l JOIN recsys_data.%2$I f ON f.item_id = l.item_id AND f.version = 1 GROUP BY 1)
        SELECT row_number() OVER (ORDER BY s.score DESC, s.item_id), s.item_id::bigint, s.score FROM scores s$q$, m, m || '_item_factors') USING since, half_life;
END
$$;
CREATE FUNCTION pl_check(m text, since interval, half_life interval, OUT listed boolean, OUT same boolean) LANGUAGE sql AS $$
SELECT count(p.rank) > 0, coalesce(bool_and(p.item_id IS NOT DISTINCT FROM b.item_id AND abs(p.score - b.score) <= 1e-6 * b.score), true)
  FROM recsys.popular(m, 100, since => since, half_life => half_life) p FULL JOIN pl_brute(m, since, half_life) b USING (rank)
$$;
SELECT m, s, h, m = 'pl_day' OR c.listed AS listed, c.same FROM unnest('{pl,pl_i,pl_n,pl_local,pl_day,pl_p}'::text[]) AS m,
       (VALUES ('3 hours'::interval, NULL::interval), ('2 days', NULL), ('6 days', NULL), ('1 month -1 day', NULL), (NULL, '2 hours'), (NULL, '1 month'), ('3 days', '5 hours')) AS v (s, h),
       LATERAL pl_check(m, s, h) AS c ORDER BY m, s, h;

-- where clocks change: times without a zone are those of the session, a month is as long as it is
SELECT count(*), bool_and(c.same) FROM unnest('{Europe/Berlin,America/New_York,Australia/Lord_Howe,UTC}'::text[]) AS z, set_config('timezone', z, false) AS t,
       unnest('{pl,pl_local,pl_day}'::text[]) AS m, unnest('{1 day,3 days,1 month,7 months}'::interval[]) AS s, LATERAL pl_check(m, CASE WHEN t = z THEN s END, CASE WHEN s > '2 days' THEN s END) AS c;
RESET timezone;

-- the edge belongs to the window; what is one microsecond older does not
BEGIN;
SET LOCAL timezone = 'Europe/Berlin';
UPDATE pl_stars SET at = NULL;
INSERT INTO pl_stars (user_id, item_id, rating, at) VALUES (100, 3, 5, now() - interval '7 months'), (101, 3, 5, now() - interval '7 months'),
    (100, 4, 5, now() - interval '7 months' - interval '1 us'), (102, 5, 5, now() + interval '1 year'), (103, 5, 5, 'infinity'), (104, 6, 5, '-infinity');
SELECT * FROM recsys.popular('pl', since => '7 months');
SELECT * FROM recsys.popular('pl', since => '7 months 1 us');
-- of the future, or after a half-life
SELECT item_id, score FROM recsys.popular('pl', half_life => '7 months');
-- a user whose opinion changed, by the latest row; equally late ones by their mean
INSERT INTO pl_stars (user_id, item_id, rating, at) SELECT 200, 7, r, now() - n * interval '1 min' FROM (VALUES (1, 5), (5, 6)) AS v (r, n);
INSERT INTO pl_stars (user_id, item_id, rating, at) SELECT 200, 8, r, now() - n * interval '1 min' FROM (VALUES (5, 5), (1, 6)) AS v (r, n);
INSERT INTO pl_stars (user_id, item_id, rating, at) SELECT 200, 9, r, now() - interval '1 min' FROM (VALUES (5), (4), (5)) AS v (r);
INSERT INTO pl_stars (user_id, item_id, rating, at) SELECT 200, 10, r, now() - interval '1 min' FROM (VALUES (1), (2), (5)) AS v (r);
SELECT item_id, score FROM recsys.popular('pl', since => '1 hour');
SELECT item_id, score FROM recsys.popular('pl_i', since => '1 hour');
SELECT item_id, score FROM recsys.popular('pl_i', since => '1 hour', half_life => '1 min') WHERE item_id IN (7, 8, 9);
-- weights that cancel, that are no numbers, rows without a user or an item
INSERT INTO pl_stars (user_id, item_id, rating, at) VALUES (300, 11, 2, now()), (300, 11, -2, now()), (300, 12, 'NaN', now()), (300, 12, 'Infinity', now()), (NULL, 12, 5, now()), (300, NULL, 5, now()), (300, 12, NULL, now());
SELECT count(*) FROM recsys.popular('pl_i', since => '1 hour', candidates => '{11,12}');
SELECT count(*) FROM recsys.popular('pl', since => '1 hour', candidates => '{12}');
ROLLBACK;

-- equal ratings are all likes, whatever a float makes of their mean
CREATE TABLE pl_equal (user_id int, item_id int, rating float8, at timestamptz);
CREATE INDEX ON pl_equal (user_id);
INSERT INTO pl_equal SELECT u, i, 3.7, now() FROM generate_series(1, 5) AS u, generate_series(1, 3) AS i WHERE u >= i;
SELECT recsys.create_model('pl_equal', 'pl_equal', time_column => 'at', options => '{"factors": 2}', algorithm => 'als');
SELECT version FROM recsys.train('pl_equal');
SELECT p.item_id, p.score, q.score FROM recsys.popular('pl_equal', since => '1 day') AS p JOIN recsys.popular('pl_equal') AS q USING (rank, item_id);
-- so old that their weight would underflow
UPDATE pl_equal SET at = '-infinity' WHERE item_id = 1;
UPDATE pl_equal SET at = '0001-01-01' WHERE item_id = 2;
SELECT * FROM recsys.popular('pl_equal', half_life => '1 us');
SELECT * FROM recsys.popular('pl_equal', half_life => '1 us', since => '1000 years');

-- candidates, exclusions, a version, lists of other lengths; items that the version does not know
INSERT INTO pl_stars (user_id, item_id, rating, at) SELECT u, 99, 5, now() FROM generate_series(1, 30) AS u;
SELECT count(*) FROM recsys.popular('pl', 100, since => '1 hour') AS p WHERE p.item_id = 99;
SELECT array_agg(p.item_id ORDER BY p.item_id) FROM recsys.popular('pl', candidates => '{1,2,3,NULL,99,1000}', exclude => '{3}', since => '10 days') AS p;
SELECT count(*) FROM recsys.popular('pl', candidates => '{}', since => '10 days');
SELECT count(*) FROM recsys.popular('pl', 0, since => '10 days');
SELECT count(*), max(rank) FROM recsys.popular('pl', 3, since => '10 days');
SELECT max(p.item_id) FROM recsys.popular('pl', 2147483647, since => '10 days') AS p;
SELECT version FROM recsys.train('pl');
SELECT p.item_id, p.score FROM recsys.popular('pl', 1, since => '1 hour') AS p;
SELECT count(*) FROM recsys.popular('pl', 100, version => 1, since => '1 hour') AS p WHERE p.item_id = 99;
-- with a catalogue
CREATE TABLE pl_goods (item_id int PRIMARY KEY);
INSERT INTO pl_goods SELECT generate_series(2, 20, 3);
SELECT recsys.alter_model('pl', catalog => 'pl_goods');
SELECT array_agg(p.item_id ORDER BY p.item_id) FROM recsys.popular('pl', 100, since => '10 days') AS p;
SELECT count(*) FROM recsys.popular('pl', 2, half_life => '10 days') AS p;
SELECT recsys.alter_model('pl', drop_catalog => true);

-- the statement sees what it should
BEGIN;
INSERT INTO pl_stars (user_id, item_id, rating, at) SELECT u, 1, 5, now() FROM generate_series(1000, 1099) AS u;
SELECT p.item_id, p.score > 100 AS more FROM recsys.popular('pl', 1, since => '1 hour') AS p;
ROLLBACK;
SELECT p.item_id, p.score > 100 AS more FROM recsys.popular('pl', 1, since => '1 hour') AS p;

-- other ids
CREATE VIEW pl_ids AS SELECT user_id::text COLLATE "C" AS user_id, 'i' || (100 + item_id) AS item_id, rating, at FROM pl_stars;
CREATE VIEW pl_uuids AS SELECT user_id, ('00000000-0000-0000-0000-' || lpad(item_id::text, 12, '0'))::uuid AS item_id, rating, at FROM pl_stars;
SELECT recsys.create_model('pl_b', 'pl_stars', time_column => 'at', options => '{"factors": 2}', algorithm => 'als'), recsys.create_model('pl_t', 'pl_ids', time_column => 'at', options => '{"factors": 2}', algorithm => 'als'),
       recsys.create_model('pl_u', 'pl_uuids', time_column => 'at', options => '{"factors": 2}', algorithm => 'als');
SELECT m, t.version FROM unnest('{pl_b,pl_t,pl_u}'::text[]) AS m, recsys.train(m) AS t;
SELECT s, h, count(*) > 10 AS listed, bool_and(a.score = b.score AND a.score = c.score AND a.score = d.score AND b.item_id::text = c.item_id AND 'i' || (100 + a.item_id) = d.item_id AND right(c.item_id, 12)::int = a.item_id) AS same
  FROM (VALUES ('3 days'::interval, NULL::interval), (NULL, '1 day'), ('3 days', '1 day')) AS v (s, h), LATERAL recsys.popular('pl_b', 100, since => s, half_life => h) AS a
  LEFT JOIN LATERAL recsys.popular_uuid('pl_u', 100, since => s, half_life => h) AS b USING (rank) LEFT JOIN LATERAL recsys.popular_text('pl_u', 100, since => s, half_life => h) AS c USING (rank)
  LEFT JOIN LATERAL recsys.popular_text('pl_t', 100, since => s, half_life => h) AS d USING (rank) GROUP BY s, h ORDER BY s, h;

-- an index on the time is used
CREATE TABLE pl_long AS SELECT g % 1000 AS user_id, g % 100 AS item_id, 3 AS rating, now() - g * interval '1 min' AS at FROM generate_series(1, 20000) AS g;
CREATE INDEX ON pl_long (at);
CREATE INDEX ON pl_long (user_id);
ANALYZE pl_long;
SELECT recsys.create_model('pl_long', 'pl_long', time_column => 'at', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');
SELECT version FROM recsys.train('pl_long');
BEGIN;
SELECT pg_stat_get_xact_numscans('pl_long'::regclass) AS t, pg_stat_get_xact_numscans('pl_long_at_idx'::regclass) AS i \gset
SELECT count(*) FROM recsys.popular('pl_long', 5, since => '1 hour');
SELECT pg_stat_get_xact_numscans('pl_long'::regclass) - :t AS scans_of_all, pg_stat_get_xact_numscans('pl_long_at_idx'::regclass) > :i AS by_index;
COMMIT;

-- rights: who may ask sees counts, not rows; a row policy holds for them
CREATE ROLE recsys_pl_app;
SET ROLE recsys_pl_app;
SELECT count(*) FROM recsys.popular('pl', since => '10 days');
RESET ROLE;
GRANT SELECT ON recsys_data.pl TO recsys_pl_app;
SET ROLE recsys_pl_app;
SELECT count(*) FROM recsys.popular('pl');
SELECT count(*) FROM recsys.popular('pl', since => '10 days');
RESET ROLE;
REVOKE SELECT ON recsys_data.pl FROM recsys_pl_app;
SELECT recsys.alter_model('pl', run_as => 'owner');
GRANT REFERENCES ON recsys_data.pl TO recsys_pl_app;
SET ROLE recsys_pl_app;
SELECT count(*) > 5 AS some FROM recsys.popular('pl', since => '10 days');
SELECT count(*) > 5 AS some FROM recsys.popular('pl', half_life => '10 days');
SELECT count(*) FROM recsys_data.pl;
RESET ROLE;
REVOKE REFERENCES ON recsys_data.pl FROM recsys_pl_app;
SELECT recsys.alter_model('pl', run_as => 'caller');
GRANT SELECT ON recsys_data.pl, pl_stars TO recsys_pl_app;
CREATE POLICY p ON pl_stars TO recsys_pl_app USING (user_id <= 2);
ALTER TABLE pl_stars ENABLE ROW LEVEL SECURITY;
SET ROLE recsys_pl_app;
SELECT max(score) <= 2 AS own FROM recsys.popular('pl', 100, since => '10 days');
RESET ROLE;
SELECT max(score) > 2 AS own FROM recsys.popular('pl', 100, since => '10 days');

-- a view that asks in turn
CREATE FUNCTION pl_again(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM FROM recsys.popular('pl', 3, since => '1 day'); RETURN $1; END $$;
CREATE VIEW pl_trap AS SELECT pl_again(user_id) AS user_id, item_id, rating, at FROM pl_stars WHERE item_id < 3;
SELECT recsys.create_model('pl_trap', 'pl_trap', time_column => 'at', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');
SELECT version FROM recsys.train('pl_trap');
SELECT count(*) FROM recsys.popular('pl_trap', since => '10 days');

-- what cannot be asked
SELECT * FROM recsys.popular('pl_none', since => '1 day');
SELECT * FROM recsys.popular('pl_none', half_life => '1 day');
SELECT * FROM recsys.popular('pl_tick', since => '1 day');
SELECT * FROM recsys.popular('pl', since => '0');
SELECT * FROM recsys.popular('pl', since => '-1 day');
SELECT * FROM recsys.popular('pl', half_life => '0');
SELECT * FROM recsys.popular('pl', since => '1 day', half_life => '1 day -25 hours');
SELECT * FROM recsys.popular('pl', since => '200000 years');
SELECT count(*) FROM recsys.popular('pl', since => NULL, half_life => NULL);
SELECT * FROM recsys.popular('pl', -1, since => '1 day');
SELECT * FROM recsys.popular_text('pl', version => 77, since => '1 day');
SELECT * FROM recsys.popular_uuid('pl', since => '1 day');

SELECT recsys.drop_model(m) FROM unnest('{pl,pl_i,pl_n,pl_local,pl_day,pl_p,pl_tick,pl_none,pl_equal,pl_b,pl_t,pl_u,pl_long,pl_trap}'::text[]) AS m;
DROP FUNCTION pl_check, pl_brute;
DROP VIEW pl_ids, pl_uuids, pl_trap;
DROP FUNCTION pl_again;
DROP TABLE pl_stars, pl_equal, pl_goods, pl_long;
DROP ROLE recsys_pl_app;
