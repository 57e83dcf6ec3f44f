-- $1, $2 timestamptz: a range, $3 json: list of interactions as served, each with its `row`; without user_id where the
-- server lost it. Answers the row of each that the range holds with another content, and which columns differ.
SELECT "row", fields
  FROM (SELECT served.row,
               concat_ws(', ',
                   CASE WHEN held.user_id <> served.user_id THEN 'user_id' END,
                   CASE WHEN held.occurred_at <> served.occurred_at THEN 'occurred_at' END,
                   CASE WHEN held.type <> served.type THEN 'type' END,
                   CASE WHEN held.text IS DISTINCT FROM served.text THEN 'text' END,
                   CASE WHEN held.value IS DISTINCT FROM served.value THEN 'value' END,
                   CASE WHEN held.callback_id IS DISTINCT FROM served.callback_id THEN 'callback_id' END,
                   CASE WHEN held.data IS DISTINCT FROM served.data THEN 'data' END,
                   CASE WHEN held.extra IS DISTINCT FROM served.extra THEN 'extra' END,
                   CASE WHEN held.occurrence <> served.occurrence THEN 'occurrence' END,
                   CASE WHEN NOT EXISTS (SELECT FROM users WHERE users.user_id = held.user_id)
                        THEN 'its user is missing' END) AS fields
          FROM json_to_recordset($3::json) AS served
               ("row" int, id uuid, user_id text, occurred_at timestamptz, type text, text text, value text,
                callback_id text, data jsonb, extra jsonb, occurrence int)
          JOIN interactions AS held
            ON held.interaction_id = served.id
           AND held.occurred_at >= $1::timestamptz AND held.occurred_at < $2::timestamptz) AS compared
 WHERE fields <> ''
 ORDER BY 1;
