-- pages: after and next, nothing twice, nothing left out.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE TABLE pg_stars (user_id int, item_id int, rating real);
INSERT INTO pg_stars SELECT u, i, 1 + (u * 7 + i * i * 3) % 5 FROM generate_series(1, 30) u, generate_series(1, 40) i WHERE (u * 3 + i) % 4 < 2;
-- items that score alike: rated alike by the same users
INSERT INTO pg_stars SELECT user_id, item_id + 100, rating FROM pg_stars WHERE item_id <= 6;
CREATE INDEX ON pg_stars (user_id);
CREATE TABLE pg_words AS SELECT user_id, 'item/' || item_id || E' \\ü' AS item_id FROM pg_stars WHERE rating > 3;
CREATE INDEX ON pg_words (user_id);
CREATE TABLE pg_keys AS SELECT user_id, md5(item_id)::uuid AS item_id FROM pg_words;
CREATE INDEX ON pg_keys (user_id);
SELECT recsys.create_model('pg_e', 'pg_stars', options => '{"factors": 4}', algorithm => 'als');
SELECT recsys.create_model('pg_w', 'pg_words', feedback => 'implicit', options => '{"factors": 4}', algorithm => 'als');
SELECT recsys.create_model('pg_u', 'pg_keys', feedback => 'implicit', options => '{"factors": 4}', algorithm => 'als');
SELECT recsys.create_model('pg_p', 'pg_stars', algorithm => 'popular');
SELECT count(t.version) FROM unnest('{pg_e,pg_w,pg_u,pg_p}'::text[]) m, recsys.train(m) t;
RESET client_min_messages;

-- all pages of a list, one after another, as an application reads them
CREATE FUNCTION pages(f text, m text, size int, more text DEFAULT '') RETURNS TABLE (rank int, item_id text, preference real) LANGUAGE plpgsql AS
$$
DECLARE
	page text := '';
	r record;
BEGIN
	WHILE page IS NOT NULL LOOP
		FOR r IN EXECUTE format('SELECT rank, item_id::text, preference, next FROM recsys.%s(%L, %s, %s after => %L)', split_part(f, ' ', 1), m, split_part(f, ' ', 2), more || 'k => ' || size || ',', page) LOOP
			rank := r.rank; item_id := r.item_id; preference := r.preference;
			RETURN NEXT;
			page := r.next;
		END LOOP;
		IF NOT FOUND THEN page := NULL; END IF;
	END LOOP;
END
$$;
CREATE FUNCTION whole(f text, m text, more text DEFAULT '') RETURNS TABLE (rank int, item_id text, preference real) LANGUAGE plpgsql AS
$$
BEGIN
	RETURN QUERY EXECUTE format('SELECT rank, item_id::text, preference FROM recsys.%s(%L, %s, %s k => 1000)', split_part(f, ' ', 1), m, split_part(f, ' ', 2), more);
END
$$;
SELECT f, m, more, size, count(*), count(p) = count(w) AND bool_and(p.item_id = w.item_id AND p.preference = w.preference) AS same
FROM (VALUES ('recommend 3', 'pg_e', ''), ('recommend 3', 'pg_e', 'exclude_seen => false, fresh => false,'), ('recommend 999', 'pg_e', ''),
             ('recommend 3', 'pg_e', $$candidates => '{1,2,3,4,5,101,102,103,104}', exclude => '{3}', exclude_seen => false,$$),
             ('recommend_text 5', 'pg_w', ''), ('recommend_uuid 5', 'pg_u', 'exclude_seen => false,'), ('recommend_text 5', 'pg_u', ''), ('recommend 3', 'pg_p', ''),
             ('recommend_for_items ''{2,5}''', 'pg_e', ''), ('recommend_for_items ''{}''', 'pg_e', '')) a(f, m, more),
     unnest('{1,3,1000}'::int[]) size, LATERAL (SELECT * FROM pages(f, m, size, more)) p FULL JOIN LATERAL (SELECT * FROM whole(f, m, more)) w USING (rank)
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;

-- next stands in every row, and only where pages are asked for
SELECT count(*), count(r.next) FROM recsys.recommend('pg_e', 3, 5) r;
SELECT count(*), count(DISTINCT r.next) FROM recsys.recommend('pg_e', 3, 5, after => '') r;
SELECT r.next AS third FROM recsys.recommend('pg_e', 3, 5, after => '') r WHERE r.rank = 3 \gset
SELECT r.rank, r.item_id = o.item_id AS same FROM recsys.recommend('pg_e', 3, 2, after => :'third') r JOIN recsys.recommend('pg_e', 3, 5) o USING (rank);
SELECT count(*) FROM recsys.recommend('pg_e', 3, 0, after => :'third');
-- the last item is found though it is not eligible any more
SELECT count(*), min(rank) FROM recsys.recommend('pg_e', 3, 100, exclude => ARRAY(SELECT r.item_id FROM recsys.recommend('pg_e', 3, 3) r), after => :'third');

-- a row of the user, another version, a user who gets a vector: a notice, and on from the item's new place
\set VERBOSITY default
BEGIN;
INSERT INTO pg_stars VALUES (3, 7, 1);
SELECT count(*) > 0 AS goes_on FROM recsys.recommend('pg_e', 3, 100, after => :'third');
ROLLBACK;
BEGIN;
SELECT version FROM recsys.train('pg_e', '{"seed": 7}');
SELECT count(*) > 0 AS goes_on, min(r.rank) FROM recsys.recommend('pg_e', 3, 100, after => :'third') r;
ROLLBACK;
SELECT r.next AS cold FROM recsys.recommend('pg_e', 999, 5, after => '') r WHERE r.rank = 5 \gset
BEGIN;
INSERT INTO pg_stars VALUES (999, 7, 1), (999, 8, 5);
SELECT DISTINCT r.source FROM recsys.recommend('pg_e', 999, 100, after => :'cold') r;
ROLLBACK;
-- an item that the version does not know: from the top
SELECT min(r.rank), count(*) = (SELECT count(*) FROM recsys.recommend('pg_e', 3, 100)) AS whole
FROM recsys.recommend('pg_e', 3, 100, after => encode('1/2/3/77777', 'hex')) r;

-- texts that are not tokens
CREATE FUNCTION refused(token text) RETURNS text LANGUAGE plpgsql AS
$$
BEGIN
	PERFORM * FROM recsys.recommend('pg_e', 3, after => token);
	RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;
SELECT refused(t) FROM unnest(ARRAY['x', 'abc', 'ab', ' ', encode('1/2/3', 'hex'), encode('1/2//4', 'hex'), encode('-1/2/3/4', 'hex'),
    encode('1/99999999999/3/4', 'hex'), encode('1/2/3000000000/4', 'hex'), encode('1/2/2147483647/4', 'hex'), encode('1/2/3/', 'hex'), encode('1/2/3/x', 'hex'), encode('1/2/3/'::bytea || '\xff', 'hex'),
    upper(encode('1/2/3/4', 'hex')), repeat('z', 1000)]) t;

SELECT count(recsys.drop_model(m)) FROM unnest('{pg_e,pg_w,pg_u,pg_p}'::text[]) m;
DROP TABLE pg_stars, pg_words, pg_keys;
DROP FUNCTION pages, whole, refused;
