"""Running the product: health, readiness, metrics, live events, business settings, demo samples."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import orjson
from fastapi import Depends, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from vhm24r.api.problems import language_of
from vhm24r.api.routing import GuardedRouter
from vhm24r.api.schemas import ListOf, ReadyOut, SampleOut, SettingIn, SettingOut
from vhm24r.api.security import CurrentPerson, Needs, Open, ReadSession, ServicesOf, WriteSession
from vhm24r.identity import service as identity
from vhm24r.identity.permissions import Permission
from vhm24r.kit.actor import Actor
from vhm24r.kit.errors import Forbidden, Invalid, NotFound
from vhm24r.ops import health
from vhm24r.ops.rules import change_rule, list_rules
from vhm24r.ops.samples import find_sample, list_samples
from vhm24r.platform import metrics
from vhm24r.platform.live import LiveHub

outside = GuardedRouter(tags=["running"])
router = GuardedRouter(tags=["running"])
TOPICS = {
    "imports": Permission.IMPORTS_READ,
    "orders": Permission.ORDERS_READ,
    "reconciliation": Permission.MATCHES_READ,
}
"""Every live topic and the permission that lets one watch it."""

HEARTBEAT_SECONDS = 15.0


class TopicUnknown(Invalid):
    """There is no such topic."""

    code = "live.topic_unknown"


class SampleNotFound(NotFound):
    """There is no such sample, or this is no demo."""

    code = "demo.sample_not_found"


@outside.get("/health", dependencies=[Depends(Open("says only that the process lives"))])
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@outside.get("/ready", response_model=ReadyOut, dependencies=[Depends(Open("says only what is up"))])
async def ready(services: ServicesOf, response: Response) -> object:
    """What the process depends on; 503 unless all of it is there."""
    state = await health.readiness(services.db, services.blobs)
    response.status_code = 200 if all(state.values()) else 503
    return state


@outside.get("/metrics", dependencies=[Depends(Open("numbers without names; keep it inside at the proxy"))])
async def prometheus() -> Response:
    """Metrics of this process."""
    return Response(metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/events", response_class=StreamingResponse)
async def events(
    request: Request,
    services: ServicesOf,
    person: CurrentPerson,
    topics: Annotated[str, Query(description="comma-separated: imports, orders, reconciliation")],
) -> StreamingResponse:
    """Live events as Server-Sent Events; progress is a hint, the rows are the truth."""
    wanted = frozenset(topic for topic in topics.split(",") if topic)
    actor = identity.actor_of(person)
    for topic in sorted(wanted):
        permission = TOPICS.get(topic)
        if permission is None:
            raise TopicUnknown(topic=topic, known=", ".join(TOPICS))
        if not actor.can(permission):
            raise Forbidden(permission=permission)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    stream = _stream(request, services.live, wanted)
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _stream(request: Request, live: LiveHub, topics: frozenset[str]) -> AsyncIterator[str]:
    async with live.watch(topics) as queue:
        yield "retry: 1000\n\n"
        while not await request.is_disconnected():
            try:
                event = await asyncio.wait_for(queue.get(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            yield f"event: {event.name}\ndata: {orjson.dumps(event.data).decode()}\n\n"


@router.get("/settings", response_model=ListOf[SettingOut], tags=["settings"])
async def settings(session: ReadSession, actor: Annotated[Actor, Depends(Needs(Permission.SETTINGS_READ))]) -> object:
    """The business rules as they stand."""
    return {"items": await list_rules(session, actor)}


@router.put("/settings/{key}", response_model=SettingOut, tags=["settings"])
async def change_setting(
    key: str,
    body: SettingIn,
    services: ServicesOf,
    session: WriteSession,
    actor: Annotated[Actor, Depends(Needs(Permission.SETTINGS_WRITE))],
) -> object:
    """Change a business rule."""
    return await change_rule(session, actor, key, body.value, services.clock.now())


@router.get("/demo/samples", response_model=ListOf[SampleOut], tags=["demo"])
async def samples(
    request: Request, services: ServicesOf, actor: Annotated[Actor, Depends(Needs(Permission.IMPORTS_READ))]
) -> object:
    """Report files to try the page with; only the demo has them."""
    found = list_samples(services.settings, language_of(request))
    if found is None:
        raise SampleNotFound
    return {"items": found}


@router.get("/demo/samples/{name}", response_class=FileResponse, tags=["demo"])
async def sample(
    name: str, services: ServicesOf, actor: Annotated[Actor, Depends(Needs(Permission.IMPORTS_READ))]
) -> FileResponse:
    """One of them."""
    path = find_sample(services.settings, name)
    if path is None:
        raise SampleNotFound
    return FileResponse(path, filename=name)
