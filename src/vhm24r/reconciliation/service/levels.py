"""Money at its own level: what gateways pay out to the bank, and the cash of machines between collections.

Both are few, so every run weighs all of them anew; only the cash of a period is asked for again where it may differ.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.kit.clock import business_day, iso
from vhm24r.kit.money import format_minor
from vhm24r.platform.business_settings import value_of
from vhm24r.platform.db import run_sql
from vhm24r.reconciliation.bulk import copy_rows, write_exceptions
from vhm24r.reconciliation.levels.collections import (
    Collection,
    CollectionRules,
    CollectionStatus,
    Period,
    periods,
    weigh,
)
from vhm24r.reconciliation.levels.payouts import BankCredit, GatewayDay, Payout, PayoutRules, PayoutStatus, payouts
from vhm24r.reconciliation.repository import day_of
from vhm24r.reconciliation.service import rules
from vhm24r.reconciliation.types import GATEWAYS, Bucket, ExceptionType, Why

GATEWAY_NAMES = ", ".join(f"'{name}'" for name in GATEWAYS)
PAYOUT_COLUMNS = ("gateway", "day", "currency", "gross", "fee", "record_id", "difference", "status")
PERIOD_COLUMNS = (
    "record_ids", "record_id", "machine_code", "currency", "since", "until", "expected", "collected", "status",
)  # fmt: skip


async def settle_levels(session: AsyncSession, zone: ZoneInfo, days: set[int]) -> None:
    """Weigh payouts and collections; `days` are those that the run has settled."""
    await _settle_payouts(session, zone)
    await _settle_collections(session, zone, days)
    await _move_buckets(session)


async def _move_buckets(session: AsyncSession) -> None:
    """A credit that pays a gateway's day is matched with it, and a collection with its period; others are excluded."""
    level = "e.source IN ('bank', 'cash_collection') AND e.current"
    await run_sql(
        session,
        f"""
        UPDATE reconciliation_outcomes o SET bucket = now.bucket, why = now.why FROM (
            SELECT e.record_id,
                CASE WHEN p.paid OR c.ended THEN '{Bucket.MATCHED}' ELSE '{Bucket.EXCLUDED}' END AS bucket,
                CASE WHEN p.paid THEN '{Why.PAID_OUT}' WHEN c.ended THEN '{Why.COLLECTED}'
                    ELSE '{Why.OWN_LEVEL}' END AS why
            FROM evidence_records e
            LEFT JOIN (SELECT DISTINCT record_id, true AS paid FROM reconciliation_payouts) p USING (record_id)
            LEFT JOIN (
                SELECT unnest(record_ids) AS record_id, true AS ended FROM reconciliation_collections
            ) c USING (record_id) WHERE {level}
        ) now WHERE now.record_id = o.record_id AND (o.bucket, o.why) <> (now.bucket, now.why)
        """,
    )
    moved = f"source IN ('bank', 'cash_collection') AND bucket <> '{Bucket.DUPLICATE}'"
    await run_sql(session, f"DELETE FROM reconciliation_buckets WHERE {moved}")
    await run_sql(
        session,
        f"""
        INSERT INTO reconciliation_buckets (day, source, currency, bucket, why, records, amount)
        SELECT o.day, e.source, coalesce(e.currency, ''), o.bucket, o.why, count(*), coalesce(sum(e.amount), 0)
        FROM evidence_records e JOIN reconciliation_outcomes o USING (record_id) WHERE {level} GROUP BY 1, 2, 3, 4, 5
        """,
    )


async def _settle_payouts(session: AsyncSession, zone: ZoneInfo) -> None:
    due = await _gateway_days(session)
    permille, within = await value_of(session, rules.PAYOUT_PERMILLE), await value_of(session, rules.PAYOUT_DAYS)
    limits = PayoutRules(within_days=within, permille=permille)
    came, record_of = await _credits(session, zone)
    found = payouts(due, came, await _covered_by_bank(session), limits).payouts
    gross = {(day.gateway, day.day, day.currency): day for day in due}
    await run_sql(session, "DELETE FROM reconciliation_payouts")
    await copy_rows(
        session, "reconciliation_payouts", PAYOUT_COLUMNS, (_payout_row(one, gross, record_of) for one in found)
    )
    missing = [payout for payout in found if payout.status is PayoutStatus.MISSING]
    await write_exceptions(session, f"e.type = '{ExceptionType.PAYOUT_MISSING}'", map(_payout_exception, missing))


def _payout_row(payout: Payout, due: dict[tuple[str, date, str], GatewayDay], record_of: list[int]) -> tuple[Any, ...]:
    day = due[payout.gateway, payout.day, payout.currency]
    record_id = record_of[payout.credit.record_id] if payout.credit else None
    return (
        payout.gateway, payout.day, payout.currency, day.gross, day.fee, record_id, payout.difference,
        str(payout.status),
    )  # fmt: skip


def _payout_exception(payout: Payout) -> tuple[Any, ...]:
    reasons = orjson.dumps([{"code": "no_credit", "gateway": payout.gateway, "net": format_minor(payout.net)}]).decode()
    subject = f"payout:{payout.gateway}:{payout.day}:{payout.currency}"
    return (
        str(ExceptionType.PAYOUT_MISSING), subject, payout.day, None, None, payout.gateway, None, payout.net,
        payout.currency, None, reasons,
    )  # fmt: skip


async def _gateway_days(session: AsyncSession) -> list[GatewayDay]:
    """What each gateway has taken on each day that its reports cover, and kept of it."""
    contains = [source for source, setting in rules.GROSS.items() if await value_of(session, setting)]
    rows = await session.execute(
        text(
            f"""
            SELECT source, day, currency, sum(theirs)::bigint AS theirs, sum(fee)::bigint AS fee
            FROM reconciliation_drift WHERE source IN ({GATEWAY_NAMES}) GROUP BY source, day, currency
            """
        )
    )
    return [
        GatewayDay(
            row.source, row.day, row.currency, row.theirs + (row.fee if row.source in contains else 0), max(0, row.fee)
        )
        for row in rows.all()
    ]


async def _credits(session: AsyncSession, zone: ZoneInfo) -> tuple[list[BankCredit], list[int]]:
    """Money that came in, each numbered by its place among all whatever file it came from; and the record of each."""
    rows = await session.execute(
        text(
            "SELECT record_id, occurred_at, coalesce(currency, '') AS currency, amount,"
            " concat_ws(' ', remark, extra ->> 'correspondent') AS purpose FROM evidence_records"
            " WHERE source = 'bank' AND current AND direction = 'in' AND amount > 0 AND occurred_at IS NOT NULL"
            " AND source IN ('bank', 'cash_collection') ORDER BY identity"
        )
    )
    found = rows.all()
    came = [
        BankCredit(place, business_day(row.occurred_at, zone), row.currency, row.amount, row.purpose)
        for place, row in enumerate(found)
    ]
    return came, [int(row.record_id) for row in found]


async def _covered_by_bank(session: AsyncSession) -> set[date]:
    rows = await session.execute(
        text(
            "SELECT DISTINCT d::date AS day FROM evidence_files f CROSS JOIN LATERAL"
            " generate_series(f.covers_from::timestamp, f.covers_to, '1 day') d"
            " WHERE f.source = 'bank' AND NOT f.withdrawn AND f.covers_from IS NOT NULL"
        )
    )
    return set(rows.scalars())


async def _settle_collections(session: AsyncSession, zone: ZoneInfo, days: set[int]) -> None:
    ended = periods(await _collections(session))
    known = await _known_periods(session)
    limits = CollectionRules(permille=await value_of(session, rules.COLLECTION_PERMILLE))
    touched = [period for period in ended if _shape(period) not in known or _meets(period, days, zone)]
    expected = {**known, **await _expected(session, touched)}
    weighed = [(period, expected[_shape(period)]) for period in ended]
    await run_sql(session, "DELETE FROM reconciliation_collections")
    await copy_rows(session, "reconciliation_collections", PERIOD_COLUMNS, _period_rows(weighed, limits))
    await write_exceptions(
        session, f"e.type = '{ExceptionType.COLLECTION_DIFFERS}'", _collection_exceptions(weighed, limits, zone)
    )


Shape = tuple[Any, ...]


def _subject(period: Period) -> str:
    """What identifies a period, whatever files its collections came from."""
    return f"collection:{period.machine}:{iso(period.until)}:{period.currency}"


def _shape(period: Period) -> Shape:
    """What a period's cash depends on, besides the orders."""
    return (period.machine, period.currency, period.since, period.until)


def _meets(period: Period, days: set[int], zone: ZoneInfo) -> bool:
    """Whether the period has to do with some of the days."""
    last = business_day(period.until, zone)
    first = business_day(period.since, zone) if period.since else last
    return any(first <= day_of(day) <= last for day in days)


async def _collections(session: AsyncSession) -> list[Collection]:
    rows = await session.execute(
        text(
            "SELECT record_id, machine_code, occurred_at, amount, coalesce(currency, '') AS currency"
            " FROM evidence_records WHERE source = 'cash_collection' AND current AND amount IS NOT NULL"
            " AND occurred_at IS NOT NULL AND machine_code IS NOT NULL AND source IN ('bank', 'cash_collection')"
        )
    )
    return [
        Collection(row.record_id, row.machine_code, row.occurred_at, row.amount, row.currency) for row in rows.all()
    ]


async def _known_periods(session: AsyncSession) -> dict[Shape, int]:
    rows = await session.execute(
        text("SELECT machine_code, currency, since, until, expected FROM reconciliation_collections")
    )
    return {(row.machine_code, row.currency, row.since, row.until): int(row.expected) for row in rows.all()}


async def _expected(session: AsyncSession, wanted: list[Period]) -> dict[Shape, int]:
    """What the orders of each period brought in cash, less what was refunded."""
    found: dict[Shape, int] = dict.fromkeys(map(_shape, wanted), 0)
    asked = [period for period in wanted if period.since is not None]
    statement = text(
        """
        SELECT p.place, sum(o.amount)::bigint AS amount
        FROM unnest(
            CAST(:machines AS text[]), CAST(:currencies AS text[]), CAST(:since AS timestamptz[]),
            CAST(:until AS timestamptz[])
        ) WITH ORDINALITY AS p (machine, currency, since, until, place)
        JOIN orders o ON o.machine_code = p.machine AND o.currency = p.currency AND o.payment_method = 'cash'
            AND o.withdrawn_at IS NULL AND o.status <> 'cancelled'
            AND o.occurred_at > p.since AND o.occurred_at <= p.until
        JOIN vending_orders v ON v.order_id = o.id
            AND v.refunded_at IS NULL AND v.payment_status IS DISTINCT FROM 'refunded'
        GROUP BY p.place
        """
    )
    params = {
        "machines": [period.machine for period in asked],
        "currencies": [period.currency for period in asked],
        "since": [period.since for period in asked],
        "until": [period.until for period in asked],
    }
    for row in (await session.execute(statement, params)).all():
        found[_shape(asked[row.place - 1])] = int(row.amount or 0)
    return found


def _period_rows(weighed: Iterable[tuple[Period, int]], limits: CollectionRules) -> Iterator[tuple[Any, ...]]:
    for period, expected in weighed:
        yield (
            list(period.record_ids), period.record_id, period.machine, period.currency, period.since, period.until,
            expected, period.collected, str(weigh(period, expected, limits).status),
        )  # fmt: skip


def _collection_exceptions(
    weighed: Iterable[tuple[Period, int]], limits: CollectionRules, zone: ZoneInfo
) -> Iterator[tuple[Any, ...]]:
    for period, expected in weighed:
        verdict = weigh(period, expected, limits)
        if verdict.status not in (CollectionStatus.SHORT, CollectionStatus.OVER):
            continue
        reason = {
            "code": f"collected_{verdict.status}",
            "expected": format_minor(expected),
            "collected": format_minor(period.collected),
        }
        day = business_day(period.until, zone)
        yield (
            str(ExceptionType.COLLECTION_DIFFERS), _subject(period), day, None, None,
            "cash_collection", period.machine, abs(verdict.difference), period.currency, period.until,
            orjson.dumps([reason]).decode(),
        )  # fmt: skip
