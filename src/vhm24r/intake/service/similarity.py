"""Which earlier import has said most of the rows of this one: by a sample of what its rows state."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

SIMILAR_PERCENT = 50
"""From this share of rows on that an earlier file has said, too, a file is called similar to it."""

CANDIDATES = 5
"""Files that are compared: so many newest ones of the source, and so many that said the most of its rows first."""

SMALL_PART = 4_000
SAMPLE_EVERY = 32
"""Of a larger part every so manieth row is compared with earlier files; a small one is compared whole."""

Similar = tuple[int | None, int | None]
"""The import and its share of the rows in percent; None where none is similar."""


@dataclass(slots=True)
class Sample:
    """Versions that some rows of a file state and that were known before, by how many rows each stands for."""

    source: str
    versions: dict[int, set[int]] = field(default_factory=dict)

    async def take(self, session: AsyncSession, rows: int) -> None:
        """Add those of a part of so many rows, out of `outcomes`."""
        step = 1 if rows <= SMALL_PART else SAMPLE_EVERY
        known = text("SELECT version_id FROM outcomes WHERE outcome <> 'new' AND position % :step = 0")
        found = (await session.execute(known, {"step": step})).scalars()
        self.versions.setdefault(step, set()).update(found)


async def most_similar(session: AsyncSession, import_id: int, samples: Iterable[Sample], rows: int) -> Similar:
    """The earlier import that has said most of `rows` rows."""
    shared: Counter[int] = Counter()
    for sample in samples:
        for step, versions in sample.versions.items():
            for other, count in (await _shared(session, import_id, sample.source, sorted(versions))).items():
                shared[other] += count * step
    for other, count in shared.most_common(1):
        percent = min(100, round(100 * count / rows))
        if percent >= SIMILAR_PERCENT:
            return other, percent
    return None, None


async def _shared(session: AsyncSession, import_id: int, source: str, versions: list[int]) -> dict[int, int]:
    """How many of the versions each other import has said, as far as its files are candidates."""
    if not versions:
        return {}
    candidates = """
        (SELECT id FROM evidence_files WHERE source = :source AND NOT withdrawn AND import_id <> :import_id
            ORDER BY id DESC LIMIT :most)
        UNION (SELECT e.file_id FROM evidence_records e
            JOIN evidence_files f ON f.id = e.file_id AND NOT f.withdrawn AND f.import_id <> :import_id
            WHERE e.id = ANY (:versions) GROUP BY e.file_id ORDER BY count(*) DESC LIMIT :most)
    """
    runs = text(
        "SELECT f.import_id, s.version_id, s.length FROM evidence_sightings s"
        f" JOIN evidence_files f ON f.id = s.file_id WHERE s.file_id IN ({candidates})"
    )
    named = {"source": source, "import_id": import_id, "most": CANDIDATES, "versions": versions}
    by_import: dict[int, list[tuple[int, int]]] = {}
    for other, version, length in (await session.execute(runs, named)).all():
        by_import.setdefault(int(other), []).append((int(version), int(length)))
    return {other: covered(found, versions) for other, found in by_import.items()}


def covered(runs: Iterable[tuple[int, int]], versions: Sequence[int]) -> int:
    """How many of the versions, which are sorted, lie in some of the runs: first version, and how many follow."""
    count = end = 0
    for first, length in sorted(runs):
        begin, stop = max(first, end), first + length
        if stop > begin:
            count += bisect_left(versions, stop) - bisect_left(versions, begin)
            end = stop
    return count
