-- $1 text: schema and stream. One process at a time looks for a free window.
SELECT pg_advisory_xact_lock(hashtextextended($1::text || ' claims', 0));
