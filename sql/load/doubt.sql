-- $1, $2 timestamptz: the window, $3 uuid[]: ids that are no longer served, too many at once to be believed, $4 timestamptz:
-- the transaction's time.
INSERT INTO vanished_interactions (occurred_at, interaction_id, missed_at)
SELECT DISTINCT occurred_at, interaction_id, $4::timestamptz
  FROM interactions
 WHERE occurred_at >= $1::timestamptz AND occurred_at < $2::timestamptz
   AND interaction_id = ANY ($3::uuid[]) AND deleted_at IS NULL;
