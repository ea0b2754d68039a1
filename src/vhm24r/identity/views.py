"""People, devices and keys as the outside sees them."""

from vhm24r.identity.models import ApiKey, Person, Session
from vhm24r.identity.permissions import Role, reaches
from vhm24r.kit.actor import Actor
from vhm24r.settings import Settings


def me_view(person: Person, actor: Actor, settings: Settings) -> dict[str, object]:
    """Somebody with the rights of the role, or of the key that speaks for it."""
    return {
        "id": person.id,
        "name": person.name,
        "role": person.role,
        "status": person.status,
        "language": person.language,
        "permissions": sorted(actor.permissions),
        "timezone": settings.timezone,
        "mode": settings.mode,
    }


def session_view(row: Session, current: int | None) -> dict[str, object]:
    """A device that is signed in."""
    return {
        "id": row.id,
        "way": row.way,
        "user_agent": row.user_agent,
        "ip": row.ip,
        "created_at": row.created_at,
        "seen_at": row.seen_at,
        "ends_at": row.ends_at,
        "current": row.id == current,
    }


def person_view(person: Person, actor_id: int | None, actor_role: Role) -> dict[str, object]:
    """A person as whoever may see people sees it."""
    return {
        "id": person.id,
        "name": person.name,
        "username": person.username,
        "telegram_id": person.telegram_id,
        "role": person.role,
        "status": person.status,
        "language": person.language,
        "machines": person.machines,
        "sources": person.sources,
        "created_at": person.created_at,
        "decided_at": person.decided_at,
        "erased": person.erased_at is not None,
        "manageable": person.id != actor_id and reaches(actor_role, Role(person.role)),
    }


def key_view(key: ApiKey, maker: str) -> dict[str, object]:
    """A key without its secret, which nobody has any more."""
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": key.scopes,
        "made_by": {"id": key.person_id, "name": maker},
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    }
