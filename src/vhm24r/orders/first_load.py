"""The first orders of an installation go into tables without indexes, which are made once, when all rows are there.

An entry in an index, made row by row, costs more than the row itself; sorting all of them at the end costs a third of
that (docs/adr/0019). Nobody else can read the two tables meanwhile, so this is only for tables that have no rows yet.
"""

from sqlalchemy import Index, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.schema import CreateIndex, DropIndex

from vhm24r.evidence.models import EvidenceRecord
from vhm24r.orders.models import Order
from vhm24r.platform.db import LOCK_NOT_AVAILABLE

ENTERED_BY_EVERY_ROW = {
    "orders_number_key",
    "orders_sorted_at_id_ix",
    "orders_machine_code_ix",
    "orders_sorted_amount_id_ix",
    "evidence_records_identity_content_key",
    "evidence_records_order_id_ix",
}
"""The others hold a few rows each, and cost nothing while they are not concerned."""

LATE: list[Index] = [
    index
    for model in (EvidenceRecord, Order)
    for index in sorted(model.metadata.tables[model.__tablename__].indexes, key=lambda index: str(index.name))
    if index.name in ENTERED_BY_EVERY_ROW
]


async def nothing_stands(session: AsyncSession) -> bool:
    """Whether there is no order and no record yet, and nobody keeps the tables for himself. A look, no promise."""
    return await _hold(session, "ACCESS SHARE") and await _nothing_there(session)


async def begin(session: AsyncSession) -> bool:
    """Put the indexes by until `end`, or until the transaction or its savepoint is rolled back.

    Returns whether that could be done: the tables are empty and nobody else uses them. It holds them until the
    transaction ends.
    """
    if not await _hold(session, "ACCESS EXCLUSIVE") or not await _nothing_there(session):
        return False
    for index in LATE:
        await session.execute(DropIndex(index))
    return True


async def end(session: AsyncSession) -> None:
    """Make the indexes. Whoever was reading the file has nothing more to do, so a second process may help sorting.

    Raises:
        IntegrityError: two rows name one order, which nobody could see before.
    """
    await session.execute(text("SET LOCAL max_parallel_maintenance_workers = 1"))
    for index in LATE:
        await session.execute(CreateIndex(index))


async def _hold(session: AsyncSession, mode: str) -> bool:
    """Lock both tables, if that can be done without waiting."""
    try:
        async with session.begin_nested():
            await session.execute(text(f"LOCK TABLE evidence_records, orders IN {mode} MODE NOWAIT"))
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            return False
        raise
    return True


async def _nothing_there(session: AsyncSession) -> bool:
    found = text("SELECT EXISTS (SELECT FROM orders) OR EXISTS (SELECT FROM evidence_records)")
    return not (await session.execute(found)).scalar_one()
