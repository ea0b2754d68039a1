"""How often something may be done: fixed windows, counted in this process or over all of them (decisions 31).

Reading is counted in memory, where it costs nothing; what matters over all processes (sign-in, webhooks, money,
exports) in PostgreSQL. A window is told by the clock that is given; a refusal says when the next one begins.
"""

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from vhm24r.kit.clock import Clock
from vhm24r.kit.errors import AppError
from vhm24r.platform.db import Database
from vhm24r.platform.models import RateCounter

UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
MOST_COUNTERS = 50_000
"""Counters that are kept in memory; beyond them those of past windows are dropped, then all."""


class TooOften(AppError):
    """More than the rate allows."""

    code = "platform.too_often"
    status = 429
    retryable = True


@dataclass(frozen=True, slots=True)
class Rate:
    """So many times in a window of so many seconds."""

    times: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read `60/minute`.

        Raises:
            ValueError: it is written in another way.
        """
        found = re.fullmatch(r"([1-9]\d{0,8})/(second|minute|hour|day)", text.strip())
        if found is None:
            raise ValueError(f"“{text}” is not a rate such as 60/minute")
        return cls(int(found[1]), UNITS[found[2]])

    def window(self, now: datetime) -> int:
        """The number of the window that an instant lies in."""
        return int(now.timestamp()) // self.seconds

    def left_s(self, now: datetime) -> int:
        """Whole seconds until the next window, at least one."""
        return max(1, math.ceil((self.window(now) + 1) * self.seconds - now.timestamp()))


@dataclass(slots=True)
class Counters:
    """Counts what was done in this process, and over all processes."""

    db: Database
    clock: Clock
    _memory: dict[tuple[str, int], int] = field(default_factory=dict)

    def here(self, rate: Rate, key: str) -> None:
        """Count one more in this process.

        Raises:
            TooOften: it was one too many.
        """
        now = self.clock.now()
        place = (key, rate.window(now))
        if place not in self._memory and len(self._memory) >= MOST_COUNTERS:
            self._forget(rate.window(now))
        count = self._memory[place] = self._memory.get(place, 0) + 1
        if count > rate.times:
            raise TooOften(retry_after=rate.left_s(now))

    async def everywhere(self, rate: Rate, key: str) -> int:
        """Count one more over all processes, whatever becomes of the request; the count so far.

        Raises:
            TooOften: it was one too many.
        """
        now = self.clock.now()
        ends = datetime.fromtimestamp((rate.window(now) + 1) * rate.seconds, UTC)
        row = {"key": f"{key}:{rate.window(now)}", "count": 1, "expires_at": ends}
        statement = (
            insert(RateCounter)
            .values(row)
            .on_conflict_do_update(index_elements=["key"], set_={"count": RateCounter.count + 1})
            .returning(RateCounter.count)
        )
        async with self.db.write() as session:
            count = int((await session.execute(statement)).scalar_one())
        if count > rate.times:
            raise TooOften(retry_after=rate.left_s(now))
        return count

    async def require_room(self, rate: Rate, key: str) -> None:
        """Pass without counting.

        Raises:
            TooOften: there is no room for one more.
        """
        now = self.clock.now()
        statement = select(RateCounter.count).where(RateCounter.key == f"{key}:{rate.window(now)}")
        async with self.db.read() as session:
            count = (await session.execute(statement)).scalar_one_or_none() or 0
        if count >= rate.times:
            raise TooOften(retry_after=rate.left_s(now))

    async def forget_past(self) -> None:
        """Drop the counters of windows that are over."""
        async with self.db.write() as session:
            past = self.clock.now() - timedelta(minutes=1)
            await session.execute(delete(RateCounter).where(RateCounter.expires_at < past))

    def _forget(self, window: int) -> None:
        """Make room: counters of other windows first, all of them when that is not enough."""
        kept = {place: count for place, count in self._memory.items() if place[1] == window}
        self._memory = kept if len(kept) < MOST_COUNTERS else {}
