-- ---------------------------------------------------------------------------
-- What PUBLIC gets: to call functions, use the type and look at the views,
-- which show each reader what he may see.  Nothing on the catalog tables, and
-- not CREATE on recsys_data.
-- ---------------------------------------------------------------------------
GRANT USAGE ON SCHEMA recsys, recsys_data TO PUBLIC;
GRANT SELECT ON recsys.models, recsys.model_versions TO PUBLIC;

-- whatever ALTER DEFAULT PRIVILEGES says
REVOKE ALL ON recsys.model, recsys.model_version FROM PUBLIC;
