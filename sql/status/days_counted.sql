-- The live interactions of every day, counted: the day as days since 1970, and its rows. For warehouses that are small
-- enough to be read whole.
SELECT floor(extract(epoch FROM occurred_at) / 86400)::bigint AS day, count(*)
  FROM interactions WHERE deleted_at IS NULL
 GROUP BY 1;
