-- $1 json: list of users, sorted by id, each once; $2 timestamptz: the transaction's time.
-- A newer profile replaces an older one, between equals the later reading wins, and no profile replaces none.
-- Answers a row for each user that was written: whether it is new.
INSERT INTO users AS known
       (user_id, first_name, last_name, email, external_id, platform, ip_address, country, browser_language, os, browser,
        timezone, selected_scenario, custom, extra, observed_at, profile_hash, first_loaded_at, updated_at)
SELECT user_id, first_name, last_name, email, external_id, platform, ip_address, country, browser_language, os, browser,
       timezone, selected_scenario, custom, extra, observed_at, decode(profile_hash, 'hex'), $2::timestamptz, $2::timestamptz
  FROM json_to_recordset($1::json) AS served
       (user_id text, first_name text, last_name text, email text, external_id text, platform text, ip_address text,
        country text, browser_language text, os text, browser text, timezone text, selected_scenario text, custom jsonb,
        extra jsonb, observed_at timestamptz, profile_hash text)
    ON CONFLICT (user_id) DO UPDATE
   SET first_name = excluded.first_name, last_name = excluded.last_name, email = excluded.email,
       external_id = excluded.external_id, platform = excluded.platform, ip_address = excluded.ip_address,
       country = excluded.country, browser_language = excluded.browser_language, os = excluded.os,
       browser = excluded.browser, timezone = excluded.timezone, selected_scenario = excluded.selected_scenario,
       custom = excluded.custom, extra = excluded.extra, observed_at = excluded.observed_at,
       profile_hash = excluded.profile_hash, updated_at = excluded.updated_at
 WHERE excluded.observed_at IS NOT NULL
   AND (known.observed_at IS NULL
        OR excluded.observed_at > known.observed_at
        OR (excluded.observed_at = known.observed_at AND excluded.profile_hash IS DISTINCT FROM known.profile_hash))
RETURNING (xmax = 0);
