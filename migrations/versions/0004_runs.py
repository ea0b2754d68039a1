"""Sightings and creations are kept as runs: one row for rows that follow one another.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

CREATIONS = """
INSERT INTO order_creations (order_id, length, change_set_id, file_id, sheet, "row")
SELECT order_id, 1, change_set_id, file_id, sheet, "row" FROM order_changes WHERE kind = 'new'
"""

CHANGES = """
INSERT INTO order_changes (order_id, version, field, change_set_id, kind, file_id, sheet, "row")
SELECT order_id + n, 1, '', change_set_id, 'new', file_id, sheet, "row" + n
FROM order_creations CROSS JOIN LATERAL generate_series(0, length - 1) n
"""

SINGLE_SIGHTINGS = """
INSERT INTO evidence_sightings (file_id, position, length, version_id, "row", sheet, outcome)
SELECT file_id, position + n, 1, version_id + n, "row" + n, sheet, outcome
FROM evidence_sightings CROSS JOIN LATERAL generate_series(1, length - 1) n
"""


def upgrade() -> None:
    """Go forward."""
    op.add_column("evidence_sightings", sa.Column("length", sa.Integer(), nullable=False, server_default="1"))
    op.alter_column("evidence_sightings", "length", server_default=None)
    op.drop_index("evidence_sightings_version_id_ix", table_name="evidence_sightings", postgresql_using="brin")
    op.create_table(
        "order_creations",
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("change_set_id", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=True),
        sa.Column("sheet", sa.SmallInteger(), nullable=True),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("order_id", name=op.f("order_creations_pkey")),
    )
    op.create_index("order_creations_change_set_id_ix", "order_creations", ["change_set_id"], postgresql_using="brin")
    op.execute(CREATIONS)
    op.execute("DELETE FROM order_changes WHERE kind = 'new'")


def downgrade() -> None:
    """Go back."""
    op.execute(CHANGES)
    op.drop_table("order_creations")
    op.execute(SINGLE_SIGHTINGS)
    op.create_index("evidence_sightings_version_id_ix", "evidence_sightings", ["version_id"], postgresql_using="brin")
    op.drop_column("evidence_sightings", "length")
