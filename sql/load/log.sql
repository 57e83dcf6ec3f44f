-- $1 bigint or NULL: the load's number, $2 text: stream, $3, $4 timestamptz: the window, $5 text: reason, $6 text: outcome,
-- $7..$12 bigint: rows read, inserted, updated, unchanged, deleted, rejected, $13 bigint: bytes, $14 bigint: http_ms,
-- $15 int: attempts, $16 text or NULL: error, $17 timestamptz: started_at. Writes a row of the ledger and answers how many
-- milliseconds the transaction took so far. A plan is kept.
INSERT INTO window_log (load_number, stream, window_from, window_to, reason, outcome, rows_read, inserted, updated,
                        unchanged, deleted, rejected, bytes, http_ms, load_ms, attempts, error, started_at, finished_at)
VALUES ($1::bigint, $2::text, $3::timestamptz, $4::timestamptz, $5::text, $6::text, $7::bigint, $8::bigint, $9::bigint,
        $10::bigint, $11::bigint, $12::bigint, $13::bigint, $14::bigint,
        (extract(epoch FROM clock_timestamp() - now()) * 1000)::bigint, $15::int, $16::text, $17::timestamptz,
        clock_timestamp())
RETURNING load_ms;
