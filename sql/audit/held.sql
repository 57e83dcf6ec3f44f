-- $1 text: stream, $2, $3 timestamptz: the window. The number of the last load, then the ids that the window holds, 16
-- bytes each: live and marked ones.
SELECT (SELECT load_number::text FROM stream_state WHERE stream = $1::text),
       coalesce(string_agg(uuid_send(interaction_id), '') FILTER (WHERE deleted_at IS NULL), ''),
       coalesce(string_agg(uuid_send(interaction_id), '') FILTER (WHERE deleted_at IS NOT NULL), '')
  FROM interactions
 WHERE occurred_at >= $2::timestamptz AND occurred_at < $3::timestamptz;
