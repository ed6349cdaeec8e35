-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION recsys" to load this file. \quit

-- A schema recsys that was there before is used as it is: whoever else could
-- create objects in it could put functions before ours.
DO LANGUAGE plpgsql $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_namespace AS n
          LEFT JOIN LATERAL pg_catalog.aclexplode(n.nspacl) AS a
            ON a.privilege_type OPERATOR(pg_catalog.=) 'CREATE'
          LEFT JOIN pg_catalog.pg_roles AS r
            ON r.oid OPERATOR(pg_catalog.=) COALESCE(a.grantee, n.nspowner)
          JOIN pg_catalog.pg_roles AS o ON o.oid OPERATOR(pg_catalog.=) n.nspowner
         WHERE n.nspname OPERATOR(pg_catalog.=) 'recsys'
           AND NOT (o.rolsuper AND COALESCE(r.rolsuper, false)))
    THEN
        RAISE EXCEPTION 'schema "recsys" is not safe to install into'
              USING ERRCODE = 'insufficient_privilege',
                    DETAIL = 'A role that is not superuser owns it or may create objects in it.',
                    HINT = 'Drop the schema, or give it to a superuser and REVOKE CREATE on it.';
    END IF;
END
$$;

-- The schema of the models' views and factor tables.  A member of the
-- extension, so that DROP EXTENSION knows what hangs on it.
CREATE SCHEMA recsys_data;
COMMENT ON SCHEMA recsys IS 'recommendations: functions, types and catalog of the extension recsys';
COMMENT ON SCHEMA recsys_data IS 'one view and two factor tables for each model; CREATE on this schema is the right to create models';
