"""Cells of real exports, notation by notation: instants, codes, cards, amounts, words."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vhm24r.intake.values import (
    EXCEL_EPOCH,
    LONGEST_CELL,
    MEMO_LIMIT,
    NULL,
    UNREADABLE,
    AmountReader,
    CardReader,
    ChoiceReader,
    CodeReader,
    InstantReader,
    Reader,
    StrictChoiceReader,
    TextReader,
    escape,
    moment,
)

pytestmark = pytest.mark.unit

TASHKENT, BERLIN, KOLKATA = ZoneInfo("Asia/Tashkent"), ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")
WORDS = {"Оплата наличными": "cash", "Cash": "cash", "VIP": "vip"}
EMPTY_CELLS = ["", "   ", "-", " — ", "–", "nan", "NaN", "None", "NULL", "н/д", "Н/Д", "n/a"]


def readers() -> list[Reader]:
    return [
        TextReader(),
        CodeReader(),
        CardReader(),
        AmountReader(),
        InstantReader(TASHKENT),
        ChoiceReader(WORDS),
        StrictChoiceReader(WORDS),
    ]


@pytest.mark.parametrize("reader", readers(), ids=lambda reader: type(reader).__name__)
@pytest.mark.parametrize("cell", EMPTY_CELLS)
def test_an_empty_cell_is_nothing_in_every_column(reader: Reader, cell: str) -> None:
    assert reader[cell] == NULL
    assert reader.unreadable is False


CELLS = [
    "", "none", "nan", "NULL", "24a89ffc002e", "ff000000002025", "x" * LONGEST_CELL, "x" * (LONGEST_CELL + 1),
    "8.6E+15", "8600123412341234", "8600123412345678", "7.0", "Кофе", "VIP", "15000", "2025-12-25 04:05:06",
    "\ufffd", "a\x00b",
]  # fmt: skip


@pytest.mark.parametrize("kind", range(len(readers())), ids=[type(reader).__name__ for reader in readers()])
@given(st.lists(st.sampled_from(CELLS), max_size=5), st.integers(1, 3))
@example(["8600123412341234", "8600123412345678"], 1)
@example(["none", "null"], 1)
@example(["x" * (LONGEST_CELL + 1)] * 2, 1)
def test_a_column_is_read_as_its_cells_are(kind: int, cells: list[str], times: int) -> None:
    at_once, one_by_one = readers()[kind], readers()[kind]

    assert at_once.column(cells * times) == [one_by_one[cell] for cell in cells * times]
    assert at_once.unreadable is one_by_one.unreadable
    assert at_once.damaged is one_by_one.damaged


def test_whether_a_character_is_no_text_is_remembered() -> None:
    reader = TextReader()

    assert reader.column(["a", "b"]) == ["a", "b"]
    assert reader.damaged is False
    assert reader.column(["a", "b\ufffd", "a"]) == ["a", "b\ufffd", "a"]
    assert reader.damaged is True


@pytest.mark.parametrize(
    ("text", "escaped"),
    [("a\tb", r"a\tb"), ("a\nb", r"a\nb"), ("a\r\nb", r"a\r\nb"), ("a\\b", r"a\\b"), (r"\N", r"\\N"), ("a'b", "a'b")],
)
def test_a_text_is_escaped_for_copy(text: str, escaped: str) -> None:
    assert escape(text) == escaped
    assert TextReader()[f" {text} "] == escaped


@pytest.mark.parametrize("kind", [CodeReader, CardReader])
@pytest.mark.parametrize("control", ["\x00", "\x01", "\x0b", "\x1f", "\x7f", "\x9f"])
def test_a_code_with_a_control_character_is_damaged(kind: type[Reader], control: str) -> None:
    reader = kind()

    assert reader.unreadable is False
    assert reader[f"ORD{control}77"] is UNREADABLE
    assert reader.unreadable is True


def test_tabs_and_line_breaks_of_a_code_are_escaped() -> None:
    assert CodeReader()["a\tb\nc\rd"] == r"a\tb\nc\rd"


class TestInstants:
    @pytest.mark.parametrize(
        ("cell", "utc"),
        [
            ("2025-12-25 00:14:59", "2025-12-24 19:14:59"),
            ("2025-12-25 00:14", "2025-12-24 19:14:00"),
            ("25.12.2025 00:14:59", "2025-12-24 19:14:59"),
            ("25.12.2025 00:14", "2025-12-24 19:14:00"),
            ("25/12/2025 00:14:59", "2025-12-24 19:14:59"),
            ("25/12/2025 00:14", "2025-12-24 19:14:00"),
            ("05.02.2025 08:00:00", "2025-02-05 03:00:00"),
            ("05/02/2025 08:00", "2025-02-05 03:00:00"),
            ("5.2.2025 8:00", "2025-02-05 03:00:00"),
            ("2025-12-25", "2025-12-24 19:00:00"),
            ("25.12.2025", "2025-12-24 19:00:00"),
            ("25/12/2025", "2025-12-24 19:00:00"),
            ("2025-12-25T00:14:59", "2025-12-24 19:14:59"),
            ("2025-12-25T00:14:59+05:00", "2025-12-24 19:14:59"),
            ("2025-12-25T00:14:59-03:00", "2025-12-25 03:14:59"),
            ("2025-12-24T19:14:59Z", "2025-12-24 19:14:59"),
            ("2025-12-24 19:14:59Z", "2025-12-24 19:14:59"),
            ("2025-12-25 00:14:59+05:00", "2025-12-24 19:14:59"),
            ("2025-12-25 00:14:59.987", "2025-12-24 19:14:59"),
            ("2025-12-25T00:14:59.987654+05:00", "2025-12-24 19:14:59"),
            ("46016.010405", "2025-12-24 19:14:59"),
            ("46016", "2025-12-24 19:00:00"),
            ("46016.0", "2025-12-24 19:00:00"),
            ("46016.5", "2025-12-25 07:00:00"),
            ("46016.999999999", "2025-12-25 19:00:00"),
            ("46016.01040509259259259", "2025-12-24 19:14:59"),
            ("  2025-12-25 00:14:59 ", "2025-12-24 19:14:59"),
            ("2024-02-29 12:00:00", "2024-02-29 07:00:00"),
            ("1990-06-01 00:00:00", "1990-05-31 17:00:00"),
            ("2025-12-25 2:30 PM", "2025-12-25 09:30:00"),
            ("25.12.2025 02:30:15 pm", "2025-12-25 09:30:15"),
            ("25/12/2025 12:05AM", "2025-12-24 19:05:00"),
            ("2025-12-25 12:05:00PM", "2025-12-25 07:05:00"),
        ],
    )
    def test_a_notation_of_real_exports_is_read_in_the_business_zone(self, cell: str, utc: str) -> None:
        assert InstantReader(TASHKENT)[cell] == f"{utc}+00"

    @pytest.mark.parametrize(
        "cell",
        [
            "вчера", "2025-02-30 10:00:00", "2025-13-01 10:00:00", "2025-12-25 24:00:00", "2025-12-25 23:60:00",
            "2025-12-25 10:00:60", "30.02.2025 10:00:00", "12/25/2025 10:00", "2023-02-29", "2025-12-25T25:00:00",
            "2025-12-25T", "T", "Z", "10:00:00", "15000", "99999", "12345678", "4601", "460160", "46016.", "46016,5",
            "1899-12-30 00:00:00", "1989-12-31 10:00:00", "2101-01-01 10:00:00", "0001-01-01T00:00:00+05:00",
            "9999-12-31 23:59:59", "8.6E+15", "2025-12-25 00:14:59 PM", "2025-12-25 13:00 PM", "x" * 19,
        ],
    )  # fmt: skip
    def test_what_is_no_time_is_unreadable(self, cell: str) -> None:
        reader = InstantReader(TASHKENT)

        assert reader[cell] is UNREADABLE
        assert reader[cell] is UNREADABLE
        assert reader.unreadable is True

    @pytest.mark.parametrize(
        ("cell", "utc"),
        [
            ("2025-01-15 12:00:00", "2025-01-15 11:00:00"),
            ("2025-07-15 12:00:00", "2025-07-15 10:00:00"),
            ("2025-03-30 01:59:59", "2025-03-30 00:59:59"),
            ("2025-03-30 02:30:00", "2025-03-30 01:30:00"),
            ("2025-03-30 03:00:00", "2025-03-30 01:00:00"),
            ("2025-10-26 01:59:59", "2025-10-25 23:59:59"),
            ("2025-10-26 02:30:00", "2025-10-26 00:30:00"),
            ("2025-10-26 03:00:00", "2025-10-26 02:00:00"),
            ("2025-10-26T02:30:00+01:00", "2025-10-26 01:30:00"),
            ("45956.104166666664", "2025-10-26 00:30:00"),
        ],
    )
    def test_an_hour_at_a_change_of_clocks_is_the_first_of_its_readings(self, cell: str, utc: str) -> None:
        assert InstantReader(BERLIN)[cell] == f"{utc}+00"

    def test_a_zone_of_half_hours_is_no_whole_number_of_hours_off(self) -> None:
        reader = InstantReader(KOLKATA)

        assert reader["2025-12-25 00:14:59"] == "2025-12-24 18:44:59+00"
        assert reader["2025-12-25 05:30:00"] == "2025-12-25 00:00:00+00"

    def test_a_zone_that_shifts_by_half_an_hour_reads_both_halves_of_the_hour(self) -> None:
        reader = InstantReader(ZoneInfo("Australia/Lord_Howe"))

        assert reader["2025-10-05 01:59:00"] == "2025-10-04 15:29:00+00"
        assert reader["2025-10-05 02:45:00"] == "2025-10-04 15:45:00+00"

    @given(
        st.datetimes(datetime(1990, 1, 2), datetime(2100, 12, 30)).map(lambda moment: moment.replace(microsecond=0)),
        st.sampled_from([TASHKENT, BERLIN, KOLKATA, ZoneInfo("America/New_York")]),
    )
    def test_every_notation_of_a_local_time_gives_one_instant(self, local: datetime, zone: ZoneInfo) -> None:
        reader = InstantReader(zone)
        expected = local.replace(tzinfo=zone).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S+00")

        forms = ["%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%Y-%m-%dT%H:%M:%S"]
        texts = [local.strftime(form) for form in forms]

        assert {reader[text] for text in texts} == {expected}

    @given(st.integers(min_value=0, max_value=86_399), st.integers(min_value=33_000, max_value=73_000))
    def test_a_serial_number_of_six_decimals_is_the_second_a_spreadsheet_shows(self, second: int, day: int) -> None:
        local = EXCEL_EPOCH + timedelta(days=day, seconds=second)
        serial = f"{day}.{(second * 10**6 + 43_200) // 86_400:06}"

        assert InstantReader(ZoneInfo("UTC"))[serial] == local.strftime("%Y-%m-%d %H:%M:%S+00")

    @given(st.text(max_size=25))
    def test_any_text_is_an_instant_nothing_or_unreadable(self, cell: str) -> None:
        value = InstantReader(TASHKENT)[cell]

        assert value in {NULL, UNREADABLE} or len(value) == 22


class TestCodes:
    @pytest.mark.parametrize(
        ("cell", "code"),
        [
            ("ff000008d82025122500145924a8181f0000", "ff000008d82025122500145924a8181f0000"),
            ("0012", "0012"),
            ("000000000012", "000000000012"),
            ("12.0", "12"),
            ("0012.0", "0012"),
            ("12.5", "12.5"),
            ("12.00", "12.00"),
            (" 24a8ff000001 ", "24a8ff000001"),
            ("A-17/3", "A-17/3"),
            ("1E5", "1E5"),
            ("24E800", "24E800"),
            ("123456789012345678901", "123456789012345678901"),
            ("a\tb-c", r"a\tb-c"),
        ],
    )
    def test_a_code_is_text_with_every_digit(self, cell: str, code: str) -> None:
        assert CodeReader()[cell] == code

    @pytest.mark.parametrize("cell", ["8.6E+15", "8,6E+15", "8.600123E+15", "8e+15", "2.02512E+31", " 8.6E+15 "])
    def test_a_code_whose_digits_a_spreadsheet_destroyed_is_unreadable(self, cell: str) -> None:
        reader = CodeReader()

        assert reader[cell] is UNREADABLE
        assert reader.unreadable is True


class TestCards:
    @pytest.mark.parametrize(
        ("cell", "masked"),
        [
            ("8600123456789012", "860012******9012"),
            ("8600 1234 5678 9012", "860012******9012"),
            ("8600-1234-5678-9012", "860012******9012"),
            ("8600\u00a01234\u00a05678\u00a09012", "860012******9012"),
            ("8600123456789012.0", "860012******9012"),
            ("4000123456789", "400012***6789"),
            ("4000123456789012345", "400012*********2345"),
            ("UZCARD 8600123456789012", "UZCARD 860012******9012"),
            ("8600123456789012.00", "860012******9012.00"),
            ("'8600123456789012", "'860012******9012"),
        ],
    )
    def test_a_whole_card_number_is_masked(self, cell: str, masked: str) -> None:
        reader = CardReader()

        assert reader[cell] == masked
        assert cell not in reader.values()

    @pytest.mark.parametrize("cell", ["860012******9012", "8600 **** **** 9012", "9012", "UZCARD", "123456789012"])
    def test_what_is_masked_already_or_no_card_number_stays(self, cell: str) -> None:
        assert CardReader()[cell] == cell

    def test_a_destroyed_card_number_is_unreadable(self) -> None:
        assert CardReader()["8.6E+15"] is UNREADABLE

    @given(st.from_regex(r"[0-9]{13,19}", fullmatch=True))
    def test_no_whole_card_number_is_ever_kept(self, digits: str) -> None:
        masked = CardReader()[digits]

        assert len(masked) == len(digits)
        assert masked[:6] == digits[:6]
        assert masked[-4:] == digits[-4:]
        assert set(masked[6:-4]) == {"*"}


class TestAmounts:
    @pytest.mark.parametrize(
        ("cell", "minor"),
        [
            ("15000", "1500000"), ("15 000,00", "1500000"), ("15\u00a0000,00", "1500000"), ("15000 UZS", "1500000"),
            ("1.234,56", "123456"), ("(1 200)", "-120000"), ("0", "0"), ("1000000000000000", "100000000000000000"),
        ],
    )  # fmt: skip
    def test_an_amount_is_kept_in_minor_units(self, cell: str, minor: str) -> None:
        assert AmountReader()[cell] == minor

    @pytest.mark.parametrize("cell", ["бесплатно", "8.6E+15", "12,34,56", "1.5.2", "1000000000000000.01", "15000.001"])
    def test_what_is_no_amount_is_unreadable_and_never_zero(self, cell: str) -> None:
        assert AmountReader()[cell] is UNREADABLE


class TestWords:
    @pytest.mark.parametrize(
        ("cell", "word"),
        [("Оплата наличными", "cash"), ("ОПЛАТА  НАЛИЧНЫМИ", "cash"), ("cash ", "cash"), ("vip", "vip")],
    )
    def test_a_known_word_is_recognised_in_any_case(self, cell: str, word: str) -> None:
        for reader in (ChoiceReader(WORDS), StrictChoiceReader(WORDS)):
            assert reader[cell] == word
            assert reader.unknown == {}

    def test_an_unknown_word_stays_as_written_and_is_remembered_once(self) -> None:
        reader = ChoiceReader(WORDS)

        assert [reader["Бартер"], reader["Бартер"], reader[" Бартер "]] == ["Бартер"] * 3
        assert list(reader.unknown) == ["Бартер"]

    def test_where_only_known_words_count_an_unknown_one_says_nothing(self) -> None:
        reader = StrictChoiceReader(WORDS)

        assert reader["Бартер"] == NULL
        assert list(reader.unknown) == ["Бартер"]


class TestMemo:
    def test_a_readable_cell_is_computed_once_and_an_unreadable_one_every_time(self) -> None:
        reader = AmountReader()

        cells = ["15000", "15000", "x", "x", ""]
        values = [reader[cell] for cell in cells]

        assert values == ["1500000", "1500000", UNREADABLE, UNREADABLE, NULL]
        assert dict(reader) == {"15000": "1500000", "": NULL}
        assert reader.unreadable is True

    def test_a_column_of_unique_values_does_not_fill_the_memory(self) -> None:
        reader = TextReader()

        for index in range(MEMO_LIMIT + 1):
            reader[f"value {index}"]

        assert len(reader) == 1
        assert reader["value 0"] == "value 0"

    def test_a_reader_says_how_a_cell_is_read(self) -> None:
        with pytest.raises(NotImplementedError):
            Reader().read("x")


@pytest.mark.parametrize(
    ("date", "clock", "utc"),
    [
        ("25.12.2025", "14:30", "2025-12-25 09:30:00"),
        ("25.12.2025", "2:30 PM", "2025-12-25 09:30:00"),
        ("2025-12-25 00:00:00", "14:30:05", "2025-12-25 09:30:05"),
        ("46016", "14:30", "2025-12-25 09:30:00"),
        ("46016.0", "2:30 PM", "2025-12-25 09:30:00"),
        ("46016", "0.6041666667", "2025-12-25 09:30:00"),
        ("25.12.2025", "0.6041666667", "2025-12-25 09:30:00"),
        ("25.12.2025", "0", "2025-12-24 19:00:00"),
        ("25.12.2025", "", "2025-12-24 19:00:00"),
        ("25.12.2025 14:30", "14:30", "2025-12-25 09:30:00"),
    ],
)
def test_a_date_and_the_time_of_day_beside_it_are_one_instant(date: str, clock: str, utc: str) -> None:
    assert InstantReader(TASHKENT)[moment(date, clock)] == f"{utc}+00"


@pytest.mark.parametrize(
    ("date", "clock"),
    [
        ("25.12.2025 10:00", "14:30"),
        ("46016.5", "14:30"),
        ("46016", "1.5"),
        ("46016", "25:00"),
        ("46016", "0.9999999999"),
    ],
)  # fmt: skip
def test_a_date_and_a_clock_that_do_not_fit_are_not_guessed(date: str, clock: str) -> None:
    assert InstantReader(TASHKENT)[moment(date, clock)] is UNREADABLE
