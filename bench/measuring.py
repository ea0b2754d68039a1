"""Measuring: peak memory of our own processes, percentiles, a table."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

SAMPLE_SECONDS = 0.1
MEBIBYTE = 1024 * 1024
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class PeakMemory:
    """The most resident memory of this process and, if wanted, its Python children while in the block, in MiB.

    Pages that processes share count once for each; PostgreSQL's processes are not ours and left out. Resident memory is
    a number the system keeps: shares of pages (PSS) would be gathered page by page, which stops whom it measures.
    """

    def __init__(self, *, children: bool = True) -> None:
        self.mebibytes = 0.0
        self._children = children
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            self.mebibytes = max(self.mebibytes, self._resident())
            time.sleep(SAMPLE_SECONDS)

    def _resident(self) -> float:
        pages = 0
        for process in (os.getpid(), *(_below(os.getpid()) if self._children else ())):
            try:
                if "python" not in Path(f"/proc/{process}/comm").read_text():
                    continue
                pages += int(Path(f"/proc/{process}/statm").read_text().split()[1])
            except OSError:  # it has ended meanwhile
                continue
        return pages * PAGE_BYTES / MEBIBYTE


def _below(process: int) -> Iterator[int]:
    """Every process that this one, or one below it, has started. Asked of Linux: looking through all processes
    of the machine would cost more than some imports do.
    """
    try:
        threads = list(Path(f"/proc/{process}/task").iterdir())
    except OSError:  # it has ended meanwhile
        return
    for thread in threads:
        try:
            found = [int(child) for child in (thread / "children").read_text().split()]
        except OSError:  # so has a thread
            continue
        for child in found:
            yield child
            yield from _below(child)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as Markdown, the first one being the header."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
