-- $1 bigint: an owner of claims. They hold as long as the session that has this lock, and need no disk: with the server they
-- end, too.
SELECT pg_advisory_lock($1::bigint), set_config('synchronous_commit', 'off', false);
