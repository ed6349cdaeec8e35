-- Options of one training: taken, checked, not kept.
CREATE TABLE to_ratings (user_id int, item_id int, rating real);
INSERT INTO to_ratings SELECT u, i, (u * i) % 5 + 1 FROM generate_series(1, 6) AS u, generate_series(1, 6) AS i;
CREATE INDEX ON to_ratings (user_id);
SELECT recsys.create_model('topt', 'to_ratings', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');
SELECT recsys.create_model('toim', 'to_ratings', feedback => 'implicit', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');

-- for this version only
SELECT version FROM recsys.train('topt', '{"factors": 3, "seed": 7}');
SELECT version FROM recsys.train('topt');
SELECT version, options ->> 'factors' AS factors, options ->> 'seed' AS seed FROM recsys.model_versions WHERE model = 'topt' ORDER BY version;
SELECT options FROM recsys.models WHERE model = 'topt';
SELECT DISTINCT version, recsys.dims(factors) FROM recsys_data.topt_user_factors ORDER BY 1;
SELECT version FROM recsys.train('topt', NULL);

-- factors
SELECT iterations FROM recsys.train('topt', '{"factors": 1}');
SELECT iterations FROM recsys.train('topt', '{"factors": 1024}');
SELECT iterations FROM recsys.train('topt', '{"factors": 0}');
SELECT iterations FROM recsys.train('topt', '{"factors": -1}');
SELECT iterations FROM recsys.train('topt', '{"factors": 1025}');
SELECT iterations FROM recsys.train('topt', '{"factors": 2147483647}');
SELECT iterations FROM recsys.train('topt', '{"factors": 2147483648}');
SELECT iterations FROM recsys.train('topt', '{"factors": 1.5}');
SELECT iterations FROM recsys.train('topt', '{"factors": "4"}');
SELECT iterations FROM recsys.train('topt', '{"factors": null}');

-- iterations
SELECT iterations FROM recsys.train('topt', '{"iterations": 1000}');
SELECT iterations FROM recsys.train('topt', '{"iterations": 0}');
SELECT iterations FROM recsys.train('topt', '{"iterations": -1}');
SELECT iterations FROM recsys.train('topt', '{"iterations": 2147483647}');

-- regularization
SELECT iterations FROM recsys.train('topt', '{"regularization": 0, "factors": 1, "biases": false}');
SELECT iterations FROM recsys.train('topt', '{"regularization": -1}');
SELECT iterations FROM recsys.train('topt', '{"regularization": "NaN"}');
SELECT iterations FROM recsys.train('topt', '{"regularization": "Infinity"}');
SELECT iterations FROM recsys.train('topt', '{"regularization": 1e308}');
SELECT iterations FROM recsys.train('topt', '{"regularization": 1e400}');
SELECT iterations FROM recsys.train('topt', '{"regularization": 1e6}');
SELECT iterations FROM recsys.train('topt', '{"regularization": 1e-45, "factors": 1, "biases": false}');

-- alpha
SELECT iterations FROM recsys.train('toim', '{"alpha": 0}');
SELECT iterations FROM recsys.train('toim', '{"alpha": -1}');
SELECT iterations FROM recsys.train('toim', '{"alpha": "NaN"}');
SELECT iterations FROM recsys.train('toim', '{"alpha": "Infinity"}');
SELECT iterations FROM recsys.train('topt', '{"alpha": 1}');
SELECT iterations FROM recsys.train('toim', '{"biases": true}');

-- seed
SELECT iterations FROM recsys.train('topt', '{"seed": 0}');
SELECT iterations FROM recsys.train('topt', '{"seed": -1}');
SELECT iterations FROM recsys.train('topt', '{"seed": 9223372036854775807}');
SELECT iterations FROM recsys.train('topt', '{"seed": -9223372036854775808}');
SELECT options ->> 'seed' FROM recsys.model_versions WHERE model = 'topt' AND active;
SELECT iterations FROM recsys.train('topt', '{"seed": 9223372036854775808}');

-- others
SELECT iterations FROM recsys.train('topt', '{"rank": 4}');
SELECT iterations FROM recsys.train('topt', '[1]');
SELECT iterations FROM recsys.train('topt', '{"keep_versions": 0}');
SELECT iterations FROM recsys.train('topt', '{"history_limit": 5}');
SELECT iterations FROM recsys.train(NULL);
SELECT iterations FROM recsys.train('topt', deploy => NULL);
SELECT iterations FROM recsys.train('');
SELECT iterations FROM recsys.train('no such model');

-- threads
SET recsys.training_threads = -1;
SET recsys.training_threads = 257;
SET recsys.training_threads = 256;
SELECT iterations FROM recsys.train('topt');
SELECT threads FROM recsys.model_versions WHERE model = 'topt' AND active;
RESET recsys.training_threads;

-- memory: refused before the solver starts, with the number and the setting
SET recsys.training_memory = '1MB';
SELECT iterations FROM recsys.train('topt', '{"factors": 4}');
\set VERBOSITY sqlstate
SELECT iterations FROM recsys.train('topt', '{"factors": 1024}');
\set VERBOSITY default
RESET recsys.training_memory;

-- nothing of what failed is left
SELECT count(DISTINCT version) = (SELECT count(*) FROM recsys.model_versions WHERE model = 'topt') AS clean FROM recsys_data.topt_user_factors;
SELECT recsys.drop_model('topt'), recsys.drop_model('toim');
DROP TABLE to_ratings;
