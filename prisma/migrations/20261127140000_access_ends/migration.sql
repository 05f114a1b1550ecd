-- Notes what may have ended somebody's access, so that an instance need not ask about all that it has open
-- (docs/decisions/0095-ends-of-access-are-noted.md).

-- Nobody ends a session until this has ended, when the triggers are there.
LOCK TABLE "users", "sessions", "personal_access_tokens" IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE "access_ends" (
    "transaction_id" BIGINT NOT NULL,
    "id" UUID NOT NULL,

    CONSTRAINT "access_ends_pkey" PRIMARY KEY ("transaction_id", "id")
);

-- All of the following is by hand: Prisma's schema has neither functions nor triggers. They are triggers, and not a part of the
-- statements that end sessions, since those of the release before, and those of an operator in SQL, are noted as well: whoever may
-- change sessions, with whatever search path.
CREATE FUNCTION "note_access_end"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  ended UUID := '00000000-0000-0000-0000-000000000000';
BEGIN
  IF TG_LEVEL = 'ROW' THEN
    ended := OLD.id;
  END IF;
  INSERT INTO access_ends (transaction_id, id) VALUES (pg_current_xact_id()::text::bigint, ended) ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$$;

CREATE TRIGGER "session_ended" AFTER UPDATE OF "revoked_at", "expires_at" ON "sessions" FOR EACH ROW
  WHEN (NEW."revoked_at" IS NOT NULL OR NEW."expires_at" < OLD."expires_at") EXECUTE FUNCTION "note_access_end"();
CREATE TRIGGER "session_deleted" AFTER DELETE ON "sessions" FOR EACH ROW
  WHEN (OLD."revoked_at" IS NULL) EXECUTE FUNCTION "note_access_end"();
CREATE TRIGGER "sessions_truncated" AFTER TRUNCATE ON "sessions" EXECUTE FUNCTION "note_access_end"();

CREATE TRIGGER "access_token_shortened" AFTER UPDATE OF "expires_at" ON "personal_access_tokens" FOR EACH ROW
  WHEN (NEW."expires_at" < OLD."expires_at") EXECUTE FUNCTION "note_access_end"();
CREATE TRIGGER "access_token_deleted" AFTER DELETE ON "personal_access_tokens" FOR EACH ROW
  EXECUTE FUNCTION "note_access_end"();
CREATE TRIGGER "access_tokens_truncated" AFTER TRUNCATE ON "personal_access_tokens" EXECUTE FUNCTION "note_access_end"();

CREATE TRIGGER "user_disabled" AFTER UPDATE OF "deleted_at", "is_active", "is_suspended" ON "users" FOR EACH ROW
  WHEN (NEW."deleted_at" IS NOT NULL OR NOT NEW."is_active" OR NEW."is_suspended") EXECUTE FUNCTION "note_access_end"();
CREATE TRIGGER "user_deleted" AFTER DELETE ON "users" FOR EACH ROW EXECUTE FUNCTION "note_access_end"();
CREATE TRIGGER "users_truncated" AFTER TRUNCATE ON "users" EXECUTE FUNCTION "note_access_end"();
