"""The table of an import's steps: what is in progress leads to an end, and ends may be begun again."""

import pytest

from vhm24r.intake.types import IMPORT, IN_PROGRESS, ImportStatus
from vhm24r.kit.fsm import IllegalTransition

pytestmark = pytest.mark.unit


def reachable(start: ImportStatus) -> set[ImportStatus]:
    found, waiting = {start}, [start]
    while waiting:
        for following in IMPORT.steps.get(waiting.pop(), frozenset()) - found:
            found.add(following)
            waiting.append(following)
    return found


def test_every_status_is_reached_from_the_first_one() -> None:
    assert reachable(ImportStatus.RECEIVED) == set(ImportStatus)


@pytest.mark.parametrize("status", sorted(IN_PROGRESS))
def test_what_is_in_progress_can_fail_and_be_refused(status: ImportStatus) -> None:
    assert IMPORT.check(status, ImportStatus.FAILED)
    assert IMPORT.check(status, ImportStatus.REFUSED)


@pytest.mark.parametrize("status", [ImportStatus.DUPLICATE, ImportStatus.REFUSED])
def test_an_end_is_left_by_no_step(status: ImportStatus) -> None:
    for following in set(ImportStatus) - {status}:
        with pytest.raises(IllegalTransition):
            IMPORT.check(status, following)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (ImportStatus.RECEIVED, ImportStatus.APPLIED),
        (ImportStatus.DRY_RUN, ImportStatus.APPLIED),
        (ImportStatus.UNDONE, ImportStatus.APPLIED),
        (ImportStatus.APPLIED, ImportStatus.FAILED),
    ],
)
def test_nothing_is_applied_unchecked_and_nothing_applied_fails(old: ImportStatus, new: ImportStatus) -> None:
    with pytest.raises(IllegalTransition):
        IMPORT.check(old, new)
