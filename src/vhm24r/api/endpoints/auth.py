"""Signing in and out, and about oneself."""

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse

from vhm24r.api.routing import GuardedRouter
from vhm24r.api.schemas import LinkIn, MeIn, MeOut
from vhm24r.api.security import CurrentPerson, Needs, Open, ServicesOf, WriteSession
from vhm24r.identity import service as identity
from vhm24r.identity.models import Person
from vhm24r.identity.permissions import Permission
from vhm24r.identity.types import SESSION_COOKIE
from vhm24r.kit.actor import Actor
from vhm24r.kit.errors import Unauthenticated
from vhm24r.ops.process import Services

router = GuardedRouter(prefix="/auth", tags=["auth"])
links = GuardedRouter(tags=["auth"])
PREVIEWERS = ("telegrambot", "twitterbot", "facebookexternalhit", "whatsapp", "slackbot", "discordbot", "bot/")
COOKIE_SECONDS = 30 * 24 * 3600


def me_view(person: Person, services: Services) -> dict[str, object]:
    """The signed-in person with the rights of the role."""
    return {
        "id": person.id,
        "name": person.name,
        "role": person.role,
        "language": person.language,
        "permissions": sorted(identity.actor_of(person).permissions),
        "timezone": services.settings.timezone,
        "mode": services.settings.mode,
    }


def set_cookie(response: Response, services: Services, token: str) -> None:
    """The session's cookie: for this site only, invisible to scripts."""
    secure = services.settings.public_url.startswith("https://")
    response.set_cookie(
        SESSION_COOKIE, token, max_age=COOKIE_SECONDS, httponly=True, secure=secure, samesite="lax", path="/"
    )


@router.post("/link", response_model=MeOut, dependencies=[Depends(Open("this is the way in"))])
async def sign_in(
    body: LinkIn, request: Request, response: Response, services: ServicesOf, session: WriteSession
) -> object:
    """Use up a one-time link and open a session."""
    now = services.clock.now()
    signed_in = await identity.sign_in_by_link(session, body.token, now, request.headers.get("user-agent"))
    set_cookie(response, services, signed_in.token)
    return me_view(await identity.get_person(session, signed_in.person_id), services)


@links.get("/link/{token}", include_in_schema=False, dependencies=[Depends(Open("this is the way in"))])
async def follow_link(token: str, request: Request, services: ServicesOf) -> Response:
    """Open a session from a link somebody tapped; a preview of it by a messenger uses nothing up."""
    agent = request.headers.get("user-agent", "")
    if any(name in agent.lower() for name in PREVIEWERS):
        return Response("VHM24R", media_type="text/plain")
    try:
        async with services.db.write() as session:
            signed_in = await identity.sign_in_by_link(session, token, services.clock.now(), agent)
    except Unauthenticated as error:
        return RedirectResponse(f"/sign-in?error={error.code}", status_code=303)
    response = RedirectResponse("/", status_code=303)
    set_cookie(response, services, signed_in.token)
    return response


@links.head("/link/{token}", include_in_schema=False, dependencies=[Depends(Open("asks nothing, uses nothing up"))])
async def look_at_link() -> Response:
    """HEAD leaves the link as it is."""
    return Response()


@router.get("/me", response_model=MeOut)
async def me(person: CurrentPerson, services: ServicesOf) -> object:
    """Who is signed in."""
    return me_view(person, services)


@router.patch("/me", response_model=MeOut)
async def change_me(
    body: MeIn,
    services: ServicesOf,
    session: WriteSession,
    actor: Actor = Depends(Needs(Permission.PROFILE_WRITE)),
) -> object:
    """Choose the language."""
    person = await identity.choose_language(session, actor, body.language, services.clock.now())
    return me_view(person, services)


@router.post("/logout", status_code=204)
async def sign_out(request: Request, person: CurrentPerson, services: ServicesOf, session: WriteSession) -> Response:
    """Close this session."""
    await identity.sign_out(session, request.cookies[SESSION_COOKIE], services.clock.now())
    response = Response(status_code=204)
    response.delete_cookie(SESSION_COOKIE, path="/")
    return response
