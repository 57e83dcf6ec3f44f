-- $1 text: stream, $2, $3 timestamptz: a range. Where coverage and ledger contradict each other, in seconds since 1970:
-- `unexplained` is covered, but no load in the ledger says so; `forgotten` was loaded by the ledger, but is not covered.
-- Loads are numbered without holes, so it shows when rows of the ledger were purged: then nothing is unexplained, and
-- one row `purged` says that this could not be checked.
WITH state AS MATERIALIZED (
    SELECT tstzmultirange(tstzrange($2::timestamptz, $3::timestamptz, '[)')) AS asked, coverage, load_number
      FROM stream_state WHERE stream = $1::text
), ledger AS MATERIALIZED (
    SELECT count(*) AS loads,
           coalesce(range_agg(tstzrange(window_from, window_to, '[)'))
                        FILTER (WHERE window_from < $3::timestamptz AND window_to > $2::timestamptz),
                    '{}') AS loaded
      FROM window_log WHERE stream = $1::text AND load_number IS NOT NULL
), contradiction (kind, part) AS (
    SELECT 'unexplained', unnest(asked * coverage - loaded) FROM state, ledger WHERE loads >= load_number
    UNION ALL
    SELECT 'forgotten', unnest(asked * loaded - coverage) FROM state, ledger
    UNION ALL
    SELECT 'purged', unnest(asked) FROM state, ledger WHERE loads < load_number
)
SELECT kind, floor(extract(epoch FROM lower(part)))::bigint, ceil(extract(epoch FROM upper(part)))::bigint
  FROM contradiction
 ORDER BY 1, 2
 LIMIT 1000;
