"""What the live files state of some days, counted row by row of the files, whatever a reckoning makes of it.

Rows of a file are kept as runs of versions (docs/adr/0012): how many rows state a version is how many runs have begun
by its id, less how many have ended.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.platform.columns import Ints, read_columns
from vhm24r.reconciliation.reckoning.grouping import grouped
from vhm24r.reconciliation.reckoning.world import CURRENCIES, SOURCES
from vhm24r.reconciliation.repository import ORDER_IDS, Span, day_at, day_of, place_in, places_of, within

VERSION_COLUMNS = ("id", "record", "source", "currency", "amount", "current", "order_id", "day")

STANDING = f"""
SELECT e.id, e.record_id, {place_in("e.source", SOURCES, -1)}, {place_in("e.currency", CURRENCIES, 0)},
    coalesce(e.amount, 0), 1::bigint
"""

VERSIONS = f"""
WITH mine AS MATERIALIZED (
    {STANDING}, e.order_id, -1::bigint FROM evidence_records e WHERE e.order_id = ANY ({ORDER_IDS}) AND e.current
    UNION ALL
    {STANDING}, -1, {day_at("e.occurred_at")}
    FROM evidence_records e WHERE {within("e")} AND e.order_id IS NULL AND e.current
)
SELECT * FROM mine
UNION ALL
SELECT v.id, v.record_id, -1, -1, coalesce(v.amount, 0), 0, -1, -1 FROM evidence_records v
WHERE NOT v.current AND NOT v.withdrawn AND v.record_id = ANY (ARRAY(SELECT record_id FROM mine))
"""
"""Every standing record of a span, with its order or its day; and what else was said of these."""

ORDER_DAYS = f"SELECT o.id, {day_at('o.occurred_at')} FROM orders o WHERE {within('o')}"

RUNS = """
SELECT s.version_id, s.version_id + s.length FROM evidence_sightings s
JOIN evidence_files f ON f.id = s.file_id AND NOT f.withdrawn
WHERE EXISTS (
    SELECT FROM unnest({lows}::bigint[], {highs}::bigint[]) AS reach (low, high)
    WHERE s.version_id <= reach.high AND s.version_id + s.length > reach.low
)
"""

FAR_APART = 10_000
"""Ids that have so many between them are looked for apart from each other."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What files state of the records of a day, source and currency, in rows and minor units.

    A row that states what another row states already is repeated; one that states what its record no longer says is
    restated.
    """

    day: date
    source: str
    currency: str
    rows: int
    amount: int
    repeated_rows: int
    repeated_amount: int
    restated_rows: int
    restated_amount: int


async def count_stated(session: AsyncSession, span: Span) -> list[Stated]:
    """What the live files state of the span's records."""
    versions = await _versions(session, span)
    times = await _times_stated(session, versions["id"])
    current = versions["current"] == 1
    said = np.flatnonzero(times)
    if not len(said):
        return []
    groups = grouped(*(versions[name][said] for name in ("day", "source", "currency")))
    columns = list(groups.names)
    for counted in (times, np.where(current, times - 1, 0), np.where(current, 0, times)):
        columns += [groups.sums(counted[said]), groups.sums((counted * versions["amount"])[said])]
    return [
        Stated(day_of(day), str(SOURCES[source]), CURRENCIES[currency], *counts)
        for day, source, currency, *counts in zip(*(column.tolist() for column in columns), strict=True)
    ]


async def _versions(session: AsyncSession, span: Span) -> dict[str, Ints]:
    """All versions of the span's records. A record that names an order is of its order's day; every version is of the
    day, source and currency of the one that stands.
    """
    found = await read_columns(session, VERSIONS, VERSION_COLUMNS, start=span.start, end=span.end, zone=span.zone)
    order_days = await read_columns(session, ORDER_DAYS, ("id", "day"), start=span.start, end=span.end, zone=span.zone)
    by_order = np.flatnonzero(found["order_id"] >= 0)
    found["day"][by_order] = order_days["day"][places_of(found["order_id"][by_order], order_days["id"])]
    stands, past = np.flatnonzero(found["current"]), np.flatnonzero(found["current"] == 0)
    of = stands[places_of(found["record"][past], found["record"][stands])]
    for name in ("day", "source", "currency"):
        found[name][past] = found[name][of]
    return found


async def _times_stated(session: AsyncSession, version_id: Ints) -> Ints:
    """How many rows of live files state each version."""
    if not len(version_id):
        return version_id
    ordered = np.sort(version_id)
    gap = np.flatnonzero(np.diff(ordered) > FAR_APART)
    lows, highs = ordered[np.append(0, gap + 1)], ordered[np.append(gap, len(ordered) - 1)]
    runs = await read_columns(session, RUNS, ("begin", "end"), lows=lows.tolist(), highs=highs.tolist())
    begun, ended = (np.searchsorted(np.sort(edge), version_id, side="right") for edge in runs.values())
    return begun - ended
