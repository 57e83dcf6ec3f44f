-- $1 text: schema. Whether it is there, and whether its table of applied migrations is.
SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1::text::name),
       to_regclass(format('%I.schema_version', $1::text)) IS NOT NULL;
