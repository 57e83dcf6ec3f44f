-- $1 text: schema and stream. True when this session now leads; the lock goes with the session.
SELECT pg_try_advisory_lock(hashtextextended($1::text || ' leader', 0));
