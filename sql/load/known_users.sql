-- $1 text[]: ids of users. What is known of them: id, age of the profile in microseconds since 1970, its hash.
SELECT user_id, (extract(epoch FROM observed_at) * 1000000)::bigint, encode(profile_hash, 'hex')
  FROM users
 WHERE user_id = ANY ($1::text[]);
