-- $1, $2 timestamptz: a range, $3 uuid[]: ids of live interactions in it. Id, user, microseconds since 1970.
SELECT interaction_id, user_id, (extract(epoch FROM occurred_at) * 1000000)::bigint
  FROM interactions
 WHERE occurred_at >= $1::timestamptz AND occurred_at < $2::timestamptz
   AND interaction_id = ANY ($3::uuid[]) AND deleted_at IS NULL
 ORDER BY 3, 1;
