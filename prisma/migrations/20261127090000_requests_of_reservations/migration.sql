-- AlterTable
ALTER TABLE "usage_entries" ADD COLUMN     "request_id" TEXT;

-- As the function of that name without a request, which remains: `add_message` calls it, for what no instance has to go on with, and so
-- does the release before.
CREATE FUNCTION "reserve_usage"(
  day_id UUID, entry_id UUID, payer UUID, purpose "UsageKind", min_tokens INTEGER, max_tokens INTEGER, prompt INTEGER, messages INTEGER,
  asked_model TEXT, of_message UUID, lease_seconds INTEGER, daily_messages INTEGER, daily_tokens INTEGER, request TEXT,
  OUT day DATE, OUT granted INTEGER
) LANGUAGE plpgsql AS $$
BEGIN
  SELECT r.day, r.granted INTO day, granted
  FROM reserve_usage(day_id, entry_id, payer, purpose, min_tokens, max_tokens, prompt, messages, asked_model, of_message, lease_seconds,
    daily_messages, daily_tokens) AS r;
  IF day IS NOT NULL AND request IS NOT NULL THEN
    UPDATE usage_entries SET request_id = request WHERE id = entry_id;
  END IF;
END
$$;
