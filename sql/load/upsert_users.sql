-- $1..$13 text[], $14, $15 jsonb[], $16 timestamptz[], $17 bytea[]: of users, sorted by id, each once, the id, the profile's
-- columns, custom and extra, the profile's date and its hash; $18 timestamptz: the transaction's time.
-- A newer profile replaces an older one, between equals the later reading wins, and no profile replaces none.
-- Answers a row for each user that was written: whether it is new. (The arrays are all of one length. In a list of columns
-- they are walked side by side; in FROM each would be written to a store of its own first, a fifth of the statement's time.)
-- A plan is kept.
INSERT INTO users AS known
       (user_id, first_name, last_name, email, external_id, platform, ip_address, country, browser_language, os, browser,
        timezone, selected_scenario, custom, extra, observed_at, profile_hash, first_loaded_at, updated_at)
SELECT user_id, first_name, last_name, email, external_id, platform, ip_address, country, browser_language, os, browser,
       timezone, selected_scenario, custom, extra, observed_at, profile_hash,
       $18::timestamptz, $18::timestamptz
  FROM (SELECT unnest($1::text[]) AS user_id, unnest($2::text[]) AS first_name, unnest($3::text[]) AS last_name,
               unnest($4::text[]) AS email, unnest($5::text[]) AS external_id, unnest($6::text[]) AS platform,
               unnest($7::text[]) AS ip_address, unnest($8::text[]) AS country, unnest($9::text[]) AS browser_language,
               unnest($10::text[]) AS os, unnest($11::text[]) AS browser, unnest($12::text[]) AS timezone,
               unnest($13::text[]) AS selected_scenario, unnest($14::jsonb[]) AS custom, unnest($15::jsonb[]) AS extra,
               unnest($16::timestamptz[]) AS observed_at, unnest($17::bytea[]) AS profile_hash) AS served
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
