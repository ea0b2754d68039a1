"""How an import looks from outside: the same JSON in API and CLI (contract: `vhm24r import --json`)."""

from collections.abc import Mapping, Sequence
from typing import Any

from vhm24r.intake.models import Import, ImportIssue
from vhm24r.intake.types import IN_PROGRESS, ImportStatus
from vhm24r.kit.clock import iso
from vhm24r.orders.views import money
from vhm24r.platform.i18n import catalogue, say


def import_view(row: Import, issues: Sequence[Mapping[Any, Any]], language: str) -> dict[str, Any]:
    """One import with its counts, effect and, when it stopped, the sentence why."""
    effect = row.effect or {}
    seconds = None
    if row.started_at is not None and row.finished_at is not None:
        seconds = round((row.finished_at - row.started_at).total_seconds(), 3)
    return {
        "id": row.id,
        "file": {"name": row.name, "size": row.size, "sha256": row.sha256},
        "status": row.status,
        "dry_run": row.dry_run,
        "format": row.format,
        "source": row.source,
        "confidence": row.confidence,
        "rows": row_counts(row),
        "orders": effect.get("orders", {"new": 0, "filled": 0, "changed": 0}),
        "money_effect": {
            "new": [money(amount, currency) for currency, amount in effect.get("money_new", [])],
            "changed": [money(amount, currency) for currency, amount in effect.get("money_changed", [])],
        },
        "progress": progress_view(row),
        "duplicate_of": row.duplicate_of,
        "similar_to": None if row.similar_to is None else {"import_id": row.similar_to, "percent": row.similar_percent},
        "undo": undo_view(row.undo),
        "fields": [
            {"field": name, "kind": kind, "count": count} for name, kind, count in effect.get("fields", []) if name
        ],
        "diff": effect.get("diff", []),
        "error": error_view(row, language),
        "issues_by_code": [
            {
                "code": i["code"],
                "level": i["level"],
                "count": i["count"],
                "message": _in_short(i["code"], language),
            }
            for i in issues
        ],
        "uploaded_by": {"id": row.actor_id, "name": row.actor_name},
        "created_at": iso(row.created_at),
        "finished_at": None if row.finished_at is None else iso(row.finished_at),
        "seconds": seconds,
    }


def progress_view(row: Import) -> dict[str, Any] | None:
    """How far an import is; nothing is counted while it is being undone."""
    if ImportStatus(row.status) in IN_PROGRESS:
        return {"phase": row.phase, "done": row.progress_done, "total": row.progress_total}
    return None if row.phase is None else {"phase": row.phase, "done": 0, "total": None}


def _in_short(code: str, language: str) -> str:
    """An issue in some words; every reason not to take a file of an archive has the same ones."""
    short = f"{code}.short"
    return say(short if short in catalogue(language) else "intake.left_out.short", language)


def record_view(row: Mapping[Any, Any]) -> dict[str, Any]:
    """What a row says: the facts that every source has, and its extra ones."""
    occurred_at = row["occurred_at"]
    return {
        "source": row["source"],
        "occurred_at": None if occurred_at is None else iso(occurred_at),
        "amount": None if row["amount"] is None else money(row["amount"], row["currency"]),
        **{name: row[name] for name in ("machine_code", "product", "place", "direction", "state")},
        "extra": row["extra"] or {},
    }


def undo_view(undo: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What undoing the import did, and which orders stay although nothing reports them any more."""
    if undo is None:
        return None
    shown = {name: value for name, value in undo.items() if name != "by_id"}
    return {**shown, "money": [money(amount, currency) for currency, amount in undo["money"]]}


def row_counts(row: Import) -> dict[str, int]:
    """The contract's `rows`: total = new + updated + unchanged + skipped + issues."""
    return {
        "total": row.rows_total,
        "new": row.rows_new,
        "updated": row.rows_filled + row.rows_changed,
        "filled": row.rows_filled,
        "changed": row.rows_changed,
        "unchanged": row.rows_unchanged,
        "skipped": row.rows_skipped,
        "issues": row.rows_issues,
    }


def error_view(row: Import, language: str) -> dict[str, Any] | None:
    """Why the import stopped, in one sentence that names the file."""
    if row.error_code is None:
        return None
    params = {**(row.error_params or {}), "name": row.name}
    return {
        "code": row.error_code,
        "title": say(f"import.{row.status}", language),
        "detail": say(row.error_code, language, params),
        "params": params,
    }


def issue_view(issue: ImportIssue, file_name: str, language: str) -> dict[str, Any]:
    """One issue with its place and its sentence."""
    kind = "page" if issue.page else "sheet" if issue.sheet else "row"
    shown = f"{file_name} → {issue.member}" if issue.member else file_name
    known = {"sheet": issue.sheet, "page": issue.page, "row": issue.row}
    place = "" if issue.row is None else say(f"intake.place.{kind}", language, known)
    params = {
        **issue.params,
        "file": shown,
        "name": shown,
        "place": place,
        "sheet": issue.sheet,
        "row": issue.row,
        "column": issue.column,
        "value": issue.value,
    }
    return {
        "locator": {
            "file": file_name, "member": issue.member, "sheet": issue.sheet, "page": issue.page, "row": issue.row,
        },
        "column": issue.column,
        "value": issue.value,
        "code": issue.code,
        "level": issue.level,
        "message": say(issue.code, language, params),
    }  # fmt: skip
