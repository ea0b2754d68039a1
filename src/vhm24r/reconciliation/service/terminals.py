"""Registers and cash desks that records name: which machine each belongs to, and of which registers files speak."""

from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.platform.db import run_sql
from vhm24r.reconciliation.matcher.places import home_of
from vhm24r.reconciliation.repository import RUNS_READ
from vhm24r.reconciliation.types import MONEY_SOURCES

MONEY = ", ".join(f"'{source}'" for source in MONEY_SOURCES)


async def note_terminals(session: AsyncSession, zone: str, days: tuple[date, date]) -> None:
    """Give every terminal that standing records name a number; `days`, first and last, bound the records."""
    dated = "coalesce(e.occurred_at, '1970-01-01 00:00:00+00'::timestamptz)"
    await run_sql(
        session,
        f"""
        INSERT INTO reconciliation_terminals (source, account, place)
        SELECT DISTINCT e.source, coalesce(e.account, ''), coalesce(e.place, '') FROM evidence_records e
        WHERE e.order_id IS NULL AND e.current AND e.source IN ({MONEY})
            AND (e.account IS NOT NULL OR e.place IS NOT NULL)
            AND {dated} >= (CAST(:first AS date) - 1)::timestamp AT TIME ZONE :zone
            AND {dated} < (CAST(:last AS date) + 2)::timestamp AT TIME ZONE :zone
        ORDER BY 1, 2, 3 ON CONFLICT (source, account, place) DO NOTHING
        """,
        zone=zone,
        first=days[0],
        last=days[1],
    )


async def place_terminals(session: AsyncSession) -> list[int]:
    """Write down anew which machine's address or name each terminal bears; returns those that have moved."""
    moved = await moved_terminals(session)
    if moved:
        rows = [{"id": terminal, "home": home} for terminal, home in moved.items()]
        await session.execute(text("UPDATE reconciliation_terminals SET home = :home WHERE id = :id"), rows)
    return list(moved)


async def moved_terminals(session: AsyncSession) -> dict[int, str | None]:
    """Of terminals whose name now says another machine than before, which; None for nobody's."""
    machines = (await session.execute(text("SELECT code, name, address FROM machines ORDER BY code"))).all()
    terminals = (
        await session.execute(
            text("SELECT id, place, home FROM reconciliation_terminals WHERE place <> '' ORDER BY id")
        )
    ).all()
    names = sorted({terminal.place for terminal in terminals})
    by_address = home_of(names, {place: row.address for place, row in enumerate(machines) if row.address})
    by_name = home_of(names, {place: row.name for place, row in enumerate(machines) if row.name})
    homes = {**by_name, **by_address}
    return {
        terminal.id: home
        for terminal in terminals
        if (home := machines[homes[terminal.place]].code if terminal.place in homes else None) != terminal.home
    }


async def note_coverage(session: AsyncSession) -> None:
    """Say of every file of receipts that is new which registers it speaks of."""
    missing = (
        "s.file_id IN (SELECT f.id FROM evidence_files f WHERE f.source = 'fiscal' AND NOT f.withdrawn"
        " AND NOT EXISTS (SELECT FROM reconciliation_coverage c WHERE c.file_id = f.id))"
    )
    await run_sql(
        session,
        f"""
        INSERT INTO reconciliation_coverage (file_id, account)
        SELECT DISTINCT s.file_id, coalesce(e.account, '')
        FROM {RUNS_READ} WHERE {missing}
        ON CONFLICT DO NOTHING
        """,
    )
