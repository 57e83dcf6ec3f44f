-- $1 text: stream, $2, $3 bigint: load numbers, after and up to. The rows that these loads brought less those that they
-- marked, by the day that they are dated: the day as days since 1970, and its rows. A window of several days gives each
-- its share; it is so wide only where there is little.
SELECT floor(extract(epoch FROM day) / 86400)::bigint,
       sum(rows * extract(epoch FROM least(window_to, day + interval '24 hours') - greatest(window_from, day))
           / extract(epoch FROM window_to - window_from))::float8
  FROM (SELECT window_from, window_to, inserted - deleted AS rows FROM window_log
         WHERE stream = $1::text AND load_number > $2::bigint AND load_number <= $3::bigint
           AND inserted <> deleted AND window_from < window_to) AS loads,
       generate_series(date_trunc('day', window_from, 'UTC'), window_to - interval '1 microsecond', interval '24 hours') AS day
 GROUP BY 1;
