-- $1..$17: of users as served, as load/upsert_users has them. Answers whose stored profile has another content than its hash was made of, and
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
          FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                      $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::jsonb[], $15::jsonb[],
                      $16::timestamptz[], $17::bytea[])
               AS served (user_id, first_name, last_name, email, external_id, platform, ip_address, country,
                          browser_language, os, browser, timezone, selected_scenario, custom, extra, observed_at,
                          profile_hash)
          JOIN users AS known USING (user_id)
         WHERE known.profile_hash = served.profile_hash) AS compared
 WHERE fields <> ''
 ORDER BY 1;
