"""The one big machine report of the benchmarks."""

import csv
import tracemalloc
from datetime import date
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from vhm24r.ops.demo import write_happy_workers

pytestmark = pytest.mark.unit


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize(("orders", "share", "changed"), [(1000, 0.1, 100), (1003, 0.1, 100), (700, 1.0, 700)])
def test_exactly_the_share_is_changed(orders: int, share: float, changed: int, tmp_path: Path) -> None:
    assert write_happy_workers(tmp_path / "a.csv", orders, 7) == 0
    assert write_happy_workers(tmp_path / "b.csv", orders, 7, changed_share=share) == changed
    before, after = read(tmp_path / "a.csv"), read(tmp_path / "b.csv")
    assert len(before) == len(after) == orders + 1
    assert [r[0] for r in before] == [r[0] for r in after] and len({r[0] for r in before}) == orders + 1
    assert sum(old != new for old, new in zip(before, after, strict=True)) == changed


def test_all_three_kinds_of_change_happen_one_per_row(tmp_path: Path) -> None:
    write_happy_workers(tmp_path / "a.csv", 2000, 7)
    write_happy_workers(tmp_path / "b.csv", 2000, 7, changed_share=0.2)
    header, *before = read(tmp_path / "a.csv")
    after = read(tmp_path / "b.csv")[1:]
    kinds = set()
    for old, new in zip(before, after, strict=True):
        changed = {name for name, a, b in zip(header, old, new, strict=True) if a != b}
        if changed:
            kinds.add(frozenset(changed))
            assert sum(a != b and a != "" for a, b in zip(old, new, strict=True)) <= 1
    assert kinds == {
        frozenset({"Срок поставки", "Статус варки"}),
        frozenset({"Цена заказа"}),
        frozenset({"Время возврата денег", "Статус платежа"}),
    }


def test_same_arguments_same_bytes_and_another_seed_other_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        for file_format in ("csv", "xlsx"):
            write_happy_workers(tmp_path / f"{name}.{file_format}", 50, seed, format=file_format)
    for file_format in ("csv", "xlsx"):
        a, b, c = ((tmp_path / f"{name}.{file_format}").read_bytes() for name in "abc")
        assert a == b != c


def test_workbook_holds_the_same_rows(tmp_path: Path) -> None:
    write_happy_workers(tmp_path / "a.csv", 300, 3, changed_share=0.1)
    write_happy_workers(tmp_path / "a.xlsx", 300, 3, format="xlsx", changed_share=0.1)
    sheet = CalamineWorkbook.from_path(str(tmp_path / "a.xlsx")).get_sheet_by_index(0)
    cells = [[str(c).removesuffix(".0") for c in row] for row in sheet.to_python(skip_empty_area=False)]
    assert cells == read(tmp_path / "a.csv")


def test_dates_follow_the_arguments(tmp_path: Path) -> None:
    write_happy_workers(tmp_path / "a.csv", 200, 3, ends_on=date(2024, 2, 29), days=2, machines=4)
    rows = read(tmp_path / "a.csv")[1:]
    assert {row[12][:10] for row in rows} == {"2024-02-28", "2024-02-29"}
    assert len({row[8] for row in rows}) == 4


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_impossible_share_is_refused(share: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        write_happy_workers(tmp_path / "a.csv", 10, 1, changed_share=share)


def test_writing_streams(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        write_happy_workers(tmp_path / "a.csv", 8_000, 1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "a.csv").stat().st_size > 3_000_000
    assert peak < 1_500_000
