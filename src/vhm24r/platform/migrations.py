"""The schema's way to head, for every command that needs a ready database."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

from vhm24r.platform.locks import Lock


def scripts_folder() -> Path:
    """Beside the source in a checkout, inside the package when installed from a wheel."""
    package = Path(__file__).parents[1]
    inside = package / "migrations"
    return inside if inside.exists() else package.parents[1] / "migrations"


def config(connection: Connection | None = None) -> Config:
    """An Alembic configuration without a file."""
    made = Config()
    made.set_main_option("script_location", str(scripts_folder()))
    made.set_main_option("path_separator", "os")
    if connection is not None:
        made.attributes["connection"] = connection
    return made


def head() -> str:
    """The newest revision this code knows."""
    revision = ScriptDirectory.from_config(config()).get_current_head()
    if revision is None:
        raise LookupError(f"no migrations in {scripts_folder()}")
    return revision


def current(connection: Connection) -> str | None:
    """The revision the database is at."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(url: str) -> tuple[str | None, str]:
    """Bring the database to head; returns (revision before, revision now). Safe to run at once."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock, 0)"), {"lock": int(Lock.MIGRATE)})
        before = current(connection)
        if before != head():
            command.upgrade(config(connection), "head")
        return before, head()
