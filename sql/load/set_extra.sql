-- $1, $2 timestamptz: the window, $3 json: list of {id, extra} as served. Writes only what differs and answers,
-- for each row that was written, whether it is live.
UPDATE interactions SET extra = served.extra
  FROM json_to_recordset($3::json) AS served (id uuid, extra jsonb)
 WHERE interactions.occurred_at >= $1::timestamptz AND interactions.occurred_at < $2::timestamptz
   AND interactions.interaction_id = served.id AND interactions.extra IS DISTINCT FROM served.extra
RETURNING interactions.deleted_at IS NULL;
