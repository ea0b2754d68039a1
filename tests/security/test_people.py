"""Decisions about people: who may make them, what they close, and what stays of somebody who is forgotten."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.conftest import SYSTEM, Visitor, sign_in
from tests.security.conftest import client_of
from vhm24r.api.app import build_app
from vhm24r.identity.events import (
    PersonApproved,
    PersonBlocked,
    PersonErased,
    PersonEvent,
    PersonRejected,
    PersonUnblocked,
    RoleChanged,
)
from vhm24r.identity.models import Person
from vhm24r.identity.permissions import Role
from vhm24r.identity.service.people import create_person
from vhm24r.identity.types import PersonStatus
from vhm24r.ops.process import Services

pytestmark = pytest.mark.security
Visitors = dict[Role | None, Visitor]


async def somebody(services: Services, role: Role, status: PersonStatus = PersonStatus.APPROVED, **given: Any) -> int:
    """The id of a new person."""
    async with services.db.write() as session:
        person = await create_person(
            session, SYSTEM, name="Somebody", role=role, now=services.clock.now(), language="en"
        )
        for name, value in {"status": status, **given}.items():
            setattr(person, name, value)
        await session.flush()
        return person.id


async def me(browser: httpx.AsyncClient) -> int:
    return int((await browser.get("/api/v1/auth/me")).json()["id"])


async def test_every_decision_is_told_and_written_down(services: Services, visitors: Visitors) -> None:
    told: list[PersonEvent] = []

    async def hear(_: Any, event: PersonEvent) -> None:
        told.append(event)

    for kind in (PersonApproved, PersonRejected, PersonBlocked, PersonUnblocked, RoleChanged, PersonErased):
        services.bus.same_transaction(kind, hear)
    waiting, other = [await somebody(services, Role.CUSTOMER, PersonStatus.PENDING) for _ in range(2)]
    owner = visitors[Role.OWNER].http
    steps = [
        (waiting, "approve", {"role": "operator"}, "approved"), (waiting, "role", {"role": "admin"}, "approved"),
        (waiting, "block", {"reason": "lost the phone"}, "blocked"), (waiting, "unblock", None, "approved"),
        (other, "reject", {"reason": "nobody knows them"}, "deactivated"),
        (other, "approve", {"role": "viewer"}, "approved"), (other, "erase", None, "deactivated"),
    ]  # fmt: skip
    for person_id, step, body, status in steps:
        answer = await owner.post(f"/api/v1/users/{person_id}/{step}", json=body)
        assert (step, answer.status_code, answer.json()["status"]) == (step, 200, status)
    async with services.db.read() as session:
        rows = await session.execute(
            text("SELECT subject, action, reason FROM audit_entries WHERE subject = ANY (:subjects) ORDER BY id"),
            {"subjects": [f"person:{waiting}", f"person:{other}"]},
        )
        written = [tuple(row) for row in rows if row.action != "person.created"]

    assert told == [
        PersonApproved(waiting), RoleChanged(waiting), PersonBlocked(waiting), PersonUnblocked(waiting),
        PersonRejected(other), PersonApproved(other), PersonErased(other, f"person #{other}"),
    ]  # fmt: skip
    assert written == [
        (f"person:{waiting}", "person.approved", None), (f"person:{waiting}", "person.role_changed", None),
        (f"person:{waiting}", "person.blocked", "lost the phone"), (f"person:{waiting}", "person.unblocked", None),
        (f"person:{other}", "person.rejected", "nobody knows them"), (f"person:{other}", "person.approved", None),
        (f"person:{other}", "person.erased", None),
    ]  # fmt: skip


async def test_a_decision_made_twice_is_made_once(services: Services, visitors: Visitors) -> None:
    person = await somebody(services, Role.OPERATOR)
    admin = visitors[Role.ADMIN].http
    answers = [await admin.post(f"/api/v1/users/{person}/block", json={}) for _ in range(2)]
    async with services.db.read() as session:
        written = await session.execute(text("SELECT count(*) FROM audit_entries WHERE action = 'person.blocked'"))

        assert ([answer.status_code for answer in answers], written.scalar_one()) == ([200, 200], 1)


@pytest.mark.parametrize(
    ("actor", "target", "step", "body", "status"),
    [
        (Role.ADMIN, Role.OWNER, "block", {}, 403),
        (Role.ADMIN, Role.OWNER, "role", {"role": "viewer"}, 403),
        (Role.ADMIN, Role.OWNER, "erase", None, 403),
        (Role.ADMIN, Role.OWNER, "link", None, 403),
        (Role.ADMIN, Role.ADMIN, "link", None, 403),
        (Role.ADMIN, Role.ADMIN, "block", {}, 200),
        (Role.ADMIN, Role.OPERATOR, "role", {"role": "owner"}, 403),
        (Role.ADMIN, Role.OPERATOR, "role", {"role": "admin"}, 200),
        (Role.ADMIN, Role.OPERATOR, "link", None, 201),
        (Role.OWNER, Role.OWNER, "link", None, 201),
        (Role.OWNER, Role.OPERATOR, "role", {"role": "owner"}, 200),
        (Role.OWNER, Role.ADMIN, "block", {}, 200),
        (Role.OPERATOR, Role.VIEWER, "block", {}, 403),
        (Role.ADMIN, Role.CUSTOMER, "grants", {"machines": [], "sources": None}, 422),
        (Role.ADMIN, Role.VIEWER, "grants", {"machines": [], "sources": None}, 200),
    ],
)
async def test_who_may_decide_about_whom(
    services: Services, visitors: Visitors, actor: Role, target: Role, step: str, body: Any, status: int
) -> None:
    person = await somebody(services, target)
    answer = await visitors[actor].http.post(f"/api/v1/users/{person}/{step}", json=body)

    assert answer.status_code == status
    if status == 403 and actor is Role.ADMIN:
        assert answer.json()["code"] == "identity.out_of_reach"


async def test_an_admin_makes_no_owner(visitors: Visitors) -> None:
    made = await visitors[Role.ADMIN].http.post("/api/v1/users", json={"name": "X", "role": "owner"})

    assert (made.status_code, made.json()["code"]) == (403, "identity.out_of_reach")


@pytest.mark.parametrize(
    ("step", "body"), [("block", {}), ("role", {"role": "viewer"}), ("erase", None), ("reject", {})]
)
async def test_nobody_decides_about_oneself(visitors: Visitors, step: str, body: Any) -> None:
    owner = visitors[Role.OWNER].http
    answer = await owner.post(f"/api/v1/users/{await me(owner)}/{step}", json=body)

    assert (answer.status_code, answer.json()["code"]) == (403, "identity.out_of_reach")


async def test_somebody_always_owns_the_business(services: Services) -> None:
    app = build_app(services)
    async with (
        client_of(app, await sign_in(services, Role.OWNER)) as one,
        client_of(app, await sign_in(services, Role.OWNER)) as two,
    ):
        first, second = await me(one), await me(two)
        at_once = await asyncio.gather(
            one.post(f"/api/v1/users/{second}/role", json={"role": "viewer"}),
            two.post(f"/api/v1/users/{first}/role", json={"role": "viewer"}),
        )
        async with services.db.read() as session:
            owners = await session.execute(text("SELECT count(*) FROM people WHERE role = 'owner'"))
            assert owners.scalar_one() == 1

    assert sorted(answer.status_code for answer in at_once) in ([200, 403], [200, 409])


async def test_people_are_found(services: Services, visitors: Visitors) -> None:
    admin = visitors[Role.ADMIN].http
    for number in range(3):
        await somebody(
            services, Role.CUSTOMER, PersonStatus.PENDING, name=f"Guest {number}%", username=f"guest_{number}"
        )
    pages: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        found = await admin.get("/api/v1/users", params={"q": "guest", "limit": "2"} | cursor)
        page = found.json()
        pages.append([person["name"] for person in page["items"]])
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    waiting = (await admin.get("/api/v1/users", params={"status": "pending"})).json()["items"]
    owners = (await admin.get("/api/v1/users", params={"role": "owner"})).json()["items"]
    percent = (await admin.get("/api/v1/users", params={"q": "2%"})).json()["items"]

    assert pages == [["Guest 2%", "Guest 1%"], ["Guest 0%"]]
    assert len(waiting) == 3
    assert [(person["role"], person["manageable"]) for person in owners] == [("owner", False)]
    assert [person["username"] for person in percent] == ["guest_2"]


async def test_somebody_can_be_added_without_asking(visitors: Visitors) -> None:
    owner = visitors[Role.OWNER].http
    body = {"name": " New\u202e one ", "role": "operator", "telegram_id": 4711, "language": "uz"}
    made = await owner.post("/api/v1/users", json=body)
    again = await owner.post("/api/v1/users", json=body)
    nameless = await owner.post("/api/v1/users", json={"name": "\n", "role": "viewer"})
    read = await owner.get(f"/api/v1/users/{made.json()['id']}")

    assert (made.status_code, made.json()["name"], made.json()["status"]) == (201, "New one", "approved")
    assert (again.status_code, nameless.status_code) == (409, 422)
    assert read.json() == made.json()


async def test_signing_somebody_out_everywhere(services: Services) -> None:
    app = build_app(services)
    async with (
        client_of(app, await sign_in(services, Role.ADMIN)) as admin,
        client_of(app, await sign_in(services, Role.VIEWER)) as viewer,
    ):
        person = await me(viewer)
        before = (await admin.get(f"/api/v1/users/{person}/sessions")).json()["items"]
        closed = await admin.delete(f"/api/v1/users/{person}/sessions")
        after = await viewer.get("/api/v1/auth/me")

    assert (len(before), closed.json(), after.status_code) == (1, {"closed": 1}, 401)


async def test_a_person_gets_a_copy_of_everything(services: Services, visitors: Visitors) -> None:
    operator, owner = visitors[Role.OPERATOR].http, visitors[Role.OWNER].http
    person = await me(operator)
    await operator.post("/api/v1/api-keys", json={"name": "mine", "scopes": ["orders:read"]})
    copy = (await owner.get(f"/api/v1/users/{person}/export")).json()

    assert copy["person"]["name"] == "Test operator"
    assert [key["name"] for key in copy["api_keys"]] == ["mine"]
    assert len(copy["sessions"]) == len(copy["links"]) == 1
    assert {"api_key.made", "session.opened", "person.created"} <= {entry["action"] for entry in copy["audit"]}


async def test_who_is_forgotten_leaves_a_number(services: Services, visitors: Visitors) -> None:
    operator, owner = visitors[Role.OPERATOR].http, visitors[Role.OWNER].http
    person = await me(operator)
    made = await operator.post(
        "/api/v1/orders",
        json={
            "occurred_at": "2026-01-05T09:00:00Z",
            "amount": {"amount": "5.00", "currency": "UZS"},
            "note": "by hand",
        },
    )
    await operator.post("/api/v1/api-keys", json={"name": "mine", "scopes": ["orders:read"]})
    erased = await owner.post(f"/api/v1/users/{person}/erase")
    order = (await owner.get(f"/api/v1/orders/{made.json()['number']}")).json()
    gone = await operator.get("/api/v1/auth/me")
    twice = await owner.post(f"/api/v1/users/{person}/erase")
    async with services.db.read() as session:
        tables = (await session.execute(text("SELECT relname FROM pg_stat_user_tables"))).scalars().all()
        holding = []
        for table in tables:
            found = await session.execute(
                text(f"SELECT count(*) FROM \"{table}\" t WHERE t::text LIKE '%Test operator%'")
            )
            if found.scalar_one():
                holding.append(table)

    alias = f"person #{person}"
    assert (erased.json()["name"], erased.json()["erased"], twice.status_code) == (alias, True, 200)
    assert (order["notes"][0]["author"], order["changes"][-1]["actor"]["name"]) == (alias, alias)
    assert gone.status_code == 401
    assert holding == []


async def test_a_decision_of_a_moment_ago_counts_in_a_race(services: Services, visitors: Visitors) -> None:
    """Two administrators at once, one lets in, one turns down: the later one decides over what the first has left."""
    waiting = await somebody(services, Role.CUSTOMER, PersonStatus.PENDING)
    answers = await asyncio.gather(
        visitors[Role.ADMIN].http.post(f"/api/v1/users/{waiting}/approve", json={"role": "operator"}),
        visitors[Role.OWNER].http.post(f"/api/v1/users/{waiting}/reject", json={}),
    )
    async with services.db.read() as session:
        person = await session.get(Person, waiting)

    assert person is not None
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert person.status in {"approved", "deactivated"}


async def test_a_link_made_for_somebody_lower_does_not_rise_with_them(services: Services, visitors: Visitors) -> None:
    app, admin, owner = build_app(services), visitors[Role.ADMIN].http, visitors[Role.OWNER].http
    person = await somebody(services, Role.OPERATOR)
    links = [(await admin.post(f"/api/v1/users/{person}/link")).json()["url"] for _ in range(2)]
    async with client_of(app) as planted, client_of(app) as late:
        await planted.get(f"/link/{links[0].rpartition('/')[2]}")
        before = await planted.get("/api/v1/auth/me")
        await owner.post(f"/api/v1/users/{person}/role", json={"role": "owner"})
        after = await planted.get("/api/v1/auth/me")
        unused = await late.get(f"/link/{links[1].rpartition('/')[2]}")

    assert (before.json()["role"], after.status_code) == ("operator", 401)
    assert unused.headers["location"] == "/sign-in?error=identity.link_invalid"


async def test_a_decision_looks_at_the_person_as_it_is_when_its_turn_comes(services: Services) -> None:
    """An administrator's block waits for an owner who is just making an owner of that person."""
    app = build_app(services)
    person = await somebody(services, Role.OPERATOR)
    async with client_of(app, await sign_in(services, Role.ADMIN)) as admin:
        async with services.db.write() as session:
            await session.execute(text("UPDATE people SET role = 'owner' WHERE id = :id"), {"id": person})
            blocking = asyncio.create_task(admin.post(f"/api/v1/users/{person}/block", json={}))
            await asyncio.sleep(0.3)
        answer = await blocking

    assert (answer.status_code, answer.json()["code"]) == (403, "identity.out_of_reach")


@pytest.mark.parametrize(
    ("status", "step", "expected"),
    [
        (PersonStatus.APPROVED, "reject", 409), (PersonStatus.BLOCKED, "reject", 409),
        (PersonStatus.PENDING, "unblock", 409), (PersonStatus.DEACTIVATED, "unblock", 409),
        (PersonStatus.DEACTIVATED, "reject", 200), (PersonStatus.APPROVED, "unblock", 200),
    ],
)  # fmt: skip
async def test_a_decision_fits_the_state_it_is_made_in(
    services: Services, visitors: Visitors, status: PersonStatus, step: str, expected: int
) -> None:
    person = await somebody(services, Role.VIEWER, status)
    answer = await visitors[Role.ADMIN].http.post(f"/api/v1/users/{person}/{step}", json={})

    assert answer.status_code == expected


async def test_who_was_forgotten_stays_forgotten(services: Services, visitors: Visitors) -> None:
    owner = visitors[Role.OWNER].http
    person = await somebody(services, Role.VIEWER)
    await owner.post(f"/api/v1/users/{person}/erase")
    approved = await owner.post(f"/api/v1/users/{person}/approve", json={"role": "viewer"})

    assert (approved.status_code, approved.json()["code"]) == (403, "identity.out_of_reach")


async def test_owners_are_not_looked_into_by_admins(services: Services, visitors: Visitors) -> None:
    admin, owner = visitors[Role.ADMIN].http, visitors[Role.OWNER].http
    whose, operator = await me(owner), await me(visitors[Role.OPERATOR].http)
    await visitors[Role.OPERATOR].http.post("/api/v1/api-keys", json={"name": "mine", "scopes": ["orders:read"]})
    refused = [await admin.get(f"/api/v1/users/{whose}/{what}") for what in ("export", "sessions")]
    own = await admin.get(f"/api/v1/users/{await me(admin)}/export")
    by_admin, by_owner = [(await http.get(f"/api/v1/users/{operator}/export")).json() for http in (admin, owner)]

    assert [answer.status_code for answer in (*refused, own)] == [403, 403, 200]
    assert (by_admin["api_keys"], [key["name"] for key in by_owner["api_keys"]]) == ([], ["mine"])


SAME = 'Same "Name"\\'


async def test_forgetting_takes_kept_answers_along_and_no_namesake(services: Services, visitors: Visitors) -> None:
    owner = visitors[Role.OWNER].http
    first = (
        await owner.post("/api/v1/users", json={"name": SAME, "role": "viewer"}, headers={"Idempotency-Key": "1"})
    ).json()["id"]
    second = await somebody(services, Role.VIEWER, name=SAME)
    async with services.db.write() as session:
        names = "started_at, finished_at, actor_id, actor_name, days, orders, records, conserved, rules"
        values = "now(), now(), :by, :name, 0, 0, 0, true, '{}'"
        for by in (first, second):
            found = {"by": by, "name": f"{SAME} (script)"}
            await session.execute(text(f"INSERT INTO reconciliation_runs ({names}) VALUES ({values})"), found)

    async def named() -> list[str]:
        async with services.db.read() as session:
            found = await session.execute(text("SELECT actor_name FROM reconciliation_runs ORDER BY id"))
            return list(found.scalars())

    await owner.post(f"/api/v1/users/{second}/erase")
    while_one = await named()
    await owner.post(f"/api/v1/users/{first}/erase")
    async with services.db.read() as session:
        kept = await session.execute(text("SELECT count(*) FROM idempotency_keys WHERE key = '1'"))
        assert kept.scalar_one() == 0

    assert while_one == [f"{SAME} (script)", f"person #{second}"]
    assert await named() == [f"person #{first}", f"person #{second}"]
