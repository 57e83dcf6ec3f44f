-- $1 text: schema. The statement that grants the first privilege which this role lacks, or NULL when it lacks none.
SELECT CASE
    WHEN to_regnamespace(quote_ident($1::text)) IS NULL THEN
        CASE WHEN NOT has_database_privilege(current_database(), 'CREATE')
             THEN format('GRANT CREATE ON DATABASE %I TO %I', current_database(), current_user) END
    WHEN NOT has_schema_privilege(to_regnamespace(quote_ident($1::text))::oid, 'USAGE')
      OR NOT has_schema_privilege(to_regnamespace(quote_ident($1::text))::oid, 'CREATE') THEN
        format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', $1::text, current_user)
    WHEN EXISTS (SELECT FROM pg_class
                  WHERE relnamespace = to_regnamespace(quote_ident($1::text)) AND relkind IN ('r', 'p')
                    AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
                             AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))) THEN
        format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO %I', $1::text, current_user)
    END;
