-- $1 text: stream, $2 uuid[] or NULL: these alone, $3 timestamptz or NULL: those last seen before. Deletes them.
DELETE FROM rejected_records
 WHERE stream = $1::text
   AND ($2::uuid[] IS NULL OR reject_id = ANY ($2::uuid[]))
   AND ($3::timestamptz IS NULL OR last_seen_at < $3::timestamptz);
