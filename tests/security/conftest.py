"""One process with a client of every role, shared by the tests of a file that leave it as it is."""

import itertools
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import sign_in
from tests.integration.sharing import process
from vhm24r.api.app import build_app
from vhm24r.api.cookies import ACCESS_COOKIE
from vhm24r.identity.permissions import Role
from vhm24r.ops.process import Services
from vhm24r.platform.embedded import EmbeddedServer

Clients = dict[Role | None, httpx.AsyncClient]
HEADERS = {"X-Requested-With": "tests", "Accept-Language": "en"}


ADDRESSES = (f"198.18.{number // 250}.{number % 250 + 1}" for number in itertools.count())
"""Every browser has its own: what one of them tries in vain locks no other out."""


def client_of(app: FastAPI, token: str | None = None, address: str | None = None, **headers: str) -> httpx.AsyncClient:
    """A browser with this session's cookie, or with none."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address or next(ADDRESSES), 1))
    cookies = {ACCESS_COOKIE: token} if token else {}
    return httpx.AsyncClient(transport=transport, base_url="http://test", cookies=cookies, headers=HEADERS | headers)


@pytest.fixture(scope="module")
async def shared(
    server: EmbeddedServer, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Services]:
    """The services of this file's one process."""
    async with process(server, template, tmp_path_factory.mktemp("shared")) as services:
        yield services


@pytest.fixture(scope="module")
def site(shared: Services) -> FastAPI:
    """Its application."""
    return build_app(shared)


@pytest.fixture(scope="module")
async def clients(shared: Services, site: FastAPI) -> AsyncIterator[Clients]:
    """A client per role, and one of nobody (None)."""
    found: Clients = {None: client_of(site)}
    found |= {role: client_of(site, await sign_in(shared, role)) for role in Role}
    yield found
    for client in found.values():
        await client.aclose()
