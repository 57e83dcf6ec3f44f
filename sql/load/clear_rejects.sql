-- $1 text: stream, $2, $3 timestamptz: the window, $4 uuid[]: rejects that it has. Others that were seen in it are loaded
-- now, or gone. One that was seen in a wider window may still be in the rest of that: then it stays with the rest, unless
-- that is in two parts.
WITH seen AS (
    SELECT reject_id, window_from < $2::timestamptz AS before, window_to > $3::timestamptz AS behind
      FROM rejected_records
     WHERE stream = $1::text AND window_to > $2::timestamptz AND window_from < $3::timestamptz
       AND reject_id <> ALL ($4::uuid[])
), cut AS (
    UPDATE rejected_records
       SET window_from = CASE WHEN behind THEN $3::timestamptz ELSE window_from END,
           window_to = CASE WHEN before THEN $2::timestamptz ELSE window_to END
      FROM seen
     WHERE rejected_records.reject_id = seen.reject_id AND before <> behind
)
DELETE FROM rejected_records
 WHERE reject_id IN (SELECT reject_id FROM seen WHERE NOT before AND NOT behind);
