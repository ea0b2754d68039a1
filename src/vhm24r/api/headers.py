"""What every answer tells a browser: what the page may load, who may show it in a frame.

Two addresses are a little wider, and only where a bot is set up: the sign-in page runs Telegram's button, and the Mini
App is shown inside of Telegram's web client.
"""

from vhm24r.settings import Settings

SIGN_IN_PAGE = "sign-in"
MINI_APP = "app"
TELEGRAM_SCRIPTS = "https://telegram.org"
TELEGRAM_SIGN_IN = "https://oauth.telegram.org"
TELEGRAM_WEB = "https://web.telegram.org"


def policy(*, scripts: str = "'self'", frames: str = "'none'", shown_in: str = "'none'") -> str:
    """A content security policy. Styles inside of elements are the kit's; scripts inside of the page are nobody's."""
    return (
        f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
        f" font-src 'self' data:; connect-src 'self'; frame-src {frames}; object-src 'none'; base-uri 'self';"
        f" form-action 'self'; frame-ancestors {shown_in}"
    )


def security_headers(settings: Settings) -> dict[str, str]:
    """Headers of every answer; HTTPS for good where the page is reached by it."""
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
        "Content-Security-Policy": policy(),
    }
    if settings.public_url.startswith("https://"):
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return headers


def page_headers(path: str, settings: Settings) -> dict[str, str]:
    """What differs for one page. Browsers that know `frame-ancestors` go by it, and not by the older header."""
    if path == SIGN_IN_PAGE and settings.telegram_bot_name and settings.telegram_token:
        scripts = f"'self' {TELEGRAM_SCRIPTS}"
        return {"Content-Security-Policy": policy(scripts=scripts, frames=TELEGRAM_SIGN_IN)}
    if path == MINI_APP and (settings.telegram_token or settings.telegram_bot_id):
        return {"Content-Security-Policy": policy(shown_in=TELEGRAM_WEB)}
    return {}
