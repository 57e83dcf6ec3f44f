-- $1 text: stream, $2, $3 timestamptz: a window that the server can never serve. Covered instants are not poisoned.
UPDATE stream_state
   SET poisoned = poisoned + (tstzmultirange(tstzrange($2::timestamptz, $3::timestamptz, '[)')) - coverage),
       updated_at = now()
 WHERE stream = $1::text;
