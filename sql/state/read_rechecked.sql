-- $1 text: stream, $2 text: the recheck's span in seconds. When it was last begun, in seconds since 1970.
SELECT floor(extract(epoch FROM (rechecked ->> $2::text)::timestamptz))::bigint FROM stream_state WHERE stream = $1::text;
