"""Files of every kind: members of archives, mappings, undo, what a gateway kept.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# what every statement looks at comes first: a row is unpacked from its beginning
STAGED = """
CREATE UNLOGGED TABLE evidence_staged (
    position integer NOT NULL,
    identity uuid NOT NULL,
    content uuid NOT NULL,
    sheet smallint NOT NULL,
    occurrence integer NOT NULL,
    duplicate boolean NOT NULL,
    "row" integer NOT NULL,
    account text,
    external_id text NOT NULL,
    order_number text, machine_code text, occurred_at timestamptz, amount bigint, currency text, product text,
    payment_method text, machine_address text, taste text, payment_resource text, order_type text,
    payment_status text, brew_status text, cup_type text, operator_number text, paid_at timestamptz,
    brewed_at timestamptz, delivered_at timestamptz, refunded_at timestamptz, card text, reason text,
    remark text, place text, direction text, state text, fee bigint, extra jsonb
) WITH (autovacuum_enabled = false)
"""

STAGED_BEFORE = """
CREATE UNLOGGED TABLE evidence_staged (
    position integer NOT NULL, sheet smallint NOT NULL, "row" integer NOT NULL, identity uuid NOT NULL,
    content uuid NOT NULL, occurrence smallint NOT NULL, duplicate boolean NOT NULL, external_id text NOT NULL,
    machine_code text, occurred_at timestamptz, amount bigint, currency text, product text,
    payment_method text, machine_address text, taste text, payment_resource text, order_type text,
    payment_status text, brew_status text, cup_type text, operator_number text, paid_at timestamptz,
    brewed_at timestamptz, delivered_at timestamptz, refunded_at timestamptz, card text, reason text,
    remark text, order_number text, place text, direction text, state text, extra jsonb
) WITH (autovacuum_enabled = false)
"""


def upgrade() -> None:
    """Go forward."""
    op.execute("DROP TABLE evidence_staged")
    op.execute(STAGED)
    op.alter_column("evidence_records", "occurrence", type_=sa.Integer())
    op.add_column("evidence_records", sa.Column("fee", sa.BigInteger(), nullable=True))
    op.create_index("evidence_sightings_version_id_ix", "evidence_sightings", ["version_id"], postgresql_using="brin")
    op.create_table(
        "column_mappings",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("header", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("said", postgresql.JSONB(), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("column_mappings_pkey")),
        sa.UniqueConstraint("name", name=op.f("column_mappings_name_key")),
    )
    for name, kind in (
        ("tables", postgresql.JSONB()),
        ("preview", postgresql.JSONB()),
        ("undo", postgresql.JSONB()),
        ("similar_to", sa.BigInteger()),
        ("similar_percent", sa.SmallInteger()),
    ):
        op.add_column("imports", sa.Column(name, kind, nullable=True))
    op.execute(
        "UPDATE imports SET tables = jsonb_build_array(jsonb_build_object('member', NULL, 'sheet', NULL,"
        " 'sheet_index', 0, 'columns', columns)) WHERE columns IS NOT NULL"
    )
    op.drop_column("imports", "columns")
    op.drop_column("imports", "file_id")
    op.add_column("imports", sa.Column("cancel_requested", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("imports", "cancel_requested", server_default=None)
    op.add_column("import_issues", sa.Column("member", sa.Text(), nullable=True))
    op.add_column("import_issues", sa.Column("page", sa.Integer(), nullable=True))
    op.add_column(
        "import_issues",
        sa.Column("cells", postgresql.ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'")),
    )
    op.alter_column("import_issues", "cells", server_default=None)


def downgrade() -> None:
    """Go back."""
    for name in ("cells", "page", "member"):
        op.drop_column("import_issues", name)
    for name in ("cancel_requested", "similar_percent", "similar_to", "undo", "preview", "tables"):
        op.drop_column("imports", name)
    op.add_column("imports", sa.Column("file_id", sa.BigInteger(), nullable=True))
    op.add_column("imports", sa.Column("columns", postgresql.JSONB(), nullable=True))
    op.drop_table("column_mappings")
    op.drop_index("evidence_sightings_version_id_ix", table_name="evidence_sightings", postgresql_using="brin")
    op.drop_column("evidence_records", "fee")
    op.alter_column("evidence_records", "occurrence", type_=sa.SmallInteger())
    op.execute("DROP TABLE evidence_staged")
    op.execute(STAGED_BEFORE)
