"""Entries of the log as the outside sees them."""

from vhm24r.audit.models import AuditEntry


def entry_view(entry: AuditEntry) -> dict[str, object]:
    """One deed."""
    return {
        "id": entry.id,
        "at": entry.at,
        "actor": {"kind": entry.actor_kind, "id": entry.actor_id, "name": entry.actor_name},
        "action": entry.action,
        "subject": entry.subject,
        "reason": entry.reason,
        "data": entry.data,
        "request_id": entry.request_id,
    }
