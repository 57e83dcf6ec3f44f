-- $1 bigint: an owner of claims. They hold as long as the session that has this lock.
SELECT pg_advisory_lock($1::bigint);
