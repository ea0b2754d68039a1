"""Authors by their number: whoever is to be forgotten is found although somebody else has the same name.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

AUTHORS = (
    ("reconciliation_runs", "actor_id", "actor_name"),
    ("reconciliation_exceptions", "resolved_by_id", "resolved_by"),
    ("reconciliation_decisions", "released_by_id", "released_by"),
    ("column_mappings", "actor_id", "actor_name"),
)
"""Tables, the new column, and the one that has known the author by name alone."""

FOUND = """(
    SELECT name, min(id) AS id FROM people WHERE erased_at IS NULL GROUP BY name HAVING count(*) = 1
) p WHERE {0} = p.name OR starts_with({0}, p.name || ' (')"""
"""Whose name it is, or a key's of theirs, where nobody else bears it."""


def upgrade() -> None:
    """Go forward. What was done before is somebody's whose name is nobody else's."""
    for table, number, name in AUTHORS:
        op.add_column(table, sa.Column(number, sa.BigInteger(), nullable=True))
        op.execute(f"UPDATE {table} SET {number} = p.id FROM {FOUND.format(name)}")
    undone_by = "undo ->> 'by'"
    op.execute(f"UPDATE imports SET undo = undo || jsonb_build_object('by_id', p.id) FROM {FOUND.format(undone_by)}")
    op.execute(
        "UPDATE evidence_matches m SET reasons = jsonb_set(m.reasons, '{0,author_id}', to_jsonb(d.author_id))"
        " FROM reconciliation_decisions d WHERE m.kind = 'manual' AND d.record_id = m.record_id"
        " AND d.order_id = m.order_id AND d.author_id IS NOT NULL AND d.author_name = m.reasons -> 0 ->> 'author'"
    )


def downgrade() -> None:
    """Go back."""
    for table, number, _ in AUTHORS:
        op.drop_column(table, number)
    op.execute("UPDATE imports SET undo = undo - 'by_id' WHERE undo IS NOT NULL")
    op.execute("UPDATE evidence_matches SET reasons = reasons #- '{0,author_id}' WHERE kind = 'manual'")
