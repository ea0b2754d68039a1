"""Inbox, locks, idempotency keys, business settings, audit log, installation mark, events."""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from tests.conftest import NOW, SYSTEM
from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.kit.errors import Busy
from vhm24r.main import prepare_database
from vhm24r.ops.process import Services
from vhm24r.ops.rules import REGISTRY, change_rule, list_rules
from vhm24r.platform import idempotency, inbox
from vhm24r.platform.blobs import BlobMissing, BlobStore, file_sha256
from vhm24r.platform.business_settings import SettingInvalid, SettingUnknown, value_of
from vhm24r.platform.events import Event
from vhm24r.platform.flags import INTAKE_APPLY
from vhm24r.platform.idempotency import Answer, KeyInFlight, KeyReused
from vhm24r.platform.installation import WrongInstallation, claim_installation
from vhm24r.platform.locks import Lock, LockBusy, take
from vhm24r.settings import Mode

pytestmark = pytest.mark.integration


async def test_a_message_is_kept_once(shared: Services) -> None:
    async with shared.db.write() as session:
        first = await inbox.receive(session, "once", "42", {"n": 1}, NOW)
    async with shared.db.write() as session:
        again = await inbox.receive(session, "once", "42", {"n": 2}, NOW)
        elsewhere = await inbox.receive(session, "other", "42", {}, NOW)

    assert first is not None
    assert again is None
    assert elsewhere is not None


async def test_two_claims_at_once_never_get_the_same_message(shared: Services) -> None:
    async with shared.db.write() as session:
        kept = [await inbox.receive(session, "claims", str(n), {}, NOW) for n in range(2)]

    async with shared.db.write() as one, shared.db.write() as two, shared.db.write() as three:
        claims = await asyncio.gather(*(inbox.claim(session, "claims") for session in (one, two, three)))

    assert sorted(message.id for message in claims if message) == kept
    assert [message for message in claims if message is None] == [None]


async def test_an_unhandled_message_comes_back_and_a_handled_one_does_not(shared: Services) -> None:
    async with shared.db.write() as session:
        kept = await inbox.receive(session, "handled", "1", {"text": "привет"}, NOW)
    with contextlib.suppress(ZeroDivisionError):
        async with shared.db.write() as session:
            assert await inbox.claim(session, "handled") is not None
            raise ZeroDivisionError
    async with shared.db.write() as session:
        message = await inbox.claim(session, "handled")
        assert message is not None
        assert (message.id, message.body) == (kept, {"text": "привет"})
        await inbox.handled(session, message.id, NOW)
    async with shared.db.write() as session:
        assert await inbox.claim(session, "handled") is None


async def test_a_second_taker_of_a_lock_is_told_that_it_is_busy(shared: Services) -> None:
    async with shared.db.write() as holder, shared.db.write() as other_key:
        await take(holder, Lock.INTAKE_APPLY, 1)
        await take(other_key, Lock.INTAKE_APPLY, 2, patience_ms=50)
        with pytest.raises(LockBusy) as busy:
            async with shared.db.write() as second:
                await take(second, Lock.INTAKE_APPLY, 1, patience_ms=50)

    assert busy.value.params == {"lock": "INTAKE_APPLY"}
    assert busy.value.retryable
    async with shared.db.write() as third:
        await take(third, Lock.INTAKE_APPLY, 1, patience_ms=50)  # free again with the end of the transaction


async def add_one(services: Services, name: str, both: asyncio.Barrier, *, locked: bool) -> None:
    """Read a number, let the other one read it, too, write it back with one added."""
    async with services.db.write() as session:
        if locked:
            await take(session, Lock.INTAKE_APPLY, 7)
        number = (await session.execute(text("SELECT n FROM race WHERE name = :name"), {"name": name})).scalar_one()
        if not locked:
            await both.wait()
        await session.execute(text("UPDATE race SET n = :n WHERE name = :name"), {"n": number + 1, "name": name})


@pytest.mark.parametrize(("locked", "counted"), [(True, 2), (False, 1)])
async def test_the_lock_serialises_what_loses_an_update_without_it(
    shared: Services, locked: bool, counted: int
) -> None:
    name, both = f"locked {locked}", asyncio.Barrier(2)
    async with shared.db.write() as session:
        await session.execute(text("CREATE TABLE IF NOT EXISTS race (name text, n int)"))
        await session.execute(text("INSERT INTO race VALUES (:name, 0)"), {"name": name})

    await asyncio.gather(*(add_one(shared, name, both, locked=locked) for _ in range(2)))

    async with shared.db.read() as session:
        found = await session.execute(text("SELECT n FROM race WHERE name = :name"), {"name": name})
        assert found.scalar_one() == counted


async def begin(
    services: Services, key: str, request: bytes = b"r", *, later: timedelta = timedelta()
) -> Answer | None:
    async with services.db.write() as session:
        return await idempotency.begin(session, "actor", key, request, NOW + later)


async def finish(services: Services, key: str, status: int) -> None:
    async with services.db.write() as session:
        await idempotency.finish(session, "actor", key, Answer(status, b"{}", "application/json"))


async def test_a_kept_answer_is_given_again(shared: Services) -> None:
    assert await begin(shared, "kept") is None
    await finish(shared, "kept", 201)

    assert await begin(shared, "kept") == Answer(201, b"{}", "application/json")
    with pytest.raises(KeyReused):
        await begin(shared, "kept", b"another request")


@pytest.mark.parametrize("status", [409, 429, 500, 503])
async def test_an_answer_that_may_change_frees_the_key(shared: Services, status: int) -> None:
    await begin(shared, f"busy {status}")
    await finish(shared, f"busy {status}", status)

    assert await begin(shared, f"busy {status}") is None


async def test_a_running_request_keeps_its_key_until_it_must_have_died(shared: Services) -> None:
    await begin(shared, "running")

    with pytest.raises(KeyInFlight):
        await begin(shared, "running", later=timedelta(minutes=4))
    assert await begin(shared, "running", later=timedelta(minutes=5)) is None
    with pytest.raises(KeyInFlight):
        await begin(shared, "running", later=timedelta(minutes=9))


async def test_old_keys_are_forgotten(services: Services) -> None:
    await begin(services, "old")
    await finish(services, "old", 200)
    await begin(services, "young", later=timedelta(days=1))
    async with services.db.write() as session:
        await idempotency.forget_old(session, NOW + timedelta(days=2, seconds=1))
        left = await session.execute(text("SELECT key FROM idempotency_keys"))
        assert list(left.scalars()) == ["young"]


async def test_business_settings_are_typed_and_audited(services: Services) -> None:
    async with services.db.write() as session:
        shown = await change_rule(session, SYSTEM, "intake.apply", value=False, now=NOW)
    async with services.db.read() as session:
        values = {rule["key"]: rule["value"] for rule in await list_rules(session, SYSTEM)}
        entries = await audit.about(session, "setting:intake.apply")
        stands = await value_of(session, INTAKE_APPLY)

    assert shown["value"] is False
    assert values == {rule.key: rule.default for rule in REGISTRY} | {"intake.apply": False}
    assert stands is False
    assert [(e.action, e.data, e.actor_kind) for e in entries] == [
        ("setting.changed", {"old": True, "new": False}, "system")
    ]


@pytest.mark.parametrize("value", [1, 0, "off"])
async def test_a_value_of_another_type_is_refused_and_nothing_is_written(shared: Services, value: int | str) -> None:
    with pytest.raises(SettingInvalid):
        async with shared.db.write() as session:
            await change_rule(session, SYSTEM, "read_only", value, NOW)

    async with shared.db.read() as session:
        assert list(await audit.about(session, "setting:read_only")) == []


async def test_an_undeclared_setting_is_unknown(shared: Services) -> None:
    with pytest.raises(SettingUnknown) as unknown:
        async with shared.db.write() as session:
            await change_rule(session, SYSTEM, "no.such", value=True, now=NOW)

    known = ", ".join(rule.key for rule in REGISTRY)
    assert known.startswith("intake.apply, read_only, access.idle_staff_hours")
    assert unknown.value.params == {"key": "no.such", "known": known}


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_entries SET reason = 'other'", "DELETE FROM audit_entries", "TRUNCATE audit_entries"],
)
async def test_the_audit_log_takes_nothing_back(shared: Services, statement: str) -> None:
    async with shared.db.write() as session:
        await audit.record(session, SYSTEM, Deed("test.done", "test:1", "why", {"n": 1}), NOW)

    with pytest.raises(DBAPIError, match="append-only"):
        async with shared.db.write() as session:
            await session.execute(text(statement))

    async with shared.db.read() as session:
        entry = (await audit.about(session, "test:1"))[0]
    assert (entry.action, entry.reason, entry.data, entry.at) == ("test.done", "why", {"n": 1}, NOW)


async def test_the_mark_of_a_database_refuses_the_other_kind(services: Services) -> None:
    claim_installation(services.db.url, Mode.PRODUCTION)  # development and production are the same kind

    with pytest.raises(WrongInstallation) as wrong:
        prepare_database(services.db.url, services.settings.model_copy(update={"mode": Mode.DEMO}))

    assert wrong.value.params == {"found": "regular", "wanted": "demo"}


async def test_a_demo_database_takes_no_business(services: Services) -> None:
    async with services.db.write() as session:
        await session.execute(text("DELETE FROM installation"))
    claim_installation(services.db.url, Mode.DEMO)
    claim_installation(services.db.url, Mode.DEMO)

    with pytest.raises(WrongInstallation) as wrong:
        claim_installation(services.db.url, Mode.PRODUCTION)

    assert wrong.value.params == {"found": "demo", "wanted": "regular"}


@dataclass(frozen=True, slots=True)
class Happened(Event):
    what: str


async def test_subscribers_run_in_order_inside_the_transaction(services: Services) -> None:
    seen: list[str] = []

    async def first(session: AsyncSession, event: Happened) -> None:
        await inbox.receive(session, "events", event.what, {}, NOW)
        seen.append(f"first {event.what}")

    async def second(session: AsyncSession, event: Happened) -> None:
        seen.append(f"second {event.what}")

    services.bus.same_transaction(Happened, first)
    services.bus.job(Happened, second)
    async with services.db.write() as session:
        await services.bus.publish(session, Happened("rain"))

    assert seen == ["first rain", "second rain"]
    async with services.db.write() as session:
        assert await inbox.claim(session, "events") is not None


async def test_a_subscribers_veto_rolls_the_fact_back(services: Services) -> None:
    async def veto(_: AsyncSession, __: Happened) -> None:
        raise LockBusy(lock="X")

    services.bus.same_transaction(Happened, veto)

    async def happen() -> None:
        async with services.db.write() as session:
            await inbox.receive(session, "vetoed", "1", {}, NOW)
            await services.bus.publish(session, Happened("rain"))

    with pytest.raises(LockBusy):
        await happen()

    async with services.db.write() as session:
        assert await inbox.claim(session, "vetoed") is None


async def test_blobs_are_kept_once_under_their_hash(tmp_path: Path) -> None:
    store = BlobStore(str(tmp_path / "store"))
    file = tmp_path / "a.bin"
    file.write_bytes(b"x" * 3_000_000)
    sha256 = file_sha256(file)

    stored = [await store.put(file, sha256) for _ in range(2)]
    chunks = [chunk async for chunk in store.stream(sha256)]

    assert stored == [True, False]
    assert b"".join(chunks) == file.read_bytes()
    assert (await store.local_copy(sha256, tmp_path)).read_bytes() == file.read_bytes()
    assert not await store.has("0" * 64)
    with pytest.raises(BlobMissing):
        await store.local_copy("0" * 64, tmp_path)
    with pytest.raises(BlobMissing):
        [chunk async for chunk in store.stream("0" * 64)]
    await store.check()


async def test_a_blob_of_a_remote_store_is_copied_to_be_read(tmp_path: Path) -> None:
    (tmp_path / "remote").mkdir()
    store = BlobStore(f"file://{tmp_path / 'remote'}")
    file = tmp_path / "a.bin"
    file.write_bytes(b"report")
    sha256 = file_sha256(file)

    await store.put(file, sha256)
    copy = await store.local_copy(sha256, tmp_path)

    assert copy == tmp_path / sha256
    assert copy.read_bytes() == b"report"


async def test_whoever_waits_for_one_another_may_ask_again(shared: Services) -> None:
    first_step = asyncio.Barrier(2)

    async def crosswise(*keys: int) -> str:
        try:
            async with shared.db.write() as session:
                for key in keys:
                    await session.execute(text("SELECT pg_advisory_xact_lock(-1, :key)"), {"key": key})
                    if key == keys[0]:
                        await first_step.wait()
        except Busy:
            return "busy"
        return "done"

    assert sorted(await asyncio.gather(crosswise(1, 2), crosswise(2, 1))) == ["busy", "done"]
