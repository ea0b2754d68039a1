"""A reconciliation is a function of evidence and decisions, whatever came before and in which order."""

import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from tests.conftest import NOW, SYSTEM
from tests.factories import Row, click_row, fiscal_row, hw_row, payme_row, vendhub_row
from tests.integration.reckoned import assert_conserved, found, found_anew, reconciled
from tests.integration.sharing import imported, process
from tests.integration.standing import redone, rows_of, undone
from vhm24r.ops.process import Services
from vhm24r.orders.service import editing
from vhm24r.orders.types import OrderEdit
from vhm24r.platform.embedded import EmbeddedServer
from vhm24r.reconciliation.models import MatchDecision
from vhm24r.reconciliation.service import running
from vhm24r.reconciliation.service.requesting import ask_for_days
from vhm24r.reconciliation.service.settling import Frame, Settled, settle
from vhm24r.reconciliation.types import DecisionKind

pytestmark = pytest.mark.integration

PRICES = ("9000", "12000", "15000")
MACHINES = {"24a8ff000001": "ул. Навои, 1", "24a8ff000002": "Чиланзар, 9", "24a8ff000003": "Юнусабад, 4"}
METHODS = {"Оплата наличными": "Cash", "QR платежи": "Custom payment", "vip": "vip"}

Network = dict[str, list[Row]]


def network(seed: int, orders: int = 24) -> Network:
    """Three days of three machines, crowded around their midnights: missing, strange, late and refunded facts."""
    rng = random.Random(seed)
    found: Network = {name: [] for name in ("hw", "vendhub", "fiscal", "payme", "click")}
    start = NOW.replace(year=2025, month=12, day=25, hour=0) - timedelta(minutes=20)
    for index in range(1, orders + 1):
        day = rng.randrange(3)
        created = start + timedelta(days=day, seconds=rng.choice((rng.randrange(2_400), rng.randrange(80_000))))
        method = rng.choice(list(METHODS))
        machine, price = rng.choice(list(MACHINES)), rng.choice(PRICES)
        refunded = rng.random() < 0.15
        times = {"Время_создания": _said(created), "Время_оплаты": _said(created + timedelta(seconds=8))}
        if refunded:
            back = {"Время_возврата_денег": _said(created + timedelta(seconds=200)), "Статус_платежа": "Возвращен"}
            times |= back
        row = hw_row(
            index, **times, Срок_поставки="", Ресурс_заказа=method, Машинный_код=machine, Цена_заказа=price,
            Адрес=MACHINES[machine],
        )  # fmt: skip
        if rng.random() < 0.9:
            found["hw"].append(row)
        _prove(rng, found, index, row, created + timedelta(seconds=8), refunded=refunded)
    return found


def _prove(rng: random.Random, found: Network, index: int, row: Row, paid: datetime, *, refunded: bool) -> None:
    """What the other sources say of an order, more or less."""
    late = paid + timedelta(seconds=rng.randrange(-20, 41))
    method, price, machine = row["Ресурс заказа"], row["Цена заказа"], row["Машинный код"]
    if rng.random() < 0.9:
        named = rng.choice(("Payme", "Click", ""))
        told = rng.choice((price, price, price, "11000"))
        sold = {"Time": _said(late), "Order_price": told, "Machine_Code": machine, "Payment_type": named}
        found["vendhub"].append(vendhub_row(index, Order_resource=METHODS[method], **sold))
    if method == "Оплата наличными" and rng.random() < 0.85:
        place = rng.choice((MACHINES[machine], "касса"))
        said = {"Operation_amount": price, "Trade_point": place}
        found["fiscal"].append(fiscal_row(index, Fiscal_time=_said(late), **said))
        if refunded and rng.random() < 0.7:
            back = _said(late + timedelta(seconds=200))
            found["fiscal"].append(fiscal_row(1000 + index, Fiscal_time=back, Operation_type="Return", **said))
    if method == "QR платежи" and rng.random() < 0.85:
        state = {"State": "CANCELLED"} if refunded and rng.random() < 0.7 else {}
        desk = rng.choice((MACHINES[machine], ""))
        if rng.random() < 0.5:
            paid_by = {"Amount_without_commission": price, "Cash_desk_name": desk}
            found["payme"].append(payme_row(index, Payment_time=_said(late), **paid_by, **state))
        else:
            found["click"].append(click_row(index, Date=_said(late), Amount=price, Cash_desk=desk))


def _said(moment: datetime) -> str:
    """As a report of the business zone prints it."""
    return (moment + timedelta(hours=5)).strftime("%Y-%m-%d %H:%M:%S")


Step = tuple[str, int, int]

steps = st.lists(
    st.tuples(st.sampled_from(("import", "import", "undo", "redo", "match", "unmatch", "edit", "run")),
              st.integers(0, 99), st.integers(0, 99)),
    min_size=6, max_size=12,
)  # fmt: skip


EVERY = frozenset({"hw", "vendhub", "fiscal", "payme", "click"})


class Story:
    """A database in which things happen one after the other."""

    def __init__(self, services: Services, facts: Network, parts: int, *, split: frozenset[str] = EVERY) -> None:
        """Each source that is `split` comes in so many files, the others in one."""
        self.services = services
        self.parts = [
            (f"{source}-{part}.csv", rows[part::many])
            for source, rows in facts.items()
            for many in (parts if source in split else 1,)
            for part in range(many)
        ]
        self.parts = [part for part in self.parts if part[1]]
        self.applied: list[int] = []
        self.undone: list[int] = []

    async def tell(self, story: list[Step]) -> None:
        """Let everything happen; what is left is brought at the end."""
        for what, one, other in story:
            await getattr(self, f"_{what}")(one, other)
        while self.parts:
            await self._import(0, 0)
        await reconciled(self.services)

    async def _import(self, one: int, _: int) -> None:
        if self.parts:
            name, rows = self.parts.pop(one % len(self.parts))
            if one % 3 == 0:  # an export that overlaps with others: rows that are known, or repeat each other
                rows = [*rows, *rows[: one % 5], *(row for _, more in self.parts[:1] for row in more[: one % 4])]
                rows = [row for row in rows if set(row) == set(rows[0])]
            self.applied.append((await imported(self.services, rows, name))["id"])

    async def _undo(self, one: int, _: int) -> None:
        if self.applied:
            self.undone.append(self.applied.pop(one % len(self.applied)))
            await undone(self.services, self.undone[-1])

    async def _redo(self, one: int, _: int) -> None:
        if self.undone:
            self.applied.append(self.undone.pop(one % len(self.undone)))
            await redone(self.services, self.applied[-1])

    async def _match(self, one: int, other: int) -> None:
        await self._decide(DecisionKind.MATCH, one, other)

    async def _unmatch(self, one: int, other: int) -> None:
        await self._decide(DecisionKind.UNMATCH, one, other)

    async def _decide(self, kind: DecisionKind, one: int, other: int) -> None:
        """A person's word on some record and some order, as the service writes it."""
        records = await rows_of(
            self.services,
            "SELECT record_id, (occurred_at AT TIME ZONE 'Asia/Tashkent')::date AS day FROM evidence_records e"
            " WHERE order_id IS NULL AND current AND source IN ('fiscal', 'payme', 'click') AND NOT EXISTS ("
            " SELECT FROM reconciliation_decisions d WHERE d.record_id = e.record_id) ORDER BY source, external_id",
        )
        orders = await rows_of(
            self.services,
            "SELECT id, (occurred_at AT TIME ZONE 'Asia/Tashkent')::date AS day FROM orders o"
            " WHERE withdrawn_at IS NULL AND NOT EXISTS ("
            " SELECT FROM reconciliation_decisions d WHERE d.order_id = o.id) ORDER BY number",
        )
        if not records or not orders:
            return
        record, order = records[one % len(records)], orders[other % len(orders)]
        async with self.services.db.write() as session:
            said = {"reason": "seen", "author_name": "somebody", "at": NOW}
            session.add(MatchDecision(kind=kind, record_id=record["record_id"], order_id=order["id"], **said))
            for day in {record["day"], order["day"]}:
                await ask_for_days(session, day, day, NOW)

    async def _edit(self, one: int, _: int) -> None:
        orders = await rows_of(self.services, "SELECT number FROM orders WHERE withdrawn_at IS NULL ORDER BY number")
        if orders:
            async with self.services.db.write() as session:
                edit = OrderEdit({"amount": "12000.00"})
                number = orders[one % len(orders)]["number"]
                await editing.edit_order(session, SYSTEM, self.services.bus, number, edit, NOW)

    async def _run(self, one: int, other: int) -> None:
        await reconciled(self.services)


class StoppedError(Exception):
    """In place of whatever ends a process."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stories")


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 10_000), story=steps, parts=st.integers(1, 3))
async def test_whatever_happened_it_is_as_reckoned_from_scratch(
    server: EmbeddedServer, template: str, folders: Path, seed: int, story: list[Step], parts: int
) -> None:
    async with process(server, template, folders) as services:
        told = Story(services, network(seed), parts)
        await told.tell(story)

        await assert_conserved(services)
        assert await found(services) == await found_anew(services)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 10_000), shuffled=st.randoms(use_true_random=False), parts=st.integers(1, 3))
async def test_the_order_and_the_split_of_files_change_nothing(
    server: EmbeddedServer, template: str, folders: Path, seed: int, shuffled: random.Random, parts: int
) -> None:
    facts = network(seed)
    async with process(server, template, folders) as services:
        await Story(services, facts, 1).tell([])
        plain = await found(services)
    async with process(server, template, folders) as services:
        # a part of a register's or gateway's report covers fewer days, so fewer documents are missed (decisions 9)
        story = Story(services, facts, parts, split=frozenset({"hw"}))
        shuffled.shuffle(story.parts)
        await story.tell([(shuffled.choice(("import", "run")), 0, 0) for _ in range(8)])

        assert await found(services) == plain


async def test_a_run_that_is_stopped_is_finished_by_the_next(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has settled one day of three, and dies over the second."""
    for name, rows in network(7).items():
        await imported(services, rows, f"{name}.csv")
    settled: list[int] = []

    async def dies_over_the_second(
        session: AsyncSession, frame: Frame, first: int, last: int, days: set[int]
    ) -> Settled:
        if settled:
            raise StoppedError
        settled.append(first)
        return await settle(session, frame, first, last, days)

    with monkeypatch.context() as patched:
        patched.setattr(running, "STRETCH_DAYS", 1)
        patched.setattr(running, "settle", dies_over_the_second)
        with pytest.raises(StoppedError):
            await reconciled(services)
    assert len(settled) == 1
    assert await rows_of(services, "SELECT * FROM reconciliation_requests") != []
    assert await rows_of(services, "SELECT * FROM reconciliation_runs") == []

    await reconciled(services)

    assert await found(services) == await found_anew(services)
    assert await rows_of(services, "SELECT * FROM reconciliation_requests") == []
