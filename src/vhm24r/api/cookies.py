"""The two cookies of a browser: a short one that proves who asks, and one that fetches the next pair."""

from fastapi import Request, Response

from vhm24r.identity.types import Tokens
from vhm24r.settings import Settings

ACCESS_COOKIE = "vhm24r_access"
REFRESH_COOKIE = "vhm24r_refresh"
REFRESH_PATH = "/api/v1/auth"
"""The long-lived token travels to the few routes that need it, and nowhere else."""

KEPT_SECONDS = 365 * 24 * 3600
"""How long a browser keeps them: longer than any session, whose end the server decides."""


def set_cookies(response: Response, settings: Settings, tokens: Tokens) -> None:
    """For this site only, invisible to scripts. A link somebody taps in a chat arrives with the first one."""
    secure = settings.public_url.startswith("https://")
    response.set_cookie(
        ACCESS_COOKIE, tokens.access, KEPT_SECONDS, path="/", secure=secure, httponly=True, samesite="lax"
    )
    response.set_cookie(
        REFRESH_COOKIE, tokens.refresh, KEPT_SECONDS, path=REFRESH_PATH, secure=secure, httponly=True, samesite="strict"
    )


def clear_cookies(response: Response) -> None:
    """Have the browser forget both."""
    response.delete_cookie(ACCESS_COOKIE, path="/")
    response.delete_cookie(REFRESH_COOKIE, path=REFRESH_PATH)


def values_of_cookie(request: Request, name: str) -> list[str]:
    """Every value that a request gives for a cookie: two of one name are two claims, and a parser would pick one."""
    found = []
    for header in request.headers.getlist("cookie"):
        for part in header.split(";"):
            key, separator, value = part.strip().partition("=")
            if separator and key == name:
                found.append(value.strip().strip('"'))
    return found
