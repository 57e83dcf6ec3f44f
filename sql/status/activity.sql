-- $1 text: stream, $2 timestamptz: since when, $3 int: how many rows of the ledger are looked at, at the most. What was
-- done, by minute, reason and outcome: windows, rows read, inserted, the longest in milliseconds, the seconds of history
-- that they span, and up to where.
WITH latest AS (
    SELECT window_from, window_to, reason, outcome, rows_read, inserted, started_at, finished_at
      FROM window_log WHERE stream = $1::text ORDER BY window_id DESC LIMIT $3::int
)
SELECT floor(extract(epoch FROM date_trunc('minute', finished_at)))::bigint AS minute, reason, outcome, count(*),
       sum(rows_read)::bigint, sum(inserted)::bigint,
       (extract(epoch FROM max(finished_at - started_at)) * 1000)::bigint,
       extract(epoch FROM sum(window_to - window_from))::bigint, floor(extract(epoch FROM max(window_to)))::bigint
  FROM latest
 WHERE finished_at >= $2::timestamptz
 GROUP BY 1, 2, 3
 ORDER BY 1, 2, 3;
