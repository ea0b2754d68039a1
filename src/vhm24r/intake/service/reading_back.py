"""Reading about imports: lists, one import, its issues and its rows."""

import csv
import io
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.identity.permissions import Permission
from vhm24r.intake import repository
from vhm24r.intake.models import Import
from vhm24r.intake.staging import KEPT_ISSUES
from vhm24r.intake.types import ImportStatus, Level
from vhm24r.intake.views import import_view, issue_view
from vhm24r.kit.actor import Actor
from vhm24r.kit.pagination import Page, decode_id, page_of
from vhm24r.kit.text import harmless
from vhm24r.orders.service.reading import changes_by_file_row
from vhm24r.orders.views import locator
from vhm24r.platform.i18n import say

ISSUES_SHOWN = 1_000


async def get_import(session: AsyncSession, actor: Actor, import_id: int, language: str) -> dict[str, Any]:
    """One import.

    Raises:
        ImportNotFound: there is none of this id.
    """
    actor.require(Permission.IMPORTS_READ)
    row = await repository.get_import(session, import_id)
    return (await _views(session, [row], language))[0]


async def list_imports(
    session: AsyncSession, actor: Actor, language: str, *, status: ImportStatus | None, limit: int, cursor: str | None
) -> Page[dict[str, Any]]:
    """A page of imports, newest first."""
    actor.require(Permission.IMPORTS_READ)
    page = await repository.list_imports(session, status=status, limit=limit, cursor=cursor)
    return Page(await _views(session, page.items, language), page.next_cursor)


async def _views(session: AsyncSession, rows: list[Import], language: str) -> list[dict[str, Any]]:
    counted = await repository.count_issues(session, [row.id for row in rows])
    return [import_view(row, [c._mapping for c in counted if c.import_id == row.id], language) for row in rows]


async def list_issues(
    session: AsyncSession,
    actor: Actor,
    import_id: int,
    language: str,
    *,
    limit: int = ISSUES_SHOWN,
    cursor: str | None = None,
) -> Page[dict[str, Any]]:
    """A page of the issues of an import, in the order of the file."""
    actor.require(Permission.IMPORTS_READ)
    row = await repository.get_import(session, import_id)
    after = decode_id(cursor) if cursor else -1
    found = await repository.list_issues(session, import_id, limit=limit + 1, after=after)
    page = page_of(list(found), limit, lambda issue: [issue.ordinal])
    return Page([issue_view(issue, row.name, language) for issue in page.items], page.next_cursor)


async def issues_csv(session: AsyncSession, actor: Actor, import_id: int, language: str) -> str:
    """All of them as a CSV file; texts that a spreadsheet would run as a formula are neutralised."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["file", "sheet", "row", "column", "value", "level", "code", "message"])
    page = await list_issues(session, actor, import_id, language, limit=KEPT_ISSUES)
    for issue in page.items:
        place = issue["locator"]
        cells = [place["file"], place["sheet"], place["row"], issue["column"], issue["value"]]
        writer.writerow([harmless(cell) for cell in (*cells, issue["level"], issue["code"], issue["message"])])
    row = await repository.get_import(session, import_id)
    errors = sum(1 for issue in page.items if issue["level"] == Level.ERROR)
    if row.rows_issues > errors:
        beyond = {"count": row.rows_issues - errors, "kept": KEPT_ISSUES}
        writer.writerow([say("intake.issues_not_kept", language, beyond)])
    return text.getvalue()


async def list_rows(
    session: AsyncSession, actor: Actor, import_id: int, *, outcome: str | None, limit: int, cursor: str | None
) -> Page[dict[str, Any]]:
    """The rows of an applied import, what each brought, and the fields it changed."""
    actor.require(Permission.IMPORTS_READ)
    row = await repository.get_import(session, import_id)
    if row.file_id is None:
        return Page([], None)
    page = await repository.list_rows(session, row.file_id, outcome=outcome, limit=limit, cursor=cursor)
    places = [(item.sheet, item.file_row) for item in page.items]
    numbers, changes = await changes_by_file_row(
        session, row.change_set_id or 0, places, [i.order_id for i in page.items]
    )
    items = [
        {
            "position": item.position,
            "locator": {"file": item.file_name, **(locator(item.sheets, item.sheet, item.file_row, item.member) or {})},
            "outcome": item.outcome,
            "external_id": item.external_id,
            "order_number": numbers.get(item.order_id),
            "changes": changes.get((item.sheet, item.file_row), []),
        }
        for item in page.items
    ]
    return Page(items, page.next_cursor)
