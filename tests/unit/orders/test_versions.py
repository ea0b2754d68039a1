"""Versions read backwards from the present are the versions as they were."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhm24r.orders.versions import FieldChange, as_of

pytestmark = pytest.mark.unit

NAMES = ("amount", "product", "reason")
Fields = dict[str, str | None]

STEPS = st.lists(
    st.dictionaries(st.sampled_from(NAMES), st.none() | st.sampled_from("abc"), min_size=1, max_size=3), max_size=8
)


def replayed(start: Fields, steps: list[Fields]) -> tuple[list[Fields], list[FieldChange]]:
    """Every version made by applying the steps forward, and the changes they leave behind."""
    versions, changes = [start], [FieldChange(1, "", None, None)]
    for number, step in enumerate(steps, 2):
        before = versions[-1]
        changes += [FieldChange(number, name, before[name], new) for name, new in step.items() if before[name] != new]
        versions.append({**before, **step})
    return versions, changes


@given(st.fixed_dictionaries({name: st.none() | st.sampled_from("abc") for name in NAMES}), STEPS, st.randoms())
def test_every_version_replayed_forward_is_found_backward(start: Fields, steps: list[Fields], chance: Random) -> None:
    versions, changes = replayed(start, steps)
    chance.shuffle(changes)

    for number, fields in enumerate(versions, 1):
        assert as_of(number, versions[-1], changes) == fields


def test_the_row_of_a_new_order_changes_no_field() -> None:
    present: Fields = {"amount": "5.00"}

    assert as_of(0, present, [FieldChange(1, "", None, None)]) == {"amount": "5.00"}


def test_the_present_fields_are_left_alone() -> None:
    present: Fields = {"amount": "6.00"}

    earlier = as_of(1, present, [FieldChange(2, "amount", "5.00", "6.00")])

    assert earlier == {"amount": "5.00"}
    assert present == {"amount": "6.00"}
