"""Who is asking, may they, and not too often: the one door every route goes through."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.api.cookies import ACCESS_COOKIE, values_of_cookie
from vhm24r.identity.permissions import Permission
from vhm24r.identity.service.access import Identified, one_credential
from vhm24r.identity.types import Client
from vhm24r.kit.actor import Actor
from vhm24r.kit.errors import Forbidden, Unauthenticated
from vhm24r.ops.process import Services
from vhm24r.platform import metrics
from vhm24r.platform.rates import Rate, TooOften
from vhm24r.settings import RateClass

WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
CSRF_HEADER = "x-requested-with"
OURSELVES = frozenset({"same-origin", "none"})
"""What a browser says of requests of our own page, and of addresses a person has typed."""

EVERYWHERE = frozenset({RateClass.SIGN_IN, RateClass.EXPORT, RateClass.WEBHOOK})
"""What is counted over all processes; the rest is counted in each."""


class CrossSiteRequest(Forbidden):
    """A write with a cookie that our own page did not send."""

    code = "http.cross_site"


class NotForKeys(Forbidden):
    """Devices are a person's own: a program has none, and does not touch its maker's."""

    code = "identity.not_for_keys"


def services_of(request: Request) -> Services:
    """The services of this process."""
    services: Services = request.app.state.services
    return services


def client_of(request: Request) -> Client:
    """The other end. Behind a proxy that is trusted its address is the one that the proxy names."""
    return Client(request.client.host if request.client else "unknown", request.headers.get("user-agent"))


async def identify(request: Request) -> Identified:
    """Who is signed in; looked up once per request.

    Raises:
        Unauthenticated: nobody is, or with something that opens nothing (any more).
        CrossSiteRequest: a write with a cookie that may not come from our page.
    """
    known: Identified | None = getattr(request.state, "identified", None)
    if known is not None:
        return known
    credential = one_credential(request.headers.getlist("authorization"), values_of_cookie(request, ACCESS_COOKIE))
    if credential is None:
        raise Unauthenticated
    token, by_cookie = credential
    found = await services_of(request).access.authenticate(token)
    request.state.language = found.person.language
    if by_cookie:
        require_our_page(request)
    request.state.identified = found
    return found


def require_our_page(request: Request) -> None:
    """Pass, unless a write that a cookie speaks for was sent by another site.

    Raises:
        CrossSiteRequest: the header that only our page sends is missing, or the browser itself says so.
    """
    if request.method not in WRITING:
        return
    if CSRF_HEADER not in request.headers or request.headers.get("sec-fetch-site", "none") not in OURSELVES:
        raise CrossSiteRequest


async def count(request: Request, rate_class: RateClass, subject: str) -> None:
    """Count one more request of this class by somebody.

    Raises:
        TooOften: it was one too many.
    """
    rate = _rates(request).get(rate_class)
    if rate is None:
        return
    services, key = services_of(request), f"{rate_class}:{subject}"
    try:
        if rate_class in EVERYWHERE:
            await services.access.counters.everywhere(rate, key)
        else:
            services.access.counters.here(rate, key)
    except TooOften:
        metrics.too_often_total.labels(rate_class).inc()
        raise


def address_of(request: Request) -> str:
    """An address as counters keep it: they need to tell addresses apart, not to know them."""
    return f"ip:{client_of(request).place}"


def _rates(request: Request) -> dict[RateClass, Rate]:
    rates: dict[RateClass, Rate] = request.app.state.rates
    return rates


def _subject(found: Identified) -> str:
    return f"key:{found.key_id}" if found.key_id is not None else f"person:{found.person.id}"


async def _identified(request: Request, rate: RateClass | None) -> Identified:
    """Who asks, counted: somebody by person or key, a stranger by address."""
    try:
        found = await identify(request)
    except Unauthenticated:
        await count(request, RateClass.REFUSED, address_of(request))
        raise
    usual = RateClass.WRITE if request.method in WRITING else RateClass.READ
    if not getattr(request.state, "counted", False):
        request.state.counted = True
        await count(request, rate or usual, _subject(found))
    return found


@dataclass(frozen=True, slots=True)
class Needs:
    """A route's declared permission; as a dependency it gives the actor who holds it."""

    permission: Permission
    rate: RateClass | None = None

    async def __call__(self, request: Request) -> Actor:
        """The actor.

        Raises:
            Unauthenticated, Forbidden, AwaitingApproval, TooOften.
        """
        found = await _identified(request, self.rate)
        found.require_approved()
        found.actor.require(self.permission)
        return found.actor


@dataclass(frozen=True, slots=True)
class Open:
    """A route that needs no permission, and the reason why; those with a rate are counted by address."""

    reason: str
    rate: RateClass | None = None

    async def __call__(self, request: Request) -> None:
        """Nothing to prove.

        Raises:
            TooOften: the route has a rate, and this address has used it up.
        """
        if self.rate is not None and not getattr(request.state, "counted", False):
            request.state.counted = True
            await count(request, self.rate, address_of(request))


@dataclass(frozen=True, slots=True)
class SignedInOnly:
    """A route about oneself: any signed-in person; where `waiting` says so also who waits for approval, and where
    `by_key` does not, no program.
    """

    waiting: bool = False
    by_key: bool = True

    async def __call__(self, request: Request) -> Identified:
        """Who is signed in.

        Raises:
            Unauthenticated, AwaitingApproval, TooOften.
        """
        found = await _identified(request, None)
        if not self.waiting:
            found.require_approved()
        if found.session_id is None and not self.by_key:
            raise NotForKeys
        return found


Door = Needs | Open | SignedInOnly
"""What every route declares exactly one of; `api.routing` asks it before the body is read."""

ServicesOf = Annotated[Services, Depends(services_of)]
SignedInAs = Annotated[Identified, Depends(SignedInOnly())]
WaitingToo = Annotated[Identified, Depends(SignedInOnly(waiting=True))]
OnDevice = Annotated[Identified, Depends(SignedInOnly(by_key=False))]


async def read_session(services: ServicesOf):  # type: ignore[no-untyped-def]  # noqa: ANN201  # FastAPI reads the annotation of the alias below
    """A session for queries."""
    async with services.db.read() as session:
        yield session


async def write_session(services: ServicesOf):  # type: ignore[no-untyped-def]  # noqa: ANN201  # as above
    """The request's one transaction; committed when the route returns."""
    async with services.db.write() as session:
        yield session


ReadSession = Annotated[AsyncSession, Depends(read_session)]
WriteSession = Annotated[AsyncSession, Depends(write_session, scope="function")]
