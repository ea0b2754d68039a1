"""What people ask of reconciliation: how it stands, where money drifts, what gateways and collections brought."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.identity.permissions import Permission
from vhm24r.kit.actor import Actor
from vhm24r.kit.clock import business_day, iso
from vhm24r.kit.money import format_minor
from vhm24r.kit.pagination import Page
from vhm24r.orders.types import MatchStatus
from vhm24r.orders.views import moment, money
from vhm24r.platform.business_settings import values_of
from vhm24r.platform.db import AnyRow
from vhm24r.reconciliation import queries
from vhm24r.reconciliation.errors import GroupingUnknown
from vhm24r.reconciliation.filters import Days
from vhm24r.reconciliation.queries import DRIFT_COLUMNS
from vhm24r.reconciliation.reckoning.drift import UNNAMED
from vhm24r.reconciliation.service import rules
from vhm24r.reconciliation.service.candidates import gross_sources, windows
from vhm24r.reconciliation.types import COMPARED, GATEWAYS, Bucket
from vhm24r.reconciliation.views import PERMILLE, machine_view, run_view

BY_DAY_AND_SOURCE = ("day", "source")
MATCHED = (MatchStatus.FULLY_MATCHED, MatchStatus.MATCHED)
"""Statuses of orders whose money is where it should be."""

Limits = tuple[int, int]
"""From how many thousandths on a difference deserves attention, and beyond how many it is critical."""


async def summary(session: AsyncSession, actor: Actor, days: Days, zone: ZoneInfo) -> dict[str, Any]:
    """How reconciliation stands for some days: what `vhm24r reconcile --json` prints, but for `seconds`."""
    actor.require(Permission.MATCHES_READ)
    actor.require_everything()
    found = await queries.statuses(session, days, zone)
    by_status = dict.fromkeys(map(str, MatchStatus), 0)
    for row in found:
        by_status[row.match_status] += row.orders
    sums = await queries.bucket_sums(session, days)
    missing = await queries.not_conserved(session, days)
    run = await queries.last_run(session)
    return {
        "orders": sum(by_status.values()),
        "by_status": by_status,
        "matched_money": _by_currency((row.currency, row.amount) for row in found if row.match_status in MATCHED),
        "unmatched_records": _unmatched(sums),
        "drift": await _drift(session, days, ("source",)),
        "seconds": None,
        "conserved": not missing,
        "buckets": [_bucket(row) for row in sums],
        "conservation": [_conservation(row) for row in missing],
        "last_run": None if run is None else run_view(run),
        "exceptions": _exceptions(await queries.open_exceptions(session, days)),
        "waiting": await queries.count_waiting(session),
    }


def _by_currency(amounts: Iterable[tuple[str, int]]) -> dict[str, str]:
    """Sums in units by currency."""
    total: dict[str, int] = {}
    for currency, amount in amounts:
        name = currency or "UZS"
        total[name] = total.get(name, 0) + amount
    return {currency: format_minor(amount) for currency, amount in sorted(total.items())}


def _unmatched(sums: Iterable[AnyRow]) -> dict[str, int]:
    found = dict.fromkeys(map(str, COMPARED), 0)
    for row in sums:
        if row.bucket == Bucket.UNMATCHED:
            found[row.source] = found.get(row.source, 0) + row.records
    return found


def _bucket(row: AnyRow) -> dict[str, Any]:
    return {
        "source": row.source,
        "currency": row.currency or "UZS",
        "bucket": row.bucket,
        "why": row.why,
        "records": row.records,
        "amount": money(row.amount, row.currency),
    }


def _conservation(row: AnyRow) -> dict[str, Any]:
    return {
        "day": row.day.isoformat(),
        "source": row.source,
        "currency": row.currency or "UZS",
        "stated": {"rows": row.stated_rows, "amount": money(row.stated_amount, row.currency)},
        "kept": {"rows": row.kept_rows, "amount": money(row.kept_amount, row.currency)},
    }


def _exceptions(rows: Sequence[AnyRow]) -> dict[str, dict[str, Any]]:
    types = dict.fromkeys(row.type for row in rows)
    return {
        name: {
            "count": sum(row.many for row in rows if row.type == name),
            "amount": _by_currency((row.currency, row.amount) for row in rows if row.type == name),
        }
        for name in types
    }


async def drift(
    session: AsyncSession,
    actor: Actor,
    days: Days,
    *,
    source: str | None = None,
    machine: str | None = None,
    by: Sequence[str] = BY_DAY_AND_SOURCE,
) -> list[dict[str, Any]]:
    """What orders should have brought beside what records say, added up by `day`, `source`, `machine` or some of them.

    What it is not added up by is None in each row, and so is a machine that nobody names.

    Raises:
        GroupingUnknown: there is something else in `by`.
    """
    actor.require(Permission.MATCHES_READ)
    actor.require_everything()
    for name in by:
        if name not in DRIFT_COLUMNS:
            raise GroupingUnknown(value=name[:40], known=", ".join(DRIFT_COLUMNS))
    return await _drift(session, days, by, source, machine)


async def _drift(
    session: AsyncSession, days: Days, by: Sequence[str], source: str | None = None, machine: str | None = None
) -> list[dict[str, Any]]:
    rows = await queries.drift(session, days, by, source, machine)
    values = await values_of(session, (rules.DRIFT_ATTENTION, rules.DRIFT_CRITICAL))
    limits = int(values[rules.DRIFT_ATTENTION.key]), int(values[rules.DRIFT_CRITICAL.key])
    return [_drift_row(row._mapping, limits, source, machine) for row in rows]


def _drift_row(row: Mapping[Any, Any], limits: Limits, source: str | None, machine: str | None) -> dict[str, Any]:
    currency, name, day = row["currency"], row.get("source", source), row.get("day")
    difference = row["theirs"] - row["ours"]
    return {
        "day": None if day is None else day.isoformat(),
        "source": name,
        "machine": row.get("machine_code", machine) or None,
        "currency": currency or "UZS",
        "ours": money(row["ours"], currency),
        "theirs": money(row["theirs"], currency),
        "difference": money(difference, currency),
        "fee": money(row["fee"], currency),
        "ours_count": row["ours_count"],
        "theirs_count": row["theirs_count"],
        "permille": _permille(row["ours"], difference),
        "status": None if name == UNNAMED else drift_status(row["ours"], difference, limits),
    }


def _permille(ours: int, difference: int) -> float | None:
    """The difference in thousandths of ours, negative where less came; None of nothing."""
    if ours == 0:
        return 0.0 if difference == 0 else None
    return round(difference * PERMILLE / abs(ours), 1)


def drift_status(ours: int, difference: int, limits: Limits) -> str:
    """`ok` below the first limit, `critical` beyond the second or where nothing was expected, else `attention`."""
    apart, attention, critical = abs(difference) * PERMILLE, limits[0] * abs(ours), limits[1] * abs(ours)
    if apart > critical:
        return "critical"
    return "ok" if apart < attention or apart == 0 else "attention"


async def gateways(session: AsyncSession, actor: Actor, days: Days) -> dict[str, Any]:
    """What gateways took, kept and owe (`totals`), and what became of each of their days (`payouts`)."""
    actor.require(Permission.MATCHES_READ)
    actor.require_everything()
    contains = await gross_sources(session)
    rows = [row for row in await queries.drift(session, days, ("source",)) if row.source in GATEWAYS]
    return {
        "totals": [_total(row, contains=row.source in contains) for row in rows],
        "payouts": [_payout(row) for row in await queries.payouts(session, days)],
    }


def _total(row: AnyRow, *, contains: bool) -> dict[str, Any]:
    """Where reports contain the commission it was taken off what drift keeps."""
    gross = row.theirs + (row.fee if contains else 0)
    return {
        "gateway": row.source,
        "currency": row.currency or "UZS",
        "payments": row.theirs_count,
        "gross": money(gross, row.currency),
        "fee": money(row.fee, row.currency),
        "net": money(gross - row.fee, row.currency),
    }


def _payout(row: AnyRow) -> dict[str, Any]:
    credit = None
    if row.record_id is not None and row.credited is not None:
        credit = {
            "record_id": row.record_id,
            "occurred_at": moment(row.credited_at),
            "amount": money(row.credited, row.currency),
        }
    return {
        "gateway": row.gateway,
        "day": row.day.isoformat(),
        "currency": row.currency or "UZS",
        "gross": money(row.gross, row.currency),
        "fee": money(row.fee, row.currency),
        "net": money(row.gross - row.fee, row.currency),
        "difference": money(row.difference, row.currency),
        "status": row.status,
        "credit": credit,
    }


async def collections(session: AsyncSession, actor: Actor, days: Days, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Cash of machines between collections that ended on some days, the latest first."""
    actor.require(Permission.MATCHES_READ)
    actor.require_everything()
    return [
        {
            "machine": machine_view(row),
            "currency": row.currency or "UZS",
            "since": moment(row.since),
            "until": iso(row.until),
            "expected": money(row.expected, row.currency),
            "collected": money(row.collected, row.currency),
            "difference": money(row.collected - row.expected, row.currency),
            "status": row.status,
            "records": list(row.record_ids),
        }
        for row in await queries.collections(session, days, zone)
    ]


async def offsets(
    session: AsyncSession,
    actor: Actor,
    days: Days,
    *,
    only_beyond: bool = False,
    limit: int = 100,
    cursor: str | None = None,
) -> Page[dict[str, Any]]:
    """How far clocks of machines and terminals were ahead, seconds, the latest day first.

    `beyond` are those that are off by more than the window of their source.
    """
    actor.require(Permission.MATCHES_READ)
    actor.require_everything()
    allowed = await windows(session)
    page = await queries.clocks(session, days, allowed, only_beyond=only_beyond, limit=limit, cursor=cursor)
    return Page([_offset(row) for row in page.items], page.next_cursor)


def _offset(row: AnyRow) -> dict[str, Any]:
    return {
        "day": row.day.isoformat(),
        "kind": row.party.partition(":")[0],
        "machine": machine_view(row),
        "source": row.source,
        "account": row.account or None,
        "place": row.place or None,
        "ahead_s": row.ahead_s,
        "window_s": row.window_s,
        "records": row.records,
        "beyond": abs(row.ahead_s) > row.window_s,
    }


async def closed_span(session: AsyncSession, actor: Actor, days: Days, zone: ZoneInfo) -> Days:
    """Both ends of some days: an open one is where the facts begin or end. Without any end, or any fact, everything."""
    actor.require(Permission.MATCHES_READ)
    actor.require_everything()
    first, last = days.first, days.last
    if (first is None) == (last is None):
        return days
    ends = await queries.ends_of_facts(session)
    if ends is None:
        return Days()
    begins, ended = business_day(ends[0], zone), business_day(ends[1], zone)
    return Days(first, max(first, ended)) if first is not None else Days(min(begins, last or begins), last)
