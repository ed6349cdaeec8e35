-- Every object of the extension in a line or more: what a step between two versions
-- must not leave different from a fresh installation.  The text of views, which the
-- majors print differently, begins with "text of".
SET search_path = pg_catalog;
WITH member AS MATERIALIZED (
    SELECT classid, objid FROM pg_depend
     WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
       AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'recsys')
       -- from 17 on the row types of relations are members, too, and all arrays
       AND NOT (classid = 'pg_type'::regclass AND EXISTS (
           SELECT FROM pg_type AS t LEFT JOIN pg_type AS e ON e.oid = t.typelem AND e.typarray = t.oid
            WHERE t.oid = objid AND (t.typrelid <> 0 OR e.oid IS NOT NULL)))),
relation AS MATERIALIZED (
    SELECT c.* FROM pg_class AS c JOIN member AS m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid),
rights AS MATERIALIZED (
    SELECT o.name, CASE a.grantee WHEN 0 THEN 'PUBLIC' WHEN o.owner THEN 'owner' ELSE a.grantee::regrole::text END
           || ' ' || string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type) AS granted
      FROM (SELECT 'function ' || p.oid::regprocedure, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
              FROM pg_proc AS p JOIN member AS m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
            UNION ALL SELECT 'relation ' || c.oid::regclass, c.relowner, coalesce(c.relacl, acldefault('r', c.relowner))
              FROM relation AS c WHERE c.relkind IN ('r', 'v')
            UNION ALL SELECT 'type ' || t.oid::regtype, t.typowner, coalesce(t.typacl, acldefault('T', t.typowner))
              FROM pg_type AS t JOIN member AS m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
            UNION ALL SELECT 'schema ' || n.nspname, n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner))
              FROM pg_namespace AS n WHERE n.nspname IN ('recsys', 'recsys_data')) AS o (name, owner, acl),
           aclexplode(o.acl) AS a
     -- 17 has a privilege more
     WHERE a.privilege_type <> 'MAINTAIN'
     GROUP BY o.name, o.owner, a.grantee)
SELECT line FROM (
    SELECT 'member ' || pg_describe_object(classid, objid, 0) FROM member
    UNION ALL SELECT 'comment ' || pg_describe_object(classid, objid, 0) || ': ' || replace(obj_description(objid, classid::regclass::text::name), E'\n', ' ')
      FROM member WHERE obj_description(objid, classid::regclass::text::name) IS NOT NULL
    UNION ALL SELECT 'function ' || p.oid::regprocedure || ': ' || concat_ws(' | ', pg_get_function_arguments(p.oid),
                     pg_get_function_result(p.oid), 'kind ' || p.prokind::text, 'volatile ' || p.provolatile::text, 'parallel ' || p.proparallel::text,
                     'strict ' || p.proisstrict, 'cost ' || p.procost, 'rows ' || p.prorows, 'definer ' || p.prosecdef,
                     p.prosrc, p.probin, p.proconfig::text, pg_get_function_sqlbody(p.oid))
      FROM pg_proc AS p JOIN member AS m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
    UNION ALL SELECT 'relation ' || c.oid::regclass || ': ' || concat_ws(' | ', 'kind ' || c.relkind::text, c.relpersistence, c.reloptions::text, 'policies ' || c.relrowsecurity)
      FROM relation AS c
    UNION ALL SELECT 'column ' || c.oid::regclass || ' ' || a.attnum || ': ' || concat_ws(' | ', a.attname, format_type(a.atttypid, a.atttypmod),
                     'not null ' || a.attnotnull, 'identity ' || a.attidentity::text, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum),
                     a.attacl::text, a.attcollation::regcollation)
      FROM relation AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
     WHERE c.relkind IN ('r', 'v', 'c')
    -- 18 has rows for NOT NULL, too
    UNION ALL SELECT 'constraint ' || c.oid::regclass || ' ' || k.conname || ': ' || pg_get_constraintdef(k.oid)
      FROM relation AS c JOIN pg_constraint AS k ON k.conrelid = c.oid AND k.contype <> 'n'
    UNION ALL SELECT 'index ' || i.indexrelid::regclass || ': ' || pg_get_indexdef(i.indexrelid)
      FROM relation AS c JOIN pg_index AS i ON i.indrelid = c.oid
    UNION ALL SELECT 'text of ' || c.oid::regclass || ': ' || replace(pg_get_viewdef(c.oid), E'\n', ' ') FROM relation AS c WHERE c.relkind = 'v'
    UNION ALL SELECT 'rights on ' || name || ': ' || granted FROM rights
    UNION ALL SELECT 'dumped ' || relation::regclass || coalesce(': ' || nullif(condition, ''), '')
      FROM pg_extension, unnest(extconfig, extcondition) AS d (relation, condition) WHERE extname = 'recsys'
    UNION ALL SELECT 'operator ' || o.oid::regoperator || ': ' || concat_ws(' | ', o.oprcode, o.oprcom::regoperator, o.oprnegate::regoperator, o.oprrest, o.oprjoin, o.oprcanmerge, o.oprcanhash)
      FROM pg_operator AS o JOIN member AS m ON m.classid = 'pg_operator'::regclass AND m.objid = o.oid
    UNION ALL SELECT 'event trigger ' || e.evtname || ': ' || concat_ws(' | ', e.evtevent, e.evtfoid::regprocedure, e.evtenabled, e.evttags::text)
      FROM pg_event_trigger AS e JOIN member AS m ON m.classid = 'pg_event_trigger'::regclass AND m.objid = e.oid
    ) AS l (line)
 ORDER BY line COLLATE "C";
