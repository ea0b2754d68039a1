"""The directory of an OLE file is read whatever its bytes are, and never for long."""

import random
import struct
from pathlib import Path

import pytest

from tests.documents import SECTOR, doc_bytes, ole_bytes, xls_bytes
from vhm24r.intake.formats.ole import is_honest, start_of, stream_names

pytestmark = pytest.mark.unit


def written(folder: Path, content: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(content)
    return path


def changed(content: bytes, place: int, number: int) -> bytes:
    return content[:place] + struct.pack("<I", number) + content[place + 4 :]


def test_the_streams_of_a_file_tell_what_it_is(tmp_path: Path) -> None:
    assert "Workbook" in stream_names(written(tmp_path, xls_bytes([["a"]])))
    assert stream_names(written(tmp_path, doc_bytes("a"))) == {"WordDocument", "1Table"}


def test_a_directory_of_many_sectors_is_read_to_its_end(tmp_path: Path) -> None:
    names = {f"Поток {n}": b"" for n in range(40)}

    assert stream_names(written(tmp_path, ole_bytes(names))) == set(names)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"x" * 600])
def test_other_files_have_no_streams(tmp_path: Path, content: bytes) -> None:
    path = written(tmp_path, content)

    assert stream_names(path) == frozenset()
    assert start_of(path, {"Workbook"}) == b""
    assert not is_honest(path)


def test_a_directory_that_leads_in_a_circle_ends(tmp_path: Path) -> None:
    content = ole_bytes({f"S{n}": b"" for n in range(8)})
    first = struct.unpack_from("<I", content, 48)[0]
    table = struct.unpack_from("<I", content, 76)[0]
    path = written(tmp_path, changed(content, (table + 1) * SECTOR + first * 4, first))

    assert stream_names(path) == {"S0", "S1", "S2"}


@pytest.mark.parametrize(("sector", "found"), [(0, {"WordDocument", "1Table"}), (100_000, set()), (2**32 - 2, set())])
def test_an_allocation_table_that_goes_on_outside_of_the_header_is_followed(
    tmp_path: Path, sector: int, found: set[str]
) -> None:
    content = doc_bytes("a")
    table = struct.unpack_from("<I", content, 76)[0]
    count = len(content) // SECTOR - 1
    listed = struct.pack("<128I", table, *[2**32 - 1] * 126, count)  # which names itself as the next one
    content = changed(content + listed, 76, 2**32 - 1)
    path = written(tmp_path, changed(content, 68, count if sector == 0 else sector))

    assert stream_names(path) >= found
    assert len(stream_names(path)) == 2  # both are in the first sector of the directory


def test_the_start_of_a_stream_is_found_by_its_name(tmp_path: Path) -> None:
    path = written(tmp_path, ole_bytes({"a": b"first", "Book": b"second"}))

    assert start_of(path, {"Book", "Workbook"}).startswith(b"second")
    assert len(start_of(path, {"Book"})) == SECTOR
    assert start_of(path, {"Workbook"}) == b""


@pytest.mark.parametrize("place", [44, 64, 72])
def test_a_count_beyond_the_file_is_a_lie(tmp_path: Path, place: int) -> None:
    content = doc_bytes("a")

    assert is_honest(written(tmp_path, content))
    assert not is_honest(written(tmp_path, changed(content, place, 1_000_000)))


def test_a_size_beyond_the_file_is_a_lie(tmp_path: Path) -> None:
    content = doc_bytes("a")
    directory = (struct.unpack_from("<I", content, 48)[0] + 1) * SECTOR

    assert not is_honest(written(tmp_path, changed(content, directory + 128 + 120, 2**31)))


@pytest.mark.parametrize(("place", "value"), [(30, 40), (32, 40)])
def test_sectors_of_no_known_size_are_a_lie(tmp_path: Path, place: int, value: int) -> None:
    content = bytearray(doc_bytes("a"))
    content[place] = value

    assert not is_honest(written(tmp_path, bytes(content)))


def test_whatever_the_bytes_are_names_come_or_none(tmp_path: Path) -> None:
    whole = ole_bytes({f"S{n}": b"" for n in range(8)})
    chance = random.Random(20251225)
    fewer = 0

    for _ in range(300):
        content = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.3 else whole)
        for _ in range(chance.randrange(1, 9)):
            if content:
                content[chance.randrange(min(len(content), 600))] = chance.randrange(256)
        path = written(tmp_path, bytes(content))
        fewer += len(stream_names(path)) < 8
        start_of(path, {"S1"})
        is_honest(path)

    assert fewer > 50
