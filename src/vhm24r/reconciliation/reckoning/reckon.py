"""The reckoning: clocks, then sales, receipts and payments, then what follows for orders and records."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from vhm24r.evidence.types import SourceName
from vhm24r.orders.types import MatchStatus
from vhm24r.reconciliation.matcher.facts import NOBODY, Flags, Pairs
from vhm24r.reconciliation.reckoning.clocks import MachineClocks, machine_clocks
from vhm24r.reconciliation.reckoning.documents import LOOSE_SALES, PAYMENTS, RECEIPTS, Documents, documents, takers
from vhm24r.reconciliation.reckoning.sold import Sold, sold
from vhm24r.reconciliation.reckoning.verdicts import Found, known
from vhm24r.reconciliation.reckoning.world import VENDHUB, World
from vhm24r.reconciliation.statuses import Known, findings, statuses


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What became of a world's orders and records. `all_of` has documents of each kind."""

    clocks: MachineClocks
    sold: Sold
    loose_sales: Documents
    receipts: Documents
    payments: Documents
    known: Known
    status: list[MatchStatus]
    holds: dict[MatchStatus, Flags]

    @property
    def kinds(self) -> tuple[Documents, ...]:
        """Documents of each kind."""
        return (self.loose_sales, self.receipts, self.payments)


def reckon(world: World) -> Reckoning:
    """Reckon everything anew. Nothing but the world decides, and no order of its arrays but time and key."""
    orders, limits = world.orders, world.limits
    told = world.sales if limits.used.get(SourceName.VENDHUB, True) else world.sales.without(VENDHUB)
    clocks = machine_clocks(orders, told, limits.sale_window_s)
    sales = sold(orders, told, clocks.usual_s, limits.sale_window_s)
    nobody = np.full(orders.count, NOBODY)
    loose = documents(
        world, LOOSE_SALES, takers(orders, LOOSE_SALES, cards=False, has_sale=sales.by_sales), nobody, clocks.ahead_s
    )
    sales.by_sales[loose.has] = True
    receipts, payments = (
        documents(
            world,
            kind,
            takers(orders, kind, cards=limits.card_receipts, has_sale=sales.by_sales),
            sales.gateway,
            clocks.ahead_s,
        )
        for kind in (RECEIPTS, PAYMENTS)
    )
    state = known(world, Found(sales, receipts, payments))
    return Reckoning(clocks, sales, loose, receipts, payments, state, statuses(state), findings(state))


def linked_with(world: World, reckoning: Reckoning, orders: Flags, records: Flags) -> tuple[Flags, Flags]:
    """All orders and records that have a say, on any way, in what becomes of the given ones."""
    pairs = [documents.linked for documents in reckoning.kinds]
    return spread(pairs, orders, records)


def spread(linked: list[Pairs], orders: Flags, records: Flags) -> tuple[Flags, Flags]:
    """Orders and records that are linked with the given ones, and these themselves."""
    order = np.concatenate([pairs.order for pairs in linked])
    record = np.concatenate([pairs.record for pairs in linked])
    nodes = len(orders) + len(records)
    graph = coo_array((np.ones(len(order), dtype=np.int8), (order, len(orders) + record)), shape=(nodes, nodes))
    count, label = connected_components(graph, directed=False)
    touched = np.zeros(count, dtype=np.bool_)
    touched[label[: len(orders)][orders]] = True
    touched[label[len(orders) :][records]] = True
    return touched[label[: len(orders)]], touched[label[len(orders) :]]
