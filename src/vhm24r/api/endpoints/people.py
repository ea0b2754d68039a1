"""People and what they may do, keys for programs, the audit log."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.api.idempotency import NO_STORE
from vhm24r.api.routing import GuardedRouter
from vhm24r.api.schemas import (
    NO_NUL,
    ApiKeyIn,
    ApiKeyMadeOut,
    ApiKeyOut,
    AuditEntryOut,
    DecisionIn,
    GrantIn,
    LinkOut,
    ListOf,
    PersonIn,
    PersonOut,
    RevokedOut,
    RoleIn,
    SessionOut,
)
from vhm24r.api.security import Needs, ReadSession, ServicesOf, WriteSession
from vhm24r.audit import service as audit
from vhm24r.audit.service import EntryFilter
from vhm24r.audit.views import entry_view
from vhm24r.identity.permissions import Permission, Role
from vhm24r.identity.service import api_keys, approval, coming_in, people, privacy, sessions
from vhm24r.identity.service.people import PersonFilter
from vhm24r.identity.types import LINK_LIFETIME, PersonStatus
from vhm24r.identity.views import key_view, person_view, session_view
from vhm24r.kit.actor import Actor
from vhm24r.kit.pagination import LARGEST_ID, MAX_LIMIT
from vhm24r.ops.process import Services
from vhm24r.settings import Mode, RateClass

router = GuardedRouter(prefix="/users", tags=["people"])
keys = GuardedRouter(prefix="/api-keys", tags=["people"])
log = GuardedRouter(tags=["running"])

Reader = Annotated[Actor, Depends(Needs(Permission.PEOPLE_READ))]
Writer = Annotated[Actor, Depends(Needs(Permission.PEOPLE_WRITE))]
Exporter = Annotated[Actor, Depends(Needs(Permission.PEOPLE_WRITE, RateClass.EXPORT))]
KeyMaker = Annotated[Actor, Depends(Needs(Permission.KEYS_WRITE))]
Auditor = Annotated[Actor, Depends(Needs(Permission.AUDIT_READ))]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Text = Annotated[str | None, Query(max_length=200, pattern=NO_NUL)]


@router.get("", response_model=ListOf[PersonOut])
async def list_people(
    session: ReadSession, actor: Reader, q: Text = None, status: PersonStatus | None = None, role: Role | None = None,
    limit: Limit = 50, cursor: str | None = None,
) -> object:  # fmt: skip
    """Who is there, the newest first."""
    page = await people.list_people(session, actor, PersonFilter(status, role, q), limit=limit, cursor=cursor)
    mine = await people.role_of(session, actor)
    return {"items": [person_view(person, actor.id, mine) for person in page.items], "next_cursor": page.next_cursor}


@router.post("", status_code=201, response_model=PersonOut)
async def create_person(body: PersonIn, services: ServicesOf, session: WriteSession, actor: Writer) -> object:
    """Add somebody who need not ask first."""
    person = await people.create_person(
        session, actor, name=body.name, role=body.role, now=services.clock.now(), telegram_id=body.telegram_id,
        language=body.language,
    )  # fmt: skip
    return person_view(person, actor.id, await people.role_of(session, actor))


@router.get("/{person_id}", response_model=PersonOut)
async def get_person(person_id: int, session: ReadSession, actor: Reader) -> object:
    """One person."""
    person = await people.read_person(session, actor, person_id)
    return person_view(person, actor.id, await people.role_of(session, actor))


@router.post("/{person_id}/approve", response_model=PersonOut)
async def approve(person_id: int, body: RoleIn, services: ServicesOf, session: WriteSession, actor: Writer) -> object:
    """Let somebody in, in a role: who waits, was turned down, or is blocked."""
    now = services.clock.now()
    await approval.approve(session, actor, services.bus, person_id, body.role, now)
    return await _seen(services, session, actor, person_id)


@router.post("/{person_id}/reject", response_model=PersonOut)
async def reject(
    person_id: int, body: DecisionIn, services: ServicesOf, session: WriteSession, actor: Writer
) -> object:
    """Turn somebody down who waits."""
    now = services.clock.now()
    await approval.reject(session, actor, services.bus, person_id, body.reason, now)
    return await _seen(services, session, actor, person_id)


@router.post("/{person_id}/block", response_model=PersonOut)
async def block(person_id: int, body: DecisionIn, services: ServicesOf, session: WriteSession, actor: Writer) -> object:
    """Keep somebody out: every session is closed and no key of theirs opens anything, within five seconds."""
    now = services.clock.now()
    await approval.block(session, actor, services.bus, person_id, body.reason, now)
    return await _seen(services, session, actor, person_id)


@router.post("/{person_id}/unblock", response_model=PersonOut)
async def unblock(person_id: int, services: ServicesOf, session: WriteSession, actor: Writer) -> object:
    """Let a blocked person in again, in the role it had."""
    await approval.unblock(session, actor, services.bus, person_id, services.clock.now())
    return await _seen(services, session, actor, person_id)


@router.post("/{person_id}/role", response_model=PersonOut)
async def change_role(
    person_id: int, body: RoleIn, services: ServicesOf, session: WriteSession, actor: Writer
) -> object:
    """Give somebody another role."""
    now = services.clock.now()
    await approval.change_role(session, actor, services.bus, person_id, body.role, now)
    return await _seen(services, session, actor, person_id)


@router.post("/{person_id}/grants", response_model=PersonOut)
async def grant(person_id: int, body: GrantIn, services: ServicesOf, session: WriteSession, actor: Writer) -> object:
    """Let an operator or a viewer see some machines or sources alone. Somebody limited to machines brings in no files:
    a file speaks of all of them.
    """
    await people.grant(session, actor, person_id, body.machines, body.sources, services.clock.now())
    return await _seen(services, session, actor, person_id)


@router.post("/{person_id}/link", status_code=201, response_model=LinkOut)
async def issue_link(
    person_id: int, response: Response, services: ServicesOf, session: WriteSession, actor: Writer
) -> object:
    """A one-time sign-in address for somebody: as good as the person, so hand it to nobody else."""
    now = services.clock.now()
    endless = services.settings.mode is Mode.DEMO
    person = await people.read_person(session, actor, person_id)
    token = await coming_in.issue_link(session, actor, person, now, endless=endless)
    expires_at = None if endless else now + LINK_LIFETIME
    response.headers["Cache-Control"] = NO_STORE
    return {"url": f"{services.settings.public_url}/link/{token}", "expires_at": expires_at}


@router.get("/{person_id}/sessions", response_model=ListOf[SessionOut])
async def list_sessions(person_id: int, services: ServicesOf, session: ReadSession, actor: Reader) -> object:
    """Devices somebody is signed in on."""
    rows = await sessions.sessions_of(session, actor, person_id, services.clock.now())
    return {"items": [session_view(row, None) for row in rows]}


@router.delete("/{person_id}/sessions", response_model=RevokedOut)
async def revoke_sessions(person_id: int, services: ServicesOf, session: WriteSession, actor: Writer) -> object:
    """Sign somebody out everywhere."""
    closed = await sessions.revoke_all_of(session, actor, person_id, services.clock.now())
    services.access.forget(person_id)
    return {"closed": closed}


@router.get("/{person_id}/export", response_model=dict[str, Any])
async def export_person(person_id: int, services: ServicesOf, session: WriteSession, actor: Exporter) -> object:
    """Everything that is kept of a person, to hand it out on request."""
    return await privacy.export_person(session, actor, services.keepers, person_id, services.clock.now())


@router.post("/{person_id}/erase", response_model=PersonOut)
async def erase_person(person_id: int, services: ServicesOf, session: WriteSession, actor: Writer) -> object:
    """Forget who somebody is. What the person did stays, under a number. There is no way back."""
    await privacy.erase_person(session, actor, services.bus, person_id, services.clock.now())
    return await _seen(services, session, actor, person_id)


async def _seen(services: Services, session: AsyncSession, actor: Actor, person_id: int) -> dict[str, object]:
    """The person after a decision; what this process remembered of it is dropped."""
    services.access.forget(person_id)
    person = await people.read_person(session, actor, person_id)
    return person_view(person, actor.id, await people.role_of(session, actor))


@keys.get("", response_model=ListOf[ApiKeyOut])
async def list_keys(session: ReadSession, actor: KeyMaker) -> object:
    """One's own keys; an owner sees everybody's."""
    return {"items": [key_view(*row) for row in await api_keys.list_keys(session, actor)]}


@keys.post("", status_code=201, response_model=ApiKeyMadeOut)
async def make_key(
    body: ApiKeyIn, response: Response, services: ServicesOf, session: WriteSession, actor: KeyMaker
) -> object:
    """Make a key; its secret is in this answer and nowhere else."""
    now = services.clock.now()
    key, secret = await api_keys.make_key(session, actor, body.name, body.scopes, body.expires_at, now)
    response.headers["Cache-Control"] = NO_STORE
    return key_view(key, actor.name) | {"secret": secret}


@keys.delete("/{key_id}", status_code=204)
async def revoke_key(key_id: int, services: ServicesOf, session: WriteSession, actor: KeyMaker) -> Response:
    """End a key: it opens nothing any more, within five seconds."""
    await api_keys.revoke_key(session, actor, key_id, services.clock.now())
    return Response(status_code=204)


@log.get("/audit", response_model=ListOf[AuditEntryOut])
async def list_entries(
    session: ReadSession, actor: Auditor,
    actor_id: Annotated[int | None, Query(gt=0, lt=LARGEST_ID)] = None,
    action: Annotated[str | None, Query(max_length=100, pattern=NO_NUL, description="person.blocked; person.")] = None,
    subject: Annotated[str | None, Query(max_length=200, pattern=NO_NUL, description="person:12")] = None,
    since: datetime | None = None, before: datetime | None = None, limit: Limit = 50, cursor: str | None = None,
) -> object:  # fmt: skip
    """What was done, by whom and why; the newest first."""
    where = EntryFilter(actor_id, action, subject, since, before)
    page = await audit.list_entries(session, where, limit=limit, cursor=cursor)
    return {"items": [entry_view(entry) for entry in page.items], "next_cursor": page.next_cursor}
