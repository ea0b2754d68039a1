"""What a declaration cannot say by a column alone: derived fields, odd words, odd cells, total rows."""

import pytest

from tests.unit.intake.sources.layouts import (
    CLICK_RU,
    FISCAL_EN,
    FISCAL_RU,
    PAYME_EN,
    PAYME_RU,
    Record,
    converted,
)
from vhm24r.intake.sources.bank import moved
from vhm24r.intake.sources.fiscal import paid_by
from vhm24r.intake.types import Issue, Level
from vhm24r.intake.values import NULL, UNREADABLE

pytestmark = pytest.mark.unit

BANK_RU = "Дата|Номер документа|Корреспондент|Дебет|Кредит|Назначение платежа"
HICON_EN = "product id|commodity code|name|cash|quantity|total"


def read(header: str, *rows: str) -> tuple[list[Record], list[tuple[str, Level, int | None, str | None, str | None]]]:
    records, issues, _ = converted(header.split("|"), [row.split("|") for row in rows])
    return records, [place(issue) for issue in issues]


def place(issue: Issue) -> tuple[str, Level, int | None, str | None, str | None]:
    return issue.code, issue.level, issue.row, issue.column, issue.value


@pytest.mark.parametrize(
    ("cash", "card", "method"),
    [
        ("15000", "0", "cash"), ("15000", "", "cash"), ("15 000,00", "-", "cash"),
        ("0,00", "15000", "card"), ("", "15000 UZS", "card"),
        ("5000", "10000", None), ("0", "0", None), ("", "", None),
        ("15000", "?", None), ("?", "15000", None),
    ],
)  # fmt: skip
def test_a_receipt_is_paid_by_its_only_part(cash: str, card: str, method: str | None) -> None:
    (record,), issues = read(FISCAL_RU, f"1|UZ1|7|Продажа|25.12.2025 00:15:20|15000|{cash}|{card}|")

    assert record.get("payment_method") == method
    assert issues == []


def test_without_both_parts_nobody_says_how_a_receipt_was_paid() -> None:
    fields = {"payment_method": [NULL], "cash_part": ["100"]}

    paid_by(fields)

    assert fields["payment_method"] == [NULL]


def test_one_receipt_number_in_two_modules_is_two_receipts() -> None:
    header, rows = FISCAL_EN.split("|"), [f"7|2025-12-25 00:15:20|15000||{module}|1|sale" for module in ("UZ1", "UZ2")]

    records, issues, counts = converted(header, [row.split("|") for row in rows])

    assert [(record["account"], record["external_id"]) for record in records] == [("UZ1", "7"), ("UZ2", "7")]
    assert issues == []
    assert counts.duplicates == 0


def test_a_running_number_is_no_part_of_a_fact() -> None:
    rows = [f"{number}|3400000001||||Касса|||15000|Аннулирован|25.12.2025" for number in (1, 88)]

    records, _, counts = converted(CLICK_RU.split("|"), [row.split("|") for row in rows])

    assert records[0] == records[1]
    assert counts.duplicates == 1


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("ОПЛАЧЕН", "ok"), ("Оплачен", "ok"), ("OПЛAЧEН", "ok"), (" оплачен ", "ok"), ("SUCCESS", "ok"),
        ("ОТМЕНЕН", "reversed"), ("отменён", "reversed"), ("OTMEHEH", "reversed"), ("Canceled", "reversed"),
    ],
)  # fmt: skip
def test_a_state_is_known_however_it_is_written(word: str, state: str) -> None:
    (record,), issues = read(PAYME_RU, f"1|||p1||2025-12-25 00:15:09|{word}|||15000||")

    assert record["state"] == state
    assert issues == []


def test_an_unknown_state_stays_as_it_is_with_one_warning() -> None:
    row = "p{}|2025-12-25 00:15:09|15000|||||HELD|||"

    records, issues = read(PAYME_EN, row.format(1), row.format(2))

    assert [record["state"] for record in records] == ["HELD", "HELD"]
    assert issues == [("intake.word_unknown", Level.WARNING, 2, "status", "HELD")]


def test_an_order_number_of_a_gateway_joins_nothing() -> None:
    (record,), _ = read(PAYME_RU, "1|||p1|ff000008d82025122500145924a8181f0000|2025-12-25 00:15:09||||15000||")

    assert "order_number" not in record
    assert record["extra"] == {"merchant_order": "ff000008d82025122500145924a8181f0000"}


def test_a_damaged_key_is_an_issue() -> None:
    records, issues = read(CLICK_RU, "1|3.4E+9||||Касса|||15000|Аннулирован|25.12.2025")

    assert records == []
    assert issues == [("intake.code_damaged", Level.ERROR, 2, "Click ID", "3.4E+9")]


@pytest.mark.parametrize(
    ("debit", "credit", "amount", "direction"),
    [
        ("100", NULL, "100", "out"), ("100", "0", "100", "out"), (NULL, "100", "100", "in"), ("0", "-5", "-5", "in"),
        (NULL, NULL, NULL, NULL), ("0", "0", NULL, NULL), ("100", "200", NULL, NULL),
        (UNREADABLE, "100", NULL, NULL), ("100", UNREADABLE, NULL, NULL),
    ],
)  # fmt: skip
def test_money_moved_on_one_side(debit: str, credit: str, amount: str, direction: str) -> None:
    fields = {"amount": [NULL], "direction": [NULL], "debit": [debit], "credit": [credit]}

    moved(fields)

    assert (fields["amount"], fields["direction"]) == ([amount], [direction])


def test_a_statement_mapped_without_one_side_has_the_other() -> None:
    fields = {"amount": [NULL], "direction": [NULL], "credit": ["100"]}

    moved(fields)

    assert (fields["amount"], fields["direction"]) == (["100"], ["in"])


@pytest.mark.parametrize(
    ("cells", "column", "value"),
    [("100|200", "Дебет", "100"), ("много|", "Дебет", "много"), ("100|?", "Кредит", "?"), ("?|100", "Дебет", "?")],
)
def test_a_statement_row_that_says_two_things_or_none_is_one_issue(cells: str, column: str, value: str) -> None:
    records, issues = read(BANK_RU, f"25.12.2025|1|Банк|{cells}|Комиссия", "25.12.2025|2|Банк|5||Комиссия")

    assert [record["amount"] for record in records] == ["500"]
    assert issues == [("intake.amount_unreadable", Level.ERROR, 2, column, value)]


def test_equal_statement_rows_are_counted_and_not_merged() -> None:
    row = ["25.12.2025", "1", "Банк", "5", "", "Комиссия"]

    records, _, counts = converted(BANK_RU.split("|"), [row, row])

    assert records[0] == records[1]
    assert (counts.staged, counts.duplicates) == (2, 0)


def test_a_total_row_of_counters_is_skipped_and_a_broken_one_is_an_issue() -> None:
    header, rows = HICON_EN.split("|"), ["1|7|Tea|0|2|5000", "2|8|Latte|0|2|?", "|||||", "Итого|||0|4|5000"]

    records, issues, counts = converted(header, [row.split("|") for row in rows])

    assert [record["product"] for record in records] == ["Tea"]
    assert [place(issue) for issue in issues] == [("intake.amount_unreadable", Level.ERROR, 3, "total", "?")]
    assert (counts.staged, counts.skipped, counts.issues) == (1, 1, 1)
