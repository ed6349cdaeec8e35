-- What tells nothing is said at training, and popular stands for it: likes left at
-- explicit, a user with dislikes only, what everybody dislikes, a table swapped by rename.
CREATE TABLE lik_likes (user_id int, item_id int, rating int DEFAULT 1);
INSERT INTO lik_likes (user_id, item_id)
SELECT u, CASE WHEN u % 2 = 0 THEN i ELSE i + 10 END FROM generate_series(1, 20) u, generate_series(1, 10) i WHERE (u / 2 + i) % 4 > 0;
INSERT INTO lik_likes VALUES (30, 12);
CREATE INDEX ON lik_likes (user_id);
SELECT recsys.create_model('lik', 'lik_likes', algorithm => 'als');
SELECT users FROM recsys.train('lik');
-- nothing personal is known, but what to leave out
SELECT * FROM recsys.recommend('lik', 2, 3);
SELECT r.source, count(*), count(*) FILTER (WHERE l.item_id IS NOT NULL) AS seen
FROM recsys.recommend('lik', 2, 20, fresh => false) r LEFT JOIN lik_likes l ON l.user_id = 2 AND l.item_id = r.item_id GROUP BY 1;
-- the prediction is that every rating is 1
SELECT recsys.predict('lik', 2, 3), recsys.predict('lik', 30, 3);
-- one that differs, and there is nothing to say; nor of a single rating
UPDATE lik_likes SET rating = 2 WHERE user_id = 30;
SELECT users FROM recsys.train('lik');
SELECT r.source FROM recsys.recommend('lik', 2, 1) r;
-- ratings that no float holds exactly are equal, too, and every one is a like
CREATE VIEW lik_tenths AS SELECT user_id, item_id, 0.1::float8 AS rating FROM lik_likes;
SELECT recsys.create_model('lik_tenths', 'lik_tenths', algorithm => 'als');
SELECT users FROM recsys.train('lik_tenths');
SELECT sum(users) = (SELECT count(*) FROM lik_likes) AS all_like FROM recsys_data.lik_tenths_item_factors;
SELECT DISTINCT r.source FROM generate_series(1, 20) u, recsys.recommend('lik_tenths', u, 3) r;

-- a user with dislikes only: what most like, without what they dislike
CREATE TABLE lik_events (user_id int, item_id int, w float8);
INSERT INTO lik_events SELECT u, i, 1 FROM generate_series(1, 60) u, generate_series(1, 40) i WHERE (u + i) % 4 = 0 OR (i BETWEEN 33 AND 40 AND u % 2 = 0);
INSERT INTO lik_events SELECT 900, i, -1 FROM generate_series(33, 37) i;
-- everybody knows item 50, few like it
INSERT INTO lik_events SELECT u, 50, CASE WHEN u <= 2 THEN 1 ELSE -1 END FROM generate_series(1, 60) u;
-- a sum of weights is what counts
INSERT INTO lik_events SELECT u, 51, w FROM generate_series(1, 60) u, unnest('{2,-1}'::float8[]) w;
CREATE INDEX ON lik_events (user_id);
SELECT recsys.create_model('lik_ev', 'lik_events', rating_column => 'w', feedback => 'implicit', options => '{"factors": 4}', algorithm => 'als');
SELECT users, items FROM recsys.train('lik_ev');
SELECT * FROM recsys.recommend('lik_ev', 900, 4);
SELECT * FROM recsys.recommend('lik_ev', 900, 4, fresh => false);
SELECT bool_and(r.preference = recsys.preference('lik_ev', 900, r.item_id)) AS preference, bool_and(r.score = recsys.predict('lik_ev', 900, r.item_id)) AS score
FROM recsys.recommend('lik_ev', 900, 100) r;
SELECT recsys.predict('lik_ev', 900, 3), recsys.norm(recsys.user_vector('lik_ev', 900));
SELECT r.item_id, r.score, r.source FROM recsys.recommend('lik_ev', 901, 1) r;
SELECT item_id, users FROM recsys_data.lik_ev_item_factors WHERE item_id >= 50 ORDER BY 1;
-- the algorithm popular counts alike
SELECT recsys.create_model('lik_pop', 'lik_events', rating_column => 'w', feedback => 'implicit', algorithm => 'popular');
SELECT users, items FROM recsys.train('lik_pop');
SELECT count(*), bool_and(a.users = b.users) FROM recsys_data.lik_ev_item_factors a FULL JOIN recsys_data.lik_pop_item_factors b USING (item_id);
-- nobody likes anything
UPDATE lik_events SET w = -1;
SELECT users FROM recsys.train('lik_ev');
SELECT users FROM recsys.train('lik_pop');

-- explicit: ratings at or above the mean of all are likes
CREATE TABLE lik_stars (user_id int, item_id int, rating real);
INSERT INTO lik_stars SELECT u, i, 1 + (u * 7 + i * 3) % 5 FROM generate_series(1, 40) u, generate_series(1, 20) i WHERE (u + i) % 3 > 0;
INSERT INTO lik_stars SELECT u, 21, 1 FROM generate_series(1, 40) u;
CREATE INDEX ON lik_stars (user_id);
SELECT recsys.create_model('lik_st', 'lik_stars', options => '{"factors": 2}', algorithm => 'als'), recsys.create_model('lik_sp', 'lik_stars', algorithm => 'popular');
SELECT users, items FROM recsys.train('lik_st');
SELECT users, items FROM recsys.train('lik_sp');
SELECT count(*), bool_and(a.users = b.users AND a.users = l.likes) AS agree, min(l.likes) FROM recsys_data.lik_st_item_factors a FULL JOIN recsys_data.lik_sp_item_factors b USING (item_id)
FULL JOIN (SELECT item_id, count(*) FILTER (WHERE rating >= (SELECT avg(rating) FROM lik_stars)) AS likes FROM lik_stars GROUP BY 1) l USING (item_id);
SELECT min(r.rank) AS hated_at, count(*) FROM recsys.recommend('lik_st', 99, 30) r WHERE r.item_id = 21;

-- a table swapped by rename: the view follows the old one
ALTER TABLE lik_stars RENAME TO lik_stars_old;
CREATE TABLE lik_stars (LIKE lik_stars_old);
SELECT users FROM recsys.train('lik_st');
-- said once, since it may be meant
SELECT users FROM recsys.train('lik_st');
ALTER TABLE lik_stars_old RENAME TO "lik (Stars)";
SELECT users FROM recsys.train('lik_st');
SELECT users FROM recsys.train('lik_st');
ALTER TABLE "lik (Stars)" RENAME TO lik_star;
SELECT users FROM recsys.train('lik_st');
SELECT recsys.drop_model(m) FROM unnest('{lik,lik_tenths,lik_ev,lik_pop,lik_st,lik_sp}'::text[]) m;
DROP VIEW lik_tenths;
DROP TABLE lik_likes, lik_events, lik_stars, lik_star;
