-- $1 text: stream, $2 text: schema and stream (see state/lead), $3 bigint: how many rows are counted at the most.
-- When a window was last loaded; the last error, its time; rejects; users and whether that is an estimate, because they
-- are too many to count at once; the same of interactions; whether a process polls; interactions that one reading
-- missed.
WITH kinds AS (
    SELECT 'users'::regclass AS kind, 'users'::regclass AS part
    UNION ALL
    SELECT inhparent::regclass, inhrelid::regclass FROM pg_inherits WHERE inhparent = 'interactions'::regclass
), estimates AS (
    -- As the planner does: rows a page as last analysed, else some 40, by the pages there are now.
    SELECT kind, sum(CASE WHEN relpages > 0 THEN greatest(reltuples, 0) / relpages ELSE 40 END
                     * pg_relation_size(part) / current_setting('block_size')::int)::bigint AS rows
      FROM kinds JOIN pg_class ON oid = part
     GROUP BY kind
), many AS (
    SELECT coalesce(max(rows) FILTER (WHERE kind = 'users'::regclass), 0) AS users,
           coalesce(max(rows) FILTER (WHERE kind = 'interactions'::regclass), 0) AS interactions
      FROM estimates
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
       CASE WHEN users > $3::bigint THEN users ELSE (SELECT count(*) FROM users) END, users > $3::bigint,
       CASE WHEN interactions > $3::bigint THEN interactions ELSE (SELECT count(*) FROM interactions) END,
       interactions > $3::bigint,
       EXISTS (SELECT FROM pg_locks
                WHERE locktype = 'advisory' AND objsubid = 1 AND granted
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                  AND (classid::bigint << 32) | objid::bigint = hashtextextended($2::text || ' leader', 0)),
       (SELECT count(*) FROM vanished_interactions)
  FROM many;
