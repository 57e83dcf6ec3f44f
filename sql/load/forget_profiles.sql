-- $1 json: list of user ids. Their profiles are taken for unknown, so that the next one that comes replaces them.
UPDATE users SET profile_hash = NULL, observed_at = NULL
 WHERE user_id = ANY (ARRAY(SELECT json_array_elements_text($1::json)));
