-- $1 json: list of users as served. Answers whose stored profile has another content than its hash was made of, and
-- which columns differ. Only a profile that is served again tells: another window can show another one, of any age.
SELECT user_id, fields
  FROM (SELECT user_id,
               concat_ws(', ',
                   CASE WHEN known.first_name IS DISTINCT FROM served.first_name THEN 'first_name' END,
                   CASE WHEN known.last_name IS DISTINCT FROM served.last_name THEN 'last_name' END,
                   CASE WHEN known.email IS DISTINCT FROM served.email THEN 'email' END,
                   CASE WHEN known.external_id IS DISTINCT FROM served.external_id THEN 'external_id' END,
                   CASE WHEN known.platform IS DISTINCT FROM served.platform THEN 'platform' END,
                   CASE WHEN known.ip_address IS DISTINCT FROM served.ip_address THEN 'ip_address' END,
                   CASE WHEN known.country IS DISTINCT FROM served.country THEN 'country' END,
                   CASE WHEN known.browser_language IS DISTINCT FROM served.browser_language THEN 'browser_language' END,
                   CASE WHEN known.os IS DISTINCT FROM served.os THEN 'os' END,
                   CASE WHEN known.browser IS DISTINCT FROM served.browser THEN 'browser' END,
                   CASE WHEN known.timezone IS DISTINCT FROM served.timezone THEN 'timezone' END,
                   CASE WHEN known.selected_scenario IS DISTINCT FROM served.selected_scenario THEN 'selected_scenario' END,
                   CASE WHEN known.custom IS DISTINCT FROM served.custom THEN 'custom' END,
                   CASE WHEN known.extra IS DISTINCT FROM served.extra THEN 'extra' END) AS fields
          FROM json_to_recordset($1::json) AS served
               (user_id text, first_name text, last_name text, email text, external_id text, platform text,
                ip_address text, country text, browser_language text, os text, browser text, timezone text,
                selected_scenario text, custom jsonb, extra jsonb, observed_at timestamptz, profile_hash text)
          JOIN users AS known USING (user_id)
         WHERE known.profile_hash = decode(served.profile_hash, 'hex')) AS compared
 WHERE fields <> ''
 ORDER BY 1;
