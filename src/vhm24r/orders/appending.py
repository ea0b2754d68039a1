"""Parts of a file in which nothing is known yet, written as they stand.

The common case of `orders.bulk`, without its questions: no row is about a known record, no two rows name the
same order, no order has such a number. Then every row is a new record and, where the source makes orders, a new
order; both have the row's position in their ids, and no working table is needed (docs/adr/0012).
"""

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.evidence import bulk as evidence
from vhm24r.evidence.bulk import RUNS, FreshIds, Staging, as_arrays
from vhm24r.evidence.summary import Summary
from vhm24r.orders.bulk import CREATIONS, Cause, Placing, insert_orders, name_machines, name_products
from vhm24r.platform.db import run_sql

PROBED = 100
"""So many numbers are looked up before a part is written in the hope that none of its numbers stands."""


async def append(session: AsyncSession, staging: Staging, placing: Placing, cause: Cause, *, first: bool) -> bool:
    """Write records, orders and their history; False, and nothing written, where that is not as simple.

    Whoever calls has made sure that no record of the part is known. `first`: there was no order before this file, and
    `first_load` finds out at its end whether two rows name the same one.
    """
    summary = staging.summary
    if staging.irregular or (placing.makes_orders and not summary.addressable):
        return False
    if placing.makes_orders and not first and await _numbers_stand(session, staging):
        return False
    try:
        async with session.begin_nested():
            await _write(session, staging, placing, cause)
    except IntegrityError:  # two rows name one order, or one names an order that stands
        return False
    return True


async def _numbers_stand(session: AsyncSession, staging: Staging) -> bool:
    """Whether the first rows name orders that stand: then the others most likely do, too."""
    found = text(
        f"SELECT EXISTS (SELECT FROM (SELECT order_number FROM {staging.table} LIMIT {PROBED}) s"
        " JOIN orders o ON o.number = s.order_number)"
    )
    return bool((await session.execute(found)).scalar_one())


async def _write(session: AsyncSession, staging: Staging, placing: Placing, cause: Cause) -> None:
    summary = staging.summary
    version = await reserve(session, "evidence_records_id_seq", summary.rows) - summary.first
    order = await reserve(session, "orders_id_seq", summary.rows) - summary.first if placing.makes_orders else None
    ids = FreshIds(version, order)
    if placing.makes_orders:
        named = f"{ids.order_of('s')}, s.order_number, s.order_number, :source"
        await insert_orders(session, named, f"FROM {staging.table} s", placing, cause)
        await _insert_creations(session, summary, ids, cause)
    await evidence.append_fresh(session, staging, ids, file_id=cause.file_id, source=cause.source)
    await _name_things(session, summary, cause)


async def _insert_creations(session: AsyncSession, summary: Summary, ids: FreshIds, cause: Cause) -> None:
    await run_sql(
        session,
        f"""{CREATIONS}
        SELECT {ids.order_of("s")}, s.length, :change_set_id, :file_id, s.sheet, s."row" FROM {RUNS}""",
        change_set_id=cause.change_set_id,
        file_id=cause.file_id,
        **as_arrays(summary.runs),
    )


async def _name_things(session: AsyncSession, summary: Summary, cause: Cause) -> None:
    """Machines and products that a report's rows name."""
    codes, addresses = [code for code, _ in summary.machines], [address for _, address in summary.machines]
    pairs = "unnest(CAST(:codes AS text[]), CAST(:addresses AS text[])) AS s (machine_code, machine_address)"
    await name_machines(session, pairs, cause.now, codes=codes, addresses=addresses)
    names = "unnest(CAST(:products AS text[])) AS s (product)"
    await name_products(session, names, cause.now, products=list(summary.products))


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
