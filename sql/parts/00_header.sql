-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION recsys" to load this file. \quit

-- The schema of the models' views and factor tables.  A member of the
-- extension, so that DROP EXTENSION knows what hangs on it.
CREATE SCHEMA recsys_data;
COMMENT ON SCHEMA recsys IS 'recommendations: functions, types and catalog of the extension recsys';
COMMENT ON SCHEMA recsys_data IS 'one view and two factor tables for each model; CREATE on this schema is the right to create models';
