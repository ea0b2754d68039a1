"""Signing in and out, and about oneself."""

from typing import Annotated, Literal

from fastapi import Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from vhm24r.api.cookies import REFRESH_COOKIE, clear_cookies, set_cookies, values_of_cookie
from vhm24r.api.idempotency import NO_STORE
from vhm24r.api.routing import GuardedRouter
from vhm24r.api.schemas import (
    LinkIn,
    ListOf,
    MeIn,
    MeOut,
    MiniAppIn,
    RefreshIn,
    RevokedOut,
    SessionOut,
    SignedInOut,
    TelegramIn,
    WaysOut,
)
from vhm24r.api.security import (
    Needs,
    OnDevice,
    Open,
    ReadSession,
    ServicesOf,
    WaitingToo,
    WriteSession,
    client_of,
    identify,
    require_our_page,
)
from vhm24r.identity.errors import CredentialsAmbiguous, RefreshInvalid
from vhm24r.identity.permissions import Permission
from vhm24r.identity.service import coming_in, people, sessions
from vhm24r.identity.types import SignedIn, Tokens
from vhm24r.identity.views import me_view, session_view
from vhm24r.kit.actor import Actor
from vhm24r.kit.errors import Unauthenticated
from vhm24r.ops.process import Services
from vhm24r.settings import RateClass

router = GuardedRouter(prefix="/auth", tags=["auth"])
links = GuardedRouter(tags=["auth"])
PREVIEWERS = ("telegrambot", "twitterbot", "facebookexternalhit", "whatsapp", "slackbot", "discordbot", "bot/")
TokensIn = Annotated[
    Literal["cookie", "body"], Query(description="cookie: for a browser; body: for a program that sends a Bearer token")
]
CARRIES_ON = Depends(Open("the refresh token is the proof", RateClass.REFRESH))
CLOSES = Depends(Open("closes what is open, if anything", RateClass.REFRESH))
WAY_IN = Depends(Open("this is the way in", RateClass.SIGN_IN))


async def _signed_in(
    services: Services, request: Request, response: Response, signed_in: SignedIn, *, as_body: bool
) -> dict[str, object]:
    """Who came in: a browser gets cookies, a program its tokens."""
    async with services.db.read() as session:
        person = await people.get_person(session, signed_in.person_id)
    request.state.language = person.language
    response.headers["Cache-Control"] = NO_STORE
    if not as_body:
        set_cookies(response, services.settings, signed_in.tokens)
    tokens = _tokens_view(signed_in.tokens, services) if as_body else None
    return me_view(person, people.actor_of(person), services.settings) | {"tokens": tokens}


def _tokens_view(tokens: Tokens, services: Services) -> dict[str, object]:
    left = tokens.expires_at - services.clock.now()
    return {"access_token": tokens.access, "refresh_token": tokens.refresh, "expires_in": int(left.total_seconds())}


@router.get("/ways", response_model=WaysOut, dependencies=[Depends(Open("a stranger chooses how to come in"))])
async def ways(services: ServicesOf) -> object:
    """How one can sign in here."""
    telegram = services.access.telegram
    widget = telegram.bot_name if telegram.token is not None else None
    return {"telegram_bot": widget, "mini_app": telegram.bot_id is not None}


@router.post("/link", response_model=SignedInOut, dependencies=[WAY_IN])
async def sign_in(
    body: LinkIn, request: Request, response: Response, services: ServicesOf, tokens: TokensIn = "cookie"
) -> object:
    """Use up a one-time link and open a session."""
    signed_in = await coming_in.sign_in_by_link(services.access, body.token, client_of(request))
    return await _signed_in(services, request, response, signed_in, as_body=tokens == "body")


@router.post("/telegram", response_model=SignedInOut, dependencies=[WAY_IN])
async def sign_in_by_widget(
    body: TelegramIn, request: Request, response: Response, services: ServicesOf, tokens: TokensIn = "cookie"
) -> object:
    """Open a session for the fields that Telegram's Login Widget has signed. They work once, for five minutes.
    Somebody unknown gets a session that says no more than that an administrator has to decide.
    """
    signed_in = await coming_in.sign_in_by_widget(services.access, body.fields(), client_of(request))
    return await _signed_in(services, request, response, signed_in, as_body=tokens == "body")


@router.post("/miniapp", response_model=SignedInOut, dependencies=[WAY_IN])
async def sign_in_by_mini_app(body: MiniAppIn, request: Request, response: Response, services: ServicesOf) -> object:
    """Open a session for the init data of a Mini App; its page keeps the tokens in memory."""
    signed_in = await coming_in.sign_in_by_mini_app(services.access, body.init_data, client_of(request))
    return await _signed_in(services, request, response, signed_in, as_body=True)


@router.post("/refresh", response_model=SignedInOut, dependencies=[CARRIES_ON])
async def refresh(body: RefreshIn, request: Request, response: Response, services: ServicesOf) -> object:
    """New tokens for the refresh token, which is used up by that. Of two windows that refresh at once one gets 409
    `identity.refresh_raced`, and finds the new cookies in place.
    """
    signed_in = await services.access.carry_on(_refresh_token(request, body.refresh_token), client_of(request))
    return await _signed_in(services, request, response, signed_in, as_body=body.refresh_token is not None)


def _refresh_token(request: Request, given: str | None) -> str:
    """The one refresh token of a request: in its body, or in its cookie."""
    if given is not None:
        return given
    found = set(values_of_cookie(request, REFRESH_COOKIE))
    if len(found) > 1:
        raise CredentialsAmbiguous
    if not found:
        raise RefreshInvalid
    require_our_page(request)
    return found.pop()


@links.get("/link/{token}", include_in_schema=False, dependencies=[WAY_IN])
async def follow_link(token: str, request: Request, services: ServicesOf) -> Response:
    """Open a session from a link somebody tapped; a preview of it by a messenger uses nothing up."""
    agent = request.headers.get("user-agent", "")
    if any(name in agent.lower() for name in PREVIEWERS):
        return Response("VHM24R", media_type="text/plain")
    try:
        signed_in = await coming_in.sign_in_by_link(services.access, token, client_of(request))
    except Unauthenticated as error:
        return RedirectResponse(f"/sign-in?error={error.code}", status_code=303)
    response = RedirectResponse("/", status_code=303)
    set_cookies(response, services.settings, signed_in.tokens)
    return response


@links.head("/link/{token}", include_in_schema=False, dependencies=[Depends(Open("asks nothing, uses nothing up"))])
async def look_at_link() -> Response:
    """HEAD leaves the link as it is."""
    return Response()


@router.get("/me", response_model=MeOut)
async def me(found: WaitingToo, services: ServicesOf) -> object:
    """Who is signed in, also while waiting for approval (`status`)."""
    return me_view(found.person, found.actor, services.settings)


@router.patch("/me", response_model=MeOut)
async def change_me(
    body: MeIn,
    services: ServicesOf,
    session: WriteSession,
    actor: Annotated[Actor, Depends(Needs(Permission.PROFILE_WRITE))],
) -> object:
    """Choose the language."""
    person = await people.choose_language(session, actor, body.language, services.clock.now())
    services.access.forget(person.id)
    return me_view(person, people.actor_of(person), services.settings)


@router.post("/logout", status_code=204, dependencies=[CLOSES])
async def sign_out(request: Request, services: ServicesOf, session: WriteSession) -> Response:
    """Close this session, also when its access token has expired, and have the browser forget both cookies."""
    now = services.clock.now()
    try:
        found = await identify(request)
    except Unauthenticated:
        for token in set(values_of_cookie(request, REFRESH_COOKIE)):
            require_our_page(request)
            await sessions.revoke_by_refresh(session, token, now)
    else:
        if found.session_id is not None:
            await sessions.revoke_own(session, found.actor, found.session_id, now)
            services.access.forget(found.person.id)
    response = Response(status_code=204)
    clear_cookies(response)
    return response


@router.get("/sessions", response_model=ListOf[SessionOut])
async def own_sessions(found: OnDevice, services: ServicesOf, session: ReadSession) -> object:
    """Devices one is signed in on, the last used first."""
    rows = await sessions.own_sessions(session, found.person.id, services.clock.now())
    return {"items": [session_view(row, found.session_id) for row in rows]}


@router.delete("/sessions", response_model=RevokedOut)
async def revoke_other_sessions(found: OnDevice, services: ServicesOf, session: WriteSession) -> object:
    """Sign out everywhere but here."""
    closed = await sessions.revoke_others(session, found.actor, found.session_id, services.clock.now())
    services.access.forget(found.person.id)
    return {"closed": closed}


@router.delete("/sessions/{session_id}", status_code=204)
async def revoke_session(session_id: int, found: OnDevice, services: ServicesOf, session: WriteSession) -> Response:
    """Sign out on one device."""
    await sessions.revoke_own(session, found.actor, session_id, services.clock.now())
    services.access.forget(found.person.id)
    return Response(status_code=204)
