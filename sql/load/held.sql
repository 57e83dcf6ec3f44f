-- $1, $2 timestamptz: the window. The ids that it holds, 16 bytes each: live without and with extra, then marked ones.
SELECT coalesce(string_agg(uuid_send(interaction_id), '') FILTER (WHERE deleted_at IS NULL AND extra IS NULL), ''),
       coalesce(string_agg(uuid_send(interaction_id), '') FILTER (WHERE deleted_at IS NULL AND extra IS NOT NULL), ''),
       coalesce(string_agg(uuid_send(interaction_id), '') FILTER (WHERE deleted_at IS NOT NULL), '')
  FROM interactions
 WHERE occurred_at >= $1::timestamptz AND occurred_at < $2::timestamptz;
