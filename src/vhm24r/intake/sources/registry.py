"""The sources this product knows, and the choice of exactly one of them for a table."""

from collections.abc import Sequence

from vhm24r.intake.sources.bank import BANK
from vhm24r.intake.sources.cash_collection import CASH_COLLECTION
from vhm24r.intake.sources.click import CLICK
from vhm24r.intake.sources.declaration import Claim, Source
from vhm24r.intake.sources.fiscal import FISCAL
from vhm24r.intake.sources.happy_workers import HAPPY_WORKERS
from vhm24r.intake.sources.hicon import HICON
from vhm24r.intake.sources.payme import PAYME
from vhm24r.intake.sources.uzum import UZUM
from vhm24r.intake.sources.vendhub import VENDHUB

SOURCES: tuple[Source, ...] = (
    HAPPY_WORKERS, VENDHUB, FISCAL, PAYME, CLICK, UZUM, BANK, CASH_COLLECTION, HICON,
)  # fmt: skip

LEAST_CONFIDENCE = 0.6
LEAST_MARGIN = 0.15


def claims(header: Sequence[str]) -> list[Claim]:
    """Every claim on a header row, the surest first."""
    telling = {name for source in SOURCES for column in source.columns for name in column.telling_names}
    found = [claim for source in SOURCES if (claim := source.claim(header, telling)) is not None]
    return sorted(found, key=lambda claim: -claim.confidence)


def winner(found: Sequence[Claim]) -> Claim | None:
    """The one claim that is sure enough and clearly ahead; None is a tie or nothing, never a guess.

    A header of common words alone (a transaction, a time, an amount) is nobody's, whoever knows them all.
    """
    if not found or not found[0].told or found[0].confidence < LEAST_CONFIDENCE:
        return None
    if len(found) > 1 and found[0].confidence - found[1].confidence < LEAST_MARGIN:
        return None
    return found[0]


def by_name(name: str) -> Source | None:
    """The source of this name."""
    return next((source for source in SOURCES if source.name == name), None)
