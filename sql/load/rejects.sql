-- $1 text: stream, $2, $3 timestamptz: the window, $4 json: list of {id, user_id, reason, record}, each id once,
-- $5 timestamptz: the transaction's time.
INSERT INTO rejected_records AS known
       (reject_id, stream, window_from, window_to, user_id, reason, record, first_seen_at, last_seen_at)
SELECT id, $1::text, $2::timestamptz, $3::timestamptz, user_id, reason, record, $5::timestamptz, $5::timestamptz
  FROM json_to_recordset($4::json) AS served (id uuid, user_id text, reason text, record text)
 ORDER BY id
    ON CONFLICT (reject_id) DO UPDATE
   SET window_from = excluded.window_from, window_to = excluded.window_to, reason = excluded.reason,
       last_seen_at = excluded.last_seen_at, attempts = known.attempts + 1;
