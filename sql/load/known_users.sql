-- $1 text[]: ids of users. Those that are known: the place in the list, the profile's date, its hash. Answered in binary.
SELECT served.place, known.observed_at, known.profile_hash
  FROM unnest($1::text[]) WITH ORDINALITY AS served (user_id, place)
  JOIN users AS known ON known.user_id = served.user_id;
