"""Asking for a run. A request is a row; whatever waits is taken by the next run, so a second one joins the first."""

from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.identity.permissions import Permission
from vhm24r.kit.actor import Actor
from vhm24r.platform.flags import require_writable
from vhm24r.platform.jobs import Job, Jobs
from vhm24r.reconciliation.errors import DaysInvalid
from vhm24r.reconciliation.models import ReconciliationRequest

RECONCILE = Job("reconciliation.run", lock="reconciliation")


async def ask_for_file(session: AsyncSession, file_id: int, now: datetime) -> None:
    """Have a run look at what a file changed."""
    session.add(ReconciliationRequest(file_id=file_id, requested_at=now))
    await session.flush()


async def ask_for_change_set(session: AsyncSession, change_set_id: int, now: datetime) -> None:
    """Have a run look at the orders of a change set."""
    session.add(ReconciliationRequest(change_set_id=change_set_id, requested_at=now))
    await session.flush()


async def ask_for_days(session: AsyncSession, first: date | None, last: date | None, now: datetime) -> None:
    """Have a run settle some days, both ends included; without them everything.

    Raises:
        DaysInvalid: only one end is given, the last day is before the first, or no report is of such years.
    """
    if (first is None) != (last is None):
        raise DaysInvalid(first=first, last=last)
    if first is not None and last is not None and not (first.year >= 1970 and first <= last and last.year <= 2200):
        raise DaysInvalid(first=first, last=last)
    session.add(ReconciliationRequest(day_from=first, day_to=last, requested_at=now))
    await session.flush()


async def request_run(
    session: AsyncSession, actor: Actor, jobs: Jobs, first: date | None, last: date | None, now: datetime
) -> int:
    """Have a worker settle some days, or everything; returns the job to watch."""
    actor.require(Permission.MATCHES_WRITE)
    actor.require_everything()
    await require_writable(session)
    await ask_for_days(session, first, last, now)
    return await jobs.defer(session, RECONCILE)
