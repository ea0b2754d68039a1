"""ZIP archives: what is in them comes out once, under its name, and nothing else does."""

import io
import random
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from tests.archives import (
    DEVICE_MODE,
    FILE_MODE,
    FOLDER_MODE,
    LINK_MODE,
    Packed,
    numbered,
    overlapping_zip,
    zip_archive,
    zip_end,
    zip_end_64,
    zip_of_many,
)
from tests.factories import csv_bytes, hw_row, write_xlsx
from vhm24r.intake.errors import (
    FileDamaged,
    FileEncrypted,
    FileExcessive,
    FileRefused,
    ForbiddenContent,
    TooManyMembers,
)
from vhm24r.intake.formats.protocol import Member, Sample
from vhm24r.intake.formats.unpacking import Limits
from vhm24r.intake.formats.zip_archive import ZipArchive

pytestmark = pytest.mark.unit


def members_of(folder: Path, content: bytes, limits: Limits = Limits()) -> list[Member]:
    path, into = folder / "archive", folder / "into"
    path.write_bytes(content)
    into.mkdir(exist_ok=True)
    for left in into.iterdir():
        left.unlink()
    return list(ZipArchive(limits).members(path, into))


def files_of(members: list[Member]) -> dict[str, bytes]:
    return {member.name: member.path.read_bytes() for member in members if member.path is not None}


def is_recognised(folder: Path, content: bytes) -> bool:
    path = folder / "sample"
    path.write_bytes(content)
    return ZipArchive().recognises(Sample.of(path))


def damage(folder: Path, content: bytes) -> str:
    with pytest.raises(FileDamaged) as caught:
        members_of(folder, content)
    assert caught.value.params["format"] == "zip"
    return str(caught.value.params["reason"])


def refusal(folder: Path, *packed: Packed) -> FileRefused:
    members = members_of(folder, zip_archive([Packed("other.csv", b"1"), *packed]))
    assert (members[0].refusal, members[1].path) == (None, None)
    assert members[1].refusal is not None
    return members[1].refusal


def test_an_archive_of_the_standard_library_comes_out_as_it_went_in(tmp_path: Path) -> None:
    reports = {f"2025/декабрь/отчёт {number}.csv": csv_bytes([hw_row(number)]) for number in range(3)}
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("2025")
        for name, content in reports.items():
            archive.writestr(name, content)

    members = members_of(tmp_path, written.getvalue())

    assert files_of(members) == reports
    assert [member.path.name for member in members if member.path] == ["0001", "0002", "0003"]


def test_an_archive_written_into_a_pipe_is_read(tmp_path: Path) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise io.UnsupportedOperation("tell")

    written = Pipe()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"1,2" * 100)
        archive.writestr("b.csv", b"3,4")

    assert files_of(members_of(tmp_path, written.getvalue())) == {"a.csv": b"1,2" * 100, "b.csv": b"3,4"}


@pytest.mark.parametrize("name", ["Отчёт за декабрь.csv", "ЎзНазорат.csv", "plain.csv"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp866"])
def test_names_that_do_not_say_their_encoding_are_read(tmp_path: Path, name: str, encoding: str) -> None:
    members = members_of(tmp_path, zip_archive([Packed(name.encode(encoding), b"1,2")]))

    assert files_of(members) == {name: b"1,2"}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_stored_and_deflated_members_are_read(tmp_path: Path, method: int) -> None:
    assert files_of(members_of(tmp_path, zip_archive([Packed("a", b"12", FILE_MODE, method=method)]))) == {"a": b"12"}


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 9, 97])
def test_a_member_that_cannot_be_unpacked_piece_by_piece_is_refused(tmp_path: Path, method: int) -> None:
    error = refusal(tmp_path, Packed("a.csv", b"12", method=method))

    assert isinstance(error, FileDamaged)
    assert error.params == {"format": "zip", "reason": f"compression method {method}"}


@pytest.mark.parametrize(("mode", "what"), [(LINK_MODE, "link"), (DEVICE_MODE, "device")])
def test_links_and_devices_are_refused(tmp_path: Path, mode: int, what: str) -> None:
    error = refusal(tmp_path, Packed("a.csv", b"/etc/passwd", mode))

    assert isinstance(error, ForbiddenContent)
    assert error.params == {"what": what}


@pytest.mark.parametrize("name", ["../a.csv", "/etc/a.csv", "C:\\a.csv", "..\\a.csv", "a\0.csv"])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    assert isinstance(refusal(tmp_path, Packed(name, b"1")), ForbiddenContent)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["0001", "archive", "into"]


def test_folders_are_passed_over_however_they_are_marked(tmp_path: Path) -> None:
    folders = [Packed("a/"), Packed("b\\"), Packed("c", mode=FOLDER_MODE)]

    assert members_of(tmp_path, zip_archive(folders)) == []


def test_an_encrypted_member_is_refused_and_an_archive_of_them_is_encrypted(tmp_path: Path) -> None:
    assert isinstance(refusal(tmp_path, Packed("a.csv", b"1", encrypted=True)), FileEncrypted)

    with pytest.raises(FileEncrypted):
        members_of(tmp_path, zip_archive([Packed("a/"), Packed("a/a.csv", b"1", encrypted=True)]))


def test_a_wrong_checksum_refuses_the_member_and_leaves_no_file(tmp_path: Path) -> None:
    error = refusal(tmp_path, Packed("a.csv", b"12", crc=1))

    assert isinstance(error, FileDamaged)
    assert [path.name for path in (tmp_path / "into").iterdir()] == ["0001"]


def test_a_member_whose_header_has_another_name_is_damaged(tmp_path: Path) -> None:
    content = zip_archive([Packed("good.csv", b"12")]).replace(b"good.csv", b"evil.csv", 1)

    (member,) = members_of(tmp_path, content)

    assert isinstance(member.refusal, FileDamaged)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    error = refusal(tmp_path, Packed("zeros", bytes(64 << 20)))

    assert isinstance(error, FileExcessive)
    assert error.params["size_mb"] == 64


def test_a_bomb_that_says_it_is_small_gives_no_more_than_it_says(tmp_path: Path) -> None:
    error = refusal(tmp_path, Packed("zeros", bytes(64 << 20), size=1_000))

    assert isinstance(error, FileDamaged)


def test_a_large_honest_report_is_taken(tmp_path: Path) -> None:
    same = csv_bytes([{**hw_row(), "Номер заказа": ""} for _ in range(160_000)])

    members = members_of(tmp_path, zip_archive([Packed("same.csv", same)]))

    assert len(same) > 32 << 20
    assert files_of(members) == {"same.csv": same}


@pytest.mark.parametrize("copies", [2, 250])
def test_members_that_share_their_bytes_are_refused(tmp_path: Path, copies: int) -> None:
    assert damage(tmp_path, overlapping_zip(b"x" * 1_000, copies)) == "members of the archive overlap"


def test_a_member_that_reaches_into_the_directory_is_refused(tmp_path: Path) -> None:
    content = zip_archive([Packed("a", b"12", method=zipfile.ZIP_STORED)])
    directory = content.index(b"PK\x01\x02")
    longer = content[: directory + 20] + b"\x03" + content[directory + 21 :]

    assert damage(tmp_path, longer) == "members of the archive overlap"


def test_a_member_beyond_the_archive_is_refused(tmp_path: Path) -> None:
    content = zip_archive([Packed("a", b"12")])
    directory = content.index(b"PK\x01\x02")
    beyond = content[: directory + 42] + (1 << 20).to_bytes(4, "little") + content[directory + 46 :]

    assert damage(tmp_path, beyond) == "a member lies outside the archive"


def test_a_hundred_thousand_members_are_refused_at_once_and_without_memory(tmp_path: Path) -> None:
    content = zip_of_many(100_000)
    tracemalloc.start()
    began = time.perf_counter()

    with pytest.raises(TooManyMembers) as caught:
        members_of(tmp_path, content)

    assert time.perf_counter() - began < 2
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()
    assert caught.value.params == {"count": 0xFFFF, "most": 1_000}
    assert is_recognised(tmp_path, content)


def test_a_directory_longer_than_it_says_is_counted(tmp_path: Path) -> None:
    content = zip_of_many(5)
    body, directory = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    lying = content[:directory] + zip_end(1, directory - body, body)

    with pytest.raises(TooManyMembers) as caught:
        members_of(tmp_path, lying, Limits(members=4))

    assert caught.value.params == {"count": 5, "most": 4}


def test_a_thousand_members_are_taken(tmp_path: Path) -> None:
    assert len(members_of(tmp_path, zip_of_many(1_000))) == 1_000


def test_an_archive_with_an_end_of_64_bits_is_read(tmp_path: Path) -> None:
    content = zip_archive(numbered(2))
    body, directory = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    wide = content[:directory] + zip_end_64(2, directory - body, body)

    assert is_recognised(tmp_path, wide)
    assert len(files_of(members_of(tmp_path, wide))) == 2


def test_bytes_before_and_a_comment_behind_do_no_harm(tmp_path: Path) -> None:
    content = zip_archive(numbered(1), prefix=b"PK\x03\x04 of something else", comment=b"x" * 70)

    assert len(files_of(members_of(tmp_path, content))) == 1


def test_an_empty_archive_is_an_archive_without_members(tmp_path: Path) -> None:
    assert is_recognised(tmp_path, zip_archive([]))
    assert members_of(tmp_path, zip_archive([])) == []


def test_a_volume_of_several_is_refused(tmp_path: Path) -> None:
    content = bytearray(zip_archive(numbered(1)))
    content[content.index(b"PK\x05\x06") + 4] = 1

    assert damage(tmp_path, bytes(content)) == "one of several volumes"


def test_a_directory_longer_than_the_archive_is_damage(tmp_path: Path) -> None:
    assert "longer" in damage(tmp_path, b"PK\x03\x04" + zip_end(1, 1_000, 0))


@pytest.mark.parametrize("size", [10, 46])
def test_a_directory_of_anything_else_is_damage(tmp_path: Path, size: int) -> None:
    assert "breaks off" in damage(tmp_path, b"PK\x03\x04" + b"x" * size + zip_end(1, size, 4))


def test_a_directory_the_library_cannot_read_is_damage(tmp_path: Path) -> None:
    content = zip_archive([Packed("я.csv", b"1")])
    directory = content.index(b"PK\x01\x02")

    assert "utf-8" in damage(tmp_path, content[:directory] + content[directory:].replace("я".encode(), b"\xd1\xd1"))


def test_the_end_of_a_directory_cut_short_is_damage(tmp_path: Path) -> None:
    assert damage(tmp_path, b"PK\x03\x04" + zip_end(0, 0, 0)[:-1]) == "the archive has no end"


@pytest.mark.parametrize("permille", [1, 10, 100, 250, 500, 750, 900, 990, 999])
def test_an_archive_cut_anywhere_is_recognised_and_damaged(tmp_path: Path, permille: int) -> None:
    whole = zip_archive(numbered(50))
    cut = whole[: max(4, len(whole) * permille // 1_000)]

    assert is_recognised(tmp_path, cut)
    damage(tmp_path, cut)


def test_flipped_bits_end_in_refusals_and_nothing_else(tmp_path: Path) -> None:
    whole = zip_archive([*numbered(3), Packed("stored.csv", b"1,2", method=zipfile.ZIP_STORED)])
    honest = files_of(members_of(tmp_path, whole))
    chance = random.Random(20251225)
    refused = 0

    for _ in range(1_500):
        content = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        is_recognised(tmp_path, bytes(content))
        try:
            members = members_of(tmp_path, bytes(content))
        except FileRefused:
            refused += 1
            continue
        refused += any(member.refusal for member in members)
        assert set(files_of(members).values()) <= set(honest.values())

    assert refused > 500


@pytest.mark.parametrize(
    "names",
    [
        ["[Content_Types].xml", "xl/workbook.xml"],
        ["word/document.xml", "[Content_Types].xml"],
        ["mimetype", "content.xml"],
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_documents_made_as_archives_are_not_ours(tmp_path: Path, names: list[str], whole: bool) -> None:
    content = zip_archive(Packed(name, b"x") for name in names)

    assert not is_recognised(tmp_path, content if whole else content[:-4])


def test_a_workbook_is_not_ours_and_one_inside_an_archive_is_a_member(tmp_path: Path) -> None:
    workbook = write_xlsx(tmp_path / "report.xlsx", [hw_row()]).read_bytes()
    archive = zip_archive([Packed("report.xlsx", workbook), Packed("x/[Content_Types].xml"), Packed("mimetype")])

    assert not is_recognised(tmp_path, workbook)
    assert is_recognised(tmp_path, archive)
    assert files_of(members_of(tmp_path, archive))["report.xlsx"] == workbook


@pytest.mark.parametrize("content", [b"", b"PK", b"Rar!\x1a\x07\x00", b"a,b\n1,2\n", b"%PDF-1.7", b"GIF89a"])
def test_other_files_are_not_ours(tmp_path: Path, content: bytes) -> None:
    assert not is_recognised(tmp_path, content)
    assert not is_recognised(tmp_path, b"x" + content + zip_archive(numbered(1)))


def test_recognising_a_file_that_is_gone_does_not_raise(tmp_path: Path) -> None:
    assert ZipArchive().recognises(Sample(tmp_path / "gone", b"PK\x03\x04"))
