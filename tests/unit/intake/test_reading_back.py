"""The download of rows with issues: each under the header of its own table, and how many more there are."""

import pytest

from vhm24r.intake.models import Import, ImportIssue
from vhm24r.intake.reading import NO_TABLE
from vhm24r.intake.service.reading_back import _table_lines
from vhm24r.intake.types import Level

pytestmark = pytest.mark.unit


def issue(code: str, row: int | None, sheet_index: int = 0, level: Level = Level.ERROR, **more: object) -> ImportIssue:
    given: dict[str, object] = {
        "sheet": None,
        "column": None,
        "value": None,
        "params": {},
        "member": None,
        "page": None,
        "cells": [],
    }
    return ImportIssue(code=code, row=row, sheet_index=sheet_index, level=level, **{**given, **more})


def lines(issues: list[ImportIssue], rows_issues: int) -> list[list[str]]:
    tables = [
        {"member": None, "sheet": name, "sheet_index": index, "columns": [f"{name} 1", f"{name} 2"]}
        for index, name in enumerate(["A", "B"])
    ]
    return list(_table_lines(Import(name="r.xlsx", rows_issues=rows_issues, tables=tables), issues, "en"))


def test_a_table_that_is_passed_over_stands_under_no_header_of_another_one() -> None:
    passed = [
        issue("intake.table_passed_over", 1, NO_TABLE, Level.WARNING, sheet="X"),
        issue("intake.table_passed_over", 1, NO_TABLE, Level.WARNING, sheet="Y"),
    ]

    header, first, second, *rest = lines([*passed, issue("intake.amount_unreadable", 2, 1, cells=["a", "b"])], 1)

    assert len(header) == 2
    assert (first[0], second[0]) == ("intake.table_passed_over", "intake.table_passed_over")
    assert [line[:2] for line in rest] == [["B 1", "B 2"], ["a", "b"]]


def test_what_is_not_kept_is_counted_in_rows() -> None:
    kept = [
        issue("intake.amount_unreadable", 2),
        issue("intake.time_unreadable", 2),
        issue("intake.amount_unreadable", 2, 1),
        issue("intake.word_unknown", 3, level=Level.WARNING),
        issue("intake.file_empty", None, member="empty.csv"),
        issue("intake.amount_unreadable", 2, member="left-out.csv"),
    ]

    *_, last = lines(kept, 7)

    assert last == ["… and 5 more; the first 10000 are kept"]
    assert len(lines(kept, 2)) == len(lines(kept, 7)) - 1
