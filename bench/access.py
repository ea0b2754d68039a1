"""Coming in and the door of every request, each beside its limit: the bare cryptography of it.

Printed are the median and the 95th percentile in milliseconds. `python -m bench.access [--times 2000]`.
"""

import argparse
import asyncio
import hmac
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import httpx
import jwt
from starlette.requests import Request

from bench.importing import in_folder
from bench.measuring import table
from vhm24r.api.app import build_app
from vhm24r.api.security import identify
from vhm24r.api.server import WebServer
from vhm24r.identity.permissions import Role
from vhm24r.identity.service import coming_in, people
from vhm24r.identity.telegram import check_init_data
from vhm24r.identity.types import Client, Tokens
from vhm24r.kit.actor import Actor
from vhm24r.main import open_services, prepare_database, running_database
from vhm24r.ops.process import Services
from vhm24r.platform.logging import configure_logging
from vhm24r.settings import Mode, Settings

ACTOR = Actor.system("bench")
TOKEN = "123456:bench-token"
WINDOWS = 200
HERE = Client("192.0.2.1", "bench")


def init_data(person: int) -> str:
    """What Telegram hands to a Mini App, signed with the bench's token."""
    now = datetime.now(UTC) - timedelta(seconds=5)
    fields = {"auth_date": str(int(now.timestamp())), "query_id": "AAF", "user": f'{{"id":{person},"first_name":"B"}}'}
    lines = "\n".join(f"{name}={value}" for name, value in sorted(fields.items()))
    secret = hmac.digest(b"WebAppData", TOKEN.encode(), "sha256")
    return urlencode({**fields, "hash": hmac.new(secret, lines.encode(), "sha256").hexdigest()})


async def timed(name: str, times: int, step: Callable[[int], Awaitable[object]]) -> list[str]:
    """A line of the table: how long one step takes."""
    taken = []
    for number in range(times):
        began = time.perf_counter()
        await step(number)
        taken.append((time.perf_counter() - began) * 1000)
    p95 = statistics.quantiles(taken, n=20)[-1]
    return [name, f"{times:,}", f"{statistics.median(taken):.3f}", f"{p95:.3f}"]


async def come_in(services: Services, role: Role) -> Tokens:
    """The tokens of a new person."""
    now = services.clock.now()
    async with services.db.write() as session:
        person = await people.create_person(session, ACTOR, name="Bench", role=role, now=now)
        link = await coming_in.issue_link(session, ACTOR, person, now)
    return (await coming_in.sign_in_by_link(services.access, link, HERE)).tokens


async def measured(services: Services, times: int) -> list[list[str]]:
    """All lines but the race."""
    access, app = services.access, build_app(services)
    tokens = await come_in(services, Role.OPERATOR)
    data = [init_data(1_000 + number) for number in range(times)]
    secret = hmac.digest(b"WebAppData", TOKEN.encode(), "sha256")
    key = access.signer._keys[str(jwt.get_unverified_header(tokens.access)["kid"])]
    scope = {
        "type": "http", "method": "GET", "path": "/", "query_string": b"", "app": app,
        "headers": [(b"cookie", f"vhm24r_access={tokens.access}".encode())], "client": ("192.0.2.1", 1),
    }  # fmt: skip

    async def bare_hmac(number: int) -> None:
        hmac.new(secret, data[number].encode(), "sha256").hexdigest()

    async def bare_jwt(_: int) -> None:
        jwt.decode(tokens.access, key, algorithms=["HS256"], audience="vhm24r")

    async def checked(number: int) -> None:
        check_init_data(data[number], TOKEN, datetime.now(UTC))

    async def signed_in(number: int) -> None:
        await coming_in.sign_in_by_mini_app(access, data[number], HERE)

    async def remembered(_: int) -> None:
        await identify(Request({**scope, "state": {}}))

    async def looked_up(_: int) -> None:
        access._recent.clear()
        await identify(Request({**scope, "state": {}}))

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://bench", cookies={"vhm24r_access": tokens.access}
    ) as http:

        async def opened(_: int) -> None:
            await http.get("/health")

        async def request(number: int) -> None:
            answer = await http.post("/api/v1/auth/miniapp", json={"init_data": data[number]})
            answer.raise_for_status()

        async def me(_: int) -> None:
            (await http.get("/api/v1/auth/me")).raise_for_status()

        return [
            await timed("HMAC-SHA-256 alone", times, bare_hmac),
            await timed("init data checked", times, checked),
            await timed("signed in with it: person and session written", times, signed_in),
            await timed("the same as a request", times, request),
            await timed("a JWT read by PyJWT alone", times, bare_jwt),
            await timed("the door: who was here within five seconds", times, remembered),
            await timed("the door: looked up in the database", times, looked_up),
            await timed("a request without a door (/health)", times, opened),
            await timed("a request through the door (/auth/me)", times, me),
        ]


async def race(services: Services) -> list[str]:
    """200 windows refresh one token at once, over real connections."""
    web = WebServer(services)
    await web.start()
    tokens = await come_in(services, Role.OPERATOR)
    limits = httpx.Limits(max_connections=WINDOWS)
    async with httpx.AsyncClient(base_url=web.url, limits=limits, timeout=60) as http:
        began = time.perf_counter()
        answers = await asyncio.gather(
            *(http.post("/api/v1/auth/refresh", json={"refresh_token": tokens.refresh}) for _ in range(WINDOWS))
        )
        seconds = time.perf_counter() - began
        winner = next(answer for answer in answers if answer.status_code == 200).json()["tokens"]["access_token"]
        still_in = (await http.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {winner}"})).status_code
    await web.stop()
    statuses = Counter(answer.status_code for answer in answers)
    return [f"{WINDOWS} refreshes at once", f"{seconds:.2f} s", str(dict(statuses)), f"the winner: {still_in}"]


async def bench(folder: Path, times: int) -> None:
    """On a database of its own."""
    settings = Settings.load(mode=Mode.DEVELOPMENT, data_dir=folder, port=0, telegram_token=TOKEN, rate_limits="off")
    with running_database(settings) as url:
        prepare_database(url, settings)
        async with open_services(settings, url) as services:
            lines = await measured(services, times)
            print(table([["step", "times", "median ms", "p95 ms"], *lines]))
            print(table([["race", "took", "answers", "after it"], await race(services)]))


def in_loop(times: int, folder: Path) -> None:
    """The same, to be called without a loop."""
    asyncio.run(bench(folder, times))


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Access benchmark")
    parser.add_argument("--times", type=int, default=2_000)
    configure_logging("error", "text")
    in_folder(partial(in_loop, parser.parse_args().times))


if __name__ == "__main__":
    main()
