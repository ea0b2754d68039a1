"""The queue of what people should look at: listing it, giving it to somebody, saying how it was settled.

What people say of an exception belongs to its type and subject and outlives runs, undos and repeated imports. Writes
take several exceptions at once, in one statement and with one audit entry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.identity.errors import PersonNotFound
from vhm24r.identity.permissions import PERMISSIONS, Permission, Role
from vhm24r.identity.service.people import get_person
from vhm24r.identity.types import PersonStatus
from vhm24r.kit.actor import Actor
from vhm24r.kit.clock import iso
from vhm24r.kit.pagination import Page
from vhm24r.orders.errors import FilterInvalid, NoteEmpty
from vhm24r.platform.db import AnyRow
from vhm24r.platform.flags import require_writable
from vhm24r.reconciliation import queries
from vhm24r.reconciliation.errors import ExceptionNotFound, ExceptionSettled, OutcomeInvalid
from vhm24r.reconciliation.filters import ME, ExceptionFilter
from vhm24r.reconciliation.models import ExceptionComment
from vhm24r.reconciliation.queries import DEFAULT_SORT, LARGEST_ID
from vhm24r.reconciliation.service.candidates import candidates_of
from vhm24r.reconciliation.types import ExceptionState, Outcome
from vhm24r.reconciliation.views import exception_view

TEXT_LIMIT = 4_000
BY_PEOPLE = (Outcome.WRITTEN_OFF, Outcome.EXPLAINED, Outcome.REPORTED)
"""Outcomes that people name; `matched` follows from a match by hand."""

CLEARED = "outcome = NULL, outcome_reason = NULL, resolved_by_id = NULL, resolved_by = NULL, resolved_at = NULL"
AS_FOUND = f"CASE WHEN e.present THEN '{ExceptionState.OPEN}' ELSE '{ExceptionState.GONE}' END"
"""SQL for the state of an exception of which nobody has said anything."""


@dataclass(frozen=True, slots=True)
class Touched:
    """What became of a wish about some exceptions: how many it changed, which are in another state than it needs (with
    that state), and which there are not.
    """

    changed: int
    skipped: dict[int, str]
    unknown: list[int]

    def refuse_unchanged(self) -> None:
        """For a wish about a single exception: say why it was not changed, if it was not.

        Raises:
            ExceptionNotFound, ExceptionSettled.
        """
        for found in self.unknown:
            raise ExceptionNotFound(id=found)
        for found, state in self.skipped.items():
            raise ExceptionSettled(id=found, state=state)

    def view(self) -> dict[str, Any]:
        """As JSON."""
        return {"changed": self.changed, "skipped": sorted(self.skipped), "unknown": self.unknown}


async def list_exceptions(
    session: AsyncSession,
    actor: Actor,
    where: ExceptionFilter,
    now: datetime,
    zone: ZoneInfo,
    *,
    sort: str = DEFAULT_SORT,
    limit: int = 50,
    cursor: str | None = None,
    with_total: bool = False,
) -> Page[dict[str, Any]]:
    """A page of exceptions, the open ones with the most money at risk first unless asked otherwise."""
    actor.require(Permission.MATCHES_READ)
    if where.assignee == ME:
        if actor.id is None:
            raise FilterInvalid(field="assignee", value=ME)
        where = replace(where, assignee=actor.id)
    page = await queries.list_exceptions(session, where, actor.granted, sort=sort, limit=limit, cursor=cursor)
    total = await queries.count_exceptions(session, where, actor.granted) if with_total else None
    return Page([exception_view(row, now, zone) for row in page.items], page.next_cursor, total)


async def get_exception(
    session: AsyncSession, actor: Actor, exception_id: int, now: datetime, zone: ZoneInfo
) -> dict[str, Any]:
    """One exception with what was said of it and, while it is there, what might settle it.

    Raises:
        ExceptionNotFound: there is none of this id.
    """
    actor.require(Permission.MATCHES_READ)
    row = await queries.get_exception(session, exception_id, actor.granted)
    said = await queries.list_comments(session, exception_id)
    return {
        **exception_view(row, now, zone),
        "said": [{"id": one.id, "text": one.text, "author": one.author_name, "at": iso(one.at)} for one in said],
        "candidates": await candidates_of(session, row, actor.granted) if row.present else [],
    }


async def assign(
    session: AsyncSession, actor: Actor, ids: Sequence[int], person_id: int | None, now: datetime
) -> Touched:
    """Give open exceptions to somebody, or to nobody.

    Raises:
        PersonNotFound: there is no such person, or none who may settle exceptions.
    """
    actor.require(Permission.MATCHES_WRITE)
    await require_writable(session)
    if person_id is not None:
        await _require_able(session, person_id)
    values = {"assignee_id": person_id}
    return await _change(
        session, actor, Deed("exception.assigned", "", data=values), ids, "assignee_id = :assignee_id", values, now
    )


async def _require_able(session: AsyncSession, person_id: int) -> None:
    if not 0 < person_id < LARGEST_ID:
        raise PersonNotFound(who=person_id)
    person = await get_person(session, person_id)
    may = Permission.MATCHES_WRITE in PERMISSIONS[Role(person.role)]
    if not may or person.status != PersonStatus.APPROVED:
        raise PersonNotFound(who=person_id)


async def comment(session: AsyncSession, actor: Actor, exception_id: int, said: str, now: datetime) -> int:
    """Say something of an exception, whatever its state; returns the comment's id.

    Raises:
        ExceptionNotFound: there is none of this id. NoteEmpty: there are no words.
    """
    actor.require(Permission.MATCHES_WRITE)
    await require_writable(session)
    row = await queries.get_exception(session, exception_id, actor.granted)
    words = said.strip()[:TEXT_LIMIT]
    if not words:
        raise NoteEmpty
    await audit.record(session, actor, Deed("exception.commented", f"exception:{row.id}"), now)
    statement = insert(ExceptionComment).values(
        exception_id=row.id, text=words, author_id=actor.id, author_name=actor.name, at=now
    )
    return int((await session.execute(statement.returning(ExceptionComment.id))).scalar_one())


async def resolve(
    session: AsyncSession, actor: Actor, ids: Sequence[int], outcome: str, reason: str, now: datetime
) -> Touched:
    """Settle open exceptions: written off, explained, or reported to whoever has to put it right.

    Raises:
        OutcomeInvalid: it is none of these, or there is no reason.
    """
    actor.require(Permission.MATCHES_WRITE)
    await require_writable(session)
    because = reason.strip()[:TEXT_LIMIT]
    if outcome not in BY_PEOPLE or not because:
        raise OutcomeInvalid(outcome=outcome[:40], known=", ".join(BY_PEOPLE))
    deed = Deed("exception.resolved", "", because, {"outcome": outcome})
    values = {"outcome": outcome, "because": because, "by_id": actor.id, "by": actor.name, "now": now}
    resolved = (
        f"state = '{ExceptionState.RESOLVED}', outcome = :outcome, outcome_reason = :because,"
        " resolved_by_id = :by_id, resolved_by = :by, resolved_at = :now"
    )
    return await _change(session, actor, deed, ids, resolved, values, now)


async def reopen(session: AsyncSession, actor: Actor, ids: Sequence[int], reason: str | None, now: datetime) -> Touched:
    """Take back how exceptions were settled: open again, or gone where evidence has settled them meanwhile."""
    actor.require(Permission.MATCHES_WRITE)
    await require_writable(session)
    deed = Deed("exception.reopened", "", (reason or "").strip()[:TEXT_LIMIT] or None)
    changes = f"state = {AS_FOUND}, {CLEARED}"
    return await _change(session, actor, deed, ids, changes, {}, now, state=ExceptionState.RESOLVED)


async def _change(
    session: AsyncSession,
    actor: Actor,
    deed: Deed,
    ids: Sequence[int],
    changes: str,
    values: Mapping[str, Any],
    now: datetime,
    *,
    state: ExceptionState = ExceptionState.OPEN,
) -> Touched:
    """Change those of the exceptions that are in `state`; one statement, one audit entry."""
    wanted = sorted(set(ids))
    statement = f"""
        WITH before AS MATERIALIZED (
            SELECT id, state, assignee_id, outcome, outcome_reason FROM reconciliation_exceptions
            WHERE id = ANY (:ids) ORDER BY id FOR UPDATE
        ), changed AS (
            UPDATE reconciliation_exceptions e SET {changes} FROM before b WHERE e.id = b.id AND b.state = :state
            RETURNING e.id
        )
        SELECT b.*, c.id IS NOT NULL AS changed FROM before b LEFT JOIN changed c USING (id) ORDER BY b.id
    """
    visible = await queries.seen_exceptions(session, wanted, actor.granted)
    known = [found for found in visible if 0 < found < LARGEST_ID]
    rows = (await session.execute(text(statement), {**values, "ids": known, "state": state})).all()
    touched = [row for row in rows if row.changed]
    if touched:
        subject = f"exception:{touched[0].id}" if len(wanted) == 1 else "exceptions"
        data = {"old": [_old(row) for row in touched], "new": dict(deed.data or {})}
        await audit.record(session, actor, replace(deed, subject=subject, data=data), now)
    found = {row.id for row in rows}
    return Touched(
        changed=len(touched),
        skipped={row.id: row.state for row in rows if not row.changed},
        unknown=[one for one in wanted if one not in found],
    )


def _old(row: AnyRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("id", "state", "assignee_id", "outcome", "outcome_reason")}
