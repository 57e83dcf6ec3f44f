-- $1 text: stream, $2 uuid[] or NULL: these alone. The ids in quarantine and the windows they were last seen in, in seconds
-- since 1970.
SELECT reject_id, floor(extract(epoch FROM window_from))::bigint, ceil(extract(epoch FROM window_to))::bigint
  FROM rejected_records
 WHERE stream = $1::text AND ($2::uuid[] IS NULL OR reject_id = ANY ($2::uuid[]))
 ORDER BY window_from;
