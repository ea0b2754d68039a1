"""`Idempotency-Key` on writes: a repeated request gets the first answer (see platform.idempotency).

Pure ASGI, so that uploads keep streaming: the body of a large request is not held in memory, its
declared length stands for it in the request's hash.
"""

import hashlib

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vhm24r.api.problems import problem
from vhm24r.identity import service as identity
from vhm24r.identity.types import SESSION_COOKIE
from vhm24r.kit.clock import Clock
from vhm24r.kit.errors import AppError
from vhm24r.platform import idempotency
from vhm24r.platform.db import Database
from vhm24r.platform.idempotency import Answer

HASHED_BODY = 1024 * 1024
LONGEST_KEY = 200


class IdempotencyMiddleware:
    """Answers repetitions from the store; lets everything else through."""

    def __init__(self, app: ASGIApp, db: Database, clock: Clock) -> None:
        """Wrap `app`."""
        self._app, self._db, self._clock = app, db, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        key = headers.get("idempotency-key")
        actor = _actor(headers)
        if key is None or actor is None or scope["method"] not in {"POST", "PATCH", "PUT", "DELETE"}:
            await self._app(scope, receive, send)
            return
        if not await self._is_in(headers):  # strangers have no keys: nothing of theirs is read or kept
            await self._app(scope, receive, send)
            return
        replay, body = await _body(headers, receive)
        request = idempotency.request_hash(scope["method"], _target(scope), body)
        try:
            async with self._db.write() as session:
                kept = await idempotency.begin(session, actor, key[:LONGEST_KEY], request, self._clock.now())
        except AppError as error:
            await problem(Request(scope), error.status, error.code, error.params)(scope, receive, send)
            return
        if kept is not None:
            await _send_kept(kept, send)
            return
        recorder = Recorder(send)
        try:
            await self._app(scope, replay, recorder)
        finally:
            async with self._db.write() as session:
                await idempotency.finish(session, actor, key[:LONGEST_KEY], recorder.answer())

    async def _is_in(self, headers: Headers) -> bool:
        """Whether somebody is signed in: a kept answer is for whom it was given to, as long as they may come in."""
        token = cookie_parser(headers.get("cookie", "")).get(SESSION_COOKIE, "")
        async with self._db.read() as session:
            return await identity.person_of_session(session, token, self._clock.now()) is not None


class Recorder:
    """Passes a response on and remembers it."""

    def __init__(self, send: Send) -> None:
        """Remember what goes through `send`."""
        self._send = send
        self._status, self._media, self._body = 500, "application/json", b""

    async def __call__(self, message: Message) -> None:
        """One message of the response."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._media = Headers(raw=message["headers"]).get("content-type", "application/json")
        else:
            self._body += message.get("body", b"")
        await self._send(message)

    def answer(self) -> Answer:
        """The response as it was given; 500 when there was none."""
        return Answer(self._status, self._body, self._media)


def _actor(headers: Headers) -> str | None:
    """Whose key it is: the session behind the cookie, by hash; None for somebody not signed in."""
    cookie = cookie_parser(headers.get("cookie", "")).get(SESSION_COOKIE)
    return None if cookie is None else hashlib.sha256(cookie.encode()).hexdigest()


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
