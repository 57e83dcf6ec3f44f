-- $1 text: stream, $2, $3 timestamptz: the window. The transaction's time, whether any of the window was loaded before,
-- the number of the last load, whether records of the window may be in quarantine, whether one reading missed some of its
-- interactions, and whether anything newer was loaded. A plan is kept.
SELECT now(), coverage && tstzmultirange(tstzrange($2::timestamptz, $3::timestamptz, '[)')), load_number,
       EXISTS (SELECT FROM rejected_records
                WHERE stream = $1::text AND window_to > $2::timestamptz AND window_from < $3::timestamptz),
       EXISTS (SELECT FROM vanished_interactions
                WHERE occurred_at >= $2::timestamptz AND occurred_at < $3::timestamptz),
       coalesce(upper(coverage) > $3::timestamptz, false)
  FROM stream_state
 WHERE stream = $1::text;
