"""The first orders of an installation go into tables without indexes, which are made once, when all rows are there.

An entry in an index, made row by row, costs more than the row itself; sorting all of them at the end costs a third of
that (docs/adr/0019). Nobody else can read the tables meanwhile, so this is only for such as have no rows yet.
"""

from collections.abc import Sequence
from typing import cast

from sqlalchemy import Index, Table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.schema import AddConstraint, CreateIndex, DropConstraint, DropIndex, ExecutableDDLElement

from vhm24r.evidence.models import EvidenceRecord
from vhm24r.orders.models import Order, VendingOrder
from vhm24r.platform.db import (
    DEPENDENT_OBJECTS,
    INSUFFICIENT_PRIVILEGE,
    LOCK_NOT_AVAILABLE,
    UNDEFINED_OBJECT,
    sqlstate_of,
)

ENTERED_BY_EVERY_ROW = {
    "orders_number_key",
    "orders_sorted_at_id_ix",
    "orders_machine_code_ix",
    "orders_sorted_amount_id_ix",
    "evidence_records_identity_content_key",
    "evidence_records_order_id_ix",
}
"""The others hold a few rows each, and cost nothing while they are not concerned."""

TABLES = [cast("Table", model.__table__) for model in (EvidenceRecord, Order, VendingOrder)]

IN_THE_WAY = " OR ".join(
    (
        *(f"EXISTS (SELECT FROM {table.name})" for table in TABLES),
        "NOT has_schema_privilege(current_schema(), 'CREATE')",
        "EXISTS (SELECT FROM pg_index WHERE (indisreplident OR indisclustered) AND indrelid::regclass::text IN ("
        + ", ".join(f"'{table.name}'" for table in TABLES)
        + "))",
    )
)
"""A row stands already, an index could not be made anew, or somebody has given one a part that it would lose."""

LATE: list[Index] = [
    index
    for table in TABLES
    for index in sorted(table.indexes, key=lambda index: str(index.name))
    if index.name in ENTERED_BY_EVERY_ROW
]

PUTTING_BY: list[ExecutableDDLElement] = [
    *map(DropIndex, LATE),
    *(DropConstraint(table.primary_key) for table in TABLES),
]

MAKING: list[ExecutableDDLElement] = [
    *(AddConstraint(table.primary_key, isolate_from_table=False) for table in TABLES),
    *map(CreateIndex, LATE),
]


TAKEN_WHEN = (LOCK_NOT_AVAILABLE, INSUFFICIENT_PRIVILEGE, DEPENDENT_OBJECTS, UNDEFINED_OBJECT)


class _Taken(Exception):
    """Somebody uses the tables, has written to them, or has made them other than we do."""


async def nothing_stands(session: AsyncSession) -> bool:
    """Whether there is no order and no record yet, and nobody keeps the tables for himself. A look, no promise."""
    try:
        await _hold_empty(session, "ACCESS SHARE")
    except _Taken:
        return False
    return True


async def begin(session: AsyncSession) -> bool:
    """Put the indexes by, primary keys among them, until `end`, or until the transaction or savepoint is rolled back.

    Returns whether that could be done: the tables are empty, nobody else uses them, they are ours, and nothing that we
    do not know of depends on them. Then nobody else can use them until the transaction ends; if not, nothing is held.
    """
    try:
        await _hold_empty(session, "ACCESS EXCLUSIVE", then=PUTTING_BY)
    except _Taken:
        return False
    return True


async def end(session: AsyncSession) -> None:
    """Make the indexes. Whoever was reading the file has nothing more to do, so a second process may help sorting.

    Raises:
        IntegrityError: two rows name one order, which nobody could see before.
    """
    await session.execute(text("SET LOCAL max_parallel_maintenance_workers = 1"))
    for statement in MAKING:
        await session.execute(statement)


async def _hold_empty(session: AsyncSession, mode: str, *, then: Sequence[ExecutableDDLElement] = ()) -> None:
    """Lock the tables and do something to them, if they are empty and nobody need be waited for.

    Raises:
        _Taken: neither is done.
    """
    try:
        async with session.begin_nested():  # rolled back, it gives the tables back
            await session.execute(text(f"LOCK TABLE {', '.join(table.name for table in TABLES)} IN {mode} MODE NOWAIT"))
            if (await session.execute(text(f"SELECT {IN_THE_WAY}"))).scalar_one():
                raise _Taken
            for statement in then:
                await session.execute(statement)
    except DBAPIError as error:
        if sqlstate_of(error) in TAKEN_WHEN:
            raise _Taken from error
        raise
