"""The rules of every container: harmless names, nothing followed, nothing believed about sizes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhm24r.intake.errors import FileDamaged, FileEncrypted, FileExcessive, ForbiddenContent, TooManyMembers
from vhm24r.intake.formats.protocol import Member
from vhm24r.intake.formats.unpacking import (
    LONGEST_NAME,
    Entry,
    Kind,
    Limits,
    Pieces,
    check_count,
    decoded_name,
    is_litter,
    leaves_folder,
    shown_name,
    unpack,
)

pytestmark = pytest.mark.unit

SMALL = Limits(member=100, total=250, ratio=500, members=10)


def entry(name: str = "a.csv", kind: Kind = Kind.FILE, *, encrypted: bool = False, size: int = 1) -> Entry:
    return Entry(name, kind, encrypted, size, 1)


def given_out(*pieces: bytes) -> Pieces:
    yield from pieces


def unpacked(entries: list[Entry], folder: Path, *pieces: bytes, limits: Limits = SMALL) -> list[Member]:
    return list(unpack("zip", entries, folder, limits, lambda _: given_out(*pieces)))


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "\\windows\\system.ini",
        "\\\\server\\share\\a.csv",
        "C:\\a.csv",
        "c:a.csv",
        "..",
        "../a.csv",
        "..\\a.csv",
        "a/../../b.csv",
        "a\\..\\b.csv",
        "a.csv\0.png",
        "",
        ".",
        "./.",
    ],
)
def test_a_name_that_leads_anywhere_else_is_refused_and_nothing_is_opened(tmp_path: Path, name: str) -> None:
    def opened(_: Entry) -> Pieces:
        raise AssertionError("opened")

    (member,) = unpack("zip", [entry(name)], tmp_path, SMALL, opened)

    assert leaves_folder(name)
    assert member.path is None
    assert isinstance(member.refusal, ForbiddenContent)
    assert member.refusal.params == {"what": "path outside the archive"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.csv", "2025/декабрь/a.csv", "2025\\a.csv", "./a.csv", "a..csv", "...csv", "AB:c"])
def test_an_ordinary_name_stays_inside(name: str) -> None:
    assert not leaves_folder(name)


@pytest.mark.parametrize("kind", [Kind.LINK, Kind.DEVICE])
def test_what_is_no_file_is_refused_by_what_it_is(tmp_path: Path, kind: Kind) -> None:
    (member,) = unpacked([entry(kind=kind)], tmp_path, b"/etc/passwd")

    assert (member.path, type(member.refusal)) == (None, ForbiddenContent)
    assert member.refusal is not None
    assert member.refusal.params == {"what": str(kind)}


def test_folders_and_what_systems_leave_behind_are_passed_over(tmp_path: Path) -> None:
    names = [
        "__MACOSX/._a.csv",
        "x/__MACOSX/b.csv",
        ".DS_Store",
        "x/Thumbs.db",
        "x\\desktop.ini",
        "x/._a.csv",
        "thumbs.db.csv",
    ]

    members = unpacked([entry("x/", Kind.FOLDER), *map(entry, names)], tmp_path, b"1")

    assert [member.name for member in members] == ["thumbs.db.csv"]
    assert [is_litter(name) for name in names] == [True] * 6 + [False]


def test_files_get_numbers_for_names_whatever_they_are_called(tmp_path: Path) -> None:
    members = unpacked([entry("x/a.csv"), entry(kind=Kind.LINK), entry("x/a.csv")], tmp_path, b"1,", b"2")

    assert [member.path for member in members] == [tmp_path / "0001", None, tmp_path / "0003"]
    assert (tmp_path / "0003").read_bytes() == b"1,2"
    assert members[0] == Member("x/a.csv", tmp_path / "0001")


def test_a_file_may_be_deleted_before_the_next_is_asked_for(tmp_path: Path) -> None:
    for member in unpack("zip", [entry(), entry()], tmp_path, SMALL, lambda _: given_out(b"1")):
        assert member.path is not None
        assert [*tmp_path.iterdir()] == [member.path]
        member.path.unlink()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("2025\\декабрь\\отчёт.csv", "2025/декабрь/отчёт.csv"),
        ("a\r\nb\x1b[2J\0", "a��b�[2J�"),
        ("\u202efdp.csv", "�fdp.csv"),
        ("\ud800", "�"),
        ("a" * LONGEST_NAME, "a" * LONGEST_NAME),
        ("b" + "a" * LONGEST_NAME, "…" + "a" * (LONGEST_NAME - 1)),
    ],
)
def test_a_name_is_shown_on_one_line_with_nothing_hidden(name: str, shown: str) -> None:
    assert shown_name(name) == shown


@given(st.text(st.characters()))
def test_whatever_the_name_what_is_shown_is_printable_and_not_endless(name: str) -> None:
    shown = shown_name(name)

    assert len(shown) <= LONGEST_NAME
    assert all(sign.isprintable() or sign.isspace() for sign in shown)
    assert not set(shown) & set("\r\n\t\0\\\u2028\u2029")
    shown.encode()


@pytest.mark.parametrize("encoding", ["utf-8", "cp866"])
def test_a_name_without_encoding_is_read_as_russian(encoding: str) -> None:
    assert decoded_name("Отчёт за декабрь.csv".encode(encoding)) == "Отчёт за декабрь.csv"


@given(st.binary())
def test_every_name_can_be_decoded(name: bytes) -> None:
    assert isinstance(decoded_name(name), str)


def test_an_encrypted_member_among_others_is_refused_alone(tmp_path: Path) -> None:
    members = unpacked([entry("a"), entry("b", encrypted=True)], tmp_path, b"1")

    assert [(member.name, type(member.refusal)) for member in members] == [("a", type(None)), ("b", FileEncrypted)]


def test_where_every_member_is_encrypted_the_container_is(tmp_path: Path) -> None:
    with pytest.raises(FileEncrypted):
        unpacked([entry("x/", Kind.FOLDER), entry(".DS_Store"), entry("b", encrypted=True)], tmp_path, b"1")


def test_a_container_of_nothing_has_no_members(tmp_path: Path) -> None:
    assert unpacked([], tmp_path) == []
    assert unpacked([entry("x/", Kind.FOLDER)], tmp_path) == []


def test_a_member_that_says_it_is_too_large_is_not_opened(tmp_path: Path) -> None:
    (member,) = unpacked([entry("x\n", size=101 << 20)], tmp_path, limits=Limits(member=100 << 20))

    assert isinstance(member.refusal, FileExcessive)
    assert member.refusal.params == {"part": "x�", "size_mb": 101, "limit_mb": 31}
    assert list(tmp_path.iterdir()) == []


def test_bytes_are_counted_whatever_the_size_is_said_to_be(tmp_path: Path) -> None:
    members = unpacked([entry("a", size=0), entry("b", size=0)], tmp_path, b"x" * 60, b"x" * 41)

    assert [type(member.refusal) for member in members] == [FileExcessive, FileExcessive]
    assert list(tmp_path.iterdir()) == []


def test_a_member_of_exactly_the_limit_is_taken(tmp_path: Path) -> None:
    (member,) = unpacked([entry(size=100)], tmp_path, b"x" * 60, b"x" * 40)

    assert member.refusal is None


def test_all_members_together_have_a_limit_and_nothing_half_written_stays(tmp_path: Path) -> None:
    members = unpack("zip", [entry(), entry(), entry()], tmp_path, SMALL, lambda _: given_out(b"x" * 50, b"x" * 50))

    assert [next(members).refusal, next(members).refusal] == [None, None]
    with pytest.raises(FileExcessive) as caught:
        next(members)

    assert caught.value.params == {"part": "Σ", "size_mb": 0, "limit_mb": 0}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0001", "0002"]


def test_what_was_thrown_away_counts_towards_the_total(tmp_path: Path) -> None:
    with pytest.raises(FileExcessive):
        unpacked([entry(), entry(), entry()], tmp_path, b"x" * 101)


def test_a_member_damaged_in_the_middle_leaves_no_file_and_the_others_come(tmp_path: Path) -> None:
    def pieces(one: Entry) -> Pieces:
        yield b"1"
        if one.name == "bad":
            raise FileDamaged(format="zip", reason="bad")

    members = list(unpack("zip", [entry("bad"), entry("good")], tmp_path, SMALL, pieces))

    assert [(member.path, type(member.refusal)) for member in members] == [
        (None, FileDamaged),
        (tmp_path / "0002", type(None)),
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["0002"]


@pytest.mark.parametrize(
    ("packed", "largest"),
    [(0, 31.25), (64 << 10, 31.25), (1 << 20, 500), (2 << 20, 512)],
    ids=["nothing", "uncertain", "by ratio", "by size"],
)
def test_how_large_a_member_may_be_depends_on_what_it_is_packed_to(packed: int, largest: float) -> None:
    assert Limits().largest(packed) == largest * (1 << 20)


def test_the_source_of_a_refused_member_is_closed_at_once(tmp_path: Path) -> None:
    closed = []

    def pieces(one: Entry) -> Pieces:
        try:
            yield b"x" * 101
        finally:
            closed.append(one.name)

    members = unpack("zip", [entry("a"), entry("b")], tmp_path, SMALL, pieces)

    assert isinstance(next(members).refusal, FileExcessive)
    assert closed == ["a"]


def test_more_members_than_are_taken_are_counted_out() -> None:
    check_count(1_000, Limits())

    with pytest.raises(TooManyMembers) as caught:
        check_count(1_001, Limits())

    assert caught.value.params == {"count": 1_001, "most": 1_000}
