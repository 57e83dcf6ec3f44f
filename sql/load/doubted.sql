-- $1, $2 timestamptz: the window. The ids of those of its interactions that one reading missed, 16 bytes each.
SELECT coalesce(string_agg(uuid_send(interaction_id), ''), '')
  FROM vanished_interactions
 WHERE occurred_at >= $1::timestamptz AND occurred_at < $2::timestamptz;
