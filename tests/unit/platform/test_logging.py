"""What must never reach a log does not, by key and by shape."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from vhm24r.platform.logging import REDACTED, configure_logging, redact

pytestmark = pytest.mark.unit

TOKEN = "123456789:AAEabcdefghijklmnopqrstuvwxyz0123456"


def clean(**event: object) -> dict[str, object]:
    return dict(redact(None, "info", event))


@pytest.mark.parametrize(
    "key",
    [
        "token", "bot_token", "access_token", "secret", "client_secret", "password", "Authorization", "Cookie",
        "api_key", "apikey", "API_KEY", "phone", "phone_number", "street", "street2", "address", "machine_address",
        "card", "masked_pan", "init_data", "initData", "signature",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", ["x", 7, None, ["x"], {"x": "y"}], ids=repr)
def test_a_value_under_a_telling_key_is_hidden_whatever_it_is(key: str, value: object) -> None:
    assert clean(**{key: value}) == {key: REDACTED}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (TOKEN, REDACTED),
        (f"token {TOKEN} refused", f"token {REDACTED} refused"),
        (f"https://api.telegram.org/bot{TOKEN}/getMe", f"https://api.telegram.org/bot{REDACTED}/getMe"),
        ("8600123456789012", REDACTED),
        ("paid by 8600 1234 5678 9012, today", f"paid by {REDACTED}, today"),
        ("8600-1234-5678-9012", REDACTED),
        ("call +998901234567", f"call {REDACTED}"),
        ("postgresql+psycopg://vhm24r:hunter2@db/vhm24r", f"postgresql+psycopg://{REDACTED}@db/vhm24r"),
        ("GET /link/AbCdEfGhIjKlMnOpQrStUvWx", f"GET /link/{REDACTED}"),
    ],
)
def test_a_secret_inside_of_a_text_is_hidden_and_the_rest_is_kept(text: str, shown: str) -> None:
    assert clean(detail=text) == {"detail": shown}


@pytest.mark.parametrize(
    "text",
    [
        "order ff000008d82025122500145924a8181f0000", "import 7 of 15000 rows", "2025-12-25 00:14:59", "127.0.0.1:8000",
        "https://example.com/orders?page=2", "postgresql://db/vhm24r", "/link/short", "123456789012",
    ],
)  # fmt: skip
def test_an_ordinary_text_is_left_alone(text: str) -> None:
    assert clean(detail=text) == {"detail": text}


def test_secrets_are_found_at_any_depth() -> None:
    event = clean(request={"headers": [{"Authorization": "Bearer x"}, TOKEN], "rows": 7}, parts=("8600123456789012", 1))

    assert event == {
        "request": {"headers": [{"Authorization": REDACTED}, REDACTED], "rows": 7},
        "parts": [REDACTED, 1],
    }


def test_the_name_of_an_event_is_no_key_but_its_text_is_looked_at() -> None:
    assert clean(event="identity.token_issued") == {"event": "identity.token_issued"}
    assert clean(event=f"refused {TOKEN}") == {"event": f"refused {REDACTED}"}


def test_numbers_and_nothing_pass_as_they_are() -> None:
    assert clean(rows=7, ok=True, share=0.5, nothing=None) == {"rows": 7, "ok": True, "share": 0.5, "nothing": None}


@pytest.fixture
def _pipeline() -> Iterator[None]:
    """Logging of the whole process is put back afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    chatty = {name: logging.getLogger(name).level for name in ("uvicorn.error", "procrastinate", "httpx", "alembic")}
    yield
    root.handlers[:], root.level = before
    for name, level in chatty.items():
        logging.getLogger(name).setLevel(level)
    structlog.reset_defaults()


@pytest.mark.usefixtures("_pipeline")
def test_both_kinds_of_loggers_write_one_redacted_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json")

    structlog.get_logger("vhm24r.test").info("person.called", phone="+998901234567", import_id=7)
    logging.getLogger("vhm24r.other").warning("refused %s", TOKEN)
    logging.getLogger("vhm24r.other").debug("not shown")
    logging.getLogger("httpx").info("not shown either")

    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["event"], first["phone"], first["import_id"], first["level"]) == (
        "person.called",
        REDACTED,
        7,
        "info",
    )
    assert first["logger"] == "vhm24r.test"
    assert first["timestamp"].endswith("Z")
    assert (second["event"], second["level"]) == (f"refused {REDACTED}", "warning")


@pytest.mark.usefixtures("_pipeline")
def test_a_console_shows_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("error", "console")

    logging.getLogger("vhm24r.other").error("broken")
    logging.getLogger("vhm24r.other").warning("not shown")

    shown = capsys.readouterr().err
    assert "broken" in shown
    assert "not shown" not in shown
