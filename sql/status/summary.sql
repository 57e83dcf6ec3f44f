-- $1 text: stream, $2 text: schema and stream (see state/lead), $3 bigint: how many interactions are counted at the most.
-- When a window was last loaded; the last error, its time; rejects, users; interactions and whether that is the planner's
-- estimate, because they are too many to count at once; whether a process polls; interactions that one reading missed.
WITH estimate AS (
    SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint AS rows
      FROM pg_inherits JOIN pg_class ON oid = inhrelid
     WHERE inhparent = 'interactions'::regclass
), failure AS (
    SELECT error, finished_at FROM window_log
     WHERE stream = $1::text AND outcome <> 'loaded' AND error IS NOT NULL
     ORDER BY window_id DESC LIMIT 1
)
SELECT (SELECT to_char(finished_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM window_log
         WHERE stream = $1::text AND load_number IS NOT NULL ORDER BY load_number DESC LIMIT 1),
       (SELECT error FROM failure),
       (SELECT to_char(finished_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM failure),
       (SELECT count(*) FROM rejected_records WHERE stream = $1::text),
       (SELECT count(*) FROM users),
       CASE WHEN (SELECT rows FROM estimate) > $3::bigint THEN (SELECT rows FROM estimate)
            ELSE (SELECT count(*) FROM interactions) END,
       (SELECT rows FROM estimate) > $3::bigint,
       EXISTS (SELECT FROM pg_locks
                WHERE locktype = 'advisory' AND objsubid = 1 AND granted
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                  AND (classid::bigint << 32) | objid::bigint = hashtextextended($2::text || ' leader', 0)),
       (SELECT count(*) FROM vanished_interactions);
