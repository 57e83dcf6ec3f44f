-- $1 text: stream. What is loaded, as seconds since 1970; coverage cut inwards to whole seconds, poisoned ranges
-- outwards; records in quarantine; rechecks by their span in seconds, when they were begun. What only a hand can have
-- written, infinity and the like, counts as not known.
SELECT CASE WHEN isfinite(watermark) THEN floor(extract(epoch FROM watermark))::bigint END,
       (SELECT coalesce(string_agg(ceil(extract(epoch FROM lower(r)))::bigint || ' ' || floor(extract(epoch FROM upper(r)))::bigint, ' '), '')
          FROM unnest(coverage) AS r WHERE isfinite(lower(r)) AND isfinite(upper(r))),
       (SELECT coalesce(string_agg(floor(extract(epoch FROM lower(r)))::bigint || ' ' || ceil(extract(epoch FROM upper(r)))::bigint, ' '), '')
          FROM unnest(poisoned) AS r WHERE isfinite(lower(r)) AND isfinite(upper(r))),
       CASE WHEN isfinite(poll_from) THEN floor(extract(epoch FROM poll_from))::bigint END,
       load_number,
       (SELECT count(*) FROM rejected_records WHERE rejected_records.stream = stream_state.stream),
       (SELECT coalesce(string_agg(span || ' ' || begun, ' '), '')
          FROM jsonb_each_text(rechecked) AS each (span, begun)
         WHERE span ~ '^[0-9]{1,9}$' AND begun ~ '^[0-9]{1,11}$')
  FROM stream_state
 WHERE stream = $1::text;
