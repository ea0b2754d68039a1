"""How exceptions, records and numbers of reconciliation look from outside: the same JSON in API and command line."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from vhm24r.kit.clock import business_day, iso
from vhm24r.orders.views import moment, money
from vhm24r.platform.db import AnyRow
from vhm24r.reconciliation.filters import LONG_AGO

PERMILLE = 1_000


def machine_view(row: AnyRow) -> dict[str, Any] | None:
    """The machine of a row with `machine_code`, `machine_name` and `address`."""
    if not row.machine_code:
        return None
    return {"code": row.machine_code, "name": row.machine_name, "address": row.address}


def record_view(row: AnyRow) -> dict[str, Any]:
    """A record as it stands; what names it in a match is `record_id`, or its source, account and external id."""
    return {
        "record_id": row.record_id,
        "source": row.source,
        "external_id": row.external_id,
        "account": row.account,
        "occurrence": row.occurrence,
        "occurred_at": moment(row.occurred_at),
        "amount": money(row.amount, row.currency),
        "place": row.place,
    }


def order_view(row: AnyRow) -> dict[str, Any]:
    """An order as somebody who looks for a counterpart needs it."""
    return {
        "number": row.number,
        "occurred_at": moment(row.occurred_at),
        "amount": money(row.amount, row.currency),
        "machine": machine_view(row),
        "product": row.product,
        "payment_method": row.payment_method,
        "match_status": row.match_status,
    }


def exception_view(row: AnyRow, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """An exception as lists show it, from the columns of `queries.list_exceptions`."""
    return {
        "id": row.id,
        "type": row.type,
        "state": row.state,
        "amount": money(row.amount, row.currency),
        "day": row.day.isoformat() if row.day else None,
        "occurred_at": moment(row.occurred_at),
        "age_days": age_days(row.occurred_at, row.day, now, zone),
        "order": _order_of(row),
        "record": _record_of(row),
        "source": row.source,
        "machine": machine_view(row),
        "reasons": row.reasons,
        "assignee": None if row.assignee_id is None else {"id": row.assignee_id, "name": row.assignee_name or ""},
        "outcome": row.outcome,
        "outcome_reason": row.outcome_reason,
        "resolved_by": row.resolved_by,
        "resolved_at": moment(row.resolved_at),
        "comments": row.comments,
    }


def _order_of(row: AnyRow) -> dict[str, Any] | None:
    if row.number is None:
        return None
    return {
        "number": row.number,
        "amount": money(row.order_amount, row.order_currency),
        "product": row.product,
        "payment_method": row.payment_method,
        "match_status": row.match_status,
    }


def _record_of(row: AnyRow) -> dict[str, Any] | None:
    if row.record_id is None:
        return None
    return {
        "record_id": row.record_id,
        "source": row.record_source,
        "external_id": row.external_id,
        "account": row.account,
        "occurrence": row.occurrence,
    }


def age_days(occurred_at: datetime | None, day: date | None, now: datetime, zone: ZoneInfo) -> int | None:
    """Whole days since then; None where nobody knows when it was."""
    if occurred_at is not None:
        return max(0, (now - occurred_at).days)
    if day is None or day == LONG_AGO:
        return None
    return max(0, (business_day(now, zone) - day).days)


def run_view(row: AnyRow) -> dict[str, Any]:
    """A run that has ended."""
    return {
        "id": row.id,
        "started_at": iso(row.started_at),
        "finished_at": iso(row.finished_at),
        "by": row.actor_name,
        "days": row.days,
        "from": row.day_from.isoformat() if row.day_from else None,
        "to": row.day_to.isoformat() if row.day_to else None,
        "orders": row.orders,
        "records": row.records,
        "conserved": row.conserved,
    }
