-- $1 text: stream, $2 int: how many records are looked at, $3 int: how many reasons are told. Why records were rejected
-- lately, each reason once, the newest first: its words, how often, when last. Nothing of the records themselves.
SELECT reason, count(*), floor(extract(epoch FROM max(last_seen_at)))::bigint
  FROM (SELECT reason, last_seen_at FROM rejected_records
         WHERE stream = $1::text ORDER BY last_seen_at DESC LIMIT $2::int) AS latest
 GROUP BY reason
 ORDER BY max(last_seen_at) DESC
 LIMIT $3::int;
