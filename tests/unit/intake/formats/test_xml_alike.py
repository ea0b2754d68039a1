"""Records written alike are taken without a parser: the same rows as with one, whatever stands between them."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vhm24r.intake.errors import FileDamaged
from vhm24r.intake.formats import spool, xml_records
from vhm24r.intake.formats.protocol import Growing
from vhm24r.intake.formats.xml_alike import Alike, alike
from vhm24r.intake.formats.xml_records import SAFE, XmlRecords
from vhm24r.intake.types import ReadAgain

pytestmark = pytest.mark.unit

FORM: Growing = XmlRecords()

OPENINGS = [
    '<?xml version="1.0" encoding="UTF-8"?>\n<r>',
    "<?xml version='1.0' encoding='utf-8' standalone=\"yes\"?><r>\r\n",
    "\ufeff<r>",
    '<r made="today">',
    '<?xml version="1.1"?><r>',
    "<!-- a report --><r>",
    '<r xmlns="urn:x">',
    '<?xml version="1.0" encoding="iso-8859-1"?><r>',
]
STRANGE = [
    "<o><a>1</a><b>2</b><c>3</c></o>",
    "<o><b>2</b><a>1</a></o>",
    "<o><a>1</a></o>",
    '<o n="1"><a>1</a><b>2</b></o>',
    '<o><a n="1">1</a><b>2</b></o>',
    "<o><a>1<i>x</i></a><b>2</b></o>",
    "<o>text<a>1</a><b>2</b></o>",
    "<o><a>1</a>text<b>2</b></o>",
    "<o><a><![CDATA[<o>]]></a><b>2</b></o>",
    "<!-- </o> --><o><a>1</a><b>2</b></o>",
    "<o><a>1</a><b>2</b></o >",
    "<o><a>1\r\n2</a><b>3\r4</b></o>",
    "<o><a>&amp;&#1078;&lt;</a><b>&quot;</b></o>",
    "<o><a/><b> </b></o>",
    "<o><a></a><b />\n</o>",
    "<?next row?><o><a>]]&gt;</a><b>2</b></o>",
    "<p><a>1</a></p>",
    "<o/>",
    "text",
]
WRONG = [
    "<o><a>]]></a><b>2</b></o>",
    "<o><a>&nobody;</a><b>2</b></o>",
    "<o><a>&#0;</a><b>2</b></o>",
    "<o><a>\x01</a><b>2</b></o>",
    "<o><a>\uffff</a><b>2</b></o>",
    "<o><a>1</b><b>2</b></o>",
    "<o><a>1</a><b>2</b></p>",
    "</r>",
    "<o><a>1 & 2</a><b>2</b></o>",
    "<o><a>1 < 2</a><b>2</b></o>",
]


def record(n: int) -> str:
    return f"<o><a>запись {n}</a><b>{n}</b></o>\n"


def written(folder: Path, records: Sequence[str], *, opening: str = OPENINGS[0], closing: str = "</r>\n") -> Path:
    path = folder / "report.xml"
    path.write_bytes("".join([opening, *records, closing]).encode("utf-8", "surrogatepass"))
    return path


def patiently(path: Path) -> list[list[list[str]]]:
    return [[row for chunk in table.chunks for row in chunk.rows] for table in XmlRecords().tables(path)]


def hastily(path: Path) -> list[list[list[str]]]:
    """The rows of the only table, all as wide as the last of them."""
    found = []
    for table in FORM.growing_tables(path):
        rows: list[list[str]] = []
        for chunk in table.chunks:
            head = chunk.header if chunk.header is not None else rows[0] if rows else None
            rows += chunk.rows
            if head is not None:
                rows[0] = head
        found.append([row + [""] * (len(rows[0]) - len(row)) for row in rows])
    return found


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_records, "BLOCK_BYTES", 256)
    monkeypatch.setattr(spool, "CHUNK_ROWS", 5)


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many records were taken without a parser, block by block."""
    found: list[int] = []
    take = Alike.take

    def counting(pattern: Alike, data: bytes, safe: dict[str, object]) -> tuple[list[list[str]], int]:
        taken = take(pattern, data, safe)
        found.append(len(taken[0]))
        return taken

    monkeypatch.setattr(Alike, "take", counting)
    return found


@pytest.mark.parametrize("opening", OPENINGS)
def test_every_opening_leads_to_the_same_rows(tmp_path: Path, passed: list[int], opening: str) -> None:
    path = written(tmp_path, [record(n) for n in range(60)], opening=opening)

    assert hastily(path) == patiently(path)
    assert bool(passed) is (opening in OPENINGS[:3])


@pytest.mark.parametrize("at", [0, 1, 12, 30, 59, 60])
@pytest.mark.parametrize("strange", STRANGE)
def test_what_stands_between_them_does_not_matter(tmp_path: Path, passed: list[int], strange: str, at: int) -> None:
    records = [record(n) for n in range(60)]
    records.insert(at, strange)
    path = written(tmp_path, records)
    whole = patiently(path)

    try:
        assert hastily(path) == whole
    except ReadAgain:
        assert len(whole) > 1  # two kinds of records are no table that grows
    assert at < 30 or sum(passed) > at


@pytest.mark.parametrize("at", [0, 12, 30, 59, 60])
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_xml_is_none_this_way_either(tmp_path: Path, wrong: str, at: int) -> None:
    records = [record(n) for n in range(60)]
    records.insert(at, wrong)
    path = written(tmp_path, records)

    with pytest.raises(FileDamaged):
        patiently(path)
    with pytest.raises((FileDamaged, ReadAgain)):
        hastily(path)


@pytest.mark.parametrize("closing", ["", "</r", "</o></r>", "</r></r>", "<o></r>", "</r><r/>", "</R>"])
def test_a_document_has_to_end(tmp_path: Path, closing: str) -> None:
    path = written(tmp_path, [record(n) for n in range(60)], closing=closing)

    with pytest.raises(FileDamaged):
        patiently(path)
    with pytest.raises((FileDamaged, ReadAgain)):
        hastily(path)


@pytest.mark.parametrize("behind", ["GARBAGE <<<", "<r><o><a>1</a><b>2</b></o></r>", "</r>"])
@pytest.mark.parametrize("blanks", [1, 200, 255, 256, 257, 300, 400, 511, 512, 513, 1_000])
def test_nothing_may_follow_behind_its_end(tmp_path: Path, behind: str, blanks: int) -> None:
    path = written(tmp_path, [record(n) for n in range(60)], closing=f"</r>{' ' * blanks}{behind}")

    with pytest.raises(FileDamaged):
        patiently(path)
    with pytest.raises((FileDamaged, ReadAgain)):
        hastily(path)


@pytest.mark.parametrize("more", ["", "<<< no xml", "<!-- the end -->"])
def test_a_root_may_be_called_as_its_records_are(tmp_path: Path, more: str) -> None:
    """Its end may be that of a record: here it stands at the end of a block."""
    records = [f"<r><a>row {n}</a><b>{n}</b></r>\n" for n in range(60)]
    long = sum(map(len, records)) + len("<r></r>")
    path = written(tmp_path, [" " * (-long % 256), *records], opening="<r>", closing="</r>" + more)

    if "<<<" in more:
        with pytest.raises(FileDamaged):
            patiently(path)
        with pytest.raises((FileDamaged, ReadAgain)):
            hastily(path)
    else:
        assert hastily(path) == patiently(path)


@pytest.mark.parametrize("closing", ["</r>", " \r\n</r>\n\n", "</r><!-- end -->", "<!-- end --></r >"])
def test_a_document_may_end_in_other_ways(tmp_path: Path, closing: str) -> None:
    path = written(tmp_path, [record(n) for n in range(60)], closing=closing)

    assert hastily(path) == patiently(path)


def test_bytes_of_another_encoding_are_no_text(tmp_path: Path) -> None:
    path = written(tmp_path, [record(n) for n in range(60)])
    path.write_bytes(path.read_bytes().replace("запись 40".encode(), b"\xc4\xc5"))

    with pytest.raises(FileDamaged):
        patiently(path)
    with pytest.raises(ReadAgain):
        hastily(path)


def test_references_are_what_they_stand_for(tmp_path: Path, passed: list[int]) -> None:
    path = written(tmp_path, [f"<o><a>чай &amp; кофе &#8470; {n}</a><b>&lt;{n}&gt;</b></o>" for n in range(60)])

    ((_, *rows),) = hastily(path)

    assert rows == [[f"чай & кофе № {n}", f"<{n}>"] for n in range(60)]
    assert sum(passed) >= 60


def test_references_of_which_one_stands_for_nothing_are_left_to_the_parser() -> None:
    pattern = alike(b"<r>", "r", "o", ["a"])
    assert pattern is not None
    texts = ["<o><a>1</a></o>", "<o><a>&lt;</a></o>", "<o><a>3</a></o>", "<o><a>&nobody;</a></o>"]

    assert pattern.take("".join(texts).encode(), SAFE) == ([["1"]], len(texts[0]))
    assert pattern.take("".join(texts[:3]).encode(), SAFE) == ([["1"], ["<"], ["3"]], len("".join(texts[:3])))


def test_a_record_of_many_blocks_is_left_to_the_parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = f"<o><a>{'x' * 5_000}</a><b>2</b></o>"
    path = written(tmp_path, [*(record(n) for n in range(30)), long, *(record(n) for n in range(30))])
    held: list[int] = []
    take = Alike.take

    def watched(pattern: Alike, data: bytes, safe: dict[str, object]) -> tuple[list[list[str]], int]:
        held.append(len(data))
        return take(pattern, data, safe)

    monkeypatch.setattr(Alike, "take", watched)

    assert hastily(path) == patiently(path)
    assert 256 < max(held) <= 3 * 256


def test_two_kinds_of_records_from_the_start_have_no_pattern(tmp_path: Path, passed: list[int]) -> None:
    path = written(tmp_path, [f"{record(n)}<p><c>{n}</c></p>" for n in range(40)])

    assert len(patiently(path)) == 2
    with pytest.raises(ReadAgain):
        hastily(path)
    assert passed == []


def test_a_dot_in_a_name_is_no_other_character() -> None:
    pattern = alike(b"<r>", "r", "o", ["a.b"])

    assert pattern is not None
    assert pattern.take(b"<o><a.b>1</a.b></o>", SAFE)[0] == [["1"]]
    assert pattern.take(b"<o><axb>1</axb></o>", SAFE) == ([], 0)


@pytest.mark.parametrize("name", ["a:b", "{urn:x}a", "1a", ""])
def test_names_of_other_spaces_have_no_pattern(name: str) -> None:
    assert alike(b"<r><o>", "r", "o", ["a", name]) is None


CELLS = st.text(st.sampled_from("xж 1&<>]\r\n\t\"'/;#\x00\x01\ufffd\ufffe😀"), max_size=6)
PARTS = st.one_of(
    st.sampled_from([*STRANGE, *WRONG]),
    st.tuples(CELLS, CELLS).map(lambda cells: "<o><a>{}</a><b>{}</b></o>".format(*cells)),
)


@given(st.lists(PARTS, max_size=3), st.integers(0, 25))
@example(["<o><a>x</a><b>&</b></o>"], 20)
def test_whatever_comes_is_read_alike(tmp_path_factory: pytest.TempPathFactory, parts: list[str], at: int) -> None:
    before, after = [record(n) for n in range(at)], [record(n) for n in range(at, 25)]
    path = written(tmp_path_factory.mktemp("xml"), list(chain(before, parts, after)))
    try:
        whole = patiently(path)
    except FileDamaged:
        with pytest.raises((FileDamaged, ReadAgain)):
            hastily(path)
        return
    try:
        assert hastily(path) == whole
    except ReadAgain:
        assert len(whole) > 1


def test_the_pattern_takes_no_more_than_whole_records() -> None:
    head = b"<r>"
    pattern = alike(head, "r", "o", ["a", "b"])
    assert pattern is not None

    data = (record(1) + record(2)).encode()

    assert pattern.take(data[:-12], SAFE) == ([["запись 1", "1"]], len(record(1).encode()) - 1)
    assert pattern.take(b"", SAFE) == ([], 0)
