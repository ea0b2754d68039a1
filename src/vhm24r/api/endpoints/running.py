"""Running the product: health, readiness, metrics, live events, business settings, demo samples."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated

import orjson
from fastapi import Depends, Query, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse

from vhm24r.api.problems import language_of
from vhm24r.api.routing import GuardedRouter
from vhm24r.api.schemas import ListOf, ReadyOut, SampleOut, SettingIn, SettingOut
from vhm24r.api.security import Needs, Open, ReadSession, ServicesOf, SignedInAs, WriteSession
from vhm24r.identity.permissions import Permission
from vhm24r.identity.service.access import Identified
from vhm24r.kit.actor import Actor
from vhm24r.kit.errors import Forbidden, Invalid, NotFound, PartOnly, Unauthenticated
from vhm24r.ops import health
from vhm24r.ops.process import Services
from vhm24r.ops.rules import change_rule, list_rules
from vhm24r.ops.samples import find_sample, list_samples
from vhm24r.platform import metrics

outside = GuardedRouter(tags=["running"])
router = GuardedRouter(tags=["running"])
TOPICS = {
    "alerts": Permission.ALERTS_WATCH,
    "imports": Permission.IMPORTS_READ,
    "orders": Permission.ORDERS_READ,
    "people": Permission.PEOPLE_READ,
    "reconciliation": Permission.MATCHES_READ,
}
"""Every live topic and the permission that lets one watch it."""

HEARTBEAT_SECONDS = 15.0
ASK_AGAIN_SECONDS = 4.0
"""How often a stream makes sure that its watcher may still watch: it ends within five seconds of a block."""


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


@outside.get(
    "/metrics",
    response_class=PlainTextResponse,
    dependencies=[Depends(Open("numbers without names; keep it inside at the proxy"))],
)
async def prometheus() -> Response:
    """Metrics of this process."""
    return Response(metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/events", response_class=StreamingResponse)
async def events(
    request: Request,
    services: ServicesOf,
    found: SignedInAs,
    topics: Annotated[str, Query(description="comma-separated: alerts, imports, orders, people, reconciliation")],
) -> StreamingResponse:
    """Live events as Server-Sent Events; progress is a hint, the rows are the truth."""
    wanted = frozenset(topic for topic in topics.split(",") if topic)
    for topic in sorted(wanted):
        permission = TOPICS.get(topic)
        if permission is None:
            raise TopicUnknown(topic=topic, known=", ".join(TOPICS))
        if not found.actor.can(permission):
            raise Forbidden(permission=permission)
        if topic == "imports" and found.actor.granted.sources is not None:
            raise PartOnly
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    stream = _stream(request, services, found, wanted)
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _stream(
    request: Request, services: Services, watcher: Identified, topics: frozenset[str]
) -> AsyncIterator[str]:
    async with services.live.watch(topics) as queue:
        yield "retry: 1000\n\n"
        asked = spoken = time.monotonic()
        while not await request.is_disconnected():
            try:
                event = await asyncio.wait_for(queue.get(), max(0.05, asked + ASK_AGAIN_SECONDS - time.monotonic()))
            except TimeoutError:
                event = None
            now = time.monotonic()
            if now - asked >= ASK_AGAIN_SECONDS:
                asked = now
                if not await _may_watch(services, watcher, topics):
                    return
            if event is not None:
                spoken = now
                yield f"event: {event.name}\ndata: {orjson.dumps(event.data).decode()}\n\n"
            elif now - spoken >= HEARTBEAT_SECONDS:
                spoken = now
                yield ": still here\n\n"


async def _may_watch(services: Services, watcher: Identified, topics: frozenset[str]) -> bool:
    """Whether the session is still open, and its person may still watch all of this."""
    try:
        actor = (await services.access.again(watcher)).actor
    except Unauthenticated:
        return False
    return all(actor.can(TOPICS[topic]) for topic in topics)


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
