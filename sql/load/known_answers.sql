-- $1 text: stream, $2, $3 timestamptz: a range. What is known of windows within it, in order: bounds in seconds since 1970,
-- hash, rows, bytes, fractions.
SELECT extract(epoch FROM window_from)::bigint, extract(epoch FROM window_to)::bigint, encode(answer_hash, 'hex'), rows, bytes,
       fractions
  FROM known_answers
 WHERE stream = $1::text AND window_from >= $2::timestamptz AND window_to <= $3::timestamptz
 ORDER BY window_from;
