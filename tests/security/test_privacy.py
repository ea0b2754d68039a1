"""The copy of a person has every word that is kept of it; who is forgotten leaves a number, and a namesake stays."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.conftest import sign_in
from tests.factories import hw_row
from tests.integration.reconciled import PROVEN, WITHOUT_RECEIPT, bring_network, exception_of, match_id_of, rows
from tests.integration.sharing import imported, process
from tests.security.conftest import client_of
from vhm24r.api.app import build_app
from vhm24r.identity.permissions import Role
from vhm24r.identity.service.people import get_person
from vhm24r.intake.service import mapping
from vhm24r.intake.service.undoing import request_undo
from vhm24r.kit.actor import Actor, ActorKind
from vhm24r.ops.process import Services
from vhm24r.platform.embedded import EmbeddedServer
from vhm24r.reconciliation.service.running import run_waiting

pytestmark = pytest.mark.security
API = "/api/v1"
NAME = "Same Name"


@pytest.fixture
async def network(server: EmbeddedServer, template: str, tmp_path: Any) -> AsyncIterator[Services]:
    async with process(server, template, tmp_path) as services:
        await bring_network(services)
        yield services


async def namesake(services: Services) -> tuple[Actor, httpx.AsyncClient]:
    """A new operator of the one name."""
    token = await sign_in(services, Role.OPERATOR)
    person = (await services.access.authenticate(token)).person.id
    async with services.db.write() as session:
        (await get_person(session, person)).name = NAME
    services.access.forget(person)
    return (await services.access.authenticate(token)).actor, client_of(build_app(services), token)


async def busy(services: Services, http: httpx.AsyncClient, actor: Actor, record: str, index: int) -> None:
    """Somebody does everything that leaves a name behind; a match by hand that is taken back comes last."""
    exception = f"{API}/reconciliation/exceptions/{(await exception_of(services, record))['id']}"
    wish = {
        "orders": [WITHOUT_RECEIPT],
        "records": [{"source": "fiscal", "external_id": "502"}],
        "reason": f"till {index}",
    }
    done = [
        await http.post(f"{API}/orders/{PROVEN}/notes", json={"text": f"note {index}"}),
        await http.post(f"{exception}/comment", json={"text": f"word {index}"}),
        await http.post(f"{exception}/resolve", json={"outcome": "reported", "reason": "wrong till"}),
        await http.post(f"{API}/reconciliation/matches", json=wish),
    ]
    await run_waiting(services.reconciler, actor)
    match = await match_id_of(services, WITHOUT_RECEIPT, "502")
    done.append(await http.delete(f"{API}/reconciliation/matches/{match}", params={"reason": "no"}))
    assert [answer.status_code for answer in done] == [201, 201, 200, 201, 200], [each.text for each in done]
    brought = await imported(services, [hw_row(70 + index)])
    async with services.db.write() as session:
        await request_undo(session, actor, services.jobs, brought["id"])
    await services.jobs.drain()
    async with services.db.write() as session:
        columns = {"order_number": f"No {index}", "occurred_at": "At", "amount": "Sum"}
        said = {"name": f"layout {index}", "target": "generic", "columns": columns}
        await mapping.save(session, actor, said, list(columns.values()), services.clock.now())
    await run_waiting(services.reconciler, actor)


AUTHORS = (
    ("order_notes", "author_id", "author_name"), ("imports", "(undo ->> 'by_id')::bigint", "undo ->> 'by'"),
    ("column_mappings", "actor_id", "actor_name"), ("reconciliation_runs", "actor_id", "actor_name"),
    ("reconciliation_comments", "author_id", "author_name"), ("reconciliation_decisions", "author_id", "author_name"),
    ("reconciliation_decisions", "released_by_id", "released_by"),
    ("evidence_matches", "(reasons -> 0 ->> 'author_id')::bigint", "reasons -> 0 ->> 'author'"),
    ("reconciliation_exceptions", "resolved_by_id", "resolved_by"), ("audit_entries", "actor_id", "actor_name"),
)  # fmt: skip


async def called(services: Services, person: Actor) -> list[set[str]]:
    """What somebody is called in each place that knows its authors."""
    async with services.db.read() as session:
        found = [
            await session.execute(text(f"SELECT {name} FROM {table} WHERE {number} = :id"), {"id": person.id})
            for table, number, name in AUTHORS
        ]
        return [set(rows.scalars()) for rows in found]


async def tables_with_the_name(services: Services) -> list[str]:
    async with services.db.read() as session:
        tables = (
            (await session.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))).scalars().all()
        )
        counted = [
            await session.execute(text(f"SELECT count(*) FROM \"{table}\" t WHERE t::text LIKE '%{NAME}%'"))
            for table in tables
        ]
        return [table for table, count in zip(tables, counted, strict=True) if count.scalar_one()]


async def test_who_is_forgotten_leaves_a_number_and_the_namesake_stays(network: Services) -> None:
    async with client_of(build_app(network), await sign_in(network, Role.OWNER)) as owner:
        (first, one), (second, two) = [await namesake(network) for _ in range(2)]
        async with one, two:
            await busy(network, one, first, "503", 1)
            await busy(network, two, second, "504", 2)
        copy = (await owner.get(f"{API}/users/{first.id}/export")).json()
        gone = await owner.post(f"{API}/users/{first.id}/erase")
        of_first, of_second = await called(network, first), await called(network, second)
        await owner.post(f"{API}/users/{second.id}/erase")

    assert gone.status_code == 200
    wrote = {name: [entry["text"] for entry in copy[name]] for name in ("notes", "comments")}
    assert wrote == {"notes": ["note 1"], "comments": ["word 1"]}
    assert [entry["reason"] for entry in copy["decisions"]] == ["till 1"]
    assert [entry["name"] for entry in copy["mappings"]] == ["layout 1"]
    assert of_first == [{f"person #{first.id}"}] * len(AUTHORS)
    assert all(NAME in names for names in of_second)
    assert await tables_with_the_name(network) == []


@pytest.mark.parametrize("by_key", [False, True])
async def test_who_is_forgotten_while_a_job_waits_has_no_name_in_it(network: Services, by_key: bool) -> None:
    (asked, http), (stays, other) = [await namesake(network) for _ in range(2)]
    files = [(await imported(network, [hw_row(80 + place)]))["id"] for place in range(2)]
    async with http, other:
        if by_key:
            asked, stays = [replace(who, kind=ActorKind.API_KEY, name=f"{NAME} (script)") for who in (asked, stays)]
        async with network.db.write() as session:
            for actor, file in zip((asked, stays), files, strict=True):
                await request_undo(session, actor, network.jobs, file)
        waiting = await rows(
            network, "SELECT args::text AS args FROM procrastinate_jobs WHERE task_name = 'intake.undo'"
        )
        async with client_of(build_app(network), await sign_in(network, Role.OWNER)) as owner:
            await owner.post(f"{API}/users/{asked.id}/erase")
    await network.jobs.drain()
    undone = await rows(network, "SELECT undo ->> 'by' AS by FROM imports WHERE undo IS NOT NULL ORDER BY id")

    assert len(waiting) == 2 and not any(NAME in row["args"] for row in waiting)
    assert [row["by"] for row in undone] == [f"person #{asked.id}", stays.name]
