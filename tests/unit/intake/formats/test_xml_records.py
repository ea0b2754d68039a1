"""XML records, workbooks in XML and tables of web pages: fields by name, nothing expanded, nothing followed."""

import random
from pathlib import Path

import pytest

from tests.factories import HW_HEADER, csv_bytes, hw_row
from vhm24r.intake.errors import FileDamaged, FileRefused, ForbiddenContent, TooDeep
from vhm24r.intake.formats import html_tables, xml_records
from vhm24r.intake.formats.html_tables import HtmlTables
from vhm24r.intake.formats.protocol import CHUNK_ROWS, Sample
from vhm24r.intake.formats.xml_records import XmlRecords
from vhm24r.intake.types import Chunk, Table

pytestmark = pytest.mark.unit

REPORT = [hw_row(n) for n in range(1, 41)]


def tables_of(folder: Path, content: bytes | str, form: XmlRecords | HtmlTables | None = None) -> list[Table]:
    path = folder / "report"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list((form or XmlRecords()).tables(path))


def rows_of(folder: Path, content: bytes | str, form: XmlRecords | HtmlTables | None = None) -> list[list[str]]:
    (table,) = tables_of(folder, content, form)
    return [row for chunk in table.chunks for row in chunk.rows]


def recognised(content: bytes | str) -> list[str]:
    sample = Sample(Path("report"), content.encode() if isinstance(content, str) else content)
    return [form.name for form in (XmlRecords(), HtmlTables()) if form.recognises(sample)]


def tag(name: str) -> str:
    return name.replace(" ", "_")


def as_elements(rows: list[dict[str, str]]) -> str:
    orders = ("".join(f"<{tag(k)}>{v}</{tag(k)}>" for k, v in row.items()) for row in rows)
    return "<orders>\n" + "\n".join(f"<order>\n{order}</order>" for order in orders) + "\n</orders>\n"


def as_attributes(rows: list[dict[str, str]]) -> str:
    orders = (" ".join(f'{tag(k)}="{v}"' for k, v in row.items()) for row in rows)
    return "<orders>" + "".join(f"<order {order}/>" for order in orders) + "</orders>"


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251", "koi8-r", "utf-16"])
@pytest.mark.parametrize("write", [as_elements, as_attributes])
@pytest.mark.parametrize("count", [1, 2, 40])
def test_repeating_elements_are_records(tmp_path: Path, encoding: str, write: object, count: int) -> None:
    assert callable(write)
    text = f'<?xml version="1.0" encoding="{encoding}"?>\n{write(REPORT[:count])}'

    (table,) = tables_of(tmp_path, text.encode(encoding))

    assert recognised(text.encode(encoding)) == ["xml"]
    assert (table.index, table.sheet, table.total_rows) == (0, "orders.order", count)
    assert list(table.chunks) == [
        Chunk(0, [list(map(tag, HW_HEADER)), *(list(row.values()) for row in REPORT[:count])])
    ]


def test_namespaces_are_stripped_and_children_flattened(tmp_path: Path) -> None:
    content = """<r:report xmlns:r="urn:r" xmlns:x="urn:x"><r:row x:id="1"><r:buyer x:kind="vip"><r:name>Анна</r:name>
        </r:buyer><r:sum cur="UZS">15000.10</r:sum></r:row><!-- one --><?next row?>
        <r:row x:id="2"><r:note> как есть </r:note><r:sum/></r:row></r:report>"""

    assert rows_of(tmp_path, content) == [
        ["id", "buyer.kind", "buyer.name", "sum.cur", "sum", "note"],
        ["1", "vip", "Анна", "UZS", "15000.10", ""],
        ["2", "", "", "", "", " как есть "],
    ]


def test_children_that_repeat_are_joined(tmp_path: Path) -> None:
    row = "<row><id>{0}</id><item>a</item><item/><item>b</item><part><n>1</n></part><part><n>2</n></part></row>"

    assert rows_of(tmp_path, "<rows>" + "".join(map(row.format, range(4))) + "</rows>")[:2] == [
        ["id", "item", "part.n"],
        ["0", "a; b", "1; 2"],
    ]


def test_text_beside_children_and_of_a_record_is_kept(tmp_path: Path) -> None:
    content = (
        "<l><i k='1'>Эспрессо</i><i k='2'>Латте<b>x</b></i><i k='3'><c>text<b>y</b></c></i><i><![CDATA[<&>]]></i></l>"
    )

    assert rows_of(tmp_path, content) == [
        ["k", "i", "b", "c.b", "c"],
        ["1", "Эспрессо", "", "", ""],
        ["2", "Латте", "x", "", ""],
        ["3", "", "", "y", "text"],
        ["", "<&>", "", "", ""],
    ]


def test_every_repeating_group_is_a_table(tmp_path: Path) -> None:
    content = """<day date="2025-12-25"><title>Отчёт</title><sales><sale id="1"/><sale id="2"/><sale id="3"/></sales>
        <refunds><refund id="4"/><refund id="5"/></refunds></day>"""

    tables = tables_of(tmp_path, content)
    firsts = [next(table.chunks).rows for table in tables]

    assert [(table.index, table.sheet) for table in tables] == [(0, "day.sales.sale"), (1, "day.refunds.refund")]
    assert firsts == [[["id"], ["1"], ["2"], ["3"]], [["id"], ["4"], ["5"]]]


def test_what_holds_the_most_repeated_is_no_record(tmp_path: Path) -> None:
    machine = "<machine><orders>" + "<order id='1'/>" * 5 + "</orders></machine>"

    (table,) = tables_of(tmp_path, f"<r>{machine * 2}</r>")

    assert table.sheet == "r.machine.orders.order"
    assert table.total_rows == 10


@pytest.mark.parametrize("content", ["<a/>", "<a>text</a>", "<a>\n<b/>text</a>".replace("<b/>", "")])
def test_a_document_without_records_has_no_tables(tmp_path: Path, content: str) -> None:
    assert tables_of(tmp_path, content) == []


def test_a_single_record_is_the_element_with_the_most_fields(tmp_path: Path) -> None:
    assert rows_of(tmp_path, '<report date="x"><order><id>1</id><sum>2</sum></order></report>') == [
        ["id", "sum"],
        ["1", "2"],
    ]


@pytest.mark.parametrize("block", [1, 7, 64, 500])
def test_a_record_may_be_cut_anywhere_between_two_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(xml_records, "BLOCK_BYTES", block)
    sections = "".join(f"<s{n}>{'<row><a>1</a><b>Эспрессо</b></row>' * 30}</s{n}>" for n in range(3))

    tables = tables_of(tmp_path, f"<r><title>x</title>{sections}<end/></r>")

    rows = [row for table in tables for chunk in table.chunks for row in chunk.rows]
    assert rows.count(["1", "Эспрессо"]) == 90 or block < 64
    assert "".join(cell for row in rows for cell in row).count("Эспрессо") == 90


def test_chunks_number_records_from_one_and_late_names_become_columns(tmp_path: Path) -> None:
    rows = "".join(f"<r><a>{n}</a></r>" for n in range(1, 30_001))

    (table,) = tables_of(tmp_path, f"<rs>{rows}<r><b>late</b></r></rs>")
    chunks = list(table.chunks)

    assert [chunk.first_row for chunk in chunks] == [0, *range(CHUNK_ROWS + 1, 30_001, CHUNK_ROWS)]
    assert chunks[0].rows[:2] == [["a", "b"], ["1", ""]]
    assert chunks[1].rows[0] == [str(CHUNK_ROWS + 1), ""]
    assert chunks[-1].rows[-1] == ["", "late"]


BOMB = '<!DOCTYPE a [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
)


@pytest.mark.parametrize(
    "content",
    [
        f"{BOMB}]><a><b c='&j;'>&j;</b></a>",
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>',
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><b>&x;</b></a>',
        "<!DOCTYPE a><a/>",
        f"<!--{'x' * 5_000}--><!DOCTYPE a><a/>",
    ],
)
def test_a_doctype_is_refused_before_anything_is_expanded(tmp_path: Path, content: str) -> None:
    assert recognised(content) == ["xml"]
    with pytest.raises(ForbiddenContent) as caught:
        tables_of(tmp_path, content)

    assert caught.value.params == {"what": "DOCTYPE"}


@pytest.mark.parametrize("depth", [64, 65, 200, 300, 100_000])
@pytest.mark.parametrize("shape", ["{0}", "<r><x k='1'/><x k='1'/>{0}</r>", "<a><x/><x>{0}</x></a>"])
def test_elements_in_elements_beyond_sixty_four_are_refused(tmp_path: Path, depth: int, shape: str) -> None:
    content = shape.format("<a>" * depth + "<b>1</b>" + "</a>" * depth)

    with pytest.raises(TooDeep) as caught:
        tables_of(tmp_path, content)

    assert caught.value.params == {"most": 64}


def test_a_deep_record_behind_the_first_block_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_records, "BLOCK_BYTES", 256)

    with pytest.raises(TooDeep):
        tables_of(tmp_path, f"<r>{'<x><a>1</a></x>' * 99}<x>{'<a>' * 70}{'</a>' * 70}</x></r>")


@pytest.mark.parametrize(
    "content",
    [
        "<a><b c='1'/>",
        "<a><b c='1'/></b>",
        "<a><b c='1'/></a><a/>",
        "<a>&nbsp;</a>",
        "<a b=1/>",
        "<?xml version='1.0'?>",
        "<?xml version='1.0' encoding='no-such'?><a/>",
        "<!-- only -->",
        "",
        "text",
        b"<a>\xff\xfe</a>",
        b"<a>\x00</a>",
    ],
)
def test_a_document_that_is_no_xml_to_its_end_is_damaged(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises(FileDamaged) as caught:
        tables_of(tmp_path, content)

    assert caught.value.params["format"] == "xml"
    assert caught.value.params["reason"]


SPREADSHEET = """<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">
<Row/><Worksheet ss:Name="Отчёт"><Table>
<Row><Cell ss:MergeAcross="2"><Data ss:Type="String">Заголовок</Data></Cell>
<Cell><Data ss:Type="String">x</Data></Cell></Row>
<Row ss:Index="4"><Cell><Data ss:Type="String">Номер</Data></Cell><Cell ss:Index="3"><Data>Цена</Data></Cell></Row>
<Row><Cell><Data ss:Type="String"><B xmlns="html">A</B>1</Data></Cell><Cell/>
<Cell><Data ss:Type="Number">15000.10</Data></Cell>
<Cell><Data ss:Type="DateTime">2025-12-25T00:14:59.000</Data></Cell>
<Cell><Data ss:Type="DateTime">2025-12-25T00:00:00.000</Data></Cell></Row>
</Table></Worksheet><Worksheet ss:Name="Пустой"><Table/></Worksheet>
<Worksheet ss:Name="Второй"><Table><Row/><Row><Cell><Data>z</Data></Cell></Row></Table></Worksheet></Workbook>"""


def test_a_workbook_in_xml_has_sheets_of_rows(tmp_path: Path) -> None:
    assert recognised(SPREADSHEET) == ["xml"]
    tables = tables_of(tmp_path, SPREADSHEET)

    assert [(table.index, table.sheet, table.total_rows) for table in tables] == [
        (0, "Отчёт", 5), (1, "Пустой", 0), (2, "Второй", 2),
    ]  # fmt: skip
    assert [list(table.chunks) for table in tables] == [
        [
            Chunk(
                1,
                [
                    ["Заголовок", "", "", "x"],
                    [],
                    [],
                    ["Номер", "", "Цена"],
                    ["A1", "", "15000.10", "2025-12-25 00:14:59", "2025-12-25"],
                ],
            )
        ],
        [],
        [Chunk(1, [[], ["z"]])],
    ]


@pytest.mark.parametrize(
    "change",
    [
        ('ss:Index="4"', 'ss:Index="1"'),
        ('ss:Index="4"', 'ss:Index="99999999"'),
        ('ss:Index="3"', 'ss:Index="1"'),
        ('ss:Index="3"', 'ss:Index="16385"'),
        ("</Workbook>", ""),
    ],
)
def test_a_place_outside_of_any_sheet_is_damage(tmp_path: Path, change: tuple[str, str]) -> None:
    with pytest.raises(FileDamaged):
        tables_of(tmp_path, SPREADSHEET.replace(*change))


def test_a_place_that_is_no_number_is_the_next_one(tmp_path: Path) -> None:
    first, *_ = tables_of(tmp_path, SPREADSHEET.replace('ss:Index="3"', 'ss:Index="x"'))

    assert next(first.chunks).rows[3] == ["Номер", "Цена"]


PAGE = """<html><head><title>x</title></head><body><p>Отчёт<br><table border=1><tr><th colspan=2>Номер</th><th>Цена</th>
<tr><td>A1<td colspan=x>&nbsp;<td><b>15</b> 000,00</td></tr></table>
<table><tr><td><table><tr><td>in</td></tr></table></td></tr><tr><td>out</td></tr></table></body></html>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "cp866", "utf-16", "utf-16-le"])
def test_tables_of_a_web_page_are_tables(tmp_path: Path, encoding: str) -> None:
    content = PAGE.encode(encoding)

    tables = tables_of(tmp_path, content, HtmlTables())

    assert recognised(content) == ["html"]
    assert [(table.index, table.sheet) for table in tables] == [(0, "1"), (1, "2"), (2, "3")]
    assert [list(table.chunks) for table in tables] == [
        [Chunk(1, [["Номер", "", "Цена"], ["A1", "", "15 000,00"]])],
        [Chunk(1, [["out"]])],
        [Chunk(1, [["in"]])],
    ]


def test_a_table_cut_out_of_a_page_is_a_table(tmp_path: Path) -> None:
    rows = "".join(f"<tr><td>{n}</td></tr>" for n in range(9_000))

    (table,) = tables_of(tmp_path, f"<table>{rows}</table>", HtmlTables())

    assert [(chunk.first_row, len(chunk.rows)) for chunk in table.chunks] == [
        (1, 4_000),
        (4_001, 4_000),
        (8_001, 1_000),
    ]


@pytest.mark.parametrize("content", [PAGE[:260], "", "<table><tr><td>1", f"<table><tr><td>1</table>{'<div>' * 300}"])
def test_a_page_that_is_cut_is_damaged(tmp_path: Path, content: str) -> None:
    with pytest.raises(FileDamaged):
        tables_of(tmp_path, content, HtmlTables())


@pytest.mark.parametrize("block", [1, 5, 100])
def test_a_page_may_be_cut_anywhere_between_two_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    whole = [list(table.chunks) for table in tables_of(tmp_path, PAGE, HtmlTables())]
    monkeypatch.setattr(html_tables, "BLOCK_CHARACTERS", block)

    assert [list(table.chunks) for table in tables_of(tmp_path, PAGE, HtmlTables())] == whole


def test_a_row_outside_of_a_table_is_passed_over(tmp_path: Path) -> None:
    assert tables_of(tmp_path, "<html><tr><td>1</td></tr></html>", HtmlTables()) == []


def test_other_texts_are_not_recognised() -> None:
    texts = [
        csv_bytes(REPORT),
        b"<a>;<b>\n1;2\n",
        b'[{"a": 1}]',
        b"",
        b"prose",
        b"PK\x03\x04\x00",
        b"<html><p>none</html>",
    ]

    assert [recognised(text) for text in texts] == [[]] * len(texts)


@pytest.mark.parametrize("shape", ["elements", "attributes", "spreadsheet", "page"])
def test_damaged_bytes_are_read_or_refused_and_nothing_else(tmp_path: Path, shape: str) -> None:
    chance = random.Random(20251225)
    whole = {
        "elements": as_elements(REPORT[:5]),
        "attributes": as_attributes(REPORT[:5]),
        "spreadsheet": SPREADSHEET,
        "page": PAGE,
    }[shape].encode()
    refused = 0

    for _ in range(300):
        content = bytearray(whole if chance.random() < 0.5 else whole[: chance.randrange(1, len(whole))])
        for _ in range(chance.randrange(4)):
            content[chance.randrange(len(content))] = chance.choice((0, 38, 60, 62, chance.randrange(256)))
        recognised(bytes(content))
        try:
            for table in tables_of(tmp_path, bytes(content), HtmlTables() if shape == "page" else None):
                assert all(isinstance(cell, str) for chunk in table.chunks for row in chunk.rows for cell in row)
        except FileRefused:
            refused += 1

    assert refused > 50
