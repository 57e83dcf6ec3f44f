-- Prepares a new embedded cluster, once, in PostgreSQL's single-user mode: a statement ends with an empty line.
-- No parameters. ALTER SYSTEM leaves every value open to change by ALTER SYSTEM later.

-- Named in the titles of its processes, so that it is not taken for another server of the machine.
ALTER SYSTEM SET cluster_name = 'opendialog-etl';

ALTER SYSTEM SET max_connections = 40;

ALTER SYSTEM SET shared_buffers = '64MB';

ALTER SYSTEM SET timezone = 'UTC';

ALTER SYSTEM SET log_timezone = 'UTC';

-- Its generated code needs memory that is writable and executable, which the service's sandbox forbids.
ALTER SYSTEM SET jit = 'off';

-- What users said must not reach the log: clients are told of their errors, the log only of the server's own life.
ALTER SYSTEM SET log_min_messages = 'log';

ALTER SYSTEM SET log_min_error_statement = 'panic';

ALTER SYSTEM SET log_error_verbosity = 'terse';

CREATE DATABASE opendialog;

