"""A file is recognised by content, whatever it is called."""

from pathlib import Path

import pytest

from tests.archives import zip_archive
from tests.factories import csv_bytes, hw_row, write_xlsx
from vhm24r.intake.formats.protocol import Container, Format, Sample
from vhm24r.intake.formats.registry import CONTAINERS, FORMATS, container, is_plain, is_text, looks_like, recognise

pytestmark = pytest.mark.unit


def sample(folder: Path, content: bytes, name: str = "file") -> Sample:
    path = folder / name
    path.write_bytes(content)
    return Sample.of(path)


@pytest.mark.parametrize("name", ["report.xlsx", "report.csv", "report.pdf", "report"])
def test_a_renamed_workbook_is_a_workbook(tmp_path: Path, name: str) -> None:
    form = recognise(Sample.of(write_xlsx(tmp_path / name, [hw_row()])))

    assert form is not None
    assert form.name == "xlsx"


@pytest.mark.parametrize(("delimiter", "name"), [(",", "csv"), (";", "csv"), ("|", "csv"), ("\t", "tsv")])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1251"])
def test_delimited_text_is_recognised_in_any_encoding(tmp_path: Path, encoding: str, delimiter: str, name: str) -> None:
    form = recognise(sample(tmp_path, csv_bytes([hw_row()], encoding=encoding, delimiter=delimiter)))

    assert form is not None
    assert form.name == name


@pytest.mark.parametrize(
    "head",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00",
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
        b"just a line of words\nand another one\n",
        b"",
    ],
    ids=["png", "ole", "gzip", "prose", "empty"],
)
def test_other_content_is_none_of_ours(tmp_path: Path, head: bytes) -> None:
    found = sample(tmp_path, head)

    assert (recognise(found), container(found)) == (None, None)


def test_an_archive_is_a_container_and_no_format(tmp_path: Path) -> None:
    found = sample(tmp_path, zip_archive([]))

    box = container(found)

    assert box is not None
    assert (box.name, recognise(found)) == ("zip", None)


def test_formats_and_containers_are_what_they_say_under_names_of_their_own() -> None:
    assert all(isinstance(form, Format) for form in FORMATS)
    assert all(isinstance(box, Container) and not isinstance(box, Format) for box in CONTAINERS)
    names = [form.name for form in FORMATS] + [box.name for box in CONTAINERS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("head", "name"),
    [(b"PK\x03\x04rest", "ZIP"), (b"Rar!\x1a\x07\x00", "RAR"), (b"%PDF-1.7", "PDF"), (b"\xd0\xcf\x11\xe0", "OLE")],
)
def test_what_only_begins_like_ours_is_named(head: bytes, name: str) -> None:
    assert (looks_like(head), looks_like(b"x" + head)) == (name, None)


@pytest.mark.parametrize(
    ("head", "is_one"),
    [(b"a,b", True), (b"<a>", True), (b"{", True), (b"PK\x03\x04", False), (b"%PDF-1.4", False), (b"a\x00", False)],
)
def test_texts_are_told_from_what_is_packed(head: bytes, is_one: bool) -> None:
    assert is_text(head) is is_one


@pytest.mark.parametrize(
    ("head", "plain"),
    [
        (b"a,b\n1,2\n", True),
        (b"\xef\xbb\xbf a;b", True),
        (b"", True),
        (b" {", False),
        (b"\xef\xbb\xbf<a>", False),
        (b"[1]", False),
        (b"%PDF-1.4", False),
        (b"PK\x03\x04", False),
        (b"a\x00,\x00b\x00", False),
    ],
)
def test_only_lines_of_text_are_read_without_a_process_of_their_own(head: bytes, plain: bool) -> None:  # a case
    assert is_plain(head) is plain
