-- $1 text: stream, $2, $3 timestamptz: a window in which rows change. What is known of any of it is known no more.
DELETE FROM known_answers
 WHERE stream = $1::text AND window_from < $3::timestamptz AND window_to > $2::timestamptz
   AND window_from >= coalesce((SELECT max(window_from) FROM known_answers
                                 WHERE stream = $1::text AND window_from < $2::timestamptz), $2::timestamptz);
