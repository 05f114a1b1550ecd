-- Messages of one moment are added by one statement (docs/decisions/0092-messages-of-one-moment-share-a-statement.md).

-- Does for each of several messages what `add_message` does for one that is no version of another. No two of them are in one
-- conversation or of one author. Returns a row for each message that it has come to; the others it has left alone, since their
-- conversation is gone, or locked by somebody whom the rest need not wait for. The locks are taken in the order of `add_message`, those
-- of one kind by their ids: conversations, days, messages, the conversations' feeds, the lists'.
-- The plan is made once, for an unknown number of messages: a plan for those of one call costs more than it saves.
CREATE FUNCTION "add_messages"(news JSONB, daily_messages INTEGER)
RETURNS TABLE (id UUID, refusal TEXT, leaf UUID, last INTEGER, last_listed INTEGER, message messages)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  talks UUID[];
  owners UUID[];
BEGIN
  SELECT array_agg(c.id), array_agg(c.user_id) INTO talks, owners FROM (
    SELECT c.id, c.user_id FROM conversations c
    WHERE c.id = ANY(ARRAY(SELECT (n.value->>'talk')::uuid FROM jsonb_array_elements(news) AS n))
    ORDER BY c.id FOR NO KEY UPDATE SKIP LOCKED
  ) AS c;
  -- A statement of its own, which sees what was committed before the locks were taken.
  RETURN QUERY
  WITH given AS MATERIALIZED (
    SELECT n.*, c.owner, coalesce(l.id, n.talk) AS leaf, coalesce(l.position, -1) AS leaf_position
    FROM jsonb_to_recordset(news) AS n(id UUID, talk UUID, author UUID, body JSONB, type_name TEXT, extras JSONB, expected TEXT,
      day_id UUID, entry_id UUID, added JSONB, listed JSONB)
    JOIN unnest(talks, owners) AS c(id, owner) ON c.id = n.talk
    LEFT JOIN LATERAL (
      SELECT m.id, m.position FROM messages m
      WHERE m.conversation_id = n.talk AND m.is_current ORDER BY m.position DESC LIMIT 1
    ) AS l ON true
  ), days AS (
    INSERT INTO usage_daily AS u (id, user_id, date, message_count, token_count, last_grant)
    SELECT g.day_id, g.author, (now() AT TIME ZONE 'utc')::date, 1, 0, 0 FROM given g
    WHERE (g.expected IS NULL OR g.expected = g.leaf::text) AND daily_messages >= 1
    ORDER BY g.author
    ON CONFLICT (user_id, date) DO UPDATE SET message_count = u.message_count + 1, last_grant = 0
    WHERE u.message_count + 1 <= daily_messages
    RETURNING u.user_id, u.date
  ), charged AS MATERIALIZED (
    SELECT g.*, d.date FROM given g JOIN days d ON d.user_id = g.author
  ), entries AS (
    INSERT INTO usage_entries (id, user_id, date, kind, reserved_tokens, prompt_tokens, message_id, tokens, settled_at)
    SELECT c.entry_id, c.author, c.date, 'MESSAGE', 0, 0, c.id, 0, now() FROM charged c
  ), made AS (
    INSERT INTO messages AS m (id, conversation_id, owner_id, user_id, content, message_type, extra, parent_id, position)
    SELECT c.id, c.talk, c.owner, c.author, c.body, c.type_name, c.extras, c.leaf, c.leaf_position + 1 FROM charged c
    RETURNING m.*
  ), happened AS MATERIALIZED (
    SELECT c.talk AS feed_id, 1 AS turn, c.added AS events FROM charged c
    UNION ALL SELECT c.author, 2, c.listed FROM charged c
  ), feeds AS (
    INSERT INTO event_feeds AS f (id, last_sequence)
    SELECT h.feed_id, jsonb_array_length(h.events) FROM happened h ORDER BY h.turn, h.feed_id
    ON CONFLICT (id) DO UPDATE SET last_sequence = f.last_sequence + EXCLUDED.last_sequence
    RETURNING f.id, f.last_sequence
  ), noted AS (
    INSERT INTO feed_events (feed_id, sequence, event, created_at)
    SELECT f.id, f.last_sequence - jsonb_array_length(h.events) + e.place, e.event, clock_timestamp()
    FROM feeds f JOIN happened h ON h.feed_id = f.id, jsonb_array_elements(h.events) WITH ORDINALITY AS e(event, place)
  )
  SELECT g.id, CASE WHEN m.id IS NOT NULL THEN NULL WHEN g.expected <> g.leaf::text THEN 'leaf' ELSE 'quota' END, g.leaf,
    (SELECT f.last_sequence FROM feeds f WHERE f.id = g.talk), (SELECT f.last_sequence FROM feeds f WHERE f.id = g.author), m::messages
  FROM given g LEFT JOIN made m ON m.id = g.id;
END
$$;
