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

NAMED = "({0} = {1}.name OR starts_with({0}, {1}.name || ' ('))"
"""Whether a text is the name of a person, or of a key of theirs."""


def author(name: str) -> str:
    """SQL for the person a name is of; nobody where it may be another's, who may be forgotten already."""
    others = f"p.id <> q.id AND (q.erased_at IS NOT NULL OR {NAMED.format(name, 'q')})"
    return f"people p WHERE {NAMED.format(name, 'p')} AND NOT EXISTS (SELECT FROM people q WHERE {others})"


def upgrade() -> None:
    """Go forward. What was done before is somebody's whose name is nobody else's."""
    for table, number, name in AUTHORS:
        op.add_column(table, sa.Column(number, sa.BigInteger(), nullable=True))
        op.execute(f"UPDATE {table} SET {number} = p.id FROM {author(name)}")
    undone_by = "undo ->> 'by'"
    op.execute(f"UPDATE imports SET undo = undo || jsonb_build_object('by_id', p.id) FROM {author(undone_by)}")
    op.execute(
        "UPDATE evidence_matches m SET reasons = jsonb_set(m.reasons, '{0,author_id}', to_jsonb(d.author_id))"
        " FROM reconciliation_decisions d WHERE m.kind = 'manual' AND d.record_id = m.record_id"
        " AND d.order_id = m.order_id AND d.author_id IS NOT NULL AND d.author_name = m.reasons -> 0 ->> 'author'"
        " AND NOT EXISTS (SELECT FROM reconciliation_decisions o WHERE o.record_id = d.record_id"
        " AND o.order_id = d.order_id AND o.author_name = d.author_name AND o.author_id IS DISTINCT FROM d.author_id)"
    )


def downgrade() -> None:
    """Go back."""
    for table, number, _ in AUTHORS:
        op.drop_column(table, number)
    op.execute("UPDATE imports SET undo = undo - 'by_id' WHERE undo IS NOT NULL")
    op.execute("UPDATE evidence_matches SET reasons = reasons #- '{0,author_id}' WHERE kind = 'manual'")
