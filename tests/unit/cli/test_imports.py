"""What a shell learns from an import: the worst of its files."""

from itertools import permutations
from typing import Any

import pytest

from vhm24r.cli.imports import EXIT, exit_code
from vhm24r.intake.types import ImportStatus

pytestmark = pytest.mark.unit


def result(status: str, issues: int = 0) -> dict[str, Any]:
    return {"status": status, "rows": {"issues": issues}}


BY_CODE = {
    0: result("applied"),
    1: result("failed"),
    2: result("refused", 5),
    3: result("applied", 1),
    4: result("needs_mapping"),
}


@pytest.mark.parametrize(
    ("status", "issues", "code"),
    [
        ("applied", 0, 0), ("dry_run", 0, 0), ("duplicate", 0, 0), ("applied", 1, 3), ("dry_run", 2, 3),
        ("duplicate", 1, 3), ("failed", 0, 1), ("failed", 7, 1), ("refused", 0, 2), ("refused", 7, 2),
        ("needs_mapping", 0, 4), ("needs_mapping", 7, 4),
    ],
)  # fmt: skip
def test_one_file_has_the_code_of_its_end(status: str, issues: int, code: int) -> None:
    assert exit_code([result(status, issues)]) == code


@pytest.mark.parametrize("worse", list(permutations([0, 1, 2, 3, 4], 2)))
def test_of_two_files_the_worse_one_counts(worse: tuple[int, int]) -> None:
    order = [1, 2, 4, 3, 0]

    assert exit_code([BY_CODE[code] for code in worse]) == min(worse, key=order.index)


def test_all_ends_together_are_a_failure() -> None:
    assert exit_code(list(BY_CODE.values())) == 1


def test_no_file_is_no_failure() -> None:
    assert exit_code([]) == 0


def test_only_ends_have_a_code() -> None:
    assert set(EXIT) == {ImportStatus.FAILED, ImportStatus.REFUSED, ImportStatus.NEEDS_MAPPING}
