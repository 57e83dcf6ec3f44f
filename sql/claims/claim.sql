-- $1 text: stream, $2, $3 timestamptz: a window, $4 bigint: owner, $5 bigint: seconds. Claims of the window's first part that
-- is neither covered nor claimed by another as much as is not wider than that, and answers its bounds in seconds since 1970,
-- cut inwards; no row where there is none. A plan is kept.
WITH taken AS (
    SELECT coverage + coalesce((SELECT range_agg(tstzrange(window_from, window_to, '[)')) FROM window_claims
                                 WHERE stream = $1::text AND owner <> $4::bigint), '{}') AS ranges
      FROM stream_state
     WHERE stream = $1::text
), free AS (
    SELECT ceil(extract(epoch FROM lower(part)))::bigint AS begin,
           least(floor(extract(epoch FROM upper(part)))::bigint, ceil(extract(epoch FROM lower(part)))::bigint + $5::bigint) AS past
      FROM taken, unnest(tstzmultirange(tstzrange($2::timestamptz, $3::timestamptz, '[)')) - ranges) AS part
     WHERE ceil(extract(epoch FROM lower(part))) < floor(extract(epoch FROM upper(part)))
     ORDER BY 1
     LIMIT 1
), claimed AS (
    INSERT INTO window_claims (stream, window_from, window_to, owner)
    SELECT $1::text, to_timestamp(begin), to_timestamp(past), $4::bigint FROM free
)
SELECT begin, past FROM free;
