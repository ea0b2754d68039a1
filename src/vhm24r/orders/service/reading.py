"""Reading orders: lists, one order with everything known about it, its versions."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.identity.permissions import Permission
from vhm24r.kit.actor import Actor, Granted
from vhm24r.kit.clock import iso
from vhm24r.kit.pagination import Page
from vhm24r.orders import repository
from vhm24r.orders.errors import VersionNotFound
from vhm24r.orders.filters import OrderFilter
from vhm24r.orders.types import DEFAULT_SORT, ChangeKind
from vhm24r.orders.versions import FieldChange, as_of
from vhm24r.orders.views import field_values, locator, match_view, moment, money, order_row
from vhm24r.platform.db import AnyRow

STATUS_FIELD = "status"


async def list_orders(
    session: AsyncSession,
    actor: Actor,
    where: OrderFilter,
    zone: ZoneInfo,
    *,
    sort: str = DEFAULT_SORT,
    limit: int = 50,
    cursor: str | None = None,
    with_total: bool = False,
) -> Page[dict[str, Any]]:
    """A page of orders as lists show them."""
    actor.require(Permission.ORDERS_READ)
    page = await repository.list_orders(
        session, where, zone, sort=sort, limit=limit, cursor=cursor, granted=actor.granted
    )
    total = await repository.count_orders(session, where, zone, actor.granted) if with_total else None
    return Page([order_row(row._mapping) for row in page.items], page.next_cursor, total)


async def stream_orders(
    session: AsyncSession, actor: Actor, where: OrderFilter, zone: ZoneInfo
) -> AsyncIterator[dict[str, Any]]:
    """Every order of the filter, whole, oldest first: what every export is made of."""
    actor.require(Permission.ORDERS_EXPORT)
    async for rows in repository.stream_orders(session, where, zone, actor.granted):
        for order in await _whole(session, rows, actor.granted):
            yield order


async def get_order(session: AsyncSession, actor: Actor, number: str) -> dict[str, Any]:
    """One order with its fields, evidence, changes, versions and notes.

    Raises:
        OrderNotFound: there is none of this number.
    """
    actor.require(Permission.ORDERS_READ)
    return (await _whole(session, [await repository.get_row(session, number, actor.granted)], actor.granted))[0]


async def _whole(session: AsyncSession, rows: Sequence[AnyRow], granted: Granted) -> list[dict[str, Any]]:
    """Orders with everything known about them that may be seen; three queries for any number of orders."""
    ids = [row.id for row in rows]
    changes = _by_order(await repository.list_changes(session, ids))
    told = await repository.list_evidence(session, ids)
    evidence = _by_order(record for record in told if granted.source(record.source))
    notes = _by_order(await repository.list_notes(session, ids))
    return [_order(row, changes[row.id], evidence[row.id], notes[row.id], granted) for row in rows]


def _by_order(found: Iterable[Any]) -> defaultdict[int, list[Any]]:
    grouped: defaultdict[int, list[Any]] = defaultdict(list)
    for item in found:
        grouped[item.order_id].append(item)
    return grouped


def _order(row: AnyRow, changes: list[Any], evidence: list[Any], notes: list[Any], granted: Granted) -> dict[str, Any]:
    history = [_change(change, granted) for change in changes]
    return {
        **order_row(row._mapping),
        "findings": row.findings or [],
        "reasons": row.reasons or [],
        "fields": field_values(row._mapping),
        "fields_edited": row.edited_fields or [],
        "evidence": [_evidence(record) for record in evidence],
        "changes": history,
        "versions": _versions(history),
        "notes": [{"id": note.id, "text": note.text, "author": note.author_name, "at": iso(note.at)} for note in notes],
        "created_at": moment(row.created_at),
    }


async def list_changes(session: AsyncSession, actor: Actor, number: str) -> list[dict[str, Any]]:
    """Every change of an order, newest first."""
    actor.require(Permission.ORDERS_READ)
    row = await repository.get_row(session, number, actor.granted)
    return [_change(change, actor.granted) for change in await repository.list_changes(session, [row.id])]


async def list_versions(session: AsyncSession, actor: Actor, number: str) -> list[dict[str, Any]]:
    """The versions of an order, newest first."""
    return _versions(await list_changes(session, actor, number))


async def get_version(session: AsyncSession, actor: Actor, number: str, version: int) -> dict[str, Any]:
    """The fields of an order as they were at `version`.

    Raises:
        VersionNotFound: the order has fewer versions.
    """
    actor.require(Permission.ORDERS_READ)
    row = await repository.get_row(session, number, actor.granted)
    if not 1 <= version <= row.version:
        raise VersionNotFound(number=number, version=version, last=row.version)
    present = {**field_values(row._mapping), STATUS_FIELD: row.status}
    changes = await repository.list_changes(session, [row.id])
    return {
        "version": version,
        "fields": as_of(version, present, (FieldChange(c.version, c.field, c.old, c.new) for c in changes)),
    }


async def timeline(session: AsyncSession, actor: Actor, number: str) -> list[dict[str, Any]]:
    """Changes and notes of an order in one line, newest first."""
    order = await get_order(session, actor, number)
    moments = [{"type": "change", **change} for change in order["changes"]]
    moments += [{"type": "note", **note} for note in order["notes"]]
    return sorted(moments, key=lambda moment: moment["at"], reverse=True)


def _versions(changes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    versions: dict[int, dict[str, Any]] = {}
    for change in changes:
        seen = versions.setdefault(
            change["version"],
            {"version": change["version"], "at": change["at"], "actor": change["actor"], "kind": change["kind"]},
        )
        if change["kind"] == ChangeKind.CHANGED:
            seen["kind"] = change["kind"]
    return list(versions.values())


def _change(row: AnyRow, granted: Granted) -> dict[str, Any]:
    """A change; which file it came from is for who sees every source."""
    hidden = granted.sources is not None
    return {
        "version": row.version,
        "kind": row.kind,
        "field": row.field or None,
        "old": row.old,
        "new": row.new,
        "at": iso(row.at),
        "actor": {"kind": row.actor_kind, "id": row.actor_id, "name": row.actor_name},
        "reason": row.reason,
        "import_id": None if hidden else row.import_id,
        "file": None if hidden else row.file_name,
        "locator": None if hidden else locator(row.sheets, row.sheet, row.file_row, row.member),
    }


def _evidence(row: AnyRow) -> dict[str, Any]:
    return {
        "source": row.source,
        "external_id": row.external_id,
        "amount": money(row.amount, row.currency),
        "occurred_at": moment(row.occurred_at),
        "role": row.role or "sale",
        "match": match_view(row._mapping),
        "import_id": row.import_id,
        "file": row.file_name,
        "locator": locator(row.sheets, row.sheet, row.file_row, row.member),
        "extra": row.extra or {},
    }


async def changes_by_file_row(
    session: AsyncSession, change_set_id: int, places: Sequence[tuple[int, int, int]], order_ids: Sequence[int | None]
) -> tuple[dict[int, str], dict[tuple[int, int, int], list[dict[str, Any]]]]:
    """For rows of one import: order id → number, and (file id, sheet, row) → the fields that row changed."""
    numbers = await repository.numbers_of(session, [found for found in order_ids if found is not None])
    changes: dict[tuple[int, int, int], list[dict[str, Any]]] = {}
    for change in await repository.list_changes_of_set(session, change_set_id, places):
        shown = {"field": change.field, "kind": change.kind, "old": change.old, "new": change.new}
        changes.setdefault((change.file_id, change.sheet, change.file_row), []).append(shown)
    return numbers, changes
