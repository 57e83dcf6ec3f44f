-- Makes the schema. $SCHEMA stands for its name, quoted.
CREATE SCHEMA $SCHEMA;
COMMENT ON SCHEMA $SCHEMA IS 'What users said to an OpenDialog tenant, loaded by opendialog-etl.';
