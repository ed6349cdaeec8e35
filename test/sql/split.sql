-- split: views to train on and to test with.
CREATE TABLE spl AS
SELECT u AS user_id, i AS item_id, (u + i) % 5 + 1 AS rating, timestamptz '2026-01-01' + abs(hashint4(u * 100 + i)) % 40 * interval '6 hours' AS at, u * 1000 + i AS row
FROM generate_series(1, 30) u, generate_series(1, 25) i WHERE abs(hashint4(u * 31 + i * 17)) % (2 + u % 9) = 0;
-- a user with one row, one who is new at the end, times that are not known, rows there twice, ids that are missing
INSERT INTO spl VALUES (31, 3, 4, '2026-01-02', 1), (32, 4, 5, '2026-01-11', 2), (32, 5, 5, '2026-01-12', 3), (33, 6, 1, NULL, 4), (33, 7, 2, '2026-01-12', 5),
    (34, 1, 1, '2026-01-12', 6), (34, 1, 1, '2026-01-12', 7), (34, 2, 1, '2026-01-12', 8), (35, 9, 1, '2026-01-03', 9), (35, 9, 1, '2026-01-03', 10), (NULL, 1, 1, '2026-01-12', 11);
CREATE INDEX ON spl (user_id);
SELECT count(*), count(DISTINCT user_id) FROM spl;

-- by time: the rows since a moment, of users with a row before it
SELECT * FROM recsys.split('spl', 'time', time_column => 'at', since => '2026-01-09 00:00+00');
SELECT count(*) FROM spl_train t FULL JOIN (SELECT * FROM spl WHERE at < '2026-01-09' OR at IS NULL) s USING (row) WHERE t.row IS NULL OR s.row IS NULL;
SELECT count(*) FROM spl_test t FULL JOIN (SELECT * FROM spl s WHERE at >= '2026-01-09' AND EXISTS (SELECT FROM spl b WHERE b.user_id = s.user_id AND (b.at < '2026-01-09' OR b.at IS NULL))) s USING (row) WHERE t.row IS NULL OR s.row IS NULL;
SELECT user_id, item_id FROM spl s WHERE at >= '2026-01-09' AND row NOT IN (SELECT row FROM spl_test) ORDER BY 1, 2;
-- or of all users; by a share: the latest moment since which a tenth of the rows are
SELECT * FROM recsys.split('spl', 'time', time_column => 'at', new_users => true, train => 'spl_early', test => 'spl_late');
SELECT min(at) = (SELECT at FROM spl WHERE at IS NOT NULL ORDER BY at DESC OFFSET (SELECT ceil(count(at) * 0.1) - 1 FROM spl) LIMIT 1) AS since FROM spl_late;
SELECT count(*) FROM (SELECT * FROM spl_early WHERE at >= (SELECT min(at) FROM spl_late)) e;

-- the last rows of each user, one of which stays
SELECT * FROM recsys.split('spl', 'last', time_column => 'at', n => 3, train => 'spl_first', test => 'spl_last');
SELECT bool_and(rows <= 1 OR trained > 0) AS trained, bool_and(tested = least(3, rows - 1)) AS tested, bool_and(later) AS later
FROM (SELECT user_id, count(*) AS rows, count(l.row) AS tested, count(f.row) AS trained, coalesce(min(l.at) >= max(f.at), true) AS later
      FROM spl LEFT JOIN spl_last l USING (row, user_id) LEFT JOIN spl_first f USING (row, user_id) WHERE user_id <= 33 GROUP BY 1) u;
-- rows that are there twice stay together; of two rows of one time always the same comes last
SELECT user_id, item_id, (SELECT count(*) FROM spl_last l WHERE l.row = s.row) AS tested FROM spl s WHERE user_id > 30 ORDER BY 1, 2, row;
SELECT * FROM recsys.split('spl', 'last', time_column => 'at', n => 1, new_users => true, train => 'spl_first1', test => 'spl_last1');

-- at random, by a hash of the pair
SELECT * FROM recsys.split('spl', 'random', share => 0.3, train => 'spl_some', test => 'spl_others');
SELECT count(*) AS users, count(*) FILTER (WHERE NOT EXISTS (SELECT FROM spl_some t WHERE t.user_id = u.user_id)) AS untrained
FROM (SELECT DISTINCT user_id FROM spl WHERE user_id IS NOT NULL) u;
SELECT * FROM recsys.split('spl', 'random', share => 0.3, new_users => true, train => 'spl_some_n', test => 'spl_others_n');
SELECT count(*) AS more_tested FROM spl_others_n WHERE row NOT IN (SELECT row FROM spl_others);
SELECT * FROM recsys.split('spl', 'random', share => 0.3, new_users => true, seed => 1, train => 'spl_some_1', test => 'spl_others_1');
SELECT count(*) BETWEEN 10 AND 50 AS in_both FROM spl_others_n JOIN spl_others_1 USING (row);
SELECT count(*) AS in_none FROM spl WHERE row NOT IN (SELECT row FROM spl_some UNION ALL SELECT row FROM spl_others);

-- the same rows are split alike in another order, table, type of the ids
CREATE TABLE spl_copy (at timestamptz, row bigint, who text, rating int, what text);
INSERT INTO spl_copy SELECT at, row, user_id, rating, item_id FROM spl ORDER BY hashint4(row::int);
SELECT fold, rows, users FROM recsys.split('spl_copy', 'random', 'who', 'what', share => 0.3);
SELECT count(*) FROM spl_copy_test t FULL JOIN spl_others o USING (row) WHERE t.row IS NULL OR o.row IS NULL;
SELECT fold, rows, users FROM recsys.split('spl_copy', 'last', 'who', 'what', 'at', n => 3, train => 'spl_copy_first', test => 'spl_copy_last');
SELECT count(*) FROM spl_copy_last t FULL JOIN spl_last o USING (row) WHERE t.row IS NULL OR o.row IS NULL;

-- any name, any relation, any column that is there
CREATE SCHEMA "Spl x";
CREATE TABLE "Spl x"."a ""b""" ("user id" uuid, "item's" varchar(9), fold int, fold_ text, "s.t" date, gone int) PARTITION BY HASH ("user id");
CREATE TABLE "Spl x".part0 PARTITION OF "Spl x"."a ""b""" FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE "Spl x".part1 PARTITION OF "Spl x"."a ""b""" FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ALTER TABLE "Spl x"."a ""b""" DROP COLUMN gone;
INSERT INTO "Spl x"."a ""b""" SELECT md5(u::text)::uuid, 'i' || i, u, i, '2026-01-01'::date + i FROM generate_series(1, 6) u, generate_series(1, 6) i;
SELECT fold, relation, rows, users FROM recsys.split('"Spl x"."a ""b"""', 'time', 'user id', 'item''s', 's.t', share => 0.4);
SELECT * FROM "Spl x"."a ""b""_test" WHERE fold = 3 ORDER BY fold_;
CREATE VIEW spl_view AS SELECT user_id::bigint, item_id, row AS at FROM spl WHERE rating > 1;
SELECT * FROM recsys.split('spl_view', 'last', time_column => 'at', train => '"Spl x"."Train"', test => '"Spl x".test');
CREATE TEMP TABLE spl_temp AS SELECT user_id, item_id FROM spl;
SELECT fold, rows > 0 AS some FROM recsys.split('spl_temp', 'random');
SELECT count(*) > 0 AS temporary FROM pg_class WHERE relname = 'spl_temp_test' AND relpersistence = 't';
CREATE MATERIALIZED VIEW spl_stored AS SELECT * FROM spl;
SELECT fold, relation FROM recsys.split('spl_stored', 'random');

-- train and measure; the rows of one user are found by the index of the source
SELECT recsys.create_model('spl', 'spl_first', options => '{"factors": 4}', algorithm => 'als');
SELECT users FROM recsys.train('spl');
SELECT metric, k, users, value > 0 AS some FROM recsys.evaluate('spl', 'spl_last', '{10}') WHERE metric IN ('recall', 'rmse', 'known_users');
SET enable_seqscan = off;
CREATE FUNCTION spl_by_index(view regclass) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    line text;
    found_it boolean := false;
BEGIN
    FOR line IN EXECUTE format('EXPLAIN SELECT * FROM %s WHERE user_id = 7', view) LOOP
        found_it := found_it OR line LIKE '%Index Cond: (user_id = 7)%';
    END LOOP;
    RETURN found_it;
END $$;
SELECT v, spl_by_index(v) FROM unnest('{spl_train,spl_test,spl_first,spl_last,spl_some,spl_others,spl_some_n}'::regclass[]) v;
RESET enable_seqscan;

\set SHOW_CONTEXT never
-- rights: nobody sees more by the views than by the source, and who splits makes views
CREATE ROLE regress_spl_ann;
CREATE ROLE regress_spl_bob;
CREATE TABLE spl_mine AS SELECT * FROM spl;
ALTER TABLE spl_mine ENABLE ROW LEVEL SECURITY;
CREATE POLICY ann ON spl_mine TO regress_spl_ann USING (true);
CREATE POLICY bob ON spl_mine TO regress_spl_bob USING (user_id = 7);
GRANT SELECT ON spl_mine TO regress_spl_ann;
CREATE SCHEMA spl_ann AUTHORIZATION regress_spl_ann;
GRANT USAGE ON SCHEMA spl_ann TO regress_spl_bob;
SET ROLE regress_spl_ann;
SELECT * FROM recsys.split('spl_mine', 'random');
SELECT relation, rows > 0 AS some FROM recsys.split('spl_mine', 'random', train => 'spl_ann.train', test => 'spl_ann.test');
GRANT SELECT ON spl_ann.train TO regress_spl_bob;
SET ROLE regress_spl_bob;
SELECT count(*) FROM spl_ann.train;
RESET ROLE;
GRANT SELECT ON spl_mine TO regress_spl_bob;
SET ROLE regress_spl_bob;
SELECT DISTINCT user_id FROM spl_ann.train;
SELECT * FROM recsys.split('spl', 'random', train => 'spl_ann.mine', test => 'spl_ann.yours');
RESET ROLE;

-- wrong calls
SELECT * FROM recsys.split('spl', 'random');
SELECT * FROM recsys.split('nothing', 'random');
SELECT * FROM recsys.split(0::regclass, 'random');
SELECT * FROM recsys.split(NULL, 'random');
SELECT * FROM recsys.split('spl', NULL);
SELECT * FROM recsys.split('spl', 'hash');
SELECT * FROM recsys.split('spl', 'time');
SELECT * FROM recsys.split('spl', 'last', time_column => 'when');
SELECT * FROM recsys.split('spl', 'random', 'who');
SELECT * FROM recsys.split('spl', 'random', share => 1);
SELECT * FROM recsys.split('spl', 'random', share => 'NaN');
SELECT * FROM recsys.split('spl', 'last', time_column => 'at', n => 0);
\set VERBOSITY sqlstate
SELECT * FROM recsys.split('spl', 'time', time_column => 'at', since => 'monday');
\set VERBOSITY default
SELECT * FROM recsys.split('spl', 'random', train => 'a.b.c', test => 'x');
SELECT * FROM recsys.split('spl', 'random', train => 'a b');
SELECT * FROM recsys.split('spl', 'random', train => 'spl_same', test => 'spl_same');
SELECT to_regclass('spl_same');

SELECT recsys.drop_model('spl');
DROP OWNED BY regress_spl_ann, regress_spl_bob CASCADE;
DROP ROLE regress_spl_ann, regress_spl_bob;
SET client_min_messages = warning;
DROP FUNCTION spl_by_index;
DROP TABLE spl, spl_copy, spl_mine CASCADE;
DROP SCHEMA "Spl x" CASCADE;
