-- $1 text: stream, $2 bigint: a load's number, $3, $4 timestamptz: the window.
-- Whether another load of any of the window was committed after that number. A plan is kept.
SELECT EXISTS (SELECT FROM window_log
                WHERE stream = $1::text AND load_number > $2::bigint
                  AND window_from < $4::timestamptz AND window_to > $3::timestamptz);
