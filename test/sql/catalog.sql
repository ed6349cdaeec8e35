-- What the extension's objects are allowed to be: a new function, table or view
-- shows up here and wants a decision.
\pset null <null>
CREATE VIEW pg_temp.member AS
SELECT classid, objid FROM pg_depend
 WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
   AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'recsys');
CREATE VIEW pg_temp.member_function AS
SELECT p.* FROM pg_proc AS p JOIN pg_temp.member AS m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid;
CREATE VIEW pg_temp.member_relation AS
SELECT c.* FROM pg_class AS c JOIN pg_temp.member AS m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid;

-- fixed in its schema
SELECT extname, extnamespace::regnamespace, extrelocatable FROM pg_extension WHERE extname = 'recsys';

-- every member lies in the schema of the extension, or is the other schema
SELECT p.pronamespace::regnamespace, count(*) > 0 FROM pg_temp.member_function AS p GROUP BY 1;
SELECT n.nspname FROM pg_namespace AS n JOIN pg_temp.member AS m ON m.classid = 'pg_namespace'::regclass AND m.objid = n.oid;
SELECT m.classid::regclass, count(*) > 0 FROM pg_temp.member AS m GROUP BY 1 ORDER BY 1::text;

-- nothing runs with its owner's rights, says it does not leak, or steers the planner
SELECT proname FROM pg_temp.member_function WHERE prosecdef;
SELECT proname FROM pg_temp.member_function WHERE proleakproof;
SELECT proname FROM pg_temp.member_function WHERE prosupport <> 0;
SELECT oprname, oprleft::regtype, oprright::regtype, oprrest, oprjoin
  FROM pg_operator AS o JOIN pg_temp.member AS m ON m.classid = 'pg_operator'::regclass AND m.objid = o.oid
 WHERE oprrest::oid NOT IN (0, 'pg_catalog.eqsel'::regproc, 'pg_catalog.neqsel'::regproc, 'pg_catalog.scalarltsel'::regproc,
                            'pg_catalog.scalarlesel'::regproc, 'pg_catalog.scalargtsel'::regproc, 'pg_catalog.scalargesel'::regproc)
    OR oprjoin::oid NOT IN (0, 'pg_catalog.eqjoinsel'::regproc, 'pg_catalog.neqjoinsel'::regproc, 'pg_catalog.scalarltjoinsel'::regproc,
                            'pg_catalog.scalarlejoinsel'::regproc, 'pg_catalog.scalargtjoinsel'::regproc, 'pg_catalog.scalargejoinsel'::regproc);

-- functions in SQL or PL have a fixed search_path, unless they are to be inlined
SELECT p.proname, l.lanname, p.proconfig FROM pg_temp.member_function AS p JOIN pg_language AS l ON l.oid = p.prolang
 WHERE l.lanname NOT IN ('c', 'internal')
   AND p.proconfig IS DISTINCT FROM ARRAY['search_path=pg_catalog, pg_temp'] AND p.prosqlbody IS NULL;
-- functions in C are in our library
SELECT proname, probin FROM pg_temp.member_function
 WHERE prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') AND probin <> '$libdir/recsys';
-- and have the symbol that their name says, or share one that is named
SELECT DISTINCT proname, prosrc FROM pg_temp.member_function
 WHERE prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') AND prosrc <> 'recsys_' || proname ORDER BY 1, 2;

-- the labels of every function that is not plain arithmetic on recvec
SELECT p.oid::regprocedure::text AS function, CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END AS volatility,
       CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END AS parallel,
       p.proisstrict AS strict, has_function_privilege('public', p.oid, 'EXECUTE') AS public
  FROM pg_temp.member_function AS p
 WHERE p.prokind = 'f' AND NOT (p.provolatile = 'i' AND p.proparallel = 's' AND p.proisstrict)
 ORDER BY p.oid::regprocedure::text COLLATE "C";
-- and the others are that
SELECT p.oid::regprocedure FROM pg_temp.member_function AS p
 WHERE p.provolatile = 'i' AND p.proparallel = 's' AND p.proisstrict
   AND NOT 'recsys.recvec'::regtype = ANY (p.proargtypes::oid[] || p.prorettype) AND p.proname NOT LIKE 'recvec\_%';
-- what the planner is told of those that are more than arithmetic, where it is not the default
SELECT proname, procost AS cost, prorows AS rows FROM pg_temp.member_function
 WHERE prokind = 'f' AND (procost <> 1 OR prorows <> 0) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
-- aggregates
SELECT p.oid::regprocedure::text, p.provolatile, p.proparallel FROM pg_temp.member_function AS p WHERE p.prokind <> 'f' ORDER BY 1;
-- what writes, or reads under a snapshot of its own, is not executable by PUBLIC, but for
-- those that check the rights themselves
SELECT p.oid::regprocedure FROM pg_temp.member_function AS p
 WHERE p.provolatile = 'v' AND has_function_privilege('public', p.oid, 'EXECUTE')
   AND p.proname NOT IN ('create_model', 'alter_model', 'drop_model', 'train', 'refresh', 'deploy', 'rollback', 'evaluate', 'evaluate_users', 'split', 'training_progress_slots',
                         'kafka_create_source', 'kafka_alter_source', 'kafka_drop_source', 'kafka_start', 'kafka_stop',
                         'kafka_seek', 'kafka_preview', 'kafka_retry', 'kafka_discard', 'kafka_slots', 'kafka_service',
                         'kafka_validator', 'prewarm', 'cache_images');

-- tables are for their owner, and for the database's owner to dump; views are for reading
SELECT c.relname, c.relkind, c.reloptions,
       (SELECT array_agg(concat(CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END, ' ', a.privilege_type) ORDER BY a.grantee, a.privilege_type)
          FROM aclexplode(c.relacl) AS a WHERE a.grantee <> c.relowner) AS granted
  FROM pg_temp.member_relation AS c WHERE c.relkind <> 'i' ORDER BY c.relname;
SELECT nspname, (SELECT array_agg(a.privilege_type ORDER BY a.privilege_type) FROM aclexplode(nspacl) AS a WHERE a.grantee = 0) AS public
  FROM pg_namespace WHERE nspname IN ('recsys', 'recsys_data') ORDER BY 1;
-- a view that filters by right says so to the planner
SELECT c.relname FROM pg_temp.member_relation AS c
 WHERE c.relkind = 'v' AND pg_get_viewdef(c.oid) ~ 'has_table_privilege' AND c.reloptions IS DISTINCT FROM ARRAY['security_barrier=true'];

-- rows of every table are dumped, and so is the state of every sequence; but not what
-- the names of models are bound to, which are OIDs
SELECT c.relname FROM pg_temp.member_relation AS c
 WHERE c.relkind IN ('r', 'S', 'p')
   AND c.oid <> ALL ((SELECT extconfig FROM pg_extension WHERE extname = 'recsys')::oid[]);
-- no column that is dumped holds an OID, which means nothing after a restore; but a role's is dumped as its name
SELECT a.attrelid::regclass, a.attname FROM pg_attribute AS a JOIN pg_temp.member_relation AS c ON c.oid = a.attrelid AND c.relkind = 'r'
  JOIN pg_extension AS e ON e.extname = 'recsys' AND c.oid = ANY (e.extconfig)
 WHERE a.attnum > 0 AND (a.atttypid = 'oid'::regtype OR a.atttypid::regtype::text LIKE 'reg%' AND a.atttypid <> 'regrole'::regtype);
-- no trigger, rule or policy but the foreign keys', the views', and what binds a model's name
SELECT tgrelid::regclass, tgname FROM pg_trigger JOIN pg_temp.member_relation AS c ON c.oid = tgrelid WHERE NOT tgisinternal;
SELECT ev_class::regclass, rulename FROM pg_rewrite JOIN pg_temp.member_relation AS c ON c.oid = ev_class WHERE rulename <> '_RETURN';

-- every object says what it is
SELECT pg_describe_object(m.classid, m.objid, 0) AS without_comment
  FROM pg_temp.member AS m
 WHERE obj_description(m.objid, m.classid::regclass::text::name) IS NULL
   AND NOT EXISTS (SELECT FROM pg_type AS t WHERE m.classid = 'pg_type'::regclass AND t.oid = m.objid AND (t.typelem <> 0 OR t.typrelid <> 0))
 ORDER BY 1;

-- every C function takes NULLs: called with nothing but NULL it returns or refuses, the session lives
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT p.oid::regprocedure::text AS name, p.proname,
                    (SELECT string_agg('NULL::' || t::regtype, ', ' ORDER BY i) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (t, i)) AS arguments
               FROM pg_temp.member_function AS p
              WHERE p.prokind = 'f' AND p.prorettype NOT IN ('internal'::regtype)
                AND NOT 'internal'::regtype = ANY (p.proargtypes::oid[])
    LOOP
        BEGIN
            EXECUTE format('SELECT recsys.%I(%s)', f.proname, f.arguments);
        EXCEPTION WHEN null_value_not_allowed OR trigger_protocol_violated THEN
            NULL;
        WHEN OTHERS THEN
            RAISE NOTICE '%: % %', f.name, SQLSTATE, SQLERRM;
        END;
    END LOOP;
END $$;
