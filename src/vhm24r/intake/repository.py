"""Every SELECT of imports. Never commits."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, case, exists, func, literal, or_, select, true, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.evidence.models import EvidenceFile, EvidenceRecord, EvidenceSighting
from vhm24r.evidence.types import SourceName
from vhm24r.intake.errors import ImportNotFound
from vhm24r.intake.mapping import Mapping
from vhm24r.intake.models import ColumnMapping, Import, ImportIssue
from vhm24r.intake.types import ImportStatus, Level
from vhm24r.kit.actor import Actor
from vhm24r.kit.pagination import Page, decode_id, decode_ids, page_of
from vhm24r.platform.db import AnyRow


async def get_import(session: AsyncSession, import_id: int, *, for_update: bool = False) -> Import:
    """The import of this id.

    Raises:
        ImportNotFound: there is none.
    """
    if not 0 < import_id < 2**63:
        raise ImportNotFound(import_id=import_id)
    statement = select(Import).where(Import.id == import_id)
    if for_update:
        statement = statement.with_for_update()
    found = (await session.execute(statement.execution_options(populate_existing=True))).scalar_one_or_none()
    if found is None:
        raise ImportNotFound(import_id=import_id)
    return found


async def find_applied(session: AsyncSession, sha256: str, before: int) -> Import | None:
    """The earlier import of the very same bytes that stands, and took everything that was in it: what waited for a
    mapping may be taken now.
    """
    waiting = exists().where(ImportIssue.import_id == Import.id, ImportIssue.level == Level.BLOCKER)
    statement = (
        select(Import)
        .where(Import.sha256 == sha256, Import.id != before, Import.status == ImportStatus.APPLIED, ~waiting)
        .order_by(Import.id)
        .limit(1)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def visible_import(session: AsyncSession, actor: Actor, import_id: int, *, for_update: bool = False) -> Import:
    """The import of this id, for somebody who may see all of its sources.

    Raises:
        ImportNotFound: there is none, or none to be seen.
    """
    row = await get_import(session, import_id, for_update=for_update)
    if not all(map(actor.granted.source, sources_of(row))):
        raise ImportNotFound(import_id=import_id)
    if row.source is None and not actor.granted.everything and row.actor_id != actor.id:
        raise ImportNotFound(import_id=import_id)
    return row


def sources_of(row: Import) -> list[str]:
    """The sources that an import was found to be of; a layout that was mapped is a generic one."""
    names = row.source.split("+") if row.source else []
    return [name if name in set(SourceName) else SourceName.GENERIC for name in names]


def _seen_by(actor: Actor) -> list[ColumnElement[bool]]:
    """Imports whose sources are all granted, and one's own that are of none yet."""
    granted = actor.granted.sources
    if granted is None:
        return []
    said = func.string_to_array(Import.source, "+", type_=ARRAY(Text))
    allowed = said.contained_by(literal(sorted(granted), ARRAY(Text)))
    if SourceName.GENERIC in granted:
        others = sorted(set(SourceName) - granted)
        allowed = ~said.overlap(literal(others, ARRAY(Text)))
    return [or_(allowed, and_(Import.source.is_(None), Import.actor_id == actor.id))]


async def list_imports(
    session: AsyncSession, actor: Actor, *, status: ImportStatus | None, limit: int, cursor: str | None
) -> Page[Import]:
    """A page of imports, newest first."""
    statement = select(Import).where(*_seen_by(actor)).order_by(Import.id.desc()).limit(limit + 1)
    if status is not None:
        statement = statement.where(Import.status == status)
    if cursor:
        statement = statement.where(Import.id < decode_id(cursor))
    return page_of(list((await session.execute(statement)).scalars()), limit, lambda row: [row.id])


async def list_issues(session: AsyncSession, import_id: int, *, limit: int, after: int = -1) -> Sequence[ImportIssue]:
    """Issues of an import in the order of the file."""
    where = (ImportIssue.import_id == import_id) & (ImportIssue.ordinal > after)
    statement = select(ImportIssue).where(where).order_by(ImportIssue.ordinal).limit(limit)
    return (await session.execute(statement)).scalars().all()


async def count_issues(session: AsyncSession, import_ids: Sequence[int]) -> Sequence[AnyRow]:
    """How many issues of each code and level the imports have."""
    statement = (
        select(ImportIssue.import_id, ImportIssue.code, ImportIssue.level, func.count().label("count"))
        .where(ImportIssue.import_id.in_(import_ids))
        .group_by(ImportIssue.import_id, ImportIssue.code, ImportIssue.level)
        .order_by(func.count().desc(), ImportIssue.code)
    )
    return (await session.execute(statement)).all()


async def list_column_mappings(session: AsyncSession) -> Sequence[ColumnMapping]:
    """Every mapping, by name."""
    return (await session.execute(select(ColumnMapping).order_by(ColumnMapping.name))).scalars().all()


async def list_mappings(session: AsyncSession) -> list[Mapping]:
    """The mappings as reading takes them."""
    return [Mapping.of(row.said, row.header) for row in await list_column_mappings(session)]


def _sightings(import_id: int, outcome: str | None, limit: int, after: Sequence[int]) -> Select[Any]:
    """One more than `limit` rows of an import after (file, position), out of their runs."""
    last_run = select(func.max(EvidenceFile.change_set_id)).where(EvidenceFile.import_id == import_id)
    file, position = after
    run = EvidenceSighting
    runs = (
        select(run, case((run.file_id == file, func.greatest(position + 1 - run.position, 0)), else_=0).label("first"))
        .join(EvidenceFile, EvidenceFile.id == run.file_id)
        .where(
            EvidenceFile.import_id == import_id,
            EvidenceFile.change_set_id == last_run.scalar_subquery(),
            tuple_(run.file_id, run.position + run.length - 1) > tuple_(literal(file), literal(position)),
        )
        .order_by(run.file_id, run.position)
        .limit(limit + 1)  # every run has a row
    )
    if outcome:
        runs = runs.where(run.outcome == outcome)
    found = runs.subquery()
    last = func.least(found.c.length - 1, found.c.first + limit)
    step = func.generate_series(found.c.first, last).table_valued("n").render_derived(name="step")
    return (
        select(
            found.c.file_id,
            (found.c.position + step.c.n).label("position"),
            (found.c.version_id + step.c.n).label("version_id"),
            (found.c.row + step.c.n).label("row"),
            found.c.sheet,
            found.c.outcome,
        )
        .join_from(found, step, true())
        .order_by(found.c.file_id, found.c.position + step.c.n)
        .limit(limit + 1)
    )


async def list_rows(
    session: AsyncSession, import_id: int, *, outcome: str | None, limit: int, cursor: str | None
) -> Page[AnyRow]:
    """The rows of an applied import and what each brought, file by file in their order.

    Of an import that was undone and redone only the last run counts.
    """
    sighting = _sightings(import_id, outcome, limit, decode_ids(cursor, 2) if cursor else [0, -1]).subquery().c
    statement = (
        select(
            sighting.file_id,
            sighting.position,
            sighting.sheet,
            sighting.row.label("file_row"),
            sighting.outcome,
            EvidenceRecord.order_id,
            EvidenceRecord.external_id,
            EvidenceRecord.source,
            EvidenceRecord.occurred_at,
            EvidenceRecord.amount,
            EvidenceRecord.currency,
            EvidenceRecord.machine_code,
            EvidenceRecord.product,
            EvidenceRecord.place,
            EvidenceRecord.direction,
            EvidenceRecord.state,
            EvidenceRecord.extra,
            EvidenceFile.name.label("file_name"),
            EvidenceFile.change_set_id,
            EvidenceFile.member,
            EvidenceFile.sheets,
        )
        .join(EvidenceRecord, EvidenceRecord.id == sighting.version_id)
        .join(EvidenceFile, EvidenceFile.id == sighting.file_id)
        .order_by(sighting.file_id, sighting.position)
    )
    return page_of(list((await session.execute(statement)).all()), limit, lambda row: [row.file_id, row.position])
