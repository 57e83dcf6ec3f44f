-- $1 int: version, $2 text: name, $3 text: checksum. Records an applied migration.
INSERT INTO schema_version (version, name, checksum) VALUES ($1::int, $2::text, $3::text);
