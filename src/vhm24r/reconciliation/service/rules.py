"""Business rules of reconciliation that people may change while the product runs."""

from vhm24r.platform.business_settings import AnySetting, BusinessSetting
from vhm24r.reconciliation.types import COMPARED, GATEWAYS, MONEY_SOURCES

HOUR_S = 3_600


def _seconds(key: str, default: int, most: int, description: str) -> BusinessSetting[int]:
    return BusinessSetting(key, default, description, allows=lambda seconds: 1 <= seconds <= most)


def _permille(key: str, default: int, description: str) -> BusinessSetting[int]:
    return BusinessSetting(key, default, description, allows=lambda share: 0 <= share <= 1_000)


USED = {
    source: BusinessSetting(
        f"reconciliation.{source}_used",
        default=True,
        description=f"whether the network uses {source}; its records are set aside if not, and nobody misses them",
    )
    for source in COMPARED
}
WINDOW_S = {
    source: _seconds(
        f"reconciliation.{source}_window_s",
        60,
        HOUR_S,
        f"seconds that {source} records may lie before or after the paying of their order, by clocks put right",
    )
    for source in MONEY_SOURCES
}
SALE_WINDOW_S = _seconds(
    "reconciliation.vendhub_window_s",
    60,
    HOUR_S,
    "seconds that a sale may lie before the creation of its order, or after its delivery or refund",
)
GROSS = {
    source: BusinessSetting(
        f"reconciliation.{source}_gross",
        default=False,
        description=f"whether amounts in {source} reports contain the commission; it is taken off before matching",
    )
    for source in GATEWAYS
}
MARGIN_S = _seconds(
    "reconciliation.margin_s",
    60,
    HOUR_S,
    "seconds by which the next best assignment must be worse for a pairing to be called certain",
)
RETURN_WITHIN_S = _seconds(
    "reconciliation.return_within_s", 2 * HOUR_S, 6 * HOUR_S, "seconds after a sale within which a return may cancel it"
)
CARD_RECEIPTS = BusinessSetting(
    "reconciliation.card_receipts", default=False, description="whether orders paid by card need a receipt, too"
)
DRIFT_ATTENTION = _permille(
    "reconciliation.drift_attention_permille", 10, "difference, in thousandths of ours, that deserves attention"
)
DRIFT_CRITICAL = _permille(
    "reconciliation.drift_critical_permille", 30, "difference, in thousandths of ours, that is critical"
)
PAYOUT_PERMILLE = _permille(
    "reconciliation.payout_permille", 10, "difference, in thousandths, between a day's net and the credit that pays it"
)
PAYOUT_DAYS = BusinessSetting(
    "reconciliation.payout_days",
    default=5,
    description="days within which a gateway pays a day's money out",
    allows=lambda days: 0 <= days <= 31,
)
COLLECTION_PERMILLE = _permille(
    "reconciliation.collection_permille", 10, "difference, in thousandths, between cash collected and cash of orders"
)

OF_DAYS: tuple[AnySetting, ...] = (
    *USED.values(),
    *WINDOW_S.values(),
    SALE_WINDOW_S,
    *GROSS.values(),
    MARGIN_S,
    RETURN_WITHIN_S,
    CARD_RECEIPTS,
)
"""What every day's results depend on."""

OF_LEVELS: tuple[AnySetting, ...] = (PAYOUT_PERMILLE, PAYOUT_DAYS, COLLECTION_PERMILLE)
"""What payouts and collections depend on."""

RULES: tuple[AnySetting, ...] = (*OF_DAYS, DRIFT_ATTENTION, DRIFT_CRITICAL, *OF_LEVELS)
