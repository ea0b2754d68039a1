"""Forgetting who decided and commented: decisions and comments stay."""

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.identity.service.privacy import names_of
from vhm24r.reconciliation.models import (
    ExceptionComment,
    MatchDecision,
    ReconciliationException,
    ReconciliationRun,
)


async def forget_author(session: AsyncSession, person_id: int, name: str, alias: str) -> None:
    """Put `alias` in place of a person's name; who settled an exception is known by name alone."""
    comments = update(ExceptionComment).where(ExceptionComment.author_id == person_id)
    await session.execute(comments.values(author_name=alias))
    decisions = update(MatchDecision).where(MatchDecision.author_id == person_id)
    await session.execute(decisions.values(author_name=alias))
    released = update(MatchDecision).where(names_of(MatchDecision.released_by, name))
    await session.execute(released.values(released_by=alias))
    settled = update(ReconciliationException).where(names_of(ReconciliationException.resolved_by, name))
    await session.execute(settled.values(resolved_by=alias))
    runs = update(ReconciliationRun).where(names_of(ReconciliationRun.actor_name, name))
    await session.execute(runs.values(actor_name=alias))
    theirs = ReconciliationException.assignee_id == person_id
    await session.execute(update(ReconciliationException).where(theirs).values(assignee_id=None))
