"""The schema: one line of migrations, up and down, and no difference to the models."""

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

import vhm24r.main  # noqa: F401  # every module's tables
from vhm24r.platform import migrations
from vhm24r.platform.db import Base
from vhm24r.platform.embedded import EmbeddedServer

pytestmark = pytest.mark.integration


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def test_there_is_one_head() -> None:
    assert len(ScriptDirectory.from_config(migrations.config()).get_heads()) == 1


def test_up_down_and_up_again(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        before = tables(connection)
        command.downgrade(migrations.config(connection), "base")
    with engine.begin() as connection:
        assert tables(connection) == set()
        assert migrations.current(connection) is None
        left = "SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'public'"
        assert list(connection.execute(text(left)).scalars()) == []

    assert migrations.migrate(database_url) == (None, migrations.head())
    with engine.begin() as connection:
        assert tables(connection) == before


def test_what_was_done_before_is_whose_name_nobody_else_bears(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        command.downgrade(migrations.config(connection), "0006")
    with engine.begin() as connection:
        person = "'{0}', 'viewer', 'approved', 'en', now()"
        for number, name in enumerate(("Only One", "Two", "Two", "Ali", "Ali (warehouse)"), 1):
            columns = "id, name, role, status, language, created_at"
            connection.execute(text(f"INSERT INTO people ({columns}) VALUES ({number}, {person.format(name)})"))
        run = "started_at, finished_at, actor_name, days, orders, records, conserved, rules"
        for name in ("Only One", "Only One (script)", "Two", "Only Once", "Ali", "Ali (script)", "Ali (warehouse)"):
            values = f"now(), now(), '{name}', 0, 0, 0, true, '{{}}'"
            connection.execute(text(f"INSERT INTO reconciliation_runs ({run}) VALUES ({values})"))

    migrations.migrate(database_url)
    with engine.begin() as connection:
        found = connection.execute(text("SELECT actor_id FROM reconciliation_runs ORDER BY id")).scalars().all()
    assert found == [1, 1, None, None, 4, 4, None]


def test_models_and_database_do_not_differ(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        command.check(migrations.config(connection))


def test_every_model_has_its_table(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        missing = set(Base.metadata.tables) - tables(connection)

    assert len(Base.metadata.tables) >= 18
    assert missing == set()


def test_migrating_at_head_changes_nothing(server: EmbeddedServer, database_url: str) -> None:
    assert migrations.migrate(database_url) == (migrations.head(), migrations.head())
