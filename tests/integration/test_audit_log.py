"""The audit log: read by filters, sealed in a chain, and whatever is done to it behind our back is noticed."""

import asyncio
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from tests.conftest import SYSTEM, Visitor, sign_in
from tests.security.conftest import client_of
from vhm24r.api.app import build_app
from vhm24r.audit import service as audit
from vhm24r.audit.sealing import BATCH, seal, verify
from vhm24r.audit.service import Deed
from vhm24r.identity.permissions import Role
from vhm24r.kit.clock import FixedClock
from vhm24r.ops.process import Services

pytestmark = pytest.mark.integration


async def deeds(services: Services, many: int, action: str = "test.done") -> None:
    now = services.clock.now()
    async with services.db.write() as session:
        for number in range(many):
            await audit.record(session, SYSTEM, Deed(action, f"thing:{number}", "why", {"n": number}), now)


async def sealed(services: Services) -> int:
    async with services.db.write() as session:
        return await seal(session, services.clock.now())


async def behind_our_back(services: Services, *statements: str) -> None:
    """What somebody with all rights on the database could do."""
    async with await psycopg.AsyncConnection.connect(services.db.conninfo) as connection:
        await connection.execute("SET session_replication_role = replica")
        for statement in statements:
            await connection.execute(statement.encode())


async def test_the_chain_holds_over_batches_and_late_commits(services: Services) -> None:
    await deeds(services, BATCH + 5)
    first = await sealed(services)
    async with services.db.write() as late:
        await audit.record(late, SYSTEM, Deed("late.begun", "thing:x"), services.clock.now())
        await deeds(services, 3)
        while_open = await sealed(services)
    after = await sealed(services)
    nothing = await sealed(services)
    verdict = await verify(services.db)

    assert (first, while_open, after, nothing) == (BATCH + 5, 3, 1, 0)
    assert (verdict.holds, verdict.seals, verdict.sealed, verdict.unsealed) == (True, 4, BATCH + 9, 0)


async def test_entries_of_earlier_days_are_not_looked_at_again(services: Services) -> None:
    assert isinstance(services.clock, FixedClock)
    for _ in range(3):
        await deeds(services, 2)
        assert await sealed(services) == 2
        services.clock.advance(timedelta(days=2))
    assert (await verify(services.db)).sealed == 6


async def test_what_commits_late_before_a_day_of_rest_is_sealed_after_it(services: Services) -> None:
    assert isinstance(services.clock, FixedClock)
    async with services.db.write() as late:
        await audit.record(late, SYSTEM, Deed("late.begun", "thing:x"), services.clock.now())
        await deeds(services, 3)
        assert await sealed(services) == 3
    services.clock.advance(timedelta(days=3))

    assert await sealed(services) == 1
    assert (await verify(services.db)).holds


async def test_checking_is_not_disturbed_by_what_is_written_meanwhile(services: Services) -> None:
    await deeds(services, 50)
    await sealed(services)

    async def write() -> None:
        for _ in range(10):
            await deeds(services, 3)
            await sealed(services)

    writing = asyncio.create_task(write())
    verdicts = []
    while not writing.done():
        verdicts.append((await verify(services.db)).problem)
    await writing

    assert len(verdicts) > 3
    assert set(verdicts) == {None}


async def test_two_who_seal_at_once_make_one_chain(services: Services) -> None:
    await deeds(services, 20)
    counts = await asyncio.gather(*(sealed(services) for _ in range(4)))
    assert (await verify(services.db)).holds

    assert sorted(counts) == [0, 0, 0, 20]


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE audit_entries SET reason = 'another' WHERE subject = 'thing:1'", "changed"),
        ("UPDATE audit_entries SET at = at + interval '1 s' WHERE subject = 'thing:1'", "changed"),
        ("UPDATE audit_entries SET data = '{}' WHERE subject = 'thing:1'", "changed"),
        ("UPDATE audit_entries SET actor_id = 5 WHERE subject = 'thing:1'", "changed"),
        ("DELETE FROM audit_entries WHERE subject = 'thing:1'", "missing"),
        (
            "INSERT INTO audit_entries (id, at, actor_kind, actor_name, action, subject, data) VALUES"  # noqa: ISC004
            " (-1, now(), 'system', 'x', 'x', 'x', '{}')",
            "slipped_in",
        ),
        ("UPDATE audit_seals SET hash = '\\x00' WHERE id = 1", "changed"),
        ("DELETE FROM audit_seals WHERE id = 1", "changed"),
    ],
)
async def test_what_is_done_behind_our_back_is_noticed(services: Services, statement: str, problem: str) -> None:
    for _ in range(2):
        await deeds(services, 3)
        await sealed(services)
    await behind_our_back(services, statement)
    verdict = await verify(services.db)

    assert (verdict.holds, verdict.problem) == (False, problem)


async def test_a_log_that_was_written_anew_does_not_have_the_seal_that_was_noted_down(services: Services) -> None:
    await deeds(services, 3)
    await sealed(services)
    noted = (await verify(services.db)).head
    await behind_our_back(services, "TRUNCATE audit_entries, audit_seals")
    await deeds(services, 3)
    await sealed(services)
    alone, beside = await verify(services.db), await verify(services.db, noted)

    assert (alone.holds, beside.holds, beside.problem) == (True, False, None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET reason = 'x'",
        "UPDATE audit_entries SET actor_name = 'somebody else'",
        "UPDATE audit_entries SET actor_name = 'person #1', reason = 'x'",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "UPDATE audit_seals SET hash = ''",
        "DELETE FROM audit_seals",
        "TRUNCATE audit_seals",
    ],
)
async def test_the_database_itself_refuses_to_change_the_log(services: Services, statement: str) -> None:
    await deeds(services, 2)
    await sealed(services)
    with pytest.raises(SQLAlchemyError, match="append-only"):
        async with services.db.write() as session:
            await session.execute(text(statement))


async def test_forgetting_a_name_breaks_no_seal(services: Services, visitors: dict[Role | None, Visitor]) -> None:
    operator, owner = visitors[Role.OPERATOR].http, visitors[Role.OWNER].http
    person = (await operator.get("/api/v1/auth/me")).json()["id"]
    await sealed(services)
    await owner.post(f"/api/v1/users/{person}/erase")
    async with services.db.read() as session:
        verdict = await verify(services.db)
        names = await session.execute(text(f"SELECT DISTINCT actor_name FROM audit_entries WHERE actor_id = {person}"))

        assert (verdict.holds, list(names.scalars())) == (True, [f"person #{person}"])


async def test_the_log_is_read_by_filters_and_pages(services: Services) -> None:
    assert isinstance(services.clock, FixedClock)
    token = await sign_in(services, Role.ADMIN)
    person = (await services.access.authenticate(token)).person.id
    services.clock.advance(timedelta(minutes=10))
    await deeds(services, 5, "thing.made")
    await deeds(services, 1, "thing.lost")
    await deeds(services, 1, "thingy.made")
    seen: list[str] = []
    cursor: dict[str, str] = {}
    async with client_of(build_app(services), token) as admin:
        while True:
            page = (await admin.get("/api/v1/audit", params={"action": "thing.", "limit": "2"} | cursor)).json()
            seen += [entry["action"] for entry in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        one = (await admin.get("/api/v1/audit", params={"subject": "thing:3"})).json()["items"]
        by = (await admin.get("/api/v1/audit", params={"actor_id": str(person)})).json()["items"]
        since = {"since": "2026-01-05T09:05:00Z", "before": "2026-01-05T10:00:00Z"}
        lately = (await admin.get("/api/v1/audit", params=since)).json()["items"]

    assert seen == ["thing.lost", *["thing.made"] * 5]
    assert [(entry["reason"], entry["data"], entry["actor"]["name"]) for entry in one] == [("why", {"n": 3}, "test")]
    assert [entry["action"] for entry in by] == ["session.opened"]
    assert len(lately) == 7
