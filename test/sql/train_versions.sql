-- Versions: what is kept, deployed, rolled back.
CREATE TABLE tv_ratings (user_id int, item_id int, rating real);
INSERT INTO tv_ratings SELECT u, i, (u * i) % 5 + 1 FROM generate_series(1, 6) AS u, generate_series(1, 6) AS i;
CREATE INDEX ON tv_ratings (user_id);
SELECT recsys.create_model('tv', 'tv_ratings', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');
CREATE VIEW tv_state AS
SELECT version, active,
       (SELECT count(*) FROM recsys_data.tv_user_factors f WHERE f.version = v.version) AS user_rows,
       (SELECT count(*) FROM recsys_data.tv_item_factors f WHERE f.version = v.version) AS item_rows
FROM recsys.model_versions v WHERE model = 'tv';

-- before the first version
SELECT recsys.rollback('tv');
SELECT recsys.deploy('tv', 1);
SELECT recsys.deploy('tv', 0);

-- without deployment nothing is active
SELECT version, deployed FROM recsys.train('tv', deploy => false);
SELECT * FROM tv_state ORDER BY version;
SELECT recsys.rollback('tv');
SELECT recsys.deploy('tv', 1);
SELECT version, deployed FROM recsys.train('tv');
SELECT version, deployed FROM recsys.train('tv', deploy => false);
SELECT * FROM tv_state ORDER BY version;

-- beyond keep_versions (3 by default) the oldest go, but never the active one
SELECT version FROM recsys.train('tv', deploy => false);
SELECT * FROM tv_state ORDER BY version;
SELECT version FROM recsys.train('tv', deploy => false);
SELECT * FROM tv_state ORDER BY version;
-- of factor rows nothing else is left
SELECT DISTINCT version FROM recsys_data.tv_user_factors ORDER BY 1;

-- back and forth
SELECT recsys.deploy('tv', 5);
SELECT recsys.rollback('tv');
SELECT recsys.rollback('tv');
SELECT active_version FROM recsys.models WHERE model = 'tv';
SELECT recsys.rollback('tv');
SELECT recsys.rollback('tv');
SELECT recsys.deploy('tv', 1);
SELECT recsys.deploy('tv', -1);
SELECT recsys.deploy('tv', 2147483647);
SELECT active_version FROM recsys.models WHERE model = 'tv';

-- only one more than the active one
SELECT version FROM recsys.train('tv', '{"keep_versions": 1}', deploy => false);
SELECT * FROM tv_state ORDER BY version;
SELECT version FROM recsys.train('tv', '{"keep_versions": 1}');
SELECT * FROM tv_state ORDER BY version;

-- a number is never used twice
SELECT version FROM recsys.train('tv', '{"keep_versions": 1}');

-- an old snapshot keeps its version
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT active_version FROM recsys.models WHERE model = 'tv';
SELECT recsys.deploy('tv', 8);
ROLLBACK;

-- arguments
SELECT recsys.deploy(NULL, 1);
SELECT recsys.deploy('tv', NULL);
SELECT recsys.rollback(NULL);
SELECT recsys.deploy('no such model', 1);
SELECT recsys.rollback('no such model');

DROP VIEW tv_state;
SELECT recsys.drop_model('tv');
SELECT count(*) FROM recsys.model_versions WHERE model = 'tv';
DROP TABLE tv_ratings;
