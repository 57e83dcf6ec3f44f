-- What a server must be like: its version as a number, and its encoding. And when it was started, to the microsecond.
SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),
       extract(epoch FROM pg_postmaster_start_time());
