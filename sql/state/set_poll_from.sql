-- $1 text: stream, $2 timestamptz: where live polling begins.
UPDATE stream_state SET poll_from = $2::timestamptz, updated_at = now()
 WHERE stream = $1::text AND poll_from IS DISTINCT FROM $2::timestamptz;
