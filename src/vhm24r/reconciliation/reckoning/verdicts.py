"""From what was found of orders to what is known of them: which documents each needs, and what follows."""

from dataclasses import dataclass

import numpy as np

from vhm24r.evidence.types import SourceName
from vhm24r.reconciliation.matcher.facts import NOBODY, Flags, Ints
from vhm24r.reconciliation.reckoning.documents import Documents
from vhm24r.reconciliation.reckoning.sold import Sold
from vhm24r.reconciliation.reckoning.world import (
    CARD,
    CASH,
    CREDIT,
    QR,
    SOURCE,
    TEST,
    VIP,
    Covered,
    Orders,
    Records,
    World,
    flags,
)
from vhm24r.reconciliation.statuses import Known
from vhm24r.reconciliation.types import GATEWAYS


@dataclass(frozen=True, slots=True)
class Found:
    """What the steps before have found of the world's orders."""

    sold: Sold
    receipts: Documents
    payments: Documents


def known(world: World, found: Found) -> Known:
    """Everything a status is made of."""
    orders, limits, sold = world.orders, world.limits, found.sold
    wants_receipt = (orders.method == CASH) | ((orders.method == CARD) & limits.card_receipts)
    wants_receipt &= limits.used.get(SourceName.FISCAL, True) & ~orders.refunded & (orders.amount > 0)
    wants_payment = (orders.method == QR) & ~orders.refunded & (orders.amount > 0)
    receipts, payments = found.receipts, found.payments
    needs_receipt = wants_receipt & (receipts.has | receipts.is_open | receipts_expected(world, receipts))
    needs_payment = wants_payment & (payments.has | payments.is_open | payments_expected(world, sold.gateway))
    return Known(
        by_machine=sold.by_machine,
        by_sales=sold.by_sales | (not limits.used.get(SourceName.VENDHUB, True)),
        number_conflict=orders.conflict,
        refunded=orders.refunded,
        price_differs=sold.price_differs,
        time_out_of_range=sold.beyond_s != 0,
        free=np.isin(orders.method, (VIP, CREDIT, TEST)),
        needs_receipt=needs_receipt,
        has_receipt=receipts.has | receipts.is_open,
        needs_payment=needs_payment,
        has_payment=payments.has | payments.is_open,
        is_open=(needs_receipt & receipts.is_open) | (needs_payment & payments.is_open),
    )


def payments_expected(world: World, gateway: Ints) -> Flags:
    """Which orders' payment should be in a file: the gateway they name covers their day, or every one does."""
    used = [name for name in GATEWAYS if world.limits.used.get(name, True)]
    by_gateway = {name: np.isin(world.orders.day, list(world.covered.of_source(name))) for name in used}
    anyhow = np.logical_and.reduce(list(by_gateway.values())) if by_gateway else flags(world.orders.count)
    expected: Flags = (gateway == NOBODY) & anyhow
    for name, covers in by_gateway.items():
        expected |= (gateway == SOURCE[name]) & covers
    return expected


def receipts_expected(world: World, receipts: Documents) -> Flags:
    """Which orders' receipt should be in a file: a register that may have served their machine covers their day."""
    if not world.limits.used.get(SourceName.FISCAL, True):
        return flags(world.orders.count)
    expected = flags(world.orders.count)
    for account, days in world.covered.accounts(SourceName.FISCAL).items():
        expected |= _may_have_served(world.orders, world.records, receipts, account, days)
    return expected


def _may_have_served(
    orders: Orders, records: Records, receipts: Documents, account: int, days: frozenset[int]
) -> Flags:
    """Which orders of some days a register may have served: it stood nowhere else that day, as far as anybody knows."""
    covered: Flags = np.isin(orders.day, list(days))
    mine = np.flatnonzero((records.source == SOURCE[SourceName.FISCAL]) & (records.account == account))
    stood, day = receipts.stood[mine], records.day[mine]
    nowhere = np.unique(day[stood == NOBODY])
    placed = stood != NOBODY
    many = int(max(orders.machine.max(initial=0), stood.max(initial=0))) + 2
    there = np.unique(day[placed] * many + stood[placed] + 1)
    elsewhere = np.isin(orders.day, np.setdiff1d(np.unique(day[placed]), nowhere))
    here = np.isin(orders.day * many + orders.machine + 1, there) | (orders.machine == NOBODY)
    may: Flags = covered & (~elsewhere | here)
    return may


def covered_by(covered: Covered, source: SourceName, day: Ints) -> Flags:
    """Whether any file of a source speaks of each day."""
    found: Flags = np.isin(day, list(covered.of_source(source)))
    return found
