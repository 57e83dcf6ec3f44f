-- $1 text: schema and stream. One process at a time looks for a free window. A plan is kept.
SELECT pg_advisory_xact_lock(hashtextextended($1::text || ' claims', 0));
