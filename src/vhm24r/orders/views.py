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


NO_RIVAL_S = 1_000_000
"""The margin of a match that has no rival at all."""


def match_view(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Why a record belongs to its order, from the columns of `repository.list_evidence`.

    A record that names the order needs no more reason; of any other one what was weighed is told.
    """
    if row["match_kind"] is None:
        return {
            "id": None,
            "kind": "auto",
            "rule": "order_number",
            "confidence": 100,
            "interchangeable": False,
            "reasons": [{"code": "same_number"}],
        }
    return {
        "id": row["match_id"],
        "kind": row["match_kind"],
        "rule": row["rule"],
        "confidence": row["confidence"],
        "interchangeable": row["interchangeable"],
        "reasons": [_told(reason) for reason in row["reasons"] or match_reasons(row)],
    }


def _told(reason: Mapping[str, Any]) -> dict[str, Any]:
    """A reason without the number of its author, which is for forgetting alone."""
    return {name: value for name, value in reason.items() if name != "author_id"}


def match_reasons(row: Mapping[Any, Any]) -> list[dict[str, Any]]:
    """What speaks for a match that a rule has made, in words of code with their numbers."""
    reasons: list[dict[str, Any]] = [{"code": "same_amount"}, {"code": "seconds_apart", "seconds": row["seconds"]}]
    if row["ahead_s"]:
        reasons.append({"code": "clock_put_right", "seconds": row["ahead_s"]})
    if row["rule"] in ("place_and_time", "terminal_and_time", "clock_unknown", "crowd", "return"):
        reasons.append({"code": row["rule"]})
    if row["interchangeable"]:
        reasons.append({"code": "interchangeable"})
    elif row["margin_s"] is not None:
        no_rival = row["margin_s"] >= NO_RIVAL_S
        reasons.append({"code": "no_rival"} if no_rival else {"code": "next_best", "seconds": row["margin_s"]})
    return reasons
