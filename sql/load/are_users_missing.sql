-- $1 text: stream. Whether the table has fewer users than loads inserted: one statement, so that both are of one moment.
SELECT users_known > (SELECT count(*) FROM users) FROM stream_state WHERE stream = $1::text;
