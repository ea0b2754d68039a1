"""What tables alone do not give: the job queue, the staging template, and the audit log's guard.

Revision: 0002, after 0001.
"""

from alembic import op
from procrastinate.schema import SchemaManager
from sqlalchemy import text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STAGED = """
CREATE UNLOGGED TABLE evidence_staged (
    position integer NOT NULL,
    sheet smallint NOT NULL,
    "row" integer NOT NULL,
    identity uuid NOT NULL,
    content uuid NOT NULL,
    occurrence smallint NOT NULL,
    duplicate boolean NOT NULL,
    external_id text NOT NULL,
    machine_code text, occurred_at timestamptz, amount bigint, currency text, product text,
    payment_method text, machine_address text, taste text, payment_resource text, order_type text,
    payment_status text, brew_status text, cup_type text, operator_number text, paid_at timestamptz,
    brewed_at timestamptz, delivered_at timestamptz, refunded_at timestamptz, card text, reason text,
    remark text, order_number text, place text, direction text, state text, extra jsonb
) WITH (autovacuum_enabled = false)
"""

AUDIT_GUARD = """
CREATE FUNCTION audit_entries_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are append-only';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_are_append_only();
"""

QUEUE_OBJECTS = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT oid::regprocedure::text FROM pg_proc
        WHERE proname LIKE 'procrastinate%' AND pronamespace = 'public'::regnamespace
    LOOP EXECUTE 'DROP FUNCTION IF EXISTS ' || name || ' CASCADE'; END LOOP;
    FOR name IN SELECT relname FROM pg_class WHERE relname LIKE 'procrastinate%' AND relkind = 'r'
        AND relnamespace = 'public'::regnamespace
    LOOP EXECUTE 'DROP TABLE IF EXISTS ' || name || ' CASCADE'; END LOOP;
    FOR name IN SELECT typname FROM pg_type WHERE typname LIKE 'procrastinate%' AND typtype IN ('e', 'c')
        AND typnamespace = 'public'::regnamespace
    LOOP EXECUTE 'DROP TYPE IF EXISTS ' || name || ' CASCADE'; END LOOP;
END $$
"""


def upgrade() -> None:
    """Go forward."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(SchemaManager.get_schema())  # many statements with % signs: straight to the driver
    op.execute(STAGED)
    driver.execute(AUDIT_GUARD)
    op.execute("ALTER TABLE orders SET (fillfactor = 90)")


def downgrade() -> None:
    """Go back."""
    op.execute("DROP TRIGGER append_only ON audit_entries")
    op.execute("DROP FUNCTION audit_entries_are_append_only()")
    op.execute("DROP TABLE evidence_staged")
    op.execute(text(QUEUE_OBJECTS))
