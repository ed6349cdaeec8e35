-- predict() for many items of one user folds the user in once, and is never wrong by it:
-- each answer is that of a call of its own.
CREATE SCHEMA rows_pr;
SET search_path = rows_pr;
SET client_min_messages = warning;
CREATE TABLE ratings (user_id int, item_id int, rating real);
INSERT INTO ratings SELECT u, i, 1 + (u * i) % 5 FROM generate_series(1, 12) AS u, generate_series(1, 9) AS i WHERE (u + 2 * i) % 3 <> 0;
CREATE INDEX ON ratings (user_id);
SELECT recsys.create_model('rows', 'ratings', options => '{"factors": 2}', algorithm => 'als');
SELECT version FROM recsys.train('rows');

-- one user, every item, as recommend has it; unknown items and NULLs in between
SELECT count(*) FROM generate_series(-2, 12) AS i;
SELECT bool_and(p.score IS NOT DISTINCT FROM CASE WHEN p.i BETWEEN 1 AND 9 THEN r.score ELSE recsys.predict('rows', 3, 99) END),
       count(p.score), count(*)
  FROM (SELECT i, recsys.predict('rows', 3, nullif(i, 5)) AS score FROM generate_series(-2, 12) AS i) AS p
  LEFT JOIN recsys.recommend('rows', 3, 100, exclude_seen => false) AS r ON r.item_id = p.i AND p.i <> 5;
-- the rows of the user are read once; counts of earlier transactions may still be among these
BEGIN;
SELECT seq_scan + idx_scan AS before FROM pg_stat_xact_user_tables WHERE relid = 'ratings'::regclass \gset
SELECT count(recsys.predict('rows', 3, i)) FROM generate_series(-2, 12) AS i;
SELECT seq_scan + idx_scan - :before AS scans FROM pg_stat_xact_user_tables WHERE relid = 'ratings'::regclass;
COMMIT;
-- another user, version and freshness at one call site
CREATE TABLE asked (n int, u int, i int, f boolean, v int);
INSERT INTO asked SELECT n, nullif(n % 4, 3) * 2, 1 + n % 9, n % 3 > 0, nullif(n % 2, 0) FROM generate_series(1, 60) AS n;
SELECT version FROM recsys.train('rows', '{"seed": 7}');
CREATE FUNCTION alone(u int, i int, f boolean, v int) RETURNS real LANGUAGE plpgsql STABLE AS $$
DECLARE
    s real;
BEGIN
    EXECUTE format('SELECT recsys.predict(''rows'', %L::bigint, %L::bigint, %L, %L)', u, i, f, v) INTO s;
    RETURN s;
END $$;
SELECT count(*), count(s), bool_and(s IS NOT DISTINCT FROM alone(u, i, f, v))
  FROM (SELECT *, recsys.predict('rows', u, i, f, v) AS s FROM asked) AS a;
SELECT recsys.predict('rows', 1, 1, version => v) FROM (VALUES (NULL), (0)) AS v (v);
SELECT recsys.predict('rows', 1, 1, version => v) FROM (VALUES (NULL), (-1)) AS v (v);

-- a loop evaluates one expression under many snapshots: rows that come, rows that go with a savepoint
CREATE FUNCTION loop_sees() RETURNS TABLE (step text, changed boolean, right_now boolean) LANGUAGE plpgsql AS $$
DECLARE
    before real := NULL;
    s real;
BEGIN
    FOREACH step IN ARRAY ARRAY['first', 'again', 'insert', 'again', 'delete', 'undone', 'after undo', 'train', 'again']
    LOOP
        IF step = 'insert' THEN
            INSERT INTO ratings VALUES (3, 6, 5);
        ELSIF step = 'delete' THEN
            DELETE FROM ratings WHERE user_id = 3 AND item_id = 6;
        ELSIF step = 'train' THEN
            PERFORM recsys.train('rows', '{"seed": 9}');
        ELSIF step = 'undone' THEN
            BEGIN
                INSERT INTO ratings VALUES (3, 6, 1), (3, 3, 5);
                s := recsys.predict('rows', 3, 1);
                changed := s IS DISTINCT FROM before;
                before := s;
                right_now := s = alone(3, 1, true, NULL);
                RETURN NEXT;
                RAISE EXCEPTION 'undo';
            EXCEPTION WHEN raise_exception THEN
                CONTINUE;
            END;
        END IF;
        s := recsys.predict('rows', 3, 1);
        changed := s IS DISTINCT FROM before;
        right_now := s = alone(3, 1, true, NULL);
        before := s;
        RETURN NEXT;
    END LOOP;
END $$;
SELECT * FROM loop_sees();

-- a cursor keeps its snapshot
BEGIN;
DECLARE c CURSOR FOR SELECT recsys.predict('rows', 4, i) = s AS same FROM (SELECT i, recsys.predict('rows', 4, i) AS s FROM generate_series(1, 3) AS i OFFSET 0) AS x;
FETCH 1 FROM c;
INSERT INTO ratings VALUES (4, 1, 5);
FETCH 2 FROM c;
ROLLBACK;

-- what a row policy hides depends on a setting: nothing is kept
ALTER TABLE ratings ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON ratings USING (item_id % 2 = current_setting('rows.parity')::int);
CREATE ROLE recsys_regress_rows;
GRANT USAGE ON SCHEMA rows_pr TO recsys_regress_rows;
GRANT SELECT ON ratings, recsys_data.rows TO recsys_regress_rows;
SET ROLE recsys_regress_rows;
CREATE FUNCTION pg_temp.by_setting() RETURNS TABLE (parity text, right_now boolean) LANGUAGE plpgsql AS $$
DECLARE
    s real;
BEGIN
    FOREACH parity IN ARRAY ARRAY['0', '1', '0']
    LOOP
        parity := set_config('rows.parity', parity, false);
        s := recsys.predict('rows', 5, 1);
        right_now := s = rows_pr.alone(5, 1, true, NULL);
        RETURN NEXT;
    END LOOP;
END $$;
SELECT * FROM pg_temp.by_setting();
RESET ROLE;

-- and the current user counts: a function that changes the role in one statement
CREATE FUNCTION as_role(r text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN set_config('role', r, true); END $$;
BEGIN;
SET LOCAL rows.parity = 1;
SELECT recsys.predict('rows', 6, 2) = alone(6, 2, true, NULL) AS right_now
  FROM (SELECT as_role(r) AS r FROM unnest(ARRAY[current_user, 'recsys_regress_rows', current_user]) AS r OFFSET 0) AS x;
ROLLBACK;

-- the image stays while a statement uses it, whatever else is asked meanwhile
SET recsys.local_cache_size = 0;
SELECT count(DISTINCT recsys.predict('rows', u, i)) > 30 FROM generate_series(1, 9) AS i, generate_series(1, 12) AS u;
RESET recsys.local_cache_size;

DROP OWNED BY recsys_regress_rows;
DROP ROLE recsys_regress_rows;
SELECT recsys.drop_model('rows');
DROP SCHEMA rows_pr CASCADE;
