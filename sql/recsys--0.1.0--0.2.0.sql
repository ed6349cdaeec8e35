\echo Use "ALTER EXTENSION recsys UPDATE TO '0.2.0'" to load this file. \quit

-- ---- popular counts those who like an item ----------------------------------

COMMENT ON FUNCTION recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int) IS
'The k best items for a user, best first: items with bigint ids (smallint and integer included). Exact: every eligible item is scored; equal scores by ascending id. The score is the predicted rating (explicit) or preference (implicit), equal to predict() to the last bit. source tells where the answer comes from: "folded", the vector solved from the user''s rows of this moment; "model", the vector that training stored (fresh => false); "popular", no vector, or one for which all items score alike, as that of a user with dislikes only: the items that most users like (by a weight above 0; by a rating at or above the mean of all), the score being their number. exclude_seen leaves out every item of the user''s rows. candidates NULL means all items, an empty array none; in both arrays NULL elements and unknown ids are ignored. Fewer than k rows come only when fewer items are eligible. Errors: 42704 no such model, 42501 no SELECT on its view, 55000 no such version, 42804 the items are of another type, 22004 an argument is NULL, 22023 k is negative, 22P02 the id is not of the model''s type. Fold-in: Hu, Koren, Volinsky 2008, section 4; Zhou et al. 2008, section 3.';

-- ---- the right to ask ------------------------------------------------------------

-- who may ask a model without reading it sees that it is there
CREATE OR REPLACE VIEW recsys.models WITH (security_barrier) AS
SELECT m.name AS model,
       pg_catalog.pg_get_userbyid(c.relowner) AS owner,
       m.feedback,
       m.algorithm,
       CASE WHEN (SELECT o.option_value::boolean
                    FROM pg_catalog.pg_options_to_table(c.reloptions) AS o
                   WHERE o.option_name OPERATOR(pg_catalog.=) 'security_invoker')
            THEN 'caller' ELSE 'owner' END AS run_as,
       m.options,
       m.active_version,
       v.users,
       v.items,
       v.ratings,
       v.started_at AS trained_at,
       pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) v.started_at AS age,
       (SELECT pg_catalog.count(*) FROM recsys.model_version AS n
         WHERE n.model OPERATOR(pg_catalog.=) m.name) AS versions,
       m.created_at
  FROM recsys.model AS m
  JOIN pg_catalog.pg_class AS c
    ON c.relname OPERATOR(pg_catalog.=) m.name::name
   AND c.relnamespace OPERATOR(pg_catalog.=) 'recsys_data'::regnamespace
   AND c.relkind OPERATOR(pg_catalog.=) 'v'
  LEFT JOIN recsys.model_version AS v
    ON v.model OPERATOR(pg_catalog.=) m.name
   AND v.version OPERATOR(pg_catalog.=) m.active_version
 WHERE pg_catalog.has_table_privilege(c.oid, 'SELECT')
    OR (pg_catalog.has_table_privilege(c.oid, 'REFERENCES')
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_options_to_table(c.reloptions) AS o
                         WHERE o.option_name OPERATOR(pg_catalog.=) 'security_invoker' AND o.option_value::boolean));
COMMENT ON VIEW recsys.models IS 'the models that the reader may ask, with what their active version was trained on';

CREATE OR REPLACE VIEW recsys.model_versions WITH (security_barrier) AS
SELECT v.model,
       v.version,
       v.version OPERATOR(pg_catalog.=) m.active_version IS TRUE AS active,
       v.feedback,
       v.algorithm,
       v.options,
       v.users,
       v.items,
       v.ratings,
       v.rows_read,
       v.rows_skipped,
       v.mean,
       v.iterations,
       v.loss,
       v.started_at,
       v.seconds,
       v.trained_by,
       v.library_version,
       v.kernel,
       v.threads,
       CASE WHEN pg_catalog.has_table_privilege(c.oid, 'SELECT') THEN v.source END AS source,
       v.snapshot
  FROM recsys.model_version AS v
  JOIN recsys.model AS m ON m.name OPERATOR(pg_catalog.=) v.model
  JOIN pg_catalog.pg_class AS c
    ON c.relname OPERATOR(pg_catalog.=) m.name::name
   AND c.relnamespace OPERATOR(pg_catalog.=) 'recsys_data'::regnamespace
   AND c.relkind OPERATOR(pg_catalog.=) 'v'
 WHERE pg_catalog.has_table_privilege(c.oid, 'SELECT')
    OR (pg_catalog.has_table_privilege(c.oid, 'REFERENCES')
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_options_to_table(c.reloptions) AS o
                         WHERE o.option_name OPERATOR(pg_catalog.=) 'security_invoker' AND o.option_value::boolean));
COMMENT ON VIEW recsys.model_versions IS 'the versions of the models that the reader may ask: options, counts, loss by iteration and, for who may SELECT from the model''s view, where they came from';
