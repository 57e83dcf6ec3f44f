-- $1 text: stream, $2 bigint: at the most. The records in quarantine, the latest windows first, and each as JSON.
SELECT reject_id, user_id, reason, attempts,
       to_char(window_from, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS window_from,
       to_char(window_to, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS window_to,
       to_char(first_seen_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS first_seen_at,
       to_char(last_seen_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS last_seen_at,
       json_build_object('reject_id', reject_id, 'window_from', window_from, 'window_to', window_to, 'user_id', user_id,
                         'reason', reason, 'first_seen_at', first_seen_at, 'last_seen_at', last_seen_at,
                         'attempts', attempts, 'record_bytes', octet_length(record)) AS object
  FROM rejected_records
 WHERE stream = $1::text
 ORDER BY rejected_records.window_from DESC, reject_id
 LIMIT $2::bigint;
