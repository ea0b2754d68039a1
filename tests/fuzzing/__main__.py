"""`python -m tests.fuzzing --seconds 60 --seed 1`: exit code 1 and a folder with the files that broke a reader."""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.fuzzing.harness import End, Ending, read_apart, read_really
from tests.fuzzing.honest import Honest, honest_files
from tests.fuzzing.mutations import damaged
from vhm24r.intake.reader_process import Limits
from vhm24r.settings import Settings

SECONDS_OF_A_FILE = 20
"""Far more than a damaged file of some kilobytes may take; the product's own limit is for honest large ones."""

REALLY_EVERY = 50


def fuzz(seconds: float, most: int, seed: int, broken: Path) -> tuple[Counter[tuple[str, str]], float]:
    """Damage and read files in turn until time is up or there are enough; counts by format and end, slowest file."""
    limits = Limits(Settings.model_fields["reader_memory_mb"].default, SECONDS_OF_A_FILE)
    files = honest_files()
    counts: Counter[tuple[str, str]] = Counter()
    slowest = 0.0
    until = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="vhm24r-fuzz-") as folder:
        for number in range(most):
            if time.monotonic() > until:
                break
            honest = files[number % len(files)]
            path = Path(folder) / f"{honest.form}-{seed}-{number}"
            path.write_bytes(_content(honest, files, seed, number))
            ending = (read_really if number % REALLY_EVERY == REALLY_EVERY - 1 else read_apart)(path, limits)
            counts[honest.form, ending.end] += 1
            slowest = max(slowest, ending.seconds)
            if ending.end is End.CRASHED:
                _keep(path, ending, broken)
            path.unlink()
    return counts, slowest


def _content(honest: Honest, files: list[Honest], seed: int, number: int) -> bytes:
    """The first round is sound: a fuzz that begins with refused files proves nothing."""
    if number < len(files):
        return honest.content
    return damaged(honest, files, random.Random(f"{seed} {number}"))


def _keep(path: Path, ending: Ending, broken: Path) -> None:
    broken.mkdir(parents=True, exist_ok=True)
    (broken / path.name).write_bytes(path.read_bytes())
    (broken / f"{path.name}.txt").write_text(f"{ending.seconds:.1f} s\n{ending.said}\n", encoding="utf-8")


def table(counts: Counter[tuple[str, str]]) -> str:
    """Format × what its files came to."""
    lines = [f"{'format':<16}{'tried':>8}" + "".join(f"{end:>10}" for end in End)]
    for form in (*sorted({form for form, _ in counts}), "all"):
        ends = [sum(n for (f, e), n in counts.items() if e == end and form in (f, "all")) for end in End]
        lines.append(f"{form:<16}{sum(ends):>8}" + "".join(f"{n:>10}" for n in ends))
    return "\n".join(lines)


def main() -> int:
    """Parse arguments, fuzz, print."""
    parser = argparse.ArgumentParser(prog="make fuzz", description="Damaged files against every reader")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--files", type=int, default=10**9, help="at most so many; with a seed always the same ones")
    parser.add_argument("--seed", type=int, default=None, help="default: another one at every run")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "vhm24r-fuzz-broken")
    given = parser.parse_args()
    seed = random.randrange(10**6) if given.seed is None else given.seed
    counts, slowest = fuzz(given.seconds, given.files, seed, given.keep)
    crashed = sum(n for (_, end), n in counts.items() if end == End.CRASHED)
    print(f"{table(counts)}\nseed {seed}, slowest file {slowest:.1f} s")  # noqa: T201
    if crashed:
        print(f"{crashed} files broke their reader; they are in {given.keep}")  # noqa: T201
    return 1 if crashed else 0


if __name__ == "__main__":
    sys.exit(main())
