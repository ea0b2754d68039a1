"""Orders after a file is withdrawn: folded again, or withdrawn when nothing speaks of them any more.

An order a person has touched is kept whatever happens to its reports (decisions 10).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.orders.bulk import HISTORY, counted, diff_folded, fold_touched, update_standing, write_differences
from vhm24r.orders.types import OrderStatus
from vhm24r.platform.db import fill, run_sql

KEPT_SHOWN = 200


@dataclass(frozen=True, slots=True)
class KeptOrder:
    """An order without a report that stays, and why."""

    number: str
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What withdrawing a file did: orders by what became of them, money that is gone (currency → minor units)."""

    withdrawn: int
    changed: int
    kept: int
    money: dict[str, int] = field(default_factory=dict)
    kept_orders: tuple[KeptOrder, ...] = ()


async def withdraw_orders(session: AsyncSession, change_set_id: int, now: datetime) -> Withdrawal:
    """Bring the orders of the statements in `stated` to what the remaining statements say."""
    await fill(
        session,
        "touched",
        """
        SELECT DISTINCT order_id, NULL::integer AS position, false AS new_order
        FROM stated WHERE order_id IS NOT NULL
        """,
    )
    await fold_touched(session, "", hold=True)
    await diff_folded(session)
    await _find_orphans(session)
    money = await _money_gone(session)
    await update_standing(session, change_set_id)
    await write_differences(session, change_set_id, None)
    return Withdrawal(
        withdrawn=await _withdraw_orphans(session, change_set_id, now),
        changed=int((await session.execute(text("SELECT count(DISTINCT order_id) FROM order_diff"))).scalar_one()),
        kept=int((await session.execute(text("SELECT count(*) FROM orphans WHERE reasons <> '{}'"))).scalar_one()),
        money=money,
        kept_orders=await _kept(session),
    )


async def _find_orphans(session: AsyncSession) -> None:
    """`orphans`: touched orders without a live statement, with what a person has done to them."""
    await fill(
        session,
        "orphans",
        f"""
        SELECT o.id AS order_id, o.number, o.version, array_remove(ARRAY[
            CASE WHEN cardinality(o.edited_fields) > 0 THEN 'edited' END,
            CASE WHEN cardinality(o.tags) > 0 THEN 'tagged' END,
            CASE WHEN o.status <> '{OrderStatus.RECORDED}' THEN 'status' END,
            CASE WHEN EXISTS (SELECT FROM order_notes n WHERE n.order_id = o.id) THEN 'noted' END,
            CASE WHEN EXISTS (SELECT FROM evidence_matches m WHERE m.order_id = o.id AND m.kind = 'manual'
                AND m.withdrawn_at IS NULL) THEN 'matched' END
        ], NULL) AS reasons
        FROM orders o JOIN touched t ON t.order_id = o.id
        WHERE o.withdrawn_at IS NULL AND NOT EXISTS (SELECT FROM folded f WHERE f.order_id = o.id)
        """,
    )


async def _money_gone(session: AsyncSession) -> dict[str, int]:
    """What the touched orders counted for, less what they count for now; asked before they are changed."""
    statement = f"""
        SELECT currency, sum(amount) FROM (
            SELECT o.currency, o.amount FROM orders o JOIN touched t ON t.order_id = o.id
            WHERE {counted("o")} AND o.withdrawn_at IS NULL
                AND NOT EXISTS (SELECT FROM orphans g WHERE g.order_id = o.id AND g.reasons <> '{{}}')
            UNION ALL SELECT f.currency, -f.amount FROM folded f WHERE {counted("f")}
        ) m GROUP BY currency HAVING sum(amount) <> 0 ORDER BY currency
    """
    rows = await session.execute(text(statement))
    return {str(currency): int(amount) for currency, amount in rows.all()}


async def _withdraw_orphans(session: AsyncSession, change_set_id: int, now: datetime) -> int:
    gone = await run_sql(
        session,
        """
        UPDATE orders o SET withdrawn_at = :now, version = o.version + 1, last_change_set_id = :change_set_id,
            last_change = 'changed'
        FROM orphans g WHERE g.order_id = o.id AND g.reasons = '{}'
        """,
        now=now,
        change_set_id=change_set_id,
    )
    withdrawn = (
        "SELECT order_id, version + 1, '', :change_set_id, 'withdrawn', NULL, NULL, NULL, NULL, NULL FROM orphans"
    )
    await run_sql(session, f"{HISTORY} {withdrawn} WHERE reasons = '{{}}'", change_set_id=change_set_id)
    return gone


async def _kept(session: AsyncSession) -> tuple[KeptOrder, ...]:
    statement = text("SELECT number, reasons FROM orphans WHERE reasons <> '{}' ORDER BY number LIMIT :most")
    rows = await session.execute(statement, {"most": KEPT_SHOWN})
    return tuple(KeptOrder(str(number), tuple(reasons)) for number, reasons in rows.all())
