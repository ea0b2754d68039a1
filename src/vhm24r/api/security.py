"""Who is asking, and may they: the one door every route goes through."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.identity import service as identity
from vhm24r.identity.models import Person
from vhm24r.identity.permissions import Permission
from vhm24r.identity.types import SESSION_COOKIE
from vhm24r.kit.actor import Actor
from vhm24r.kit.errors import Forbidden, Unauthenticated
from vhm24r.ops.process import Services

WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
CSRF_HEADER = "x-requested-with"


class CrossSiteRequest(Forbidden):
    """A write with a cookie but without the header that only our own pages send."""

    code = "http.cross_site"


def services_of(request: Request) -> Services:
    """The services of this process."""
    services: Services = request.app.state.services
    return services


async def person_of(request: Request) -> Person:
    """The signed-in person; looked up once per request.

    Raises:
        Unauthenticated: nobody is signed in. CrossSiteRequest: a write that may not come from our page.
    """
    known: Person | None = getattr(request.state, "person", None)
    if known is not None:
        return known
    services = services_of(request)
    token = request.cookies.get(SESSION_COOKIE)
    if token is None:
        raise Unauthenticated
    async with services.db.read() as session:
        person = await identity.person_of_session(session, token, services.clock.now())
    if person is None:
        raise Unauthenticated
    request.state.language = person.language
    if request.method in WRITING and CSRF_HEADER not in request.headers:
        raise CrossSiteRequest
    request.state.person = person
    return person


@dataclass(frozen=True, slots=True)
class Needs:
    """A route's declared permission; as a dependency it gives the actor who holds it."""

    permission: Permission

    async def __call__(self, request: Request) -> Actor:
        """The actor.

        Raises:
            Unauthenticated, Forbidden.
        """
        actor = identity.actor_of(await person_of(request))
        actor.require(self.permission)
        return actor


@dataclass(frozen=True, slots=True)
class Open:
    """A route that needs no permission, and the reason why."""

    reason: str

    async def __call__(self, request: Request) -> None:
        """Nothing to prove."""


@dataclass(frozen=True, slots=True)
class SignedInOnly:
    """A route about oneself: any signed-in person."""

    async def __call__(self, request: Request) -> Person:
        """The person."""
        return await person_of(request)


Door = Needs | Open | SignedInOnly
"""What every route declares exactly one of; `api.routing` asks it before the body is read."""

ServicesOf = Annotated[Services, Depends(services_of)]
CurrentPerson = Annotated[Person, Depends(SignedInOnly())]


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
