-- $1 text: stream, $2, $3 timestamptz: a window, $4 bytea: an answer's hash. A row (rows, users, bytes) where that answer is
-- what is known of the window, and the warehouse still holds as many interactions.
SELECT rows, users, bytes
  FROM known_answers
 WHERE stream = $1::text AND window_from = $2::timestamptz AND window_to = $3::timestamptz AND answer_hash = $4::bytea
   AND rows = (SELECT count(*) FROM interactions
                WHERE occurred_at >= $2::timestamptz AND occurred_at < $3::timestamptz AND deleted_at IS NULL);
