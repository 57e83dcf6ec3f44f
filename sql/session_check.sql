-- What a server must be like: its version as a number, and its encoding.
SELECT current_setting('server_version_num')::int, current_setting('server_encoding');
