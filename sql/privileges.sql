-- $1 text: schema. The statements that grant what this role lacks, for the owner of the database or the schema to run, a
-- line each; NULL when it lacks nothing.
WITH target AS (
    SELECT to_regnamespace(quote_ident($1::text))::oid AS schema
), tables AS (
    SELECT pg_class.oid, relname, relowner FROM pg_class, target
     WHERE relnamespace = schema AND relkind IN ('r', 'p')
), wanted (place, statement) AS (
    SELECT 1, format('CREATE SCHEMA %I AUTHORIZATION %I;', $1::text, current_user)
      FROM target
     WHERE schema IS NULL AND NOT has_database_privilege(current_database(), 'CREATE')
    UNION ALL
    SELECT 2, format('GRANT USAGE, CREATE ON SCHEMA %I TO %I;', $1::text, current_user)
      FROM target
     WHERE schema IS NOT NULL
       AND NOT (has_schema_privilege(schema, 'USAGE') AND has_schema_privilege(schema, 'CREATE'))
    UNION ALL
    SELECT 3, format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO %I;', $1::text, current_user)
     WHERE EXISTS (SELECT FROM tables
                    WHERE NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
                               AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')))
    UNION ALL
    -- Partitions can be attached by the owner alone.
    SELECT 4, format('ALTER TABLE %I.interactions OWNER TO %I;', $1::text, current_user)
      FROM tables
     WHERE relname = 'interactions' AND NOT pg_has_role(relowner, 'USAGE')
)
SELECT string_agg(statement, E'\n' ORDER BY place) FROM wanted;
