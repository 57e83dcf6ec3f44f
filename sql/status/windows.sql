-- $1 text: stream, $2 int: how many. The latest rows of the ledger as JSON, newest first.
SELECT coalesce(json_agg(to_json(w)), '[]')
  FROM (SELECT window_from, window_to, reason, outcome, rows_read, inserted, updated, unchanged, deleted, rejected, bytes,
               http_ms, load_ms, attempts, error, started_at, finished_at
          FROM window_log WHERE stream = $1::text ORDER BY window_id DESC LIMIT $2::int) AS w;
