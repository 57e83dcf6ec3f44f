-- $1 text: stream, $2 int: how many rows of the ledger are looked at, $3 int: how many errors are told. What went wrong
-- lately, each error once, the newest first: its words without the address that was asked, which is another one for every
-- window, how often, when last.
SELECT regexp_replace(error, '^GET ''[^'']*'': ', ''), count(*), floor(extract(epoch FROM max(finished_at)))::bigint
  FROM (SELECT window_id, error, finished_at FROM window_log
         WHERE stream = $1::text AND outcome <> 'loaded' ORDER BY window_id DESC LIMIT $2::int) AS latest
 WHERE error IS NOT NULL
 GROUP BY 1
 ORDER BY max(window_id) DESC
 LIMIT $3::int;
