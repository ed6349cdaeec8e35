-- ---------------------------------------------------------------------------
-- What PUBLIC gets: to call functions, use the type and look at the views,
-- which show readers what they may see.  Nothing on the catalog tables, nothing
-- that tells passwords, and not CREATE on recsys_data.
-- ---------------------------------------------------------------------------
GRANT USAGE ON SCHEMA recsys, recsys_data TO PUBLIC;
GRANT SELECT ON recsys.models, recsys.model_versions TO PUBLIC;
GRANT SELECT ON recsys.kafka_sources, recsys.kafka_status, recsys.kafka_lag,
    recsys.kafka_dead_letters, recsys.kafka_gaps TO PUBLIC;

-- whatever ALTER DEFAULT PRIVILEGES says
REVOKE ALL ON recsys.model, recsys.model_version, recsys.model_anchor FROM PUBLIC;
REVOKE ALL ON recsys.kafka_source, recsys.kafka_partition, recsys.kafka_dead_letter,
    recsys.kafka_gap FROM PUBLIC;
REVOKE ALL ON FUNCTION recsys.kafka_connection(text, regrole) FROM PUBLIC;

-- supervisors read as this role which sources there are
GRANT SELECT ON recsys.kafka_source TO pg_monitor;

-- pg_dump reads what it dumps as its caller: the database's owner could dump before
-- recsys was installed, and must be able to afterwards.  Passwords are not in here.
GRANT SELECT ON recsys.model, recsys.model_version, recsys.model_anchor,
    recsys.kafka_source, recsys.kafka_partition, recsys.kafka_dead_letter, recsys.kafka_gap,
    recsys.kafka_dead_letter_id_seq TO pg_database_owner;
