-- $1 text: stream, $2, $3 timestamptz: the window, $4 bytea: the answer's hash, $5..$7 bigint: rows, users, bytes,
-- $8 boolean: fractions. Takes the place of what is known of any of the window; known windows are disjoint, so that only the
-- one before its first instant can reach in. A plan is kept.
WITH gone AS (
    DELETE FROM known_answers
     WHERE stream = $1::text AND window_from < $3::timestamptz AND window_to > $2::timestamptz
       AND window_from <> $2::timestamptz
       AND window_from >= coalesce((SELECT max(window_from) FROM known_answers
                                     WHERE stream = $1::text AND window_from < $2::timestamptz), $2::timestamptz)
)
INSERT INTO known_answers (stream, window_from, window_to, answer_hash, rows, users, bytes, fractions)
VALUES ($1::text, $2::timestamptz, $3::timestamptz, $4::bytea, $5::bigint, $6::bigint, $7::bigint,
        $8::boolean)
    ON CONFLICT (stream, window_from) DO UPDATE
   SET window_to = excluded.window_to, answer_hash = excluded.answer_hash, rows = excluded.rows, users = excluded.users,
       bytes = excluded.bytes, fractions = excluded.fractions;
