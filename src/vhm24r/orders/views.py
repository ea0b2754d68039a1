"""How an order looks from outside: the same JSON in API, CLI, exports and webhooks (decisions 21)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from vhm24r.evidence.types import SALE_FIELDS, FieldKind
from vhm24r.kit.clock import iso
from vhm24r.kit.money import format_minor


def money(amount: int | None, currency: str | None) -> dict[str, str] | None:
    """`{"amount": "15000.00", "currency": "UZS"}`; None when there is no amount."""
    return None if amount is None else {"amount": format_minor(amount), "currency": currency or "UZS"}


def moment(value: datetime | None) -> str | None:
    """ISO-8601 `Z`."""
    return None if value is None else iso(value)


def order_row(row: Mapping[Any, Any]) -> dict[str, Any]:
    """One order as lists show it, from the columns of `repository.row_columns`."""
    code = row["machine_code"]
    return {
        "number": row["number"],
        "channel": row["channel"],
        "origin": row["origin"],
        "status": row["status"],
        "match_status": row["match_status"],
        "occurred_at": moment(row["occurred_at"]),
        "amount": money(row["amount"], row["currency"]),
        "machine": None if code is None else {"code": code, "name": row["machine_name"], "address": row["address"]},
        "product": row["product"],
        "payment_method": row["payment_method"],
        "last_change": {"kind": row["last_change"], "at": moment(row["changed_at"])},
        "version": row["version"],
        "tags": row["tags"] or [],
    }


def field_values(row: Mapping[Any, Any]) -> dict[str, str | None]:
    """All imported fields as texts in the form history keeps them in."""
    return {field.name: presented(row[field.name], field.kind) for field in SALE_FIELDS}


def presented(value: object, kind: FieldKind) -> str | None:
    """A field's value as history keeps it: instants ISO-8601 `Z`, amounts in units with two decimals."""
    if value is None:
        return None
    if kind is FieldKind.INSTANT and isinstance(value, datetime):
        return iso(value)
    if kind is FieldKind.AMOUNT and isinstance(value, int):
        return format_minor(value)
    return str(value)


def locator(
    sheets: list[str] | None, sheet: int | None, row: int | None, member: str | None = None
) -> dict[str, Any] | None:
    """Where in a file something stands; None when it came from no file."""
    if row is None:
        return None
    name = sheets[sheet] if sheets and sheet is not None and sheet < len(sheets) else ""
    return {"member": member, "sheet": name or None, "page": None, "row": row}
