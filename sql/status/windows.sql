-- $1 text: stream, $2 int: how many. The latest rows of the ledger, newest first: whole as JSON, then window, reason,
-- outcome, rows read, rows inserted, milliseconds from request to commit, when it ended, and what went wrong.
SELECT to_json(w), extract(epoch FROM window_from)::bigint, extract(epoch FROM window_to)::bigint, reason, outcome,
       rows_read, inserted, (extract(epoch FROM finished_at - started_at) * 1000)::bigint,
       floor(extract(epoch FROM finished_at))::bigint, error
  FROM (SELECT window_from, window_to, reason, outcome, rows_read, inserted, updated, unchanged, deleted, rejected, bytes,
               http_ms, load_ms, attempts, error, started_at, finished_at
          FROM window_log WHERE stream = $1::text ORDER BY window_id DESC LIMIT $2::int) AS w;
