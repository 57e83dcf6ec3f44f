-- $1 text: stream, $2, $3 timestamptz: the window, $4 bigint: users that were inserted. Adds the window to what is loaded and gives the load its number.
-- A window that the server serves again is no longer poisoned. The watermark never moves back. A plan is kept.
UPDATE stream_state
   SET coverage    = coverage + tstzmultirange(tstzrange($2::timestamptz, $3::timestamptz, '[)')),
       poisoned    = poisoned - tstzmultirange(tstzrange($2::timestamptz, $3::timestamptz, '[)')),
       watermark   = greatest(watermark, upper(coverage), $3::timestamptz),
       load_number = load_number + 1,
       users_known = users_known + $4::bigint,
       updated_at  = now()
 WHERE stream = $1::text
RETURNING load_number;
