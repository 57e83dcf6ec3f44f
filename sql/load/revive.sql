-- $1, $2 timestamptz: the window, $3 uuid[]: marked ids that are served again.
UPDATE interactions SET deleted_at = NULL
 WHERE occurred_at >= $1::timestamptz AND occurred_at < $2::timestamptz
   AND interaction_id = ANY ($3::uuid[]) AND deleted_at IS NOT NULL;
