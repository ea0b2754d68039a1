"""Every SELECT of imports. Never commits."""

from collections.abc import Sequence

from sqlalchemy import func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.evidence.models import EvidenceFile, EvidenceRecord, EvidenceSighting
from vhm24r.intake.errors import ImportNotFound
from vhm24r.intake.mapping import Mapping
from vhm24r.intake.models import ColumnMapping, Import, ImportIssue
from vhm24r.intake.types import ImportStatus
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
    """The earlier import of the very same bytes that stands."""
    statement = (
        select(Import)
        .where(Import.sha256 == sha256, Import.id != before, Import.status == ImportStatus.APPLIED)
        .order_by(Import.id)
        .limit(1)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def list_imports(
    session: AsyncSession, *, status: ImportStatus | None, limit: int, cursor: str | None
) -> Page[Import]:
    """A page of imports, newest first."""
    statement = select(Import).order_by(Import.id.desc()).limit(limit + 1)
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


async def list_rows(
    session: AsyncSession, import_id: int, *, outcome: str | None, limit: int, cursor: str | None
) -> Page[AnyRow]:
    """The rows of an applied import and what each brought, file by file in their order.

    Of an import that was undone and redone only the last run counts.
    """
    last_run = select(func.max(EvidenceFile.change_set_id)).where(EvidenceFile.import_id == import_id)
    statement = (
        select(
            EvidenceSighting.file_id,
            EvidenceSighting.position,
            EvidenceSighting.sheet,
            EvidenceSighting.row.label("file_row"),
            EvidenceSighting.outcome,
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
        .join(EvidenceRecord, EvidenceRecord.id == EvidenceSighting.version_id)
        .join(EvidenceFile, EvidenceFile.id == EvidenceSighting.file_id)
        .where(EvidenceFile.import_id == import_id, EvidenceFile.change_set_id == last_run.scalar_subquery())
        .order_by(EvidenceSighting.file_id, EvidenceSighting.position)
        .limit(limit + 1)
    )
    if outcome:
        statement = statement.where(EvidenceSighting.outcome == outcome)
    if cursor:
        statement = statement.where(
            tuple_(EvidenceSighting.file_id, EvidenceSighting.position) > tuple_(*map(literal, decode_ids(cursor, 2)))
        )
    return page_of(list((await session.execute(statement)).all()), limit, lambda row: [row.file_id, row.position])
