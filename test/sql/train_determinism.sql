-- The same data gives the same bytes, for any number of threads and any order of the heap.
CREATE TABLE tx_a (user_id int, item_id int, rating real, at timestamptz);
INSERT INTO tx_a
SELECT u, 1 + (u * 31 + n * n * 7) % 90, 1 + (u * n) % 5, '2026-01-01'::timestamptz + (n % 4) * interval '1 day'
FROM generate_series(1, 300) AS u, generate_series(1, 25) AS n;
CREATE TABLE tx_b AS SELECT * FROM tx_a ORDER BY rating, at DESC, user_id DESC, item_id;
CREATE INDEX ON tx_a (user_id);
CREATE INDEX ON tx_b (user_id);
SELECT count(*), count(DISTINCT (user_id, item_id)) < count(*) AS has_repeated FROM tx_a;

CREATE FUNCTION tx_md5(model text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    u text;
    i text;
BEGIN
    EXECUTE format('SELECT md5(string_agg(user_id || factors::text || bias, '','' ORDER BY user_id)) FROM recsys_data.%I WHERE version = (SELECT max(version) FROM recsys_data.%1$I)', model || '_user_factors') INTO u;
    EXECUTE format('SELECT md5(string_agg(item_id || factors::text || users, '','' ORDER BY item_id)) FROM recsys_data.%I WHERE version = (SELECT max(version) FROM recsys_data.%1$I)', model || '_item_factors') INTO i;
    RETURN u || i;
END
$$;
CREATE TABLE tx_result (feedback text, run text, md5 text, loss float8);
DO $$
DECLARE
    kind text;
    tab text;
    threads text;
    loss float8;
BEGIN
    FOREACH kind IN ARRAY ARRAY['explicit', 'explicit, by time', 'implicit'] LOOP
        FOREACH tab IN ARRAY ARRAY['tx_a', 'tx_b'] LOOP
            PERFORM recsys.create_model('tx', tab::regclass, rating_column => 'rating',
                                        time_column => CASE WHEN kind = 'explicit, by time' THEN 'at' END,
                                        feedback => split_part(kind, ',', 1),
                                        options => '{"factors": 13, "iterations": 4}', algorithm => 'als');
            FOREACH threads IN ARRAY ARRAY['1', '2', '4'] LOOP
                PERFORM set_config('recsys.training_threads', threads, true);
                SELECT t.loss INTO loss FROM recsys.train('tx') AS t;
                INSERT INTO tx_result VALUES (kind, tab || ' ' || threads, tx_md5('tx'), loss);
            END LOOP;
            PERFORM recsys.drop_model('tx');
        END LOOP;
    END LOOP;
END
$$;
SELECT feedback, count(*), count(DISTINCT md5) AS results, count(DISTINCT loss) AS losses FROM tx_result GROUP BY feedback ORDER BY feedback;

-- another seed, another model
SELECT recsys.create_model('tx', 'tx_a', options => '{"factors": 13, "iterations": 4}', algorithm => 'als');
SELECT version FROM recsys.train('tx');
SELECT tx_md5('tx') = md5 AS same FROM tx_result WHERE feedback = 'explicit' AND run = 'tx_a 1';
SELECT version FROM recsys.train('tx', '{"seed": 43}');
SELECT tx_md5('tx') = md5 AS same FROM tx_result WHERE feedback = 'explicit' AND run = 'tx_a 1';

SELECT recsys.drop_model('tx');
DROP FUNCTION tx_md5(text);
DROP TABLE tx_a, tx_b, tx_result;
