"""The standing parts of the network: machines, cash registers, and who is busy or silent.

Built once from a `NetworkSpec`; pure. Random numbers come from `random.Random` seeded with text, and only
from `random()` and `getrandbits()`: both give the same digits on every machine and Python version, unlike
anything that goes through the C library's logarithms.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from zoneinfo import ZoneInfo

from vhm24r.ops.demo.catalogue import SITES, STREETS
from vhm24r.ops.demo.spec import NetworkSpec

_FAR_MACHINE = 6  # an ordinary one, neither busy nor quiet


@dataclass(frozen=True, slots=True)
class Machine:
    """A vending machine; `code` is 12 hex digits, `clock_skew_s` is what its clock adds to the time."""

    index: int
    code: str
    address: str
    cash_desk: str
    operator: str
    weight: int
    clock_skew_s: int
    register: int


@dataclass(frozen=True, slots=True)
class Register:
    """A fiscal module; `place` is its point of sale, None when that is the machine's own address."""

    module: str
    place: str | None
    clock_skew_s: int


@dataclass(frozen=True, slots=True)
class Network:
    """All machines and registers; `silent` is the machine that sells nothing in the last days."""

    machines: tuple[Machine, ...]
    registers: tuple[Register, ...]
    silent: Machine | None
    silent_from: date
    zone: ZoneInfo

    def selling(self, day: date) -> tuple[Machine, ...]:
        """The machines that can sell on that business day."""
        if self.silent is None or day < self.silent_from:
            return self.machines
        return tuple(m for m in self.machines if m is not self.silent)


def build_network(spec: NetworkSpec) -> Network:
    """Machines, registers and their habits for this spec."""
    registers = _registers(spec)
    machines = _machines(spec, len(registers))
    silent = machines[len(machines) // 2] if len(machines) > 1 and 0 < spec.silent_days < spec.days else None
    silent_from = spec.ends_on - timedelta(days=spec.silent_days - 1)
    return Network(machines, registers, silent, silent_from, ZoneInfo(spec.timezone))


def pick(rng: Random, below: int) -> int:
    """A whole number from 0 to `below` - 1."""
    return int(rng.random() * below)


def _machines(spec: NetworkSpec, registers: int) -> tuple[Machine, ...]:
    rng = Random(f"{spec.seed}:machines")
    return tuple(_machine(spec, rng, index, registers) for index in range(spec.machines))


def _machine(spec: NetworkSpec, rng: Random, index: int, registers: int) -> Machine:
    street = STREETS[(index * 7) % len(STREETS)]
    site = SITES[(index * 3 + index // len(STREETS)) % len(SITES)]
    address = f"{street}, {1 + pick(rng, 140)}, {site}"
    skew = _skew(rng, spec.clocks.machine_share, spec.clocks.machine_max_s)
    if spec.clocks.far_machine_s and index == min(_FAR_MACHINE, spec.machines - 1):
        skew = spec.clocks.far_machine_s
    return Machine(
        index=index,
        code=_machine_code(rng, index),
        address=address,
        cash_desk=address if pick(rng, 10) < 8 else f"Касса {index + 1:02}",
        operator=f"operator-{1 + index % 6:02}",
        weight=_popularity(rng, index),
        clock_skew_s=skew,
        register=index % registers,
    )


def _machine_code(rng: Random, index: int) -> str:
    """12 hex digits; a few are the kind a spreadsheet would spoil (leading zeros, `8e15`)."""
    if index % 17 == 3:
        return f"00{pick(rng, 10**5):05}{index:05}"
    if index % 17 == 9:
        return f"{24 + index:06}8e{15 + index % 80:04}"
    return f"24a8{rng.getrandbits(16):04x}{index:04x}"


def _popularity(rng: Random, index: int) -> int:
    """Most machines are ordinary, every ninth is busy and every eighth hardly sells."""
    if index % 9 == 2:
        return 220 + pick(rng, 80)
    if index % 8 == 5:
        return 12 + pick(rng, 12)
    return 70 + pick(rng, 60)


def _skew(rng: Random, share: float, most_s: int) -> int:
    wrong, size, sign = rng.random() < share, rng.random(), rng.random()
    if not wrong or most_s == 0:
        return 0
    seconds = max(1, most_s // 4 + int(size * (most_s - most_s // 4)))
    return seconds if sign < 0.5 else -seconds


def _registers(spec: NetworkSpec) -> tuple[Register, ...]:
    rng = Random(f"{spec.seed}:registers")
    per_machine = spec.registers == "per_machine"
    if isinstance(spec.registers, int):
        count = min(spec.registers, spec.machines)
    else:
        count = spec.machines if per_machine else 1
    base = 210_300_000_000 + pick(rng, 10**8)
    return tuple(
        Register(
            module=f"UZ{base + index * 1009:012}",
            place=None if per_machine else f"Торговая сеть, касса {index + 1}",
            clock_skew_s=_skew(rng, spec.clocks.register_share, spec.clocks.register_max_s),
        )
        for index in range(count)
    )
