"""Reading about imports: lists, one import, its issues and its rows."""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.identity.permissions import Permission
from vhm24r.intake import repository
from vhm24r.intake.canonical import KEPT_ISSUES
from vhm24r.intake.models import Import, ImportIssue
from vhm24r.intake.types import ImportStatus, Level
from vhm24r.intake.views import import_view, issue_view, record_view
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
    row = await repository.visible_import(session, actor, import_id)
    return (await _views(session, actor, [row], language))[0]


async def list_imports(
    session: AsyncSession, actor: Actor, language: str, *, status: ImportStatus | None, limit: int, cursor: str | None
) -> Page[dict[str, Any]]:
    """A page of imports, newest first."""
    actor.require(Permission.IMPORTS_READ)
    page = await repository.list_imports(session, actor, status=status, limit=limit, cursor=cursor)
    return Page(await _views(session, actor, page.items, language), page.next_cursor)


async def _views(session: AsyncSession, actor: Actor, rows: list[Import], language: str) -> list[dict[str, Any]]:
    """Imports with their issues counted; others that resemble them are named to who sees every source."""
    counted = await repository.count_issues(session, [row.id for row in rows])
    views = [import_view(row, [c._mapping for c in counted if c.import_id == row.id], language) for row in rows]
    if actor.granted.sources is not None:
        views = [{**view, "duplicate_of": None, "similar_to": None} for view in views]
    return views


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
    row = await repository.visible_import(session, actor, import_id)
    after = decode_id(cursor) if cursor else -1
    found = await repository.list_issues(session, import_id, limit=limit + 1, after=after)
    page = page_of(list(found), limit, lambda issue: [issue.ordinal])
    return Page([issue_view(issue, row.name, language) for issue in page.items], page.next_cursor)


async def issues_table(session: AsyncSession, actor: Actor, import_id: int, language: str) -> Iterator[list[str]]:
    """The rows with issues as they came, with two columns behind them that say what is wrong; table by table,
    each under its own header. Correct them and send the file again. Texts that a spreadsheet would run
    as a formula are neutralised.
    """
    actor.require(Permission.IMPORTS_READ)
    row = await repository.visible_import(session, actor, import_id)
    issues = list(await repository.list_issues(session, import_id, limit=KEPT_ISSUES))
    return _table_lines(row, issues, language)


def _table_lines(row: Import, issues: Sequence[ImportIssue], language: str) -> Iterator[list[str]]:
    headers = {(t["member"], t["sheet_index"]): t["columns"] for t in row.tables or ()}
    left_out = {
        (issue.member, issue.sheet_index, issue.row)
        for issue in issues
        if issue.level == Level.ERROR and issue.row is not None and (issue.member, issue.sheet_index) in headers
    }
    beyond = row.rows_issues - len(left_out)
    added = [say("intake.issues.columns.code", language), say("intake.issues.columns.message", language)]
    shown: object = None
    for (member, sheet_index, *_), group in groupby(issues, key=lambda i: (i.member, i.sheet_index, i.row, i.sheet)):
        found = list(group)
        columns = headers.get((member, sheet_index), [])
        if (member, sheet_index) != shown:
            yield [harmless(cell) for cell in (*columns, *added)]
            shown = (member, sheet_index)
        cells = [*found[0].cells, *[""] * (len(columns) - len(found[0].cells))]
        codes = ", ".join(dict.fromkeys(issue.code for issue in found))
        messages = " ".join(issue_view(issue, row.name, language)["message"] for issue in found)
        yield [harmless(cell) for cell in (*cells, codes, messages)]
    if beyond > 0:
        yield [say("intake.issues_not_kept", language, {"count": beyond, "kept": KEPT_ISSUES})]


async def issues_csv(session: AsyncSession, actor: Actor, import_id: int, language: str) -> str:
    """`issues_table` as CSV."""
    text = io.StringIO()
    csv.writer(text).writerows(await issues_table(session, actor, import_id, language))
    return text.getvalue()


async def list_rows(
    session: AsyncSession, actor: Actor, import_id: int, *, outcome: str | None, limit: int, cursor: str | None
) -> Page[dict[str, Any]]:
    """The rows of an applied import, what each brought, and the fields it changed."""
    actor.require(Permission.IMPORTS_READ)
    await repository.visible_import(session, actor, import_id)
    page = await repository.list_rows(session, import_id, outcome=outcome, limit=limit, cursor=cursor)
    places = [(item.file_id, item.sheet, item.file_row) for item in page.items]
    change_set_id = page.items[0].change_set_id if page.items else 0
    numbers, changes = await changes_by_file_row(session, change_set_id, places, [i.order_id for i in page.items])
    items = [
        {
            "position": item.position,
            "locator": {"file": item.file_name, **(locator(item.sheets, item.sheet, item.file_row, item.member) or {})},
            "outcome": item.outcome,
            "external_id": item.external_id,
            "order_number": numbers.get(item.order_id),
            "record": record_view(item._mapping),
            "changes": changes.get((item.file_id, item.sheet, item.file_row), []),
        }
        for item in page.items
    ]
    return Page(items, page.next_cursor)
