"""A table of steps: allowed, refused, already there, and drawn."""

from enum import StrEnum

import pytest

from vhm24r.kit.fsm import IllegalTransition, Machine

pytestmark = pytest.mark.unit


class Door(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    LOCKED = "locked"
    WALLED = "walled"


DOOR = Machine(
    "door",
    {
        Door.OPEN: frozenset({Door.CLOSED}),
        Door.CLOSED: frozenset({Door.OPEN, Door.LOCKED, Door.WALLED}),
        Door.LOCKED: frozenset({Door.CLOSED}),
    },
)


def test_a_step_of_the_table_is_to_be_made() -> None:
    assert DOOR.allows(Door.OPEN, Door.CLOSED)
    assert DOOR.check(Door.OPEN, Door.CLOSED) is True


@pytest.mark.parametrize("status", list(Door))
def test_being_there_already_is_success_without_a_step(status: Door) -> None:
    assert DOOR.check(status, status) is False


@pytest.mark.parametrize(
    ("old", "new"),
    [(Door.OPEN, Door.LOCKED), (Door.LOCKED, Door.OPEN), (Door.WALLED, Door.OPEN), (Door.WALLED, Door.CLOSED)],
)
def test_a_step_outside_of_the_table_is_refused_by_name(old: Door, new: Door) -> None:
    assert not DOOR.allows(old, new)

    with pytest.raises(IllegalTransition) as caught:
        DOOR.check(old, new)

    assert caught.value.params == {"machine": "door", "old": old, "new": new}
    assert caught.value.status == 409


def test_the_diagram_names_every_step_in_a_stable_order() -> None:
    assert DOOR.diagram() == (
        "stateDiagram-v2\n"
        "    open --> closed\n"
        "    closed --> locked\n"
        "    closed --> open\n"
        "    closed --> walled\n"
        "    locked --> closed"
    )
