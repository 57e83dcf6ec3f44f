-- $1 text: schema. One process migrates at a time; the lock goes with the transaction.
SELECT pg_advisory_xact_lock(hashtextextended($1::text || ' migrations', 0));
