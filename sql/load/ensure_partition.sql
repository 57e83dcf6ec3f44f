-- $1 timestamptz: an instant of the month.
SELECT ensure_interactions_partition($1::timestamptz);
