"""`Idempotency-Key` on writes: a repeated request gets the first answer (see platform.idempotency).

Pure ASGI, so that uploads keep streaming: the body of a large request is not held in memory, its
declared length stands for it in the request's hash.
"""

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vhm24r.api.security import WRITING
from vhm24r.identity.service.access import Identified
from vhm24r.ops.process import Services
from vhm24r.platform import idempotency
from vhm24r.platform.idempotency import Answer

HASHED_BODY = 1024 * 1024
LONGEST_KEY = 200
NO_STORE = "no-store"
"""What a route says of an answer with a secret in it: it is kept nowhere, here neither."""


async def once(request: Request, receive: Receive, send: Send, handle: ASGIApp) -> None:
    """Handle a request that was let in; one that repeats an earlier one by its key gets that one's answer."""
    key = request.headers.get("idempotency-key")
    found: Identified | None = getattr(request.state, "identified", None)
    if key is None or found is None or request.method not in WRITING:  # strangers have no keys
        await handle(request.scope, receive, send)
        return
    services: Services = request.app.state.services
    actor = f"person:{found.person.id}" if found.key_id is None else f"key:{found.key_id}"
    replay, body = await _body(request.headers, receive)
    wanted = idempotency.request_hash(request.method, _target(request.scope), body)
    async with services.db.write() as session:
        kept = await idempotency.begin(session, actor, key[:LONGEST_KEY], wanted, services.clock.now())
    if kept is not None:
        await _send_kept(kept, send)
        return
    recorder = Recorder(send)
    try:
        await handle(request.scope, replay, recorder)
    finally:
        async with services.db.write() as session:
            await idempotency.finish(session, actor, key[:LONGEST_KEY], recorder.answer())


class Recorder:
    """Passes a response on and remembers it."""

    def __init__(self, send: Send) -> None:
        """Remember what goes through `send`."""
        self._send = send
        self._status, self._media, self._body, self._secret = 500, "application/json", b"", False

    async def __call__(self, message: Message) -> None:
        """One message of the response."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = Headers(raw=message["headers"])
            self._media = headers.get("content-type", "application/json")
            self._secret = headers.get("cache-control") == NO_STORE
        else:
            self._body += message.get("body", b"")
        await self._send(message)

    def answer(self) -> Answer:
        """The response as it was given; 500 when there was none."""
        return Answer(self._status, self._body, self._media, self._secret)


def _target(scope: Scope) -> str:
    return f"{scope['path']}?{scope['query_string'].decode('latin-1')}"


async def _body(headers: Headers, receive: Receive) -> tuple[Receive, bytes]:
    """What identifies the body, and a `receive` that still delivers it."""
    length = headers.get("content-length", "")
    if not length.isdigit() or int(length) > HASHED_BODY:
        return receive, orjson.dumps([length, headers.get("content-type", "").split(";")[0]])
    chunks, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunks += message.get("body", b"")
        more = message.get("more_body", False)
    delivered = False

    async def replay() -> Message:
        nonlocal delivered
        if delivered:
            return await receive()
        delivered = True
        return {"type": "http.request", "body": chunks, "more_body": False}

    boundary = _boundary(headers)
    return replay, chunks.replace(boundary, b"") if boundary else chunks


def _boundary(headers: Headers) -> bytes:
    """What separates the parts of a form: made up anew for every attempt, so it does not tell requests apart."""
    value = headers.get("content-type", "").partition("boundary=")[2]
    return value.split(";")[0].strip('" ').encode("latin-1")


async def _send_kept(kept: Answer, send: Send) -> None:
    headers = [
        (b"content-type", kept.media_type.encode()),
        (b"content-length", str(len(kept.body)).encode()),
        (b"idempotency-replayed", b"true"),
    ]
    await send({"type": "http.response.start", "status": kept.status, "headers": headers})
    await send({"type": "http.response.body", "body": kept.body})
