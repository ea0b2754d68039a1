"""The database: engine, sessions, the declarative base, and the raw connection for COPY.

Read sessions run in autocommit (no transaction to hold open); write sessions are one transaction
that the caller of a service commits. Relationships are not used: queries say what they join.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any, ClassVar

import psycopg
from sqlalchemy import BigInteger, DateTime, LargeBinary, MetaData, Row, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from vhm24r.kit.errors import Busy

STATEMENT_TIMEOUT_MS = 300_000
LOCK_TIMEOUT_MS = 3_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000
CONNECT_TIMEOUT_S = 10
LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED = "55P03", "40P01"
INSUFFICIENT_PRIVILEGE, DEPENDENT_OBJECTS, UNDEFINED_OBJECT = "42501", "2BP01", "42704"

AnyRow = Row[*tuple[Any, ...]]
"""A row of whatever columns a statement selects."""

NAMING = {
    "ix": "%(table_name)s_%(column_0_N_name)s_ix",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}
"""Constraint names by convention, so that an IntegrityError can be told apart by its name."""


class Base(DeclarativeBase):
    """Every table of the product; instants are always with zone, ids are bigint, documents are jsonb."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        int: BigInteger,
        str: Text,
        bytes: LargeBinary,
        dict[str, Any]: JSONB,
    }


class Database:
    """Engine and session factories of one process."""

    def __init__(self, url: str, *, pool_size: int = 10, application: str = "vhm24r") -> None:
        """`url` is a SQLAlchemy URL with the psycopg driver; nothing connects before first use."""
        self.url = url
        server_settings = {
            "statement_timeout": STATEMENT_TIMEOUT_MS,
            "lock_timeout": LOCK_TIMEOUT_MS,
            "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT_MS,
            "timezone": "UTC",
            "jit": "off",
            "temp_buffers": "128MB",  # an import's working tables stay in memory; allocated only when used
        }
        options = " ".join(f"-c {name}={value}" for name, value in server_settings.items())
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={"options": options, "application_name": application, "connect_timeout": CONNECT_TIMEOUT_S},
        )
        self._write = async_sessionmaker(self.engine, expire_on_commit=False, autoflush=False)
        self._read = async_sessionmaker(
            self.engine.execution_options(isolation_level="AUTOCOMMIT"), expire_on_commit=False, autoflush=False
        )

    @property
    def conninfo(self) -> str:
        """The same database as a libpq URL, for plain psycopg connections."""
        return make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session for queries only.

        Raises:
            Busy: a table was held for longer than the lock timeout (`orders.first_load`).
        """
        with _patiently():
            async with self._read() as session:
                await session.connection()  # as in `write`: waiting for a free one is over when the block begins
                yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed when the block ends well, rolled back otherwise.

        Raises:
            Busy: somebody else held a row for longer than the lock timeout, or waited for one of ours.
        """
        with _patiently():
            async with self._write() as session, session.begin():
                await session.connection()  # whoever waits for a free one waits here, before any work is done
                yield session

    async def close(self) -> None:
        """Close every pooled connection."""
        await self.engine.dispose()


@contextmanager
def _patiently() -> Iterator[None]:
    """Waiting for a lock in vain is no bug, nor is waiting for each other: whoever asked may try again."""
    try:
        yield
    except OperationalError as error:
        if sqlstate_of(error) in (LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED):
            raise Busy from error
        raise


def sqlstate_of(error: DBAPIError) -> str | None:
    """What PostgreSQL calls an error, if it was PostgreSQL that spoke."""
    return getattr(error.orig, "sqlstate", None)


async def driver_connection(session: AsyncSession) -> psycopg.AsyncConnection[Any]:
    """The psycopg connection under a session's transaction, for COPY and for deferring jobs."""
    raw = await (await session.connection()).get_raw_connection()
    connection = raw.driver_connection
    if not isinstance(connection, psycopg.AsyncConnection):
        raise TypeError("the session is not on psycopg")
    return connection


WORKING_TABLES = "working_tables"


async def fill(session: AsyncSession, name: str, query: str, **params: object) -> None:
    """Fill a temporary table of this transaction with what a query finds.

    It is made at its first use and emptied at the next one: a table that is dropped and made again leaves
    another lock behind until the transaction ends, and those are few.
    """
    made: set[str] = session.info.setdefault(WORKING_TABLES, set())
    if name in made:
        await run_sql(session, f"TRUNCATE {name}")
        await run_sql(session, f"INSERT INTO {name} {query}", **params)
        return
    await run_sql(session, f"CREATE TEMP TABLE {name} ON COMMIT DROP AS {query}", **params)
    made.add(name)


async def forget_filled(session: AsyncSession) -> None:
    """Make every temporary table anew: a savepoint that was rolled back may have taken some along."""
    made: set[str] = session.info.pop(WORKING_TABLES, set())
    for name in sorted(made):
        await run_sql(session, f"DROP TABLE IF EXISTS {name}")


async def run_sql(session: AsyncSession, statement: str, **params: object) -> int:
    """Execute one statement written as SQL; returns the number of rows it touched."""
    result = await session.execute(text(statement), params)
    return int(getattr(result, "rowcount", 0) or 0)
