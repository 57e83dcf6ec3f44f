-- What the warehouse holds of the last 30 days: watermark and lag, totals, the busiest scenarios, rows of the last days.
-- For a person at psql, with the warehouse's schema in search_path; quickstart shows it.
WITH recent AS MATERIALIZED (
    SELECT (occurred_at AT TIME ZONE 'UTC')::date AS day, coalesce(selected_scenario, '(none)') AS scenario,
           count(*) AS rows
      FROM current_interactions LEFT JOIN users USING (user_id)
     WHERE occurred_at >= date_trunc('day', now(), 'UTC') - interval '30 days'
     GROUP BY 1, 2
), days AS (
    SELECT day, sum(rows) AS rows FROM recent GROUP BY day ORDER BY day DESC LIMIT 8
), scenarios AS (
    SELECT scenario, sum(rows) AS rows FROM recent GROUP BY scenario ORDER BY rows DESC, scenario LIMIT 5
), lines (place, what, value, share) AS (
    SELECT 1, 'watermark', to_char(watermark AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC', NULL::numeric
      FROM stream_state WHERE stream = 'interactions'
    UNION ALL
    SELECT 2, 'lag', to_char(date_trunc('second', now() - watermark), 'FMDD "d" HH24:MI:SS'), NULL
      FROM stream_state WHERE stream = 'interactions'
    UNION ALL
    SELECT 3, 'users', to_char(count(*), 'FM999,999,999,999'), NULL FROM current_users
    UNION ALL
    SELECT 4, 'interactions, 30 days', to_char(coalesce(sum(rows), 0), 'FM999,999,999,999'), NULL FROM recent
    UNION ALL
    SELECT 5, 'rejected records', to_char(count(*), 'FM999,999,999,999'), NULL FROM rejected_records
    UNION ALL
    SELECT 100 + row_number() OVER (ORDER BY rows DESC, scenario), 'scenario ' || left(scenario, 40),
           to_char(rows, 'FM999,999,999,999'), rows / (SELECT sum(rows) FROM recent)
      FROM scenarios
    UNION ALL
    SELECT 200 + row_number() OVER (ORDER BY day), 'day ' || to_char(day, 'YYYY-MM-DD Dy'),
           to_char(rows, 'FM999,999,999,999'), rows / (SELECT max(rows) FROM days)
      FROM days
)
SELECT what, lpad(value, 23) AS value, coalesce(repeat('#', round(share * 24)::int), '') AS share
  FROM lines ORDER BY place;
