"""The sources this product knows, and the choice of exactly one of them for a table."""

from collections.abc import Sequence

from vhm24r.intake.sources.declaration import Claim, Source
from vhm24r.intake.sources.happy_workers import HAPPY_WORKERS
from vhm24r.intake.sources.vendhub import VENDHUB

SOURCES: tuple[Source, ...] = (HAPPY_WORKERS, VENDHUB)

LEAST_CONFIDENCE = 0.6
LEAST_MARGIN = 0.15


def claims(header: Sequence[str]) -> list[Claim]:
    """Every claim on a header row, the surest first."""
    found = [claim for source in SOURCES if (claim := source.claim(header)) is not None]
    return sorted(found, key=lambda claim: -claim.confidence)


def winner(found: Sequence[Claim]) -> Claim | None:
    """The one claim that is sure enough and clearly ahead; None is a tie or nothing, never a guess."""
    if not found or found[0].confidence < LEAST_CONFIDENCE:
        return None
    if len(found) > 1 and found[0].confidence - found[1].confidence < LEAST_MARGIN:
        return None
    return found[0]


def by_name(name: str) -> Source | None:
    """The source of this name."""
    return next((source for source in SOURCES if source.name == name), None)
