-- Begins the reading of a status: whatever the warehouse has grown to, it takes no longer than this, waits for nobody's
-- lock, and writes nothing. Here a whole table may be read, where that is the cheapest.
SET TRANSACTION READ ONLY;
SET LOCAL statement_timeout = '3s';
SET LOCAL lock_timeout = '1s';
SET LOCAL enable_seqscan = on;
