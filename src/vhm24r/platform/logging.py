"""Structured logs with constant event names, ids instead of objects, and secrets redacted."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

REDACTED = "[redacted]"
SECRET_KEYS = re.compile(
    r"(token|secret|password|authorization|cookie|api_?key|phone|street|address|card|pan|init_?data|signature)",
    re.IGNORECASE,
)
SECRET_TEXTS = (
    re.compile(r"(?<!\d)\d{8,10}:[A-Za-z0-9_-]{30,}"),  # Telegram bot token
    re.compile(r"\b(?:\d[ -]?){13,19}\b"),  # card number
    re.compile(r"(?<![\w.])\+\d(?:[ ()-]{0,2}\d){9,13}\b"),  # phone number in international form
    re.compile(r"(?<=://)[^/@\s]+:[^/@\s]+(?=@)"),  # user:password in a URL
    re.compile(r"\bvhm24r_[A-Z0-9]{6}_[A-Za-z0-9_-]{16,}"),  # API key
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"),  # access token
    re.compile(r"(?<=/link/)[A-Za-z0-9_-]{16,}"),  # one-time sign-in link
)


def redact(_: object, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Remove what must never reach a log: by key, and by shape inside texts."""
    return {key: _clean(key, value) for key, value in event.items()}


def _clean(key: str, value: Any) -> Any:  # noqa: ANN401  # log values are of any kind by nature
    if key != "event" and SECRET_KEYS.search(key):
        return REDACTED
    if isinstance(value, str):
        for pattern in SECRET_TEXTS:
            value = pattern.sub(REDACTED, value)
        return value
    if isinstance(value, dict):
        return {inner: _clean(str(inner), content) for inner, content in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(key, content) for content in value]
    return value


def configure_logging(level: str = "info", style: str = "auto") -> None:
    """Route structlog and the standard library through one pipeline to stderr."""
    pretty = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    renderer: Processor = structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # our handler logs the exception, once
    for chatty in ("procrastinate", "uvicorn.access", "httpx", "alembic"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
