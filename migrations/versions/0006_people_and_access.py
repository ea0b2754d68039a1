"""People and access: tokens, API keys, what is granted; seals of the audit log; counters of attempts.

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


NOTHING_CHANGES = """
DROP TRIGGER append_only ON audit_entries;
DROP FUNCTION audit_entries_are_append_only();
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END $$;
CREATE FUNCTION audit_entries_keep_all_but_names() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE unnamed audit_entries := NEW;
BEGIN
    unnamed.actor_name := OLD.actor_name;
    IF unnamed IS NOT DISTINCT FROM OLD AND NEW.actor_name LIKE 'person #%' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only';
END $$;
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER names_alone BEFORE UPDATE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION audit_entries_keep_all_but_names();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seals
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
"""
"""Entries are never changed but for one thing: the name of a person who is to be forgotten gives way to its number."""

AS_BEFORE = """
DROP TRIGGER append_only ON audit_entries;
DROP TRIGGER names_alone ON audit_entries;
DROP FUNCTION audit_is_append_only() CASCADE;
DROP FUNCTION audit_entries_keep_all_but_names();
CREATE FUNCTION audit_entries_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are append-only';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_are_append_only();
"""


def upgrade() -> None:
    """Go forward. Everybody signs in once more: the old cookies say nothing to the new doors."""
    op.execute("DELETE FROM sessions")
    op.create_table(
        "audit_seals",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entry_ids", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_seals_pkey")),
    )
    op.create_table(
        "rate_counters",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("rate_counters_pkey")),
    )
    op.create_index(op.f("rate_counters_expires_at_ix"), "rate_counters", ["expires_at"], unique=False)
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("kid", name=op.f("signing_keys_pkey")),
    )
    op.create_table(
        "used_proofs",
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("proof", name=op.f("used_proofs_pkey")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("api_keys_person_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("api_keys_pkey")),
        sa.UniqueConstraint("token_hash", name=op.f("api_keys_token_hash_key")),
    )
    op.create_index(op.f("api_keys_person_id_ix"), "api_keys", ["person_id"], unique=False)
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("refresh_tokens_session_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("refresh_tokens_pkey")),
    )
    op.create_index(op.f("refresh_tokens_session_id_ix"), "refresh_tokens", ["session_id"], unique=False)
    op.add_column("imports", sa.Column("granted_sources", sa.ARRAY(sa.Text()), nullable=True))
    op.add_column("people", sa.Column("username", sa.Text(), nullable=True))
    op.add_column("people", sa.Column("machines", sa.ARRAY(sa.Text()), nullable=True))
    op.add_column("people", sa.Column("sources", sa.ARRAY(sa.Text()), nullable=True))
    op.add_column("people", sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("people", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("sessions", sa.Column("way", sa.Text(), nullable=False))
    op.add_column("sessions", sa.Column("ip", sa.Text(), nullable=True))
    op.add_column("sessions", sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False))
    op.drop_constraint(op.f("sessions_token_hash_key"), "sessions", type_="unique")
    op.drop_column("sessions", "token_hash")
    op.create_index(op.f("sign_in_links_person_id_ix"), "sign_in_links", ["person_id"], unique=False)
    op.execute("ALTER TABLE rate_counters SET UNLOGGED")
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(NOTHING_CHANGES)  # several statements with % signs: straight to the driver


def downgrade() -> None:
    """Go back."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(AS_BEFORE)
    op.execute("DELETE FROM sessions")
    op.drop_index(op.f("sign_in_links_person_id_ix"), table_name="sign_in_links")
    op.add_column("sessions", sa.Column("token_hash", postgresql.BYTEA(), autoincrement=False, nullable=False))
    op.create_unique_constraint(
        op.f("sessions_token_hash_key"), "sessions", ["token_hash"], postgresql_nulls_not_distinct=False
    )
    op.drop_column("sessions", "ends_at")
    op.drop_column("sessions", "ip")
    op.drop_column("sessions", "way")
    op.drop_column("people", "erased_at")
    op.drop_column("people", "decided_at")
    op.drop_column("people", "sources")
    op.drop_column("people", "machines")
    op.drop_column("people", "username")
    op.drop_column("imports", "granted_sources")
    op.drop_index(op.f("refresh_tokens_session_id_ix"), table_name="refresh_tokens")
    op.drop_table("refresh_tokens")
    op.drop_index(op.f("api_keys_person_id_ix"), table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_table("used_proofs")
    op.drop_table("signing_keys")
    op.drop_index(op.f("rate_counters_expires_at_ix"), table_name="rate_counters")
    op.drop_table("rate_counters")
    op.drop_table("audit_seals")
