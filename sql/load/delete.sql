-- $1, $2 timestamptz: the window, $3 uuid[]: ids no longer served.
DELETE FROM interactions
 WHERE occurred_at >= $1::timestamptz AND occurred_at < $2::timestamptz AND interaction_id = ANY ($3::uuid[]);
