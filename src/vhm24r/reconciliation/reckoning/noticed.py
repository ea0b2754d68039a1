"""What a person should look at, and the reasons of every order's status."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from vhm24r.evidence.types import SourceName
from vhm24r.kit.money import format_minor
from vhm24r.orders.types import MatchStatus
from vhm24r.reconciliation.matcher.facts import NOBODY, Ints
from vhm24r.reconciliation.matcher.sureness import FAR_S
from vhm24r.reconciliation.reckoning.documents import WHYS
from vhm24r.reconciliation.reckoning.outcomes import BUCKET_OF, Outcomes
from vhm24r.reconciliation.reckoning.reckon import Reckoning
from vhm24r.reconciliation.reckoning.verdicts import covered_by
from vhm24r.reconciliation.reckoning.world import QR, SOURCE, SOURCES, UNKNOWN, World
from vhm24r.reconciliation.types import Bucket, ExceptionType, Why

Reason = dict[str, Any]

RECORD_EXCEPTION = {
    SourceName.FISCAL: ExceptionType.FISCAL_ONLY,
    SourceName.PAYME: ExceptionType.PAYME_ONLY,
    SourceName.CLICK: ExceptionType.CLICK_ONLY,
    SourceName.UZUM: ExceptionType.UZUM_ONLY,
    SourceName.VENDHUB: ExceptionType.SALE_ONLY,
    SourceName.HAPPY_WORKERS: ExceptionType.SALE_ONLY,
}

FINDINGS = {
    MatchStatus.NUMBER_CONFLICT: ExceptionType.NUMBER_CONFLICT,
    MatchStatus.VENDHUB_ONLY: ExceptionType.VENDHUB_ONLY,
    MatchStatus.HW_ONLY: ExceptionType.HW_ONLY,
    MatchStatus.PRICE_MISMATCH: ExceptionType.PRICE_MISMATCH,
    MatchStatus.TIME_OUT_OF_RANGE: ExceptionType.TIME_OUT_OF_RANGE,
    MatchStatus.AMBIGUOUS_MATCH: ExceptionType.AMBIGUOUS_MATCH,
    MatchStatus.GATEWAY_MISMATCH: ExceptionType.GATEWAY_MISMATCH,
    MatchStatus.FISCAL_MISMATCH: ExceptionType.FISCAL_MISMATCH,
}
"""What holds of an order, whatever its status, and is an exception."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """An exception of an order, or of a record, by its place in the world. `amount` is the money at risk."""

    type: ExceptionType
    order: int
    record: int
    amount: int
    reasons: list[Reason]


def order_reasons(world: World, reckoning: Reckoning) -> dict[int, dict[MatchStatus, Reason]]:
    """Of each order of which something other than matching holds: each finding, and why it holds."""
    found: dict[int, dict[MatchStatus, Reason]] = {}
    linked = [documents.linked.order for documents in (reckoning.receipts, reckoning.payments)]
    candidates = np.bincount(np.concatenate(linked), minlength=world.orders.count)
    quiet = (MatchStatus.MATCHED, MatchStatus.FULLY_MATCHED)
    for status, which in reckoning.holds.items():
        if status in quiet:
            continue
        for order in np.flatnonzero(which).tolist():
            found.setdefault(order, {})[status] = _reason(world, reckoning, status, order, candidates)
    return found


def _reason(world: World, reckoning: Reckoning, status: MatchStatus, order: int, candidates: Ints) -> Reason:
    orders, sold = world.orders, reckoning.sold
    if status is MatchStatus.PRICE_MISMATCH:
        return {
            "code": "sale_price",
            "machine": _shown(int(orders.amount[order])),
            "sale": _shown(int(sold.sale_amount[order])),
        }
    if status is MatchStatus.TIME_OUT_OF_RANGE:
        seconds = int(sold.beyond_s[order])
        return {"code": "sale_time", "seconds": seconds, "window_s": world.limits.sale_window_s}
    if status is MatchStatus.AMBIGUOUS_MATCH:
        documents = reckoning.payments if orders.method[order] == QR else reckoning.receipts
        margin = int(documents.margin_s[order])
        return {
            "code": "several_fit",
            "candidates": int(candidates[order]),
            "margin_s": None if margin >= FAR_S else margin,
        }
    if status is MatchStatus.GATEWAY_MISMATCH:
        gateway = int(sold.gateway[order])
        return {
            "code": "no_payment",
            "gateway": None if gateway == NOBODY else str(SOURCES[gateway]),
            "window_s": world.limits.widest_s,
        }
    if status is MatchStatus.FISCAL_MISMATCH:
        return {"code": "no_receipt", "window_s": world.limits.window_s[SourceName.FISCAL]}
    return {"code": str(status)}


def _shown(amount: int) -> str | None:
    return None if amount == UNKNOWN else format_minor(amount)


def noticed(
    world: World, reckoning: Reckoning, found: Outcomes, reasons: dict[int, dict[MatchStatus, Reason]]
) -> Iterator[Noticed]:
    """Every exception of the world's orders and records."""
    yield from _of_orders(world, reckoning, reasons)
    yield from _refunds(world, reckoning)
    yield from _of_records(world, found)


def _of_orders(world: World, reckoning: Reckoning, reasons: dict[int, dict[MatchStatus, Reason]]) -> Iterator[Noticed]:
    by_vendhub = covered_by(world.covered, SourceName.VENDHUB, world.orders.day)
    for order, held in reasons.items():
        for status, reason in held.items():
            if status not in FINDINGS or (status is MatchStatus.HW_ONLY and not by_vendhub[order]):
                continue
            if status is MatchStatus.HW_ONLY and MatchStatus.VENDHUB_ONLY in held:
                continue
            if status is MatchStatus.VENDHUB_ONLY and not world.limits.used.get(SourceName.VENDHUB, True):
                continue
            amount = _at_risk(world, reckoning, status, order)
            yield Noticed(FINDINGS[status], order, NOBODY, amount, [reason])


def _at_risk(world: World, reckoning: Reckoning, status: MatchStatus, order: int) -> int:
    amount = int(world.orders.amount[order])
    if amount == UNKNOWN:
        return 0
    if status is MatchStatus.PRICE_MISMATCH:
        return abs(amount - int(reckoning.sold.sale_amount[order]))
    return 0 if status is MatchStatus.TIME_OUT_OF_RANGE else abs(amount)


def _refunds(world: World, reckoning: Reckoning) -> Iterator[Noticed]:
    """Refunded orders whose money stands elsewhere: refunded in the machine, not there."""
    for documents, kind in (
        (reckoning.payments, ExceptionType.REFUND_NOT_AT_GATEWAY),
        (reckoning.receipts, ExceptionType.REFUND_WITHOUT_RETURN),
    ):
        by_hand = world.decisions.sources(tuple(SOURCE[name] for name in documents.kind.sources))
        found = world.orders.refunded & (documents.record != NOBODY) & documents.has & ~documents.by_hand
        live = found & (documents.why[np.maximum(documents.record, 0)] < 0) if len(documents.why) else found
        live |= world.orders.refunded & documents.by_hand & ~documents.went_back
        for order in np.flatnonzero(live).tolist():
            record = int(documents.record[order])
            hand = documents.by_hand[order]
            source_place = by_hand[int(world.orders.id[order])] if hand else int(world.records.source[record])
            source = str(SOURCES[source_place])
            reason = {"code": str(kind), "source": source}
            yield Noticed(kind, order, NOBODY, max(0, int(world.orders.amount[order])), [reason])


def _of_records(world: World, found: Outcomes) -> Iterator[Noticed]:
    unmatched = np.array([BUCKET_OF[why] is Bucket.UNMATCHED for why in WHYS])
    records = world.records
    for record in np.flatnonzero(unmatched[found.why]).tolist():
        source = SOURCES[int(records.source[record])]
        if source not in RECORD_EXCEPTION:
            continue
        amount = int(records.amount[record])
        why = WHYS[int(found.why[record])]
        at_risk = 0 if amount == UNKNOWN or why is Why.AMBIGUOUS else abs(amount)
        yield Noticed(RECORD_EXCEPTION[source], NOBODY, record, at_risk, [{"code": str(why)}])
