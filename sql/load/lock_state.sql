-- $1 text: stream. The last moment before commit: from here on one loader at a time. Answers the number of the last load.
-- A plan is kept.
SELECT load_number FROM stream_state WHERE stream = $1::text FOR UPDATE;
