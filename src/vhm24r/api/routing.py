"""Routes that ask who is there, and how much they bring, before they read what was sent.

FastAPI asks a route's dependencies after it has read and parsed the body; a stranger would hear about
the body before hearing that one has to sign in. Every router of the product is a `GuardedRouter`.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from functools import cached_property
from typing import Any

from fastapi import APIRouter, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from vhm24r.api.idempotency import once
from vhm24r.api.problems import RequestTooLarge
from vhm24r.api.security import Door, Needs, Open, SignedInOnly

LARGEST_BODY = 1024 * 1024
"""Bytes of an ordinary request; a route that takes more says so with `max_body_size`."""


class GuardedRoute(APIRoute):
    """A route that proves its doors and the declared size of the body first."""

    @cached_property
    def doors(self) -> tuple[Door, ...]:
        """The doors this route declares."""
        return tuple(call for call in _calls(self.dependant) if isinstance(call, Needs | Open | SignedInOnly))

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request.

        Raises:
            Unauthenticated, Forbidden, RequestTooLarge: in this order, and before any of the body is read.
        """
        if scope["method"] in (self.methods or ()):  # any other method is answered 405, whoever asks
            request = Request(scope)
            for door in self.doors:
                await door(request)
            _refuse_too_large(request, self.max_body_size)
            await once(request, receive, send, super().handle)
            return
        await super().handle(scope, receive, send)


class GuardedRouter(APIRouter):
    """A router of guarded routes, each with a limit of its body."""

    def __init__(self, *, prefix: str = "", tags: list[str | Enum] | None = None) -> None:
        """Nothing to choose but the prefix and the tags."""
        super().__init__(prefix=prefix, tags=tags, route_class=GuardedRoute, max_body_size=LARGEST_BODY)


def _calls(dependant: Dependant) -> Iterator[Callable[..., Any] | None]:
    """What a route calls before itself, at any depth."""
    for child in dependant.dependencies:
        yield child.call
        yield from _calls(child)


def _refuse_too_large(request: Request, limit: int | None) -> None:
    """By the declared length; the framework counts what comes without one."""
    declared = request.headers.get("content-length", "")
    if limit is not None and declared.isdecimal() and int(declared) > limit:
        raise RequestTooLarge.over(limit, int(declared))
