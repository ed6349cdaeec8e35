-- The scale of ratings and weights changes nothing: the same items in the same order.
CREATE TABLE sca_rows (user_id int, item_id int, rating real);
INSERT INTO sca_rows
SELECT u, i, 1 + (u * i + u * u * 3 + i * i) % 11 % 5 FROM generate_series(1, 80) AS u, generate_series(1, 60) AS i WHERE (u * u * 31 + i * i * 17 + u * i * 7) % 97 < 24;

CREATE TABLE sca_places (feedback text, scale float8, user_id int, rank int, item_id bigint);
CREATE FUNCTION sca_rmse(feedback text, scale float8) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    rmse float8;
BEGIN
    EXECUTE format('CREATE TABLE sca_scaled AS SELECT user_id, item_id, (rating * %s::float8)::real AS rating FROM sca_rows', scale);
    CREATE INDEX ON sca_scaled (user_id);
    PERFORM recsys.create_model('sca', 'sca_scaled', rating_column => 'rating', feedback => sca_rmse.feedback, algorithm => 'als');
    PERFORM recsys.train('sca');
    INSERT INTO sca_places SELECT sca_rmse.feedback, sca_rmse.scale, u, r.rank, r.item_id
      FROM generate_series(1, 80) AS u, recsys.recommend('sca', u, 10) AS r WHERE r.source = 'folded';
    SELECT e.value / scale INTO rmse FROM recsys.evaluate('sca', 'sca_scaled', exclude_seen => false) AS e WHERE e.metric = 'rmse';
    PERFORM recsys.drop_model('sca');
    DROP TABLE sca_scaled;
    RETURN rmse;
END
$$;
SELECT f.feedback, count(*), max(r.rmse) - min(r.rmse) < 1e-5 AS same_rmse
  FROM unnest(ARRAY['explicit', 'implicit']) AS f (feedback), unnest(ARRAY[1, 2, 4, 100, 1024, 0.5, 1e-6, 1e6]) AS s (scale),
       LATERAL (SELECT sca_rmse(f.feedback, s.scale) AS rmse) AS r
 GROUP BY 1 ORDER BY 1;
SELECT p.feedback, p.scale, count(*) AS places, bool_and(p.item_id = o.item_id) AS same
  FROM sca_places AS p JOIN sca_places AS o USING (feedback, user_id, rank) WHERE o.scale = 1 GROUP BY 1, 2 ORDER BY 1, 2;

-- who gives a regularization means that of the biases, too
CREATE INDEX ON sca_rows (user_id);
SELECT recsys.create_model('sca', 'sca_rows', rating_column => 'rating', options => '{"factors": 4}', algorithm => 'als');
CREATE FUNCTION sca_options(given jsonb, OUT regularization numeric, OUT bias_regularization float8) LANGUAGE plpgsql AS $$
DECLARE
    v int;
BEGIN
    SELECT t.version INTO v FROM recsys.train('sca', given) AS t;
    SELECT round((m.options->>'regularization')::numeric, 6), (m.options->>'bias_regularization')::float8
      INTO regularization, bias_regularization FROM recsys.model_versions AS m WHERE m.model = 'sca' AND m.version = v;
END
$$;
SELECT o AS given, s.* FROM unnest(ARRAY['{}', '{"regularization": 0.3}', '{"regularization": 0.3, "bias_regularization": 0}', '{"bias_regularization": 2}']::jsonb[]) WITH ORDINALITY AS x (o, n), sca_options(o) AS s ORDER BY n;
SELECT recsys.drop_model('sca');
