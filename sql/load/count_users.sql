-- $1 text: stream. Where somebody took users away, no answer is known any more: the next reading of each window brings back
-- those that belong to it.
WITH counted AS (
    UPDATE stream_state SET users_known = held.users
      FROM (SELECT count(*) AS users FROM users) AS held
     WHERE stream = $1::text AND users_known > held.users
    RETURNING stream
)
DELETE FROM known_answers USING counted WHERE known_answers.stream = counted.stream;
