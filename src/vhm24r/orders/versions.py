"""Version n of an order, replayed from its changes. Pure.

A new order writes one history row, not one per field, so versions are read backwards: start from
the fields as they stand and take back every change made after version n (docs/algorithms/diffing.md).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one version, old → new."""

    version: int
    field: str
    old: str | None
    new: str | None


def as_of(version: int, present: Mapping[str, str | None], changes: Iterable[FieldChange]) -> dict[str, str | None]:
    """The fields at `version`, given the present ones and every change."""
    fields = dict(present)
    later = (change for change in changes if change.version > version and change.field)
    for change in sorted(later, key=lambda change: -change.version):
        fields[change.field] = change.old
    return fields
