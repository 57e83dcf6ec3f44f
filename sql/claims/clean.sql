-- $1 text: stream, $2, $3 timestamptz: a window, $4 bigint: the owner that will claim it. Takes away the claims whose owner
-- ended, and those of this owner that are done or are made anew.
DELETE FROM window_claims
 WHERE stream = $1::text
   AND (owner NOT IN (SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks
                       WHERE locktype = 'advisory' AND objsubid = 1 AND granted
                         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
        OR owner = $4::bigint
           AND (window_from >= $2::timestamptz AND window_to <= $3::timestamptz
                OR (SELECT coverage FROM stream_state WHERE stream = $1::text)
                   @> tstzrange(window_from, window_to, '[)')));
