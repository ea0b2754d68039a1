"""Archives are read file by file; what one of them lacks is said of that one alone."""

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.factories import csv_bytes, hw_row
from tests.reading import task_of
from tests.unit.intake.test_reader_process import ZONE
from vhm24r.cli import imports
from vhm24r.intake import reading
from vhm24r.intake.errors import FileDamaged, FileEmpty, HeaderMissing, NothingInArchive, SourceUnknown
from vhm24r.intake.formats.registry import CONTAINERS
from vhm24r.intake.formats.unpacking import Limits
from vhm24r.intake.formats.zip_archive import ZipArchive
from vhm24r.intake.reading import Closed, LeftOut, Opened, Step, read

pytestmark = pytest.mark.unit

GOOD = csv_bytes([hw_row(1)])
UNKNOWN = b"order id,date,amount\n1,2025-12-25,10\n"


def packed(**members: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name.replace("_", "."), body)
    return content.getvalue()


def steps(folder: Path, content: bytes) -> list[Step]:
    path = folder / "reports.zip"
    path.write_bytes(content)
    return list(read(path, replace(task_of(ZONE), scratch=folder / "scratch")))


def test_good_files_are_taken_beside_bad_ones(tmp_path: Path) -> None:
    inner = packed(inner_csv=GOOD, deeper_zip=packed(x_csv=GOOD))

    found = steps(tmp_path, packed(a_csv=GOOD, b_jpg=b"\xff\xd8", c_csv=UNKNOWN, d_zip=inner, e_pdf=b"%PDF-1.4"))

    assert [step.file.member for step in found if isinstance(step, Opened)] == ["a.csv", "d.zip/inner.csv"]
    assert [step.file.member for step in found if isinstance(step, Closed)] == ["a.csv", "d.zip/inner.csv"]
    assert {step.member: step.error.code for step in found if isinstance(step, LeftOut)} == {
        "b.jpg": "intake.format_unknown", "c.csv": "intake.source_unknown",
        "d.zip/deeper.zip": "intake.too_deep", "e.pdf": "intake.file_damaged",
    }  # fmt: skip


def test_an_archive_of_nothing_readable_says_so_and_asks_if_it_can_be_helped(tmp_path: Path) -> None:
    with pytest.raises(NothingInArchive):
        steps(tmp_path, packed(a_jpg=b"\xff\xd8", b_csv=b""))
    with pytest.raises(SourceUnknown):
        steps(tmp_path, packed(a_jpg=b"\xff\xd8", b_csv=UNKNOWN))
    with pytest.raises(FileEmpty):
        steps(tmp_path, packed())
    with pytest.raises(FileDamaged):
        steps(tmp_path, GOOD and packed(a_csv=GOOD)[:40])


def test_what_only_begins_like_one_of_ours_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileDamaged):
        steps(tmp_path, b"\xd0\xcf\x11\xe0" + bytes(600))


def test_a_table_of_one_column_names_nothing(tmp_path: Path) -> None:
    with pytest.raises(HeaderMissing):
        steps(tmp_path, b'[{"a": "x"}, {"a": "y"}]')


def test_a_member_that_cannot_be_unpacked_is_left_out(tmp_path: Path) -> None:
    found = steps(tmp_path, packed(a_csv=GOOD, **{"../b_csv": GOOD}))

    assert [step.error.code for step in found if isinstance(step, LeftOut)] == ["intake.forbidden_content"]


def test_an_undo_names_the_orders_it_kept(capsys: pytest.CaptureFixture[str]) -> None:
    done = {
        "orders": {"withdrawn": 2, "changed": 1, "kept": 1},
        "kept": [{"number": "A1", "reasons": ["tagged", "noted"]}],
    }

    imports._show_undone({"id": 3, "undo": done})

    assert capsys.readouterr().out.splitlines()[1] == "  A1 stays: tagged, noted"


def test_an_inner_archive_that_is_cut_short_says_what_was_taken_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [zip_archive] = [box for box in CONTAINERS if isinstance(box, ZipArchive)]
    monkeypatch.setattr(zip_archive, "_limits", Limits(total=8 * len(GOOD)))
    large = csv_bytes([hw_row(1)] * 90)

    late = steps(tmp_path, packed(d_zip=packed(a_csv=GOOD, b_csv=large), e_csv=GOOD))
    early = steps(tmp_path, packed(d_zip=packed(b_csv=large), e_csv=GOOD))

    [cut], [refused] = ([step for step in found if isinstance(step, LeftOut)] for found in (late, early))
    assert (cut.member, cut.error.code, cut.error.params) == ("d.zip", "intake.archive_cut_short", {"count": 1})
    assert (refused.member, refused.error.code) == ("d.zip", "intake.file_excessive")
    assert [step.file.member for step in late if isinstance(step, Closed)] == ["d.zip/a.csv", "e.csv"]


def test_archives_in_archives_share_what_may_be_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = packed(a_csv=GOOD)
    monkeypatch.setattr(reading, "MOST_UNPACKED", len(GOOD) + 2 * len(inner))

    found = steps(tmp_path, packed(d_zip=inner, e_zip=inner))

    assert [step.file.member for step in found if isinstance(step, Closed)] == ["d.zip/a.csv"]
    [left] = [step for step in found if isinstance(step, LeftOut)]
    assert (left.member, left.error.code) == ("e.zip/a.csv", "intake.file_excessive")
