-- $1, $2 timestamptz: the window, $3 uuid[]: ids no longer served, $4 timestamptz: the transaction's time.
UPDATE interactions SET deleted_at = $4::timestamptz
 WHERE occurred_at >= $1::timestamptz AND occurred_at < $2::timestamptz
   AND interaction_id = ANY ($3::uuid[]) AND deleted_at IS NULL;
