-- Which transaction has told of an event, so that instances find what they have not seen
-- (docs/decisions/0097-feeds-that-have-news-are-found.md). A default, so that the release before says so, too. Events of before have
-- none: whoever asks first asks for the last event of each feed.
ALTER TABLE "feed_events" ADD COLUMN "transaction_id" BIGINT;
ALTER TABLE "feed_events" ALTER COLUMN "transaction_id" SET DEFAULT ((pg_current_xact_id())::text)::bigint;
