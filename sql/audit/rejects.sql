-- $1 text: stream, $2, $3 timestamptz: a window, $4 bigint: at the most. The ids of the records in quarantine that may be
-- of it.
SELECT reject_id
  FROM rejected_records
 WHERE stream = $1::text AND window_from < $3::timestamptz AND window_to > $2::timestamptz
 LIMIT $4::bigint;
