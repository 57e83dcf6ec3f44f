-- What every session of ours relies on, whatever the server, the role or the connection string set. Whether it may write is
-- not ours to say: an administrator, or a managed server whose disk fills up, makes sessions read-only to be obeyed.
-- search_path is set separately: it holds the configured schema.
SET SESSION TIME ZONE 'UTC';
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED;
SET client_encoding = 'UTF8';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET standard_conforming_strings = on;
SET array_nulls = on;
SET client_min_messages = warning;
SET synchronous_commit = on;
SET lock_timeout = '10s';
SET statement_timeout = '5min';
SET idle_in_transaction_session_timeout = '1min';
-- The leader's session rests between polls, and its lock must stay.
SET idle_session_timeout = 0;
-- A client that died must not have its last statement committed seconds later.
SET client_connection_check_interval = '200ms';
SET jit = off;
-- Every statement of ours finds its rows by a key or by the BRIN index, also where a table was never analysed and the
-- planner would rather read a month; and none is worth a second process.
SET enable_seqscan = off;
SET max_parallel_workers_per_gather = 0;
-- For the statements of which it is said that a plan is kept: they run in every window, and look the same at any size of
-- their tables. All others are planned each time: a plan from when a table was nearly empty would read the whole of it later,
-- until somebody analyses it.
SET plan_cache_mode = auto;
