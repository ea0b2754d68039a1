"""Whole files: format and source found, header located, every row staged, skipped or an issue."""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import rustpy_xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import HW_HEADER, VENDHUB_HEADER, csv_bytes, hw_row, number, vendhub_row, write_csv, write_xlsx
from tests.reading import read_file, task_of
from vhm24r.evidence.types import STAGED_COLUMNS, SourceName
from vhm24r.intake import reading
from vhm24r.intake.canonical import LONGEST_FACT, SHOWN_CELLS, Counts, Room
from vhm24r.intake.cards import without_cards
from vhm24r.intake.errors import (
    FileDamaged,
    FileEmpty,
    FormatUnknown,
    HeaderMissing,
    NothingInArchive,
    SourceMismatch,
    SourceUnknown,
)
from vhm24r.intake.formats.delimited import Delimited
from vhm24r.intake.formats.html_tables import HtmlTables
from vhm24r.intake.formats.protocol import CHUNK_ROWS
from vhm24r.intake.reading import NO_TABLE, Batch, Closed, Opened, ReadAs, ReadFile
from vhm24r.intake.types import HEADER_SEARCH_ROWS, Issue, Level
from vhm24r.intake.values import LONGEST_CELL

pytestmark = pytest.mark.unit

ZONE = ZoneInfo("Asia/Tashkent")
ENGLISH = {
    "Номер заказа": "Order number", "Машинный код": "Machine code", "Адрес": "Address",
    "Наименование товара": "Goods name", "Название вкуса": "Taste name", "Тип заказа": "Order type",
    "Ресурс заказа": "Order resource", "Цена заказа": "Order price", "Время создания": "Creation time",
    "Время оплаты": "Paying time", "Время заваривания": "Brewing time", "Срок поставки": "Delivery time",
    "Время возврата денег": "Refund time", "Статус платежа": "Payment status", "Статус варки": "Brew status",
    "Причина": "Reason",
}  # fmt: skip

REQUIRED = ("Номер заказа", "Машинный код", "Время создания", "Цена заказа", "Статус платежа")

Cells = Mapping[str, str]


@dataclass(frozen=True)
class Outcome:
    """A file that was read to its end."""

    file: ReadFile
    records: list[dict[str, str]]
    issues: list[Issue]

    @property
    def places(self) -> list[tuple[str, Level, int | None, str | None, str | None]]:
        return [(issue.code, issue.level, issue.row, issue.column, issue.value) for issue in self.issues]


def read_whole(path: Path, wanted: str | None = None) -> Outcome:
    reading, batches = read_file(path, ZONE, wanted)
    lines, issues = b"", []
    for batch in batches:
        lines += batch.lines
        issues += batch.issues
    records = [dict(zip(STAGED_COLUMNS, line.split("\t"), strict=True)) for line in lines.decode().split("\n")[:-1]]
    return Outcome(reading, records, issues)


def read_with_room(folder: Path, rows: Iterable[Cells], room: Room) -> Outcome:
    path = write_csv(folder / "report.csv", rows)
    steps = list(reading._read_file(Delimited(), path, ReadAs(room=room), task_of(ZONE)))
    closed = steps[-1]
    assert isinstance(closed, Closed)
    return Outcome(closed.file, [], [issue for step in steps if isinstance(step, Batch) for issue in step.issues])


def read_rows(folder: Path, rows: Iterable[Cells]) -> Outcome:
    return read_whole(write_csv(folder / "report.csv", rows))


def read_table(folder: Path, rows: Iterable[Sequence[str]], wanted: str | None = None) -> Outcome:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    path = folder / "table.csv"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    return read_whole(path, wanted)


def cells(row: Cells) -> list[str]:
    return list(row.values())


def blank(**changes: str) -> dict[str, str]:
    return dict.fromkeys(HW_HEADER, "") | {name.replace("_", " "): value for name, value in changes.items()}


def numbers(outcome: Outcome) -> list[str]:
    return [record["order_number"] for record in outcome.records]


class TestRecords:
    def test_a_row_of_the_machine_report_becomes_a_record(self, tmp_path: Path) -> None:
        outcome = read_rows(tmp_path, [hw_row(1)])

        (record,) = outcome.records
        said = {name: value for name, value in record.items() if value != r"\N"}
        assert said.pop("identity") != said.pop("content")
        assert said == {
            "position": "0", "sheet": "0", "row": "2", "occurrence": "0", "duplicate": "f", "external_id": number(1),
            "order_number": number(1), "machine_code": "24a8ff000001", "occurred_at": "2025-12-24 19:14:59+00",
            "amount": "1500000", "currency": "UZS", "product": "Эспрессо", "payment_method": "cash",
            "payment_resource": "Оплата наличными", "machine_address": "ул. Навои, 1", "order_type": "Обычный",
            "payment_status": "paid", "brew_status": "delivered", "paid_at": "2025-12-24 19:15:07+00",
            "delivered_at": "2025-12-24 19:16:00+00",
        }  # fmt: skip
        assert outcome.issues == []
        assert outcome.file.counts == Counts(total=1, staged=1)

    def test_a_row_of_the_sales_system_becomes_a_record_with_its_own_facts_as_extra(self, tmp_path: Path) -> None:
        outcome = read_rows(tmp_path, [vendhub_row(1, Amount_of_accrued_bonus="5")])

        (record,) = outcome.records
        assert record["external_id"] == "1001"
        assert record["order_number"] == number(1)
        assert record["occurred_at"] == "2025-12-24 19:15:09+00"
        assert record["amount"] == "1500000"
        assert record["extra"] == '{"bonus":"5","goods_id":"7","username":"operator-03"}'

    def test_columns_nobody_knows_are_kept_under_their_name(self, tmp_path: Path) -> None:
        outcome = read_rows(tmp_path, [{**hw_row(1), "Смена": "2", "Комментарий": "-"}, {**hw_row(2), "Смена": ""}])

        assert [record["extra"] for record in outcome.records] == ['{"Смена":"2"}', r"\N"]

    def test_what_would_break_a_copy_line_is_escaped(self, tmp_path: Path) -> None:
        outcome = read_rows(tmp_path, [hw_row(1, Причина="a\tb\\c\nd")])

        assert outcome.records[0]["reason"] == r"a\tb\\c\nd"

    def test_the_file_says_what_it_is(self, tmp_path: Path) -> None:
        outcome = read_rows(tmp_path, [hw_row(1)])

        assert (outcome.file.format, outcome.file.source.name, outcome.file.confidence) == (
            "csv",
            SourceName.HAPPY_WORKERS,
            1.0,
        )
        assert outcome.file.sheets[0].columns == list(HW_HEADER)
        assert outcome.file.sheets[0].name == ""
        assert outcome.file.total_rows is None

    def test_positions_go_on_over_chunks_and_row_numbers_stay_those_of_the_file(self, tmp_path: Path) -> None:
        count = CHUNK_ROWS + 5

        outcome = read_rows(tmp_path, [hw_row(index) for index in range(count)])

        assert [int(record["position"]) for record in outcome.records] == list(range(count))
        assert [int(record["row"]) for record in outcome.records] == list(range(2, count + 2))

    def test_facts_nobody_reads_are_kept_without_card_numbers_and_no_longer_than_is_sensible(
        self, tmp_path: Path
    ) -> None:
        facts = {"Чек": "12 4111111111111111", "PAN": "378282246310005", "Лог": "x" * (LONGEST_FACT + 1)}
        outcome = read_table(tmp_path, [[*HW_HEADER, *facts], [*cells(hw_row(1)), *facts.values()]])

        extra = json.loads(outcome.records[0]["extra"])
        assert (extra["Чек"], extra["PAN"]) == ("12 411111******1111", "378282*****0005")
        assert (len(extra["Лог"]), extra["Лог"][-2:]) == (LONGEST_FACT, "x…")

    def test_extra_facts_that_never_repeat_do_not_fill_the_memory(self, tmp_path: Path) -> None:
        count = 50_003

        outcome = read_table(
            tmp_path, [[*REQUIRED, "Смена"], *([str(n), "m1", "46016", "5", "", str(n)] for n in range(count))]
        )

        assert outcome.file.counts == Counts(total=count, staged=count)
        assert outcome.records[-1]["extra"] == '{"Смена":"50002"}'


class TestHeader:
    @pytest.mark.parametrize("preamble", [0, 1, 6, HEADER_SEARCH_ROWS - 1])
    def test_a_header_is_found_below_rows_of_other_text(self, tmp_path: Path, preamble: int) -> None:
        above = [["Период", "c 01.12.2025"]] * preamble

        outcome = read_table(tmp_path, [*above, HW_HEADER, cells(hw_row(1))])

        assert numbers(outcome) == [number(1)]
        assert outcome.records[0]["row"] == str(preamble + 2)
        assert outcome.file.counts == Counts(total=1, staged=1)

    def test_a_header_on_the_thirty_first_row_is_not_looked_for(self, tmp_path: Path) -> None:
        above = [["Период", "c 01.12.2025"]] * HEADER_SEARCH_ROWS

        with pytest.raises(SourceUnknown) as caught:
            read_table(tmp_path, [*above, HW_HEADER, cells(hw_row(1))])

        assert caught.value.params["columns"] == "Период, c 01.12.2025"

    def test_blank_lines_above_the_header_are_rows_of_the_file(self, tmp_path: Path) -> None:
        outcome = read_table(tmp_path, [[], [], HW_HEADER, cells(hw_row(1))])

        assert outcome.records[0]["row"] == "4"

    def test_columns_may_stand_in_any_order_and_spelling(self, tmp_path: Path) -> None:
        straight = read_rows(tmp_path, [hw_row(1)])
        names = [f" {name.upper()}\n" for name in reversed(HW_HEADER)]

        turned = read_table(tmp_path, [names, cells(hw_row(1))[::-1]])

        assert turned.records == straight.records
        assert turned.file.sheets[0].columns == [name.strip() for name in names]

    def test_the_header_that_fits_best_wins_over_an_earlier_one(self, tmp_path: Path) -> None:
        poorer = [*REQUIRED, "x1", "x2", "x3"]

        outcome = read_table(tmp_path, [poorer, HW_HEADER, cells(hw_row(1))])

        assert outcome.records[0]["row"] == "3"


class TestSkipped:
    @pytest.mark.parametrize("word", ["Итого", "ИТОГО:", "Итого 3 заказа", "Всего", "Total", "total:", "Grand total"])
    def test_a_total_row_is_skipped_and_counted(self, tmp_path: Path, word: str) -> None:
        outcome = read_rows(tmp_path, [hw_row(1), blank(Номер_заказа=word, Цена_заказа="15000"), hw_row(2)])

        assert numbers(outcome) == [number(1), number(2)]
        assert outcome.file.counts == Counts(total=3, staged=2, skipped=1)
        assert outcome.issues == []

    def test_a_repeated_header_is_skipped_and_counted(self, tmp_path: Path) -> None:
        again = [f"{name.upper()} " for name in HW_HEADER]

        outcome = read_table(tmp_path, [HW_HEADER, cells(hw_row(1)), again, cells(hw_row(2))])

        assert numbers(outcome) == [number(1), number(2)]
        assert outcome.file.counts == Counts(total=3, staged=2, skipped=1)
        assert [record["row"] for record in outcome.records] == ["2", "4"]

    def test_blank_rows_are_nothing_and_are_not_counted(self, tmp_path: Path) -> None:
        spaces = [" "] * len(HW_HEADER)
        table = [HW_HEADER, [""] * 20, cells(hw_row(1)), [], spaces, ["", ""], [" "], cells(hw_row(2)), [""] * 30]

        outcome = read_table(tmp_path, table)

        assert [record["row"] for record in outcome.records] == ["3", "8"]
        assert outcome.file.counts == Counts(total=2, staged=2)
        assert outcome.issues == []

    def test_a_complete_order_of_a_product_called_total_is_an_order(self, tmp_path: Path) -> None:
        outcome = read_rows(tmp_path, [hw_row(1, Номер_заказа="Total")])

        assert numbers(outcome) == ["Total"]
        assert outcome.file.counts == Counts(total=1, staged=1)


class TestIssues:
    @pytest.mark.parametrize(
        ("column", "value", "code"),
        [
            ("Цена заказа", "бесплатно", "intake.amount_unreadable"),
            ("Цена заказа", "8.6E+15", "intake.amount_unreadable"),
            ("Время создания", "вчера", "intake.time_unreadable"),
            ("Время создания", "2025-02-30 10:00:00", "intake.time_unreadable"),
            ("Время оплаты", "позже", "intake.time_unreadable"),
            ("Номер заказа", "8.6E+15", "intake.code_damaged"),
            ("Машинный код", "2.4E+11", "intake.code_damaged"),
            ("Платежная карта", "8.6E+15", "intake.code_damaged"),
            ("Номер оператора", "1E+3", "intake.code_damaged"),
        ],
    )
    def test_an_unreadable_cell_is_one_issue_and_only_its_row_is_left_out(
        self, tmp_path: Path, column: str, value: str, code: str
    ) -> None:
        rows = [hw_row(1), {**hw_row(2), column: value}, hw_row(3)]

        outcome = read_rows(tmp_path, rows)

        assert outcome.places == [(code, Level.ERROR, 3, column, value)]
        assert numbers(outcome) == [number(1), number(3)]
        assert outcome.file.counts == Counts(total=3, staged=2, issues=1)

    def test_a_row_with_two_unreadable_cells_is_one_row_and_two_issues(self, tmp_path: Path) -> None:
        outcome = read_rows(tmp_path, [hw_row(1, Цена_заказа="x", Время_создания="y")])

        assert [issue.code for issue in outcome.issues] == ["intake.time_unreadable", "intake.amount_unreadable"]
        assert outcome.file.counts == Counts(total=1, issues=1)

    def test_an_issue_names_the_sheet(self, tmp_path: Path) -> None:
        path = write_xlsx(tmp_path / "report", [hw_row(1), hw_row(2, Цена_заказа="x")], "Декабрь")

        (issue,) = read_whole(path).issues

        assert (issue.sheet, issue.sheet_index, issue.row, issue.column) == ("Декабрь", 0, 3, "Цена заказа")

    @pytest.mark.parametrize("column", ["Цена заказа", "Время создания"])
    @pytest.mark.parametrize("value", ["", "-", "н/д"])
    def test_an_empty_key_fact_is_a_warning_and_the_row_stays(self, tmp_path: Path, column: str, value: str) -> None:
        outcome = read_rows(tmp_path, [hw_row(1), {**hw_row(2), column: value}])

        assert outcome.places == [("intake.value_missing", Level.WARNING, 3, column, value)]
        assert numbers(outcome) == [number(1), number(2)]
        assert outcome.file.counts == Counts(total=2, staged=2)

    @pytest.mark.parametrize("surplus", [["x"], ["", "x"], ["", "", " x "]])
    def test_a_cell_beyond_the_last_column_leaves_the_row_out(self, tmp_path: Path, surplus: list[str]) -> None:
        outcome = read_table(tmp_path, [HW_HEADER, cells(hw_row(1)), [*cells(hw_row(2)), *surplus]])

        assert outcome.places == [("intake.row_too_long", Level.ERROR, 3, None, "x")]
        assert outcome.file.counts == Counts(total=2, staged=1, issues=1)

    def test_a_row_shorter_or_longer_by_blanks_is_mended(self, tmp_path: Path) -> None:
        short, long = cells(hw_row(1))[:16], [*cells(hw_row(2)), "", " "]

        outcome = read_table(tmp_path, [HW_HEADER, short, long])

        assert numbers(outcome) == [number(1), number(2)]
        assert outcome.issues == []

    def test_a_row_with_neither_number_nor_time_is_left_out(self, tmp_path: Path) -> None:
        outcome = read_rows(tmp_path, [hw_row(1), hw_row(2, Номер_заказа="", Время_создания="")])

        assert [(issue.code, issue.level) for issue in outcome.issues] == [
            ("intake.value_missing", Level.WARNING),
            ("intake.row_unidentified", Level.ERROR),
        ]
        assert outcome.file.counts == Counts(total=2, staged=1, issues=1)

    def test_characters_that_are_no_text_leave_the_row_out(self, tmp_path: Path) -> None:
        outcome = read_rows(tmp_path, [hw_row(1), hw_row(2, Наименование_товара="Эспр\ufffdссо")])

        assert outcome.places == [
            ("intake.text_broken", Level.ERROR, 3, "Наименование товара", "Эспр\ufffdссо"),
        ]
        assert numbers(outcome) == [number(1)]

    def test_a_control_character_behind_the_sample_is_shown_and_leaves_its_row_out(self, tmp_path: Path) -> None:
        rows = [hw_row(index) for index in range(1_500)]

        outcome = read_rows(tmp_path, [*rows, hw_row(1_500, Наименование_товара="a\x00b")])

        assert outcome.places == [("intake.text_broken", Level.ERROR, 1_502, "Наименование товара", "a␀b")]
        assert outcome.file.counts == Counts(total=1_501, staged=1_500, issues=1)

    def test_an_unknown_word_is_warned_of_once_and_every_row_stays(self, tmp_path: Path) -> None:
        rows = [hw_row(1), hw_row(2, Ресурс_заказа="Бартер"), hw_row(3, Ресурс_заказа=" Бартер "), hw_row(4)]

        outcome = read_rows(tmp_path, rows)

        assert outcome.places == [("intake.word_unknown", Level.WARNING, 3, "Ресурс заказа", "Бартер")]
        assert [record["payment_method"] for record in outcome.records] == ["cash", r"\N", r"\N", "cash"]
        assert [record["payment_resource"] for record in outcome.records][1:3] == ["Бартер", "Бартер"]

    def test_an_unknown_status_is_warned_of_and_stays_as_written(self, tmp_path: Path) -> None:
        outcome = read_rows(tmp_path, [hw_row(1, Статус_варки="Варится"), hw_row(2, Статус_варки="Варится")])

        assert outcome.places == [("intake.word_unknown", Level.WARNING, 2, "Статус варки", "Варится")]
        assert [record["brew_status"] for record in outcome.records] == ["Варится", "Варится"]

    def test_a_long_value_is_shortened_in_its_issue(self, tmp_path: Path) -> None:
        (issue,) = read_rows(tmp_path, [hw_row(1, Цена_заказа="x" * 500)]).issues

        assert issue.value == "x" * 199 + "…"

    def test_a_row_of_broken_cells_is_one_issue_at_the_first(self, tmp_path: Path) -> None:
        wide = [f"c{place}" for place in range(500)]
        rows = [[*cells(hw_row(n)), *["\ufffd"] * 500] for n in range(60)]

        outcome = read_table(tmp_path, [[*HW_HEADER, *wide], *rows], SourceName.HAPPY_WORKERS)

        assert {(issue.code, issue.column, issue.value) for issue in outcome.issues} == {
            ("intake.text_broken", "c0", "\ufffd")
        }
        assert [issue.row for issue in outcome.issues] == list(range(2, 62))
        assert {len(issue.cells) for issue in outcome.issues} == {SHOWN_CELLS}
        assert outcome.file.counts == Counts(total=60, issues=60)

    def test_the_issues_of_a_row_share_its_cells(self, tmp_path: Path) -> None:
        first, second = read_rows(tmp_path, [hw_row(1, Цена_заказа="x", Время_создания="y")]).issues

        assert first.cells is second.cells
        assert len(first.cells) == len(HW_HEADER)

    def test_issues_beyond_what_is_kept_are_counted_and_not_made(self, tmp_path: Path) -> None:
        rows = [hw_row(0), *[hw_row(n, Цена_заказа="x") for n in range(1, 9)]]

        outcome = read_with_room(tmp_path, rows, Room(issues=3))

        assert [issue.row for issue in outcome.issues] == [3, 4, 5]
        assert outcome.file.counts == Counts(total=9, staged=1, issues=8)

    def test_rows_are_kept_with_their_issues_while_there_is_room(self, tmp_path: Path) -> None:
        rows = [hw_row(0), *[hw_row(n, Цена_заказа="x", Время_создания="y") for n in range(1, 4)]]
        length = sum(map(len, cells(rows[1])))

        outcome = read_with_room(tmp_path, rows, Room(characters=2 * length + 1))

        assert [bool(issue.cells) for issue in outcome.issues] == [True] * 3 + [False] * 3

    def test_tables_that_are_passed_over_take_room_and_belong_to_no_table(self, tmp_path: Path) -> None:
        good = f"<table><tr><td>{'<td>'.join(HW_HEADER)}<tr><td>{'<td>'.join(cells(hw_row(1, Цена_заказа='x')))}"
        path = tmp_path / "page.html"
        path.write_text("<html>" + "<table><tr><td>a<tr><td>b</table>" * 9 + good + "</table>", encoding="utf-8")
        room = Room(issues=3)

        opened = next(reading._read_file(HtmlTables(), path, ReadAs(room=room), task_of(ZONE)))

        assert isinstance(opened, Opened)
        assert [(i.code, i.sheet_index) for i in opened.issues] == [("intake.table_passed_over", NO_TABLE)] * 3
        assert room.issues == 0

    @pytest.mark.parametrize("value", ["4111111111111111", "4111 1111-1111 1111", "4111111111111111.0"])
    def test_no_issue_keeps_a_card_number(self, tmp_path: Path, value: str) -> None:
        header = [*HW_HEADER, "Masked_PAN", "Company", "Номер карты 2", "Гость"]
        bad = cells(hw_row(1, Платежная_карта=value, Номер_заказа="4111111111111111", Цена_заказа="x"))
        nobody = cells(hw_row(2, Платежная_карта=value, Номер_заказа="", Время_создания=""))
        broken = cells(hw_row(3, Платежная_карта=f"{value} �"))
        more = [value, "4111111111111112", value, "12"]
        rows = [[*row, *more] for row in (bad, nobody, broken)] + [[*cells(hw_row(4)), *more, f"{value} x"]]

        outcome = read_table(tmp_path, [header, *rows])

        masked = value.replace("-", "").replace(" ", "").replace("4111111111111111", "411111******1111")
        (first,) = [issue.cells for issue in outcome.issues if issue.code == "intake.amount_unreadable"]
        assert [first[place] for place in (HW_HEADER.index("Платежная карта"), -4, -2)] == [masked] * 3
        assert (first[HW_HEADER.index("Номер заказа")], first[-3]) == ("4111111111111111", "4111111111111112")
        assert {issue.code for issue in outcome.issues} >= {
            "intake.text_broken", "intake.row_too_long", "intake.row_unidentified", "intake.amount_unreadable",
        }  # fmt: skip
        assert not [issue for issue in outcome.issues if value in (issue.value or "")]
        assert not [issue for issue in outcome.issues if issue.row != 2 for cell in issue.cells if value in cell]

    def test_a_row_whose_quotes_do_not_fit_keeps_no_card_number_in_any_cell(self, tmp_path: Path) -> None:
        path = tmp_path / "report.csv"
        open_quote = cells(hw_row(2, Адрес='"x', Причина="4111111111111111"))
        lines = [",".join(row) for row in (HW_HEADER, cells(hw_row(1)), open_quote, cells(hw_row(3)))]
        path.write_text("\n".join(lines), encoding="utf-8")

        issues = [issue for issue in read_whole(path).issues if issue.code == "intake.quote_unclosed"]

        assert issues
        assert not [cell for issue in issues for cell in issue.cells if "4111111111111111" in cell]
        assert not [issue for issue in issues if "4111111111111111" in (issue.value or "")]

    def test_a_card_number_at_the_edge_of_what_is_shown_is_masked_before_it_is_cut(self, tmp_path: Path) -> None:
        card = "x" * (LONGEST_CELL - 13) + "4111111111111111"
        issue, _ = read_rows(tmp_path, [hw_row(1, Платежная_карта=card, Цена_заказа="x")]).issues

        assert issue.cells[HW_HEADER.index("Платежная карта")].endswith("411111******…")

    @pytest.mark.parametrize(
        ("text", "certain", "shown"),
        [
            ("4111111111111111", False, "411111******1111"),
            ("4111 1111 1111 1111 / 12", False, "411111******1111 / 12"),
            ("4111111111111112", False, "4111111111111112"),
            ("8600120000000003", False, "860012******0003"),
            ("1111111111111117", False, "1111111111111117"),
            ("4111111111111111 12/27", False, "411111******1111 12/27"),
            ("чек 12 4111111111111111", False, "чек 12 411111******1111"),
            ("заказ 25 4111 1111 1111 1111 1", False, "заказ 25 411111******1111 1"),
            ("№5-4111111111111111 и 5555-5555-5555-4444", False, "№5-411111******1111 и 555555******4444"),
            ("2720992593319364", False, "272099******9364"),
            ("6759649826438453", False, "675964******8453"),
            ("3530111333300000", False, "353011******0000"),
            ("20251225000000000003", False, "20251225000000000003"),
            ("4111111111111111 1227 99", True, "411111******1111 1227 99"),
            ("378282246310005", False, "378282246310005"),
            ("378282246310005", True, "378282*****0005"),
            ("4111111111111", True, "411111***1111"),
            ("411111111111", True, "411111111111"),
            ("41111111111111111111", True, "41111111111111111111"),
            ("860012******9012", True, "860012******9012"),
        ],
    )
    def test_what_looks_like_a_card_number_is_masked(self, text: str, certain: bool, shown: str) -> None:
        assert without_cards(text, certain=certain) == shown

    def test_the_rows_of_a_preview_show_no_card_numbers(self, tmp_path: Path) -> None:
        header, row = ["shop", "when", "card no", "id"], ["4111111111111111", "y", "4111111111112", "4111111111111112"]

        with pytest.raises(SourceUnknown) as asked:
            read_table(tmp_path, [header, row])

        assert asked.value.params["preview"] == {
            "columns": header,
            "rows": [["411111******1111", "y", "411111***1112", "4111111111111112"]],
        }

    def test_a_whole_card_number_is_masked(self, tmp_path: Path) -> None:
        (record,) = read_rows(tmp_path, [hw_row(1, Платежная_карта="8600 1234 5678 9012")]).records

        assert record["card"] == "860012******9012"


class TestIdentity:
    def test_the_same_row_twice_is_a_duplicate(self, tmp_path: Path) -> None:
        outcome = read_rows(tmp_path, [hw_row(1), hw_row(2), hw_row(1)])

        assert [record["duplicate"] for record in outcome.records] == ["f", "f", "t"]
        assert outcome.file.counts == Counts(total=3, staged=3, duplicates=1)
        assert outcome.issues == []

    def test_the_same_key_with_other_values_is_warned_of(self, tmp_path: Path) -> None:
        outcome = read_rows(tmp_path, [hw_row(1), hw_row(1, Цена_заказа="16000")])

        assert outcome.places == [("intake.key_repeated", Level.WARNING, 3, None, number(1))]
        one, other = outcome.records
        assert one["identity"] == other["identity"]
        assert one["content"] != other["content"]
        assert outcome.file.counts == Counts(total=2, staged=2)

    def test_one_number_of_two_machines_is_two_records(self, tmp_path: Path) -> None:
        outcome = read_rows(tmp_path, [hw_row(1), hw_row(1, Машинный_код="24a8ff000002")])

        assert len({record["identity"] for record in outcome.records}) == 2
        assert {record["external_id"] for record in outcome.records} == {number(1)}
        assert outcome.issues == []

    def test_a_row_without_number_gets_one_out_of_its_facts(self, tmp_path: Path) -> None:
        rows = [hw_row(1, Номер_заказа=""), hw_row(1, Номер_заказа="", Цена_заказа="16000")]

        outcome = read_rows(tmp_path, rows)
        again = read_rows(tmp_path, rows[::-1])

        assert len(set(numbers(outcome))) == 2
        assert all(len(found) == 12 for found in numbers(outcome))
        assert numbers(again) == numbers(outcome)[::-1]
        assert outcome.file.counts == Counts(total=2, staged=2)

    def test_equal_rows_without_number_are_different_facts(self, tmp_path: Path) -> None:
        outcome = read_rows(tmp_path, [hw_row(1, Номер_заказа="")] * 3)

        assert [record["occurrence"] for record in outcome.records] == ["0", "1", "2"]
        assert len({record["identity"] for record in outcome.records}) == 3
        assert len(set(numbers(outcome))) == 3
        assert len({record["content"] for record in outcome.records}) == 1
        assert outcome.file.counts == Counts(total=3, staged=3)

    def test_a_sale_without_row_id_is_known_by_its_facts(self, tmp_path: Path) -> None:
        outcome = read_rows(tmp_path, [vendhub_row(1, ID=""), vendhub_row(1, ID="")])

        assert [record["occurrence"] for record in outcome.records] == ["0", "1"]
        assert all(record["external_id"].startswith("row-") for record in outcome.records)
        assert numbers(outcome) == [number(1), number(1)]


class TestContentHash:
    ROWS = (hw_row(1), hw_row(2, Цена_заказа="16000"), hw_row(3, Ресурс_заказа="VIP"))

    def hash_of(self, path: Path) -> str:
        found = read_whole(path).file.content_hash
        assert len(found) == 32
        return found

    def test_csv_and_workbook_of_the_same_facts_have_one_hash(self, tmp_path: Path) -> None:
        text = write_csv(tmp_path / "text", self.ROWS, encoding="cp1251", delimiter=";")
        numeric = [{**row, "Цена заказа": int(row["Цена заказа"])} for row in self.ROWS]
        book = write_xlsx(tmp_path / "book", numeric, "Лист")

        assert self.hash_of(text) == self.hash_of(book)

    def test_russian_and_english_layouts_of_the_same_facts_have_one_hash(self, tmp_path: Path) -> None:
        russian = write_csv(tmp_path / "russian", self.ROWS)
        english = [{ENGLISH[name]: value for name, value in row.items() if name in ENGLISH} for row in self.ROWS]

        assert self.hash_of(russian) == self.hash_of(write_csv(tmp_path / "english", english))

    def test_notation_preamble_and_blank_rows_do_not_change_the_hash(self, tmp_path: Path) -> None:
        plain = read_rows(tmp_path, [hw_row(1)])
        written = hw_row(1, Цена_заказа="15 000,00", Время_создания="25.12.2025 00:14:59", Причина="—")

        other = read_table(tmp_path, [["Отчёт"], [], HW_HEADER, [""] * 20, cells(written)])

        assert other.file.content_hash == plain.file.content_hash

    def test_where_the_chunks_end_does_not_change_the_hash(self, tmp_path: Path) -> None:
        rows = [hw_row(index) for index in range(CHUNK_ROWS + 5)]
        plain = read_rows(tmp_path, rows)

        shifted = read_table(tmp_path, [["Отчёт"], HW_HEADER, *map(cells, rows)])

        assert shifted.file.content_hash == plain.file.content_hash

    @pytest.mark.parametrize("change", [{"Цена заказа": "15001"}, {"Причина": "x"}, {"Номер заказа": number(9)}])
    def test_another_fact_gives_another_hash(self, tmp_path: Path, change: Cells) -> None:
        one = read_rows(tmp_path, [hw_row(1)]).file.content_hash

        assert read_rows(tmp_path, [{**hw_row(1), **change}]).file.content_hash != one


class TestWorkbooks:
    def test_sheets_of_one_source_are_one_file(self, tmp_path: Path) -> None:
        path = tmp_path / "book"
        sheets: list[tuple[str, Any]] = [
            ("Машина 1", [hw_row(1), hw_row(2)]),
            ("Заметки", [{"a": "x"}]),
            ("Машина 2", [hw_row(3), hw_row(1)]),
        ]
        rustpy_xlsxwriter.write_worksheets(sheets, str(path))

        outcome = read_whole(path)

        assert [sheet.name for sheet in outcome.file.sheets] == ["Машина 1", "Машина 2"]
        assert outcome.file.total_rows == 6
        assert [(record["sheet"], record["row"]) for record in outcome.records] == [
            ("0", "2"),
            ("0", "3"),
            ("1", "2"),
            ("1", "3"),
        ]
        assert outcome.file.counts == Counts(total=4, staged=4, duplicates=1)

    def test_two_sources_in_one_workbook_are_asked_about(self, tmp_path: Path) -> None:
        path = tmp_path / "book"
        rustpy_xlsxwriter.write_worksheets([("A", [hw_row(1)]), ("B", [vendhub_row(1)])], str(path))

        with pytest.raises(SourceUnknown) as caught:
            read_whole(path)

        assert caught.value.params["sources"] == "happy_workers, vendhub"

    def test_a_source_that_is_named_is_taken_from_its_sheets(self, tmp_path: Path) -> None:
        path = tmp_path / "book"
        rustpy_xlsxwriter.write_worksheets([("A", [hw_row(1)]), ("B", [vendhub_row(1)])], str(path))

        outcome = read_whole(path, "vendhub")

        assert [sheet.name for sheet in outcome.file.sheets] == ["B"]
        assert [record["external_id"] for record in outcome.records] == ["1001"]

    def test_a_workbook_cut_short_is_damaged(self, tmp_path: Path) -> None:
        whole = write_xlsx(tmp_path / "whole", [hw_row(1)]).read_bytes()
        path = tmp_path / "cut"
        path.write_bytes(whole[: len(whole) // 2])

        with pytest.raises(FileDamaged) as caught:
            read_whole(path)

        assert caught.value.params["format"] == "xlsx"

    def test_a_workbook_without_cells_is_empty(self, tmp_path: Path) -> None:
        path = tmp_path / "book"
        rustpy_xlsxwriter.write_worksheets([("A", []), ("B", [])], str(path))

        with pytest.raises(FileEmpty):
            read_whole(path)


class TestRefused:
    @pytest.mark.parametrize("content", [b"", b"\r\n \n\t\n", b" " * 5000])
    def test_a_file_without_bytes_or_words_is_empty(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "report.csv"
        path.write_bytes(content)

        with pytest.raises(FileEmpty):
            read_whole(path)

    @pytest.mark.parametrize("below", [[], [[]], [[""] * 20], [[" ", ""]]])
    def test_a_header_without_rows_is_empty(self, tmp_path: Path, below: list[list[str]]) -> None:
        with pytest.raises(FileEmpty):
            read_table(tmp_path, [HW_HEADER, *below])

    def test_a_table_of_blank_cells_is_empty(self, tmp_path: Path) -> None:
        path = tmp_path / "report.csv"
        path.write_bytes(b",,\n,,\n")

        with pytest.raises(FileEmpty):
            read_whole(path)

    @pytest.mark.parametrize(
        "content",
        [b"\x89PNG\r\n\x1a\n" + bytes(range(256)), b"MZ\x00\x01" * 50, b"only words here\nand here\n"],
        ids=["png", "program", "prose"],
    )
    def test_content_of_no_known_format_is_refused(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "report.xlsx"
        path.write_bytes(content)

        with pytest.raises(FormatUnknown):
            read_whole(path)

    def test_another_archive_under_the_name_of_a_workbook_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "report.xlsx"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("photo.jpg", b"\xff\xd8")

        with pytest.raises(NothingInArchive):
            read_whole(path)

    def test_columns_nobody_knows_are_listed(self, tmp_path: Path) -> None:
        with pytest.raises(SourceUnknown) as caught:
            read_table(tmp_path, [["order id", "date", "amount"], ["A-1", "2025-12-25", "100"]])

        assert caught.value.params == {
            "columns": "order id, date, amount",
            "sources": "",
            "preview": {"columns": ["order id", "date", "amount"], "rows": [["A-1", "2025-12-25", "100"]]},
        }

    def test_columns_of_two_sources_are_not_guessed(self, tmp_path: Path) -> None:
        header = [*HW_HEADER, *VENDHUB_HEADER]

        with pytest.raises(SourceUnknown):
            read_table(tmp_path, [header, ["1"] * len(header)])

    def test_rows_of_numbers_alone_have_no_header(self, tmp_path: Path) -> None:
        with pytest.raises(HeaderMissing) as caught:
            read_table(tmp_path, [["1", "2.5", "3"], ["4", "5", "6"]])

        assert caught.value.params == {"rows": 30}

    def test_a_named_source_whose_columns_are_missing_is_a_mismatch(self, tmp_path: Path) -> None:
        path = write_csv(tmp_path / "report.csv", [hw_row(1)])

        with pytest.raises(SourceMismatch) as caught:
            read_whole(path, "vendhub")

        assert caught.value.params["source"] == "vendhub"
        assert str(caught.value.params["columns"]).startswith("Номер заказа, ")

    def test_a_named_source_on_rows_without_names_is_a_mismatch(self, tmp_path: Path) -> None:
        path = tmp_path / "report.csv"
        path.write_bytes(b"1,2\n3,4\n")

        with pytest.raises(SourceMismatch) as caught:
            read_whole(path, "payme")

        assert caught.value.params == {"source": "payme", "columns": "—", "preview": None}

    def test_a_named_source_is_taken_where_finding_it_would_be_a_tie(self, tmp_path: Path) -> None:
        header = [*HW_HEADER, *(name for name in VENDHUB_HEADER if name != "Order number")]
        path = write_csv(tmp_path / "report.csv", [dict.fromkeys(header, "") | hw_row(1)])

        outcome = read_whole(path, "happy_workers")

        assert numbers(outcome) == [number(1)]

    def test_a_field_beyond_a_mebibyte_is_an_issue_of_its_row(self, tmp_path: Path) -> None:
        path = write_csv(tmp_path / "report.csv", [*(hw_row(n) for n in range(5_000)), hw_row(1, Причина="x" * 2**21)])

        outcome = read_whole(path)

        assert [(i.code, i.row, i.column) for i in outcome.issues] == [("intake.text_too_long", 5_002, "Причина")]
        assert outcome.file.counts.staged == 5_000

    def test_an_unclosed_quote_is_an_issue_of_its_row(self, tmp_path: Path) -> None:
        content = csv_bytes([hw_row(n) for n in range(300)]).decode()
        path = tmp_path / "report.csv"
        path.write_text(content.replace(f"{number(50)},,Эспрессо", f'{number(50)},,"Эспрессо'), encoding="utf-8")

        outcome = read_whole(path)

        assert [(i.code, i.row, i.value) for i in outcome.issues] == [("intake.quote_unclosed", 52, '"Эспрессо')]
        assert outcome.file.counts.staged == 299


ROWS = st.sampled_from(
    [
        hw_row(1), hw_row(2), hw_row(3, Номер_заказа=""), hw_row(4, Цена_заказа="x"), hw_row(5, Цена_заказа=""),
        hw_row(1, Цена_заказа="17000"), hw_row(6, Время_создания="вчера"), hw_row(7, Ресурс_заказа="Бартер"),
        hw_row(8, Номер_заказа="8.6E+15"), blank(), blank(Номер_заказа="Итого", Цена_заказа="5"),
        blank(Цена_заказа="5"), dict(zip(HW_HEADER, HW_HEADER, strict=True)), hw_row(9, Причина="\ufffd"),
    ]
)  # fmt: skip


@given(st.lists(st.tuples(ROWS, st.sampled_from([[], [""], ["x"]])), min_size=1, max_size=12))
@settings(max_examples=60)
def test_every_row_is_staged_skipped_or_an_issue_and_none_is_lost(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[dict[str, str], list[str]]]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    stated = [(row, surplus) for row, surplus in rows if any(row.values()) or "x" in surplus]

    try:
        outcome = read_table(folder, [HW_HEADER, *([*cells(row), *surplus] for row, surplus in rows)])
    except FileEmpty:
        assert stated == []
        return

    counts = outcome.file.counts
    assert counts.total == len(stated) == counts.staged + counts.skipped + counts.issues
    assert counts.staged == len(outcome.records)
    assert counts.duplicates == sum(record["duplicate"] == "t" for record in outcome.records)
    assert counts.issues == len({issue.row for issue in outcome.issues if issue.level is Level.ERROR})


class TestNamesAndWidths:
    @pytest.mark.parametrize("before", [0, 1, 5_000])
    def test_a_row_of_thousands_of_cells_is_damage_wherever_it_stands(self, tmp_path: Path, before: int) -> None:
        path = write_csv(tmp_path / "wide.csv", [hw_row(index) for index in range(before)] or [hw_row()])
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[: before and before + 1]) + b"x," * 2_001 + b"\n")

        with pytest.raises(FileDamaged) as refused:
            read_whole(path)

        assert refused.value.params["reason"] == "more than 2000 columns"

    def test_names_are_kept_as_a_database_can_hold_them(self, tmp_path: Path) -> None:
        path = tmp_path / "odd.json"
        path.write_text(json.dumps([hw_row() | {"a\x00": "1"}]))
        unknown = tmp_path / "unknown.json"
        unknown.write_text(json.dumps([{"b\x00": "1\x00", "c\ud800": "2", "d": "3"}] * 2))

        (sheet,) = read_whole(path).file.sheets
        with pytest.raises(SourceUnknown) as asked:
            read_whole(unknown)

        assert sheet.columns[-1] == "a␀"
        assert asked.value.params["columns"] == "b␀, c�, d"
        assert asked.value.params["preview"] == {
            "columns": ["b␀", "c�", "d"], "rows": [["1␀", "2", "3"]] * 2,
        }  # fmt: skip
