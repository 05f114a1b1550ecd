-- A message is added by one statement (docs/decisions/0075-a-message-is-one-statement.md). All of this is by hand: Prisma's schema
-- has neither functions nor triggers. Each statement of a function sees what was committed before it, also where the function waited
-- for a lock: what is read under a lock is read by a statement after that which takes it.

-- Adds events to a feed, whose row stays locked. Returns the number of the last one.
CREATE FUNCTION "note_events"(feed UUID, events JSONB) RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
  how_many CONSTANT INTEGER := jsonb_array_length(events);
  last INTEGER;
BEGIN
  INSERT INTO event_feeds AS f (id, last_sequence) VALUES (feed, how_many)
  ON CONFLICT (id) DO UPDATE SET last_sequence = f.last_sequence + how_many
  RETURNING f.last_sequence INTO last;
  FOR place IN 1..how_many LOOP
    INSERT INTO feed_events (feed_id, sequence, event, created_at)
    VALUES (feed, last - how_many + place, events->(place - 1), clock_timestamp());
  END LOOP;
  RETURN last;
END
$$;

-- Reserves messages and between `min_tokens` and `max_tokens` of the day, or nothing: then both results are null. The condition is
-- checked under the lock of the day's row, so that calls at once never exceed a limit. Without a lease, what is reserved is settled.
CREATE FUNCTION "reserve_usage"(
  day_id UUID, entry_id UUID, payer UUID, purpose "UsageKind", min_tokens INTEGER, max_tokens INTEGER, prompt INTEGER, messages INTEGER,
  asked_model TEXT, of_message UUID, lease_seconds INTEGER, daily_messages INTEGER, daily_tokens INTEGER,
  OUT day DATE, OUT granted INTEGER
) LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO usage_daily AS u (id, user_id, date, message_count, token_count, last_grant)
  SELECT day_id, payer, (now() AT TIME ZONE 'utc')::date, messages, LEAST(max_tokens, daily_tokens), LEAST(max_tokens, daily_tokens)
  WHERE messages <= daily_messages AND min_tokens <= daily_tokens
  ON CONFLICT (user_id, date) DO UPDATE SET
    message_count = u.message_count + messages,
    token_count = u.token_count + GREATEST(0, LEAST(max_tokens, daily_tokens - u.token_count)),
    last_grant = GREATEST(0, LEAST(max_tokens, daily_tokens - u.token_count))
  WHERE u.message_count + messages <= daily_messages
    AND (min_tokens = 0 OR u.token_count::bigint + min_tokens <= daily_tokens)
  RETURNING u.date, u.last_grant INTO day, granted;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  INSERT INTO usage_entries
    (id, user_id, date, kind, reserved_tokens, prompt_tokens, message_id, lease_expires_at, tokens, settled_at, model)
  VALUES (entry_id, payer, day, purpose, granted, prompt, of_message, now() + make_interval(secs => lease_seconds),
    CASE WHEN lease_seconds IS NULL THEN granted END, CASE WHEN lease_seconds IS NULL THEN now() END, asked_model);
END
$$;

-- Locks a conversation, and finds the end of its current branch (`leaf`; the conversation where it is empty) and where the branch is
-- to end for what is added (`tip`). Changes nothing. `refusal` says what is not as the caller believes: 'conversation' and 'message'
-- where they are gone, 'leaf' where the branch ends otherwise than `expected`.
CREATE FUNCTION "open_branch"(
  talk UUID, behind UUID, version_of UUID, expected TEXT,
  OUT refusal TEXT, OUT owner UUID, OUT leaf UUID, OUT leaf_position INTEGER, OUT tip UUID
) LANGUAGE plpgsql AS $$
BEGIN
  SELECT c.user_id INTO owner FROM conversations c WHERE c.id = talk FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    refusal := 'conversation';
    RETURN;
  END IF;
  SELECT m.id, m.position INTO leaf, leaf_position FROM messages m
  WHERE m.conversation_id = talk AND m.is_current ORDER BY m.position DESC LIMIT 1;
  IF NOT FOUND THEN
    leaf := talk;
    leaf_position := -1;
  END IF;
  IF expected <> leaf::text THEN
    refusal := 'leaf';
  ELSIF behind IS NULL AND version_of IS NULL THEN
    tip := leaf;
  ELSE
    SELECT CASE WHEN behind IS NULL THEN m.parent_id ELSE m.id END INTO tip FROM messages m
    WHERE m.id = coalesce(behind, version_of) AND m.conversation_id = talk;
    IF NOT FOUND THEN
      refusal := 'message';
    END IF;
  END IF;
END
$$;

-- Adds a message that the model is not asked about: finds its place, charges its author, adds it, and notes the events of the
-- conversation (`switched` behind `added`, where the branch was made current for it) and of the author's list. Changes nothing where
-- it refuses: as `open_branch`, or with 'quota'.
CREATE FUNCTION "add_message"(
  talk UUID, message_id UUID, author UUID, body JSONB, type_name TEXT, extras JSONB, version_of UUID, expected TEXT,
  day_id UUID, entry_id UUID, daily_messages INTEGER, daily_tokens INTEGER, added JSONB, switched JSONB, listed JSONB,
  OUT refusal TEXT, OUT leaf UUID, OUT is_switched BOOLEAN, OUT last INTEGER, OUT last_listed INTEGER, OUT message messages
) LANGUAGE plpgsql AS $$
DECLARE
  place RECORD;
BEGIN
  place := open_branch(talk, NULL, version_of, expected);
  refusal := place.refusal;
  leaf := place.leaf;
  IF refusal IS NOT NULL THEN
    RETURN;
  END IF;
  IF (reserve_usage(
    day_id, entry_id, author, 'MESSAGE', 0, 0, 0, 1, NULL, message_id, NULL, daily_messages, daily_tokens)).granted IS NULL
  THEN
    refusal := 'quota';
    RETURN;
  END IF;
  is_switched := place.tip <> leaf;
  IF is_switched THEN
    PERFORM select_branch(talk, place.tip);
    place := open_branch(talk, NULL, NULL, NULL);
  END IF;
  INSERT INTO messages AS m (id, conversation_id, owner_id, user_id, content, message_type, extra, parent_id, position)
  VALUES (message_id, talk, place.owner, author, body, type_name, extras, place.leaf, place.leaf_position + 1)
  RETURNING m.* INTO message;
  last := note_events(talk, CASE WHEN is_switched THEN added || switched ELSE added END);
  last_listed := note_events(author, listed);
END
$$;

-- As before, and something was said: the conversation moves to the top of a list by activity. That is a part of the update that counts,
-- since every update of a conversation that changes its time adds to three indexes.
CREATE OR REPLACE FUNCTION "count_added"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE conversations c SET
    total_count = c.total_count + news.total,
    message_count = c.message_count + news.shown,
    unread_count = c.unread_count + CASE WHEN news.answers = 0 THEN 0 ELSE (
      SELECT count(*) FROM added
      WHERE added.conversation_id = c.id AND added.is_current AND added.user_id IS NULL
        AND (c.read_id IS NULL OR added.id > c.read_id)) END,
    updated_at = greatest(c.updated_at, news.newest)
  FROM (
    SELECT added.conversation_id AS talk, count(*) AS total, count(*) FILTER (WHERE added.is_current) AS shown,
      count(*) FILTER (WHERE added.user_id IS NULL) AS answers, max(added.created_at) AS newest
    FROM added GROUP BY added.conversation_id
  ) AS news
  WHERE c.id = news.talk;
  RETURN NULL;
END
$$;
