"""A seeded slice of the fuzzed API: no fault of ours, nothing undeclared, nothing of others, whoever asks."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import sign_in
from tests.integration.reconciled import ORDERS, SALES, order, reconcile, sale
from tests.integration.sharing import imported, process
from tests.security.api_fuzzing import Summary, fuzz
from vhm24r.api.server import WebServer
from vhm24r.identity.permissions import Role
from vhm24r.identity.service.people import grant
from vhm24r.kit.actor import Actor
from vhm24r.ops.process import Services
from vhm24r.platform.embedded import EmbeddedServer

pytestmark = [pytest.mark.security, pytest.mark.timeout(600)]
OTHER = "ffffffffffff"
CANARY = "CANARY-7f3a"
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2"))
"""Of each operation with data that fits, and as many with data that does not; `make fuzz-api` asks for more."""

TABLE = Path(__file__).parents[2] / "artifacts" / "fuzzed-api.md"


@pytest.fixture(scope="module")
async def network(
    server: EmbeddedServer, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Services, str]]:
    """A network that listens on a port; one order on another machine is named by a canary."""
    async with process(server, template, tmp_path_factory.mktemp("fuzzed")) as services:
        orders = [*ORDERS, order(9, "16:00:00", "33000", Машинный_код=OTHER, Адрес=CANARY)]
        for name, rows in (("orders", orders), ("sales", [*SALES, sale(9, "16:00:02", "33000", Machine_Code=OTHER)])):
            await imported(services, rows, f"{name}.csv")
        await reconcile(services)
        web = WebServer(services)
        await web.start()
        yield services, web.url
        await web.stop()


async def fuzzed(
    services: Services, url: str, role: Role | None, *, machines: list[str] | None = None, hidden: tuple[str, ...] = ()
) -> Summary:
    """Every operation as a person of a role, each with a session of its own: some of them end it."""
    loop = asyncio.get_running_loop()

    async def come_in() -> str | None:
        if role is None:
            return None
        token = await sign_in(services, role)
        if machines is not None:
            person = (await services.access.authenticate(token)).person.id
            async with services.db.write() as session:
                await grant(session, Actor.system("test"), person, machines, None, services.clock.now())
            services.access.forget(person)
        return token

    def token() -> str | None:
        return asyncio.run_coroutine_threadsafe(come_in(), loop).result(60)

    summary = await asyncio.to_thread(fuzz, url, token, examples=EXAMPLES, hidden=hidden)
    TABLE.parent.mkdir(exist_ok=True)
    with TABLE.open("a") as table:
        table.write(summary.line(str(role or "nobody") + (" of one machine" if machines else "")) + "\n")
    return summary


@pytest.mark.parametrize("role", [None, *Role])
async def test_nobody_makes_the_api_stumble(network: tuple[Services, str], role: Role | None) -> None:
    hidden = (CANARY,) if role in (None, Role.CUSTOMER) else ()
    summary = await fuzzed(*network, role, hidden=hidden)

    assert summary.problems == []
    assert summary.operations > 60
    assert summary.requests > 100


async def test_who_sees_one_machine_is_shown_nothing_of_the_other(network: tuple[Services, str]) -> None:
    summary = await fuzzed(*network, Role.OPERATOR, machines=["a1b2c3d4e5f6"], hidden=(CANARY, OTHER))

    assert summary.problems == []
    assert summary.statuses[200] > 0
