"""Parts of a file in which nothing is known yet, written as they stand.

The common case of `orders.bulk`, without its questions: no row is about a known record, no two rows name the
same order, no order has such a number. Then every row is a new record and, where the source makes orders, a new
order; both have the row's position in their ids, and no working table is needed (docs/adr/0012).
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.evidence import bulk as evidence
from vhm24r.evidence.bulk import FreshIds, Staging
from vhm24r.orders.bulk import ADDRESSABLE, Placing, insert_creations, insert_orders, name_things


@dataclass(frozen=True, slots=True)
class Appended:
    """How many rows a part had, and how many orders they made."""

    rows: int
    orders: int


async def is_fresh(session: AsyncSession, staging: Staging, placing: Placing) -> bool:
    """Whether every row is a record, and where orders are made an order, of its own that nobody knows yet.

    Whoever calls has made sure that no record of it is known.
    """
    regular = "max(position) - min(position) + 1 = count(*) AND NOT bool_or(duplicate)"
    if placing.makes_orders:
        regular += f" AND bool_and(order_number IS NOT NULL AND order_number ~ '{ADDRESSABLE}')"
    if staging.irregular or not await _holds(session, f"{regular} FROM {staging.table}"):
        return False
    if not placing.makes_orders:
        return True
    once = f"NOT EXISTS (SELECT FROM {staging.table} GROUP BY order_number HAVING count(*) > 1)"
    unknown = f"""NOT EXISTS (
        SELECT FROM {staging.table} s
        CROSS JOIN LATERAL (SELECT FROM orders o WHERE o.number = s.order_number OFFSET 0) o
    )"""
    return await _holds(session, once) and await _holds(session, unknown)


async def _holds(session: AsyncSession, condition: str) -> bool:
    return bool((await session.execute(text(f"SELECT {condition}"))).scalar_one())


async def append(
    session: AsyncSession,
    staging: Staging,
    placing: Placing,
    *,
    source: str,
    change_set_id: int,
    file_id: int,
    status: str,
    now: datetime,
) -> Appended:
    """Write records, orders and their history."""
    size = "SELECT min(position), count(*) FROM "
    first, rows = (await session.execute(text(size + staging.table))).one()
    version = await reserve(session, "evidence_records_id_seq", rows) - first
    order = await reserve(session, "orders_id_seq", rows) - first if placing.makes_orders else None
    ids = FreshIds(version, order)
    await evidence.append_fresh(session, staging, ids, file_id=file_id, source=source)
    await name_things(session, staging.table, now)
    if not placing.makes_orders:
        return Appended(rows, 0)
    new = {"source": source, "space": placing.space, "status": status, "change_set_id": change_set_id, "now": now}
    order_id = ids.order_of("s")
    named = f"{order_id}, s.order_number, s.order_number, :source"
    await insert_orders(session, named, f"FROM {staging.table} s", new)
    created = f'(SELECT {order_id} AS order_id, sheet, "row" FROM {staging.table} s) s'
    await insert_creations(session, created, change_set_id, file_id)
    return Appended(rows, rows)


async def reserve(session: AsyncSession, sequence: str, count: int) -> int:
    """The first of `count` consecutive ids. Others draw from the sequence, too: then it is tried again."""
    drawn = text(
        "SELECT min(id), max(id) FROM (SELECT nextval(CAST(:sequence AS regclass)) AS id"
        " FROM generate_series(1, :count)) drawn"
    )
    while True:
        first, last = (await session.execute(drawn, {"sequence": sequence, "count": count})).one()
        if last - first + 1 == count:
            return int(first)
