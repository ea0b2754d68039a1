"""The ASGI application of one process."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import structlog
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware

from vhm24r import __version__
from vhm24r.api import page, problems
from vhm24r.api.description import describe
from vhm24r.api.endpoints import auth, imports, mappings, orders, people, reconciliation, running
from vhm24r.api.headers import security_headers
from vhm24r.api.routing import GuardedRoute
from vhm24r.api.security import Open
from vhm24r.kit.ids import correlation_id
from vhm24r.ops.process import Services
from vhm24r.platform import metrics
from vhm24r.platform.rates import Rate
from vhm24r.settings import Settings, rates_of

API = "/api/v1"


def build_app(services: Services) -> FastAPI:
    """Everything HTTP on these services; starts and stops the live hub with itself."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await services.live.start()
        yield
        await services.live.stop()

    app = FastAPI(
        title="VHM24R",
        version=__version__,
        summary="Orders of businesses that live in Telegram, each checked against the money.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
        responses={"4XX": {"model": problems.Problem, "description": "what is wrong and what to do"}},
    )
    app.state.services = services
    app.state.headers = security_headers(services.settings)
    app.state.rates = {kind: Rate.parse(text) for kind, text in rates_of(services.settings.rate_limits).items()}
    app.router.route_class = GuardedRoute
    problems.install(app)
    _let_other_sites_call(app, services.settings)
    app.middleware("http")(_observe)
    for router in (
        auth.router,
        people.router,
        people.keys,
        people.log,
        imports.router,
        mappings.router,
        orders.router,
        orders.reference,
        reconciliation.router,
        running.router,
    ):
        app.include_router(router, prefix=API)
    app.include_router(auth.links)
    app.include_router(running.outside)
    documented = [Depends(Open("describes the API and holds no data"))]
    app.add_api_route("/api/docs", _docs, include_in_schema=False, dependencies=documented)
    page.mount(app)
    app.openapi = partial(describe, app)  # type: ignore[method-assign]  # FastAPI's way to say it oneself
    return app


def build_monitoring_app(services: Services) -> FastAPI:
    """What a process without page and API shows of itself: health, readiness and metrics."""
    app = FastAPI(openapi_url=None)
    app.state.services = services
    app.state.headers = security_headers(services.settings)
    app.state.rates = {}
    problems.install(app)
    app.middleware("http")(_observe)
    app.include_router(running.outside)
    return app


def _let_other_sites_call(app: FastAPI, settings: Settings) -> None:
    """Pages of the sites that are named may call with a token; with cookies nobody else's page may."""
    origins = [origin.strip() for origin in settings.cors_origins.split(",") if origin.strip()]
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Accept-Language", "Idempotency-Key"],
            expose_headers=["Retry-After", "X-Request-Id"],
        )


async def _docs() -> RedirectResponse:
    return RedirectResponse("/api-docs/index.html")


def _operation_id(route: APIRoute) -> str:
    """Names of generated client functions: the endpoint's own name."""
    return route.name


async def _observe(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Correlation id, duration and security headers of every request."""
    request_id = correlation_id()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    started = time.perf_counter()
    try:
        response = await call_next(request)
    except Exception as error:  # noqa: BLE001  # the HTTP edge: the answer gets its headers like any other
        response = problems.unexpected(request, error)
    route = request.scope.get("route")
    path = getattr(route, "path", "static")
    seconds = time.perf_counter() - started
    metrics.http_seconds.labels(request.method, path, str(response.status_code)).observe(seconds)
    response.headers["X-Request-Id"] = request_id
    for name, value in request.app.state.headers.items():
        response.headers.setdefault(name, value)
    return response
