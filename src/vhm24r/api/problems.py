"""Errors as `application/problem+json`, in the reader's language."""

from collections.abc import Mapping
from typing import Self

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from starlette.responses import Response

from vhm24r.kit.errors import AppError
from vhm24r.platform import metrics
from vhm24r.platform.i18n import chosen, say

log = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"
BY_STATUS = {404: "http.not_found", 405: "http.method_not_allowed"}
MEBIBYTE = 1024 * 1024
LONGEST_PARAM = 2_000


class RequestTooLarge(AppError):
    """The body is, or says it is, over the limit of its route."""

    code = "http.too_large"
    status = 413

    @classmethod
    def over(cls, limit: int, declared: int | None = None) -> Self:
        """From bytes; the sentence names the declared size where there is one."""
        if declared is None:
            return cls(limit_mb=limit // MEBIBYTE)
        tenths = -(-declared * 10 // MEBIBYTE)  # rounded up: a byte over the limit must not read like the limit
        return cls(problem="declared", size_mb=f"{tenths // 10}.{tenths % 10}", limit_mb=limit // MEBIBYTE)


class Problem(BaseModel):
    """What every error answers with."""

    status: int
    code: str
    title: str
    detail: str
    params: dict[str, str]
    request_id: str | None


def language_of(request: Request) -> str:
    """The signed-in person's language, else the browser's."""
    return getattr(request.state, "language", None) or chosen(request.headers.get("accept-language"))


def problem(request: Request, status: int, code: str, params: Mapping[str, object]) -> Response:
    """One error as every client gets it."""
    language = language_of(request)
    shown = {name: _sayable(value) for name, value in params.items()}
    body = {
        "status": status,
        "code": code,
        "title": say(f"title.{status}", language),
        "detail": say(code, language, {**params, **shown}),
        "params": shown,
        "request_id": structlog.contextvars.get_contextvars().get("request_id"),
    }
    metrics.errors_total.labels(code).inc()
    headers = {"Retry-After": str(params.get("retry_after", 1))} if status in (429, 503) else {}
    return Response(orjson.dumps(body), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def _sayable(value: object) -> str:
    """A parameter as it can be sent: half characters are marked, and a long text is cut."""
    text = str(value).encode("utf-8", "replace").decode()
    return text if len(text) <= LONGEST_PARAM else text[: LONGEST_PARAM - 1] + "…"


def unexpected(request: Request, error: Exception) -> Response:
    """A fault of ours: everything goes to the log, nothing but the request id to the client."""
    log.error("http.unexpected", exc_info=error, path=request.url.path)
    return problem(request, 500, "http.unexpected", {})


def install(app: FastAPI) -> None:
    """Render our errors and the framework's; the unexpected ones are caught around them, in `app`."""

    @app.exception_handler(AppError)
    async def app_error(request: Request, error: AppError) -> Response:
        return problem(request, error.status, error.code, error.params)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:]) or "body"
        return problem(request, 422, "http.invalid", {"field": field, "reason": first["msg"]})

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        limit = request.scope.get(MAX_BODY_SIZE_SCOPE_KEY)
        if error.status_code == RequestTooLarge.status and limit is not None:  # counted while it was read
            return await app_error(request, RequestTooLarge.over(limit))
        code = BY_STATUS.get(error.status_code, "http.error")
        return problem(request, error.status_code, code, {"reason": error.detail, "path": request.url.path})
