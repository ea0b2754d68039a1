"""A format is recognised by content, whatever the file is called."""

from pathlib import Path

import pytest

from tests.factories import csv_bytes, hw_row, write_xlsx
from vhm24r.intake.formats.delimited import HEAD_BYTES
from vhm24r.intake.formats.registry import FORMATS, recognise

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("name", ["report.xlsx", "report.csv", "report.pdf", "report"])
def test_a_renamed_workbook_is_a_workbook(tmp_path: Path, name: str) -> None:
    head = write_xlsx(tmp_path / name, [hw_row()]).read_bytes()[:HEAD_BYTES]

    form = recognise(head)

    assert form is not None
    assert form.name == "xlsx"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1251"])
def test_delimited_text_is_csv_in_any_encoding(encoding: str) -> None:
    form = recognise(csv_bytes([hw_row()], encoding=encoding))

    assert form is not None
    assert form.name == "csv"


@pytest.mark.parametrize(
    "head",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00",
        b"PK\x03\x04\x14\x00\x00\x00photo.jpg",
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
        b"just a line of words\nand another one\n",
        b"",
    ],
    ids=["png", "xls", "zip", "gzip", "prose", "empty"],
)
def test_other_content_is_none_of_ours(head: bytes) -> None:
    assert recognise(head) is None


def test_formats_have_different_names() -> None:
    assert len({form.name for form in FORMATS}) == len(FORMATS)
