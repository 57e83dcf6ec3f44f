-- Tables, views and the partition function of the warehouse. Runs inside the schema that search_path names first.

CREATE TABLE users (
    user_id           text PRIMARY KEY,
    first_name        text,
    last_name         text,
    email             text,
    external_id       text,
    platform          text,
    ip_address        text,
    country           text,
    browser_language  text,
    os                text,
    browser           text,
    timezone          text,
    selected_scenario text,
    custom            jsonb,
    extra             jsonb,
    observed_at       timestamptz,
    profile_hash      bytea,
    first_loaded_at   timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    deleted_at        timestamptz
);
COMMENT ON TABLE users IS 'One row a user of the tenant, with the newest profile that was seen.';
COMMENT ON COLUMN users.user_id IS 'The tenant''s id, byte by byte; unknown:<hash of the profile> where the server lost it.';
COMMENT ON COLUMN users.first_name IS 'From the profile.';
COMMENT ON COLUMN users.last_name IS 'From the profile.';
COMMENT ON COLUMN users.email IS 'From the profile.';
COMMENT ON COLUMN users.external_id IS 'From the profile.';
COMMENT ON COLUMN users.platform IS 'From the profile.';
COMMENT ON COLUMN users.ip_address IS 'From the profile.';
COMMENT ON COLUMN users.country IS 'From the profile.';
COMMENT ON COLUMN users.browser_language IS 'From the profile.';
COMMENT ON COLUMN users.os IS 'From the profile.';
COMMENT ON COLUMN users.browser IS 'From the profile.';
COMMENT ON COLUMN users.timezone IS 'From the profile.';
COMMENT ON COLUMN users.selected_scenario IS 'From the profile, or else from its custom attributes.';
COMMENT ON COLUMN users.custom IS 'The profile''s custom attributes, as served.';
COMMENT ON COLUMN users.extra IS 'Keys of the profile that have no column; "sanitised": true where U+0000 became U+FFFD.';
COMMENT ON COLUMN users.observed_at IS 'The date of the message that the profile was listed with; NULL while none was seen.';
COMMENT ON COLUMN users.profile_hash IS 'BLAKE2b-128 of the profile, to see whether it changed.';
COMMENT ON COLUMN users.first_loaded_at IS 'When this row was first written.';
COMMENT ON COLUMN users.updated_at IS 'When this row was last written.';
COMMENT ON COLUMN users.deleted_at IS 'Set on users that are no longer live.';

CREATE TABLE interactions (
    interaction_id uuid NOT NULL,
    user_id        text NOT NULL,
    occurred_at    timestamptz NOT NULL,
    type           text NOT NULL,
    text           text,
    value          text,
    callback_id    text,
    data           jsonb,
    extra          jsonb,
    occurrence     int NOT NULL,
    loaded_at      timestamptz NOT NULL DEFAULT now(),
    deleted_at     timestamptz,
    PRIMARY KEY (user_id, occurred_at, interaction_id)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX interactions_occurred_at ON interactions USING brin (occurred_at)
    WITH (pages_per_range = 32, autosummarize = on);
COMMENT ON TABLE interactions IS 'What users said, one row each; partitioned by month of occurred_at.';
COMMENT ON COLUMN interactions.interaction_id IS 'UUIDv8 made from the content (interaction/1): the same in every run and for every window.';
COMMENT ON COLUMN interactions.user_id IS 'The user, see users.';
COMMENT ON COLUMN interactions.occurred_at IS 'The date on the wire, UTC.';
COMMENT ON COLUMN interactions.type IS 'text, button_response, chat_open …: an open set.';
COMMENT ON COLUMN interactions.text IS 'The text on the wire.';
COMMENT ON COLUMN interactions.value IS 'data.value where it is a scalar.';
COMMENT ON COLUMN interactions.callback_id IS 'data.callback_id where it is a scalar.';
COMMENT ON COLUMN interactions.data IS 'The data on the wire, whole; NULL for null.';
COMMENT ON COLUMN interactions.extra IS 'Keys of the interaction that have no column; "sanitised": true where U+0000 became U+FFFD.';
COMMENT ON COLUMN interactions.occurrence IS '0, 1, 2 … among otherwise identical interactions of one user in one instant.';
COMMENT ON COLUMN interactions.loaded_at IS 'When this row was first written.';
COMMENT ON COLUMN interactions.deleted_at IS 'When the API was first seen not to serve it any more.';

CREATE TABLE stream_state (
    stream      text PRIMARY KEY,
    watermark   timestamptz,
    coverage    tstzmultirange NOT NULL DEFAULT '{}',
    poisoned    tstzmultirange NOT NULL DEFAULT '{}',
    poll_from   timestamptz,
    rechecked   jsonb NOT NULL DEFAULT '{}',
    load_number bigint NOT NULL DEFAULT 0,
    users_known bigint NOT NULL DEFAULT 0,
    updated_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE stream_state IS 'What is loaded, one row a stream.';
COMMENT ON COLUMN stream_state.stream IS 'interactions.';
COMMENT ON COLUMN stream_state.watermark IS 'The upper edge of coverage; never moves back.';
COMMENT ON COLUMN stream_state.coverage IS 'Every instant that is durably loaded.';
COMMENT ON COLUMN stream_state.poisoned IS 'Seconds that the server could never serve; retried by rechecks and backfills.';
COMMENT ON COLUMN stream_state.poll_from IS 'Where live polling began; everything since is its business.';
COMMENT ON COLUMN stream_state.rechecked IS 'When each recheck was last begun, in seconds since 1970, by its span in seconds.';
COMMENT ON COLUMN stream_state.load_number IS 'Counts committed loads; orders the rows of window_log.';
COMMENT ON COLUMN stream_state.users_known IS 'Counts the users that loads inserted; where the table has fewer, somebody took some away.';
COMMENT ON COLUMN stream_state.updated_at IS 'When this row was last written.';
INSERT INTO stream_state (stream) VALUES ('interactions');

CREATE TABLE window_log (
    window_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    load_number bigint,
    stream      text NOT NULL,
    window_from timestamptz NOT NULL,
    window_to   timestamptz NOT NULL,
    reason      text NOT NULL CHECK (reason IN ('poll', 'backfill', 'recheck', 'verify')),
    outcome     text NOT NULL CHECK (outcome IN ('loaded', 'failed', 'split', 'poisoned')),
    rows_read   bigint NOT NULL DEFAULT 0,
    inserted    bigint NOT NULL DEFAULT 0,
    updated     bigint NOT NULL DEFAULT 0,
    unchanged   bigint NOT NULL DEFAULT 0,
    deleted     bigint NOT NULL DEFAULT 0,
    rejected    bigint NOT NULL DEFAULT 0,
    bytes       bigint NOT NULL DEFAULT 0,
    http_ms     bigint NOT NULL DEFAULT 0,
    load_ms     bigint NOT NULL DEFAULT 0,
    attempts    int NOT NULL DEFAULT 1,
    error       text,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    UNIQUE (stream, load_number)
);
CREATE INDEX window_log_not_loaded ON window_log (window_id) WHERE outcome <> 'loaded';
COMMENT ON TABLE window_log IS 'The ledger: one row for every window that was read.';
COMMENT ON COLUMN window_log.window_id IS 'Ascending, with holes.';
COMMENT ON COLUMN window_log.load_number IS 'The place among committed loads, without holes; NULL where nothing was loaded: a verification only compares.';
COMMENT ON COLUMN window_log.stream IS 'interactions.';
COMMENT ON COLUMN window_log.window_from IS 'The window''s first instant.';
COMMENT ON COLUMN window_log.window_to IS 'The instant that it ends before.';
COMMENT ON COLUMN window_log.reason IS 'Why it was read: poll, backfill, recheck or verify.';
COMMENT ON COLUMN window_log.outcome IS 'loaded; failed (and tried again or given up); split into halves; poisoned (left out).';
COMMENT ON COLUMN window_log.rows_read IS 'Interactions in the answer that belong to the window, rejects not counted.';
COMMENT ON COLUMN window_log.inserted IS 'Interactions that were new.';
COMMENT ON COLUMN window_log.updated IS 'Interactions that came back to life or whose extra changed.';
COMMENT ON COLUMN window_log.unchanged IS 'Interactions that were there and were not written.';
COMMENT ON COLUMN window_log.deleted IS 'Interactions that are no longer served: marked or deleted.';
COMMENT ON COLUMN window_log.rejected IS 'Records that went to rejected_records.';
COMMENT ON COLUMN window_log.bytes IS 'The answer after decompression; 0 where that failed.';
COMMENT ON COLUMN window_log.http_ms IS 'Milliseconds from request to last byte.';
COMMENT ON COLUMN window_log.load_ms IS 'Milliseconds from the transaction''s begin to this row.';
COMMENT ON COLUMN window_log.attempts IS 'Requests that this window took.';
COMMENT ON COLUMN window_log.error IS 'What went wrong, what a verification found, or what is not believed yet; without anything that a user said.';
COMMENT ON COLUMN window_log.started_at IS 'When the request was sent.';
COMMENT ON COLUMN window_log.finished_at IS 'When this row was written.';

CREATE TABLE rejected_records (
    reject_id     uuid PRIMARY KEY,
    stream        text NOT NULL,
    window_from   timestamptz NOT NULL,
    window_to     timestamptz NOT NULL,
    user_id       text,
    reason        text NOT NULL,
    record        text NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    attempts      int NOT NULL DEFAULT 1
);
CREATE INDEX rejected_records_window ON rejected_records (window_to);
COMMENT ON TABLE rejected_records IS 'The quarantine: records that could not be loaded, as they were served.';
COMMENT ON COLUMN rejected_records.reject_id IS 'Made from user and record: the same record is one row however often it is served.';
COMMENT ON COLUMN rejected_records.stream IS 'interactions.';
COMMENT ON COLUMN rejected_records.window_from IS 'The window in which it was last seen.';
COMMENT ON COLUMN rejected_records.window_to IS 'The instant that the window ends before.';
COMMENT ON COLUMN rejected_records.user_id IS 'The user it stood under, where that is known.';
COMMENT ON COLUMN rejected_records.reason IS 'Why it cannot be loaded.';
COMMENT ON COLUMN rejected_records.record IS 'The JSON text on the wire.';
COMMENT ON COLUMN rejected_records.first_seen_at IS 'When it was first served.';
COMMENT ON COLUMN rejected_records.last_seen_at IS 'When it was last served.';
COMMENT ON COLUMN rejected_records.attempts IS 'How often it was tried.';

CREATE TABLE vanished_interactions (
    occurred_at    timestamptz NOT NULL,
    interaction_id uuid NOT NULL,
    missed_at      timestamptz NOT NULL,
    PRIMARY KEY (occurred_at, interaction_id)
);
COMMENT ON TABLE vanished_interactions IS 'Live interactions that one reading missed, too many at once to be believed: a second reading decides.';
COMMENT ON COLUMN vanished_interactions.occurred_at IS 'As in interactions.';
COMMENT ON COLUMN vanished_interactions.interaction_id IS 'As in interactions.';
COMMENT ON COLUMN vanished_interactions.missed_at IS 'When it was missed.';

CREATE TABLE known_answers (
    stream      text NOT NULL,
    window_from timestamptz NOT NULL,
    window_to   timestamptz NOT NULL,
    answer_hash bytea NOT NULL,
    rows        bigint NOT NULL,
    users       bigint NOT NULL,
    bytes       bigint NOT NULL,
    fractions   boolean NOT NULL,
    PRIMARY KEY (stream, window_from),
    CHECK (octet_length(answer_hash) = 32)
);
COMMENT ON TABLE known_answers IS 'What windows of backfills and rechecks looked like on the wire, so that the same answer is known without being read again. Windows are disjoint; a load that changes any row of one takes it away.';
COMMENT ON COLUMN known_answers.stream IS 'interactions.';
COMMENT ON COLUMN known_answers.window_from IS 'The window''s first instant.';
COMMENT ON COLUMN known_answers.window_to IS 'The instant that it ends before.';
COMMENT ON COLUMN known_answers.answer_hash IS 'BLAKE2b-256 of the answer as it came and of how it was read.';
COMMENT ON COLUMN known_answers.rows IS 'Interactions in it; so many are live in the window.';
COMMENT ON COLUMN known_answers.users IS 'Whose they are.';
COMMENT ON COLUMN known_answers.bytes IS 'The answer after decompression.';
COMMENT ON COLUMN known_answers.fractions IS 'Whether any date in it has a fraction of a second.';

-- Not logged: with the server's sessions the claims end, too.
CREATE UNLOGGED TABLE window_claims (
    stream      text NOT NULL,
    window_from timestamptz NOT NULL,
    window_to   timestamptz NOT NULL,
    owner       bigint NOT NULL,
    claimed_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE window_claims IS 'What backfills read at the moment, so that no two of them read the same.';
COMMENT ON COLUMN window_claims.stream IS 'interactions.';
COMMENT ON COLUMN window_claims.window_from IS 'The window''s first instant.';
COMMENT ON COLUMN window_claims.window_to IS 'The instant that the window ends before.';
COMMENT ON COLUMN window_claims.owner IS 'The process, by the advisory lock that its session holds: without one the claim is void.';
COMMENT ON COLUMN window_claims.claimed_at IS 'When it was claimed.';

CREATE VIEW current_users AS SELECT * FROM users WHERE deleted_at IS NULL;
COMMENT ON VIEW current_users IS 'users without the marked ones.';
CREATE VIEW current_interactions AS SELECT * FROM interactions WHERE deleted_at IS NULL;
COMMENT ON VIEW current_interactions IS 'interactions without the marked ones.';

-- The columns of a view mean what those of its table mean.
DO
$$
DECLARE
    field record;
BEGIN
    FOR field IN
        SELECT 'current_' || relname AS view, attname AS name, col_description(attrelid, attnum) AS meaning
          FROM pg_attribute
          JOIN pg_class ON pg_class.oid = attrelid
         WHERE attrelid IN ('users'::regclass, 'interactions'::regclass) AND attnum > 0
    LOOP
        EXECUTE format('COMMENT ON COLUMN %I.%I IS %L', field.view, field.name, field.meaning);
    END LOOP;
END
$$;

-- Makes the partition for the month of an instant unless it is there. It is built beside the table and then attached:
-- that takes a lock that neither readers nor loaders wait for, where CREATE TABLE … PARTITION OF would stop them all.
CREATE FUNCTION ensure_interactions_partition(instant timestamptz) RETURNS void
    LANGUAGE plpgsql SET search_path FROM CURRENT AS
$$
DECLARE
    month_begin timestamptz := date_trunc('month', instant AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
    month_end   timestamptz := (date_trunc('month', instant AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
    name        text := 'interactions_' || to_char(month_begin AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(current_schema() || '.interactions partitions', 0));
    IF EXISTS (SELECT FROM pg_inherits
                WHERE inhparent = 'interactions'::regclass
                  AND inhrelid = to_regclass(format('%I.%I', current_schema(), name))) THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE interactions INCLUDING ALL)', name);
    EXECUTE format('ALTER TABLE interactions ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   name, month_begin, month_end);
    EXECUTE format('COMMENT ON TABLE %I IS %L', name, 'Part of interactions: ' || to_char(month_begin AT TIME ZONE 'UTC', 'YYYY-MM') || '.');
END
$$;
COMMENT ON FUNCTION ensure_interactions_partition(timestamptz) IS 'Makes the monthly partition for an instant.';
