"""Alembic environment: every module's tables against the database given in the configuration."""

from alembic import context
from sqlalchemy import create_engine

import vhm24r.audit.models
import vhm24r.evidence.models
import vhm24r.identity.models
import vhm24r.intake.models
import vhm24r.orders.models
import vhm24r.platform.models
import vhm24r.reconciliation.models  # noqa: F401  # imported for their tables
from vhm24r.platform.db import Base

TABLES = frozenset(Base.metadata.tables)


def ours(_object: object, name: str | None, kind: str, reflected: bool, _compare_to: object) -> bool:
    """Leave the job queue's own tables and the staging tables of running imports alone."""
    return not (kind == "table" and reflected and name not in TABLES)


def run() -> None:
    """Migrate on the connection given by the caller, or on one of our own."""
    given = context.config.attributes.get("connection")
    if given is not None:
        configure_and_run(given)
        return
    engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "")
    with engine.begin() as connection:
        configure_and_run(connection)


def configure_and_run(connection: object) -> None:
    """All pending migrations in one transaction."""
    context.configure(
        connection=connection,  # type: ignore[arg-type]  # alembic hands it over untyped
        target_metadata=Base.metadata,
        include_object=ours,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
