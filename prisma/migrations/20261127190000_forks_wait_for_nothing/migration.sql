-- A fork copied that a reply waits for its tools, although the copy has ended: each look for replies to end found it again.
UPDATE "messages" SET "waits_until" = NULL, "stop_requested_at" = NULL WHERE "waits_until" IS NOT NULL AND "status" <> 'STREAMING';
