"""What stands after some imports, undos and redos, in a form that two databases can be compared by."""

from typing import Any

from sqlalchemy import text

from tests.conftest import SYSTEM
from vhm24r.evidence.bulk import sighted
from vhm24r.evidence.types import FIELD_NAMES, SALE_FIELD_NAMES
from vhm24r.intake.service import reading_back, receiving
from vhm24r.intake.service.running import run
from vhm24r.intake.service.undoing import undo
from vhm24r.ops.process import Services

_FIELDS = ", ".join(f'"{name}"' for name in SALE_FIELD_NAMES)
_SAID = ", ".join(f'e."{name}"' for name in FIELD_NAMES)

ORDERS = (
    f"SELECT number, origin, origin_space, source_number, status, tags, edited_fields, {_FIELDS}"
    " FROM orders JOIN vending_orders v ON v.order_id = orders.id WHERE withdrawn_at IS NULL ORDER BY number"
)
RECORDS = (
    f"SELECT e.source, e.account, e.external_id, e.occurrence, e.current, o.number AS of_order, {_SAID}, e.extra"
    " FROM evidence_records e LEFT JOIN orders o ON o.id = e.order_id WHERE NOT e.withdrawn"
    " ORDER BY e.source, e.external_id, e.occurrence, e.content"
)
FILES = (
    "SELECT name, member, source, rows, covers_from, covers_to FROM evidence_files WHERE NOT withdrawn ORDER BY 1, 2"
)
HISTORY = (
    '(SELECT order_id, version, field, change_set_id, kind, old, new, file_id, sheet, "row" FROM order_changes'
    " UNION ALL SELECT order_id + n, 1, '', change_set_id, 'new', NULL, NULL, file_id, sheet, \"row\" + n"
    " FROM order_creations, generate_series(0, length - 1) n)"
)
"""Every history row of every order, to select from."""

SIGHTINGS = sighted("true")
"""Every sighting row by row, to select from."""

STRAY = (
    f"SELECT e.id FROM evidence_records e WHERE NOT e.withdrawn AND NOT EXISTS (SELECT FROM {sighted('true')} s"
    " JOIN evidence_files f ON f.id = s.file_id AND NOT f.withdrawn WHERE s.version_id = e.id"
    " AND s.file_id = e.file_id)"
)
"""Statements that stand although the file they are ascribed to does not say them (any more)."""

CHANGING = (
    "orders", "vending_orders", "order_changes", "order_creations", "order_notes", "evidence_files", "evidence_records",
    "evidence_sightings", "evidence_matches", "machines", "products",
)  # fmt: skip

Rows = list[dict[str, Any]]


async def rows_of(services: Services, statement: str, **params: object) -> Rows:
    """Rows of a statement, as dicts."""
    async with services.db.read() as session:
        return [dict(row._mapping) for row in await session.execute(text(statement), params)]


async def standing(services: Services) -> dict[str, Rows]:
    """Orders, records and files that stand; ids, versions and times of writing are no part of it."""
    assert await rows_of(services, STRAY) == []
    questions = {"orders": ORDERS, "records": RECORDS, "files": FILES}
    return {name: await rows_of(services, question) for name, question in questions.items()}


async def counts(services: Services) -> dict[str, int]:
    """How many rows every table has that an import writes to."""
    return {
        table: int((await rows_of(services, f"SELECT count(*) AS count FROM {table}"))[0]["count"])
        for table in CHANGING
    }


async def import_of(services: Services, import_id: int) -> dict[str, Any]:
    """The import as everybody sees it."""
    async with services.db.read() as session:
        return await reading_back.get_import(session, SYSTEM, import_id, "en")


async def undone(services: Services, import_id: int) -> dict[str, Any]:
    """Undo an import; what was done."""
    await undo(services.intake, SYSTEM, import_id)
    found = (await import_of(services, import_id))["undo"]
    assert isinstance(found, dict)
    return found


async def redone(services: Services, import_id: int) -> dict[str, Any]:
    """Apply a previewed or undone import; the import as it ended."""
    async with services.db.write() as session:
        await receiving.apply_waiting(session, SYSTEM, import_id, services.clock.now())
    await run(services.intake, import_id)
    return await import_of(services, import_id)
