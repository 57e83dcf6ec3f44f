-- $1 text: stream, $2 text: the recheck's span in seconds, $3 timestamptz: when it was begun.
UPDATE stream_state
   SET rechecked = rechecked || jsonb_build_object($2::text, extract(epoch FROM $3::timestamptz)::bigint), updated_at = now()
 WHERE stream = $1::text;
