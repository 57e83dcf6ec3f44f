-- Makes the table of applied migrations. $SCHEMA stands for the schema's name, quoted.
CREATE TABLE $SCHEMA.schema_version (
    version    int PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE $SCHEMA.schema_version IS 'Applied migrations with their checksums.';
COMMENT ON COLUMN $SCHEMA.schema_version.version IS 'The migration''s number.';
COMMENT ON COLUMN $SCHEMA.schema_version.name IS 'The migration''s file.';
COMMENT ON COLUMN $SCHEMA.schema_version.checksum IS 'BLAKE2b-256 of the migration''s text.';
COMMENT ON COLUMN $SCHEMA.schema_version.applied_at IS 'When it was applied.';
