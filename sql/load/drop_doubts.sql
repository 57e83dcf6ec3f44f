-- $1, $2 timestamptz: the window. It was read again, and what is gone is judged anew.
DELETE FROM vanished_interactions
 WHERE occurred_at >= $1::timestamptz AND occurred_at < $2::timestamptz;
