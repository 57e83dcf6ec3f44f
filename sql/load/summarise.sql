-- $1, $2 timestamptz: a range, its end not in it. Brings the block ranges of its partitions' BRIN indexes up to date, so
-- that the ids of a window are found without reading the whole month. Indexes of another owner are left to autovacuum.
SELECT count(brin_summarize_new_values(child.oid))
  FROM pg_inherits
  JOIN pg_class AS child ON child.oid = inhrelid
  JOIN pg_index ON indexrelid = child.oid
  JOIN pg_class AS part ON part.oid = indrelid
 WHERE inhparent = 'interactions_occurred_at'::regclass
   AND pg_has_role(child.relowner, 'USAGE')
   AND part.relname BETWEEN 'interactions_' || to_char($1::timestamptz AT TIME ZONE 'UTC', 'YYYY_MM')
                        AND 'interactions_' || to_char(($2::timestamptz - interval '1 us') AT TIME ZONE 'UTC', 'YYYY_MM');
