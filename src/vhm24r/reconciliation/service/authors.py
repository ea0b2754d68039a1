"""Who decided and commented: the words, to hand them out, and forgetting whose they were. What was said stays."""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.kit.clock import iso
from vhm24r.platform.db import run_sql
from vhm24r.reconciliation.models import (
    ExceptionComment,
    MatchDecision,
    ReconciliationException,
    ReconciliationRun,
)
from vhm24r.reconciliation.types import MatchKind


async def said_by(session: AsyncSession, person_id: int, most: int) -> dict[str, list[dict[str, Any]]]:
    """The comments and decisions of a person, the latest first."""
    comments = select(ExceptionComment).where(ExceptionComment.author_id == person_id)
    decisions = select(MatchDecision).where(MatchDecision.author_id == person_id)
    said = (await session.execute(comments.order_by(ExceptionComment.id.desc()).limit(most))).scalars()
    decided = (await session.execute(decisions.order_by(MatchDecision.id.desc()).limit(most))).scalars()
    return {
        "comments": [{"exception": row.exception_id, "at": iso(row.at), "text": row.text} for row in said],
        "decisions": [
            {"kind": row.kind, "order": row.order_id, "record": row.record_id, "at": iso(row.at), "reason": row.reason}
            for row in decided
        ],
    }


async def forget_author(session: AsyncSession, person_id: int, alias: str) -> None:
    """Put `alias` in place of a person's name."""
    comments = update(ExceptionComment).where(ExceptionComment.author_id == person_id)
    await session.execute(comments.values(author_name=alias))
    decisions = update(MatchDecision).where(MatchDecision.author_id == person_id)
    await session.execute(decisions.values(author_name=alias))
    released = update(MatchDecision).where(MatchDecision.released_by_id == person_id)
    await session.execute(released.values(released_by=alias))
    settled = update(ReconciliationException).where(ReconciliationException.resolved_by_id == person_id)
    await session.execute(settled.values(resolved_by=alias))
    runs = update(ReconciliationRun).where(ReconciliationRun.actor_id == person_id)
    await session.execute(runs.values(actor_name=alias))
    by_hand = "kind = :manual AND reasons -> 0 ->> 'author_id' = :id"
    named = "jsonb_set(reasons, '{0,author}', to_jsonb(CAST(:alias AS text)))"
    await run_sql(
        session, f"UPDATE evidence_matches SET reasons = {named} WHERE {by_hand}",
        manual=MatchKind.MANUAL, id=str(person_id), alias=alias,
    )  # fmt: skip
    theirs = ReconciliationException.assignee_id == person_id
    await session.execute(update(ReconciliationException).where(theirs).values(assignee_id=None))
