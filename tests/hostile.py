"""Files that mean harm, or look as if they did: what each of them must come to.

The same files at every run. They are written one by one, so that whoever reads them may delete each.
"""

import codecs
import io
import json
import random
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeAlias

import xlwt

from tests.archives import (
    DEVICE_MODE,
    LINK_MODE,
    Packed,
    numbered,
    overlapping_zip,
    rar4,
    rar5,
    zip_archive,
    zip_of_many,
)
from tests.documents import doc_bytes, ole_bytes
from tests.factories import HW_HEADER, csv_bytes, hw_row

SEED = 20251225
MEBIBYTE = 1024 * 1024

READS = "reads"
"""It becomes tables, whatever is then thought of their rows."""

DAMAGED = "intake.file_damaged"
ENCRYPTED = "intake.file_encrypted"
EXCESSIVE = "intake.file_excessive"
FORBIDDEN = "intake.forbidden_content"
TOO_MANY = "intake.too_many_members"
TOO_DEEP = "intake.too_deep"
EMPTY = "intake.file_empty"
UNKNOWN = "intake.format_unknown"

ANYTHING_SAID = frozenset(
    {READS, DAMAGED, ENCRYPTED, EXCESSIVE, FORBIDDEN, TOO_MANY, TOO_DEEP, EMPTY, UNKNOWN, "intake.no_text"}
)
"""What a damaged file may come to: it is read as far as it goes, or refused with a reason."""

NOTHING_IN_IT = frozenset({EMPTY, UNKNOWN, READS})


@dataclass(frozen=True, slots=True)
class Hostile:
    """A file, the format it pretends to be, and what it may come to: codes of refusals, or READS.

    What archives hold comes to something member by member; all of it must be `expected`.
    """

    name: str
    form: str
    path: Path
    expected: frozenset[str]


_Case: TypeAlias = tuple[str, str, bytes, frozenset[str]]


def corpus(folder: Path, seed: int = SEED) -> Iterator[Hostile]:
    """Every hostile file, written into the folder as it is asked for."""
    cases = chain(
        _bombs(), _xml(), _doctypes(), _archives(), _encrypted(), _cells(), _shapes(), _polyglots(), _bytes(seed)
    )
    for name, form, content, expected in chain(cases, _damaged(seed)):
        path = folder / name
        path.write_bytes(content)
        yield Hostile(name, form, path, expected)


def _case(name: str, form: str, content: bytes, *expected: str) -> _Case:
    return name, form, content, frozenset(expected)


def _bombs() -> Iterator[_Case]:
    flat = zip_archive([Packed("zeros.csv", bytes(64 * MEBIBYTE))])
    yield _case("bomb-flat.zip", "zip", flat, EXCESSIVE)
    yield _case("bomb-nested.zip", "zip", zip_archive([Packed("inner.zip", flat)]), EXCESSIVE)
    yield _case("bomb-lying.zip", "zip", zip_archive([Packed("a.csv", bytes(64 * MEBIBYTE), size=10)]), DAMAGED)
    yield _case("bomb-overlapping.zip", "zip", overlapping_zip(bytes(MEBIBYTE), 250), DAMAGED)
    yield _case("bomb-sheet.xlsx", "xlsx", xlsx_bytes(_rows() + " " * 64 * MEBIBYTE), EXCESSIVE)
    yield _case("bomb-document.docx", "docx", docx_bytes(" " * 64 * MEBIBYTE), EXCESSIVE)
    deep = zip_archive(numbered(1))
    for _ in range(4):
        deep = zip_archive([Packed("inner.zip", deep)])
    yield _case("nested-deep.zip", "zip", deep, TOO_DEEP)


def _xml() -> Iterator[_Case]:
    """Entities: exponential, quadratic, from the disk, from the network."""
    laughs = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 11))
    quadratic = f'<!ENTITY a "{"a" * 100_000}">'
    for name, entities, body in (
        ("laughs", laughs, "&a10;"),
        ("quadratic", quadratic, "&a;" * 50_000),
        ("entity-file", '<!ENTITY a SYSTEM "file:///etc/passwd">', "&a;"),
        ("entity-http", '<!ENTITY a SYSTEM "http://127.0.0.1:9/a">', "&a;"),
        ("entity-parameter", '<!ENTITY % a SYSTEM "http://127.0.0.1:9/a.dtd"> %a;', "x"),
    ):
        row = f"<row><number>1</number><price>{body}</price></row>"
        text = f'<?xml version="1.0"?><!DOCTYPE rows [{entities}]><rows>{row}</rows>'
        yield _case(f"{name}.xml", "xml", text.encode(), FORBIDDEN)
    deep = b"<a>" * 100_000 + b"</a>" * 100_000
    yield _case("deep.xml", "xml", b'<?xml version="1.0"?>' + deep, TOO_DEEP, DAMAGED, UNKNOWN)


def _doctypes() -> Iterator[_Case]:
    """Office documents, whose XML never has a DOCTYPE unless somebody put it there."""
    doctype = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    used = '<row><c t="inlineStr"><is><t>a&a;b</t></is></c><c><v>1</v></c></row>'
    yield _case("doctype.xlsx", "xlsx", xlsx_bytes(used, prolog=doctype), FORBIDDEN, DAMAGED)
    yield _case("doctype-unused.xlsx", "xlsx", xlsx_bytes(_rows(), prolog=doctype), FORBIDDEN, DAMAGED, READS)
    yield _case("doctype.docx", "docx", docx_bytes(_paragraph("&a;"), prolog=doctype), FORBIDDEN, DAMAGED)


def _archives() -> Iterator[_Case]:
    names = ["../a.csv", "..\\a.csv", "/etc/cron.d/a", "C:\\a.csv", "\\\\host\\a.csv", "a/../../b.csv"]
    outside = [Packed(name, b"a,b\n1,2\n") for name in names]
    links = [
        Packed("link", b"/etc/passwd", LINK_MODE, target="/etc/passwd"),
        Packed("up", b"..", LINK_MODE, target=".."),
        Packed("tty", mode=DEVICE_MODE),
    ]
    yield _case("outside.zip", "zip", zip_archive([*outside, Packed("a\0.csv", b"1")]), FORBIDDEN)
    yield _case("links.zip", "zip", zip_archive(links), FORBIDDEN)
    for name, write in (("4", rar4), ("5", rar5)):
        yield _case(f"outside-{name}.rar", "rar", write(outside), FORBIDDEN)
        yield _case(f"links-{name}.rar", "rar", write(links), FORBIDDEN)
        yield _case(f"volume-{name}.rar", "rar", write(numbered(1), flags=0x1), DAMAGED)
        yield _case(f"many-{name}.rar", "rar", write(numbered(20_000, b"")), TOO_MANY)
    through = [links[1], Packed("up/a.csv", csv_bytes([hw_row()]))]
    yield _case("through-a-link.rar", "rar", rar5(through), FORBIDDEN, READS)
    yield _case("many.zip", "zip", zip_of_many(100_000), TOO_MANY)
    yield _case("method.zip", "zip", zip_archive([Packed("a.csv", b"1", method=zipfile.ZIP_BZIP2)]), DAMAGED)


def _encrypted() -> Iterator[_Case]:
    secret = [Packed("a.csv", b"1" * 32, encrypted=True)]
    yield _case("encrypted.zip", "zip", zip_archive(secret), ENCRYPTED)
    yield _case("encrypted-4.rar", "rar", rar4(secret), ENCRYPTED)
    yield _case("encrypted-5.rar", "rar", rar5(secret), ENCRYPTED)
    yield _case("encrypted-names.rar", "rar", rar5([], encrypted_headers=True), ENCRYPTED)
    package = ole_bytes(
        {"EncryptionInfo": b"\x04\x00\x04\x00\x40\x00\x00\x00" + bytes(64), "EncryptedPackage": bytes(5_000)}
    )
    yield _case("encrypted.xlsx", "xlsx", package, ENCRYPTED)
    locked = b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <" + b"41" * 32 + b"> /U <" + b"42" * 32 + b"> >>"
    yield _case("encrypted.pdf", "pdf", pdf_bytes(locked + b" /ID [<00><00>]"), ENCRYPTED)


def _cells() -> Iterator[_Case]:
    """What a spreadsheet would run, and cells of ten megabytes."""
    formulas = [
        '=HYPERLINK("http://127.0.0.1:9/","x")',
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "=cmd|'/c calc'!A0",
        "\t=1",
        "\r=1",
    ]
    rows = [hw_row(number, Адрес=formula) for number, formula in enumerate(formulas)]
    yield _case("formulas.csv", "csv", csv_bytes(rows), READS)
    yield _case("formulas.xlsx", "xlsx", xlsx_bytes(_rows(*(list(row.values()) for row in rows))), READS)
    formula = '<row r="1"><c r="A1"><f>cmd|\'/c calc\'!A0</f><v>1</v></c><c r="B1"><v>2</v></c></row>'
    yield _case("formula-dde.xlsx", "xlsx", xlsx_bytes(formula), READS)
    macros = {"xl/vbaProject.bin": ole_bytes({"dir": b"Attribute VB_Name"})}
    yield _case("macros.xlsm", "xlsx", xlsx_bytes(_rows(), macros), READS, FORBIDDEN)
    long = "x" * 10 * MEBIBYTE
    yield _case("long-cell.csv", "csv", csv_bytes([hw_row(Адрес=long), hw_row(2)]), READS, EXCESSIVE)
    # with something that does not pack, else it is a bomb
    noisy = random.Random(SEED).randbytes(5 * MEBIBYTE).hex()
    yield _case("long-cell.xlsx", "xlsx", xlsx_bytes(_rows(["1", noisy])), READS, EXCESSIVE)
    yield _case(
        "long-cell.json", "json", f'[{{"number": "1", "address": "{long}"}}]'.encode(), READS, EXCESSIVE, UNKNOWN
    )


def _shapes() -> Iterator[_Case]:
    """Tables wider, longer, deeper and emptier than any."""
    far = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    yield _case("far-cells.xlsx", "xlsx", xlsx_bytes(far), READS, EXCESSIVE, DAMAGED)
    said = '<dimension ref="A1:XFD1048576"/>'
    yield _case("far-dimension.xlsx", "xlsx", xlsx_bytes(_rows(), dimension=said), READS, EXCESSIVE, DAMAGED)
    yield _case("wide.csv", "csv", b",".join([b"x"] * 100_000) + b"\n" + b",".join([b"1"] * 100_000), READS, EXCESSIVE)
    yield _case("one-line.csv", "csv", b"x" * 50 * MEBIBYTE, UNKNOWN, READS, EXCESSIVE)
    yield _case("one-line-of-cells.csv", "csv", b"xxxxxxx," * (50 * MEBIBYTE // 8), READS, EXCESSIVE)
    yield _case("one-quote.csv", "csv", b'a,b\n1,"' + b"x,y\n" * 200_000, READS, DAMAGED)
    nested = b"[" * 100_000 + b"]" * 100_000
    yield _case("deep.json", "json", nested, TOO_DEEP, DAMAGED, UNKNOWN)
    yield _case("deep-value.json", "json", b'[{"a": ' + nested + b"}]", TOO_DEEP, DAMAGED, UNKNOWN, READS)
    yield _case("huge-number.json", "json", b'[{"a": ' + b"9" * 1_000_000 + b', "b": 1e999999999}]', *ANYTHING_SAID)


def _polyglots() -> Iterator[_Case]:
    archive = zip_archive([Packed("a.csv", csv_bytes([hw_row()]))])
    yield _case("pdf-zip.pdf", "pdf", pdf_bytes() + archive, *ANYTHING_SAID)
    yield _case("zip-pdf.zip", "zip", archive + pdf_bytes(), *ANYTHING_SAID)
    yield _case("gif-zip.gif", "gif", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;" + archive, UNKNOWN)
    yield _case("html-csv.csv", "csv", b"<html><script>alert(1)</script>\n" + csv_bytes([hw_row()]), *ANYTHING_SAID)
    yield _case("zip-rar.zip", "zip", archive + rar5(numbered(1)), *ANYTHING_SAID)
    yield _case("xlsx-in-name-only.xlsx", "csv", csv_bytes([hw_row()]), READS)


def _bytes(seed: int) -> Iterator[_Case]:
    """Hardly anything, and anything."""
    chance = random.Random(seed)
    yield _case("empty.csv", "csv", b"", EMPTY, UNKNOWN)
    for encoding, mark in (
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16", codecs.BOM_UTF16_LE),
        ("utf-16", codecs.BOM_UTF16_BE),
    ):
        yield (f"mark-{encoding}-{mark[0]:x}.csv", "csv", mark, NOTHING_IN_IT)
    yield "newlines.csv", "csv", b"\n" * MEBIBYTE, NOTHING_IN_IT
    yield "returns.csv", "csv", b"\r\n" * MEBIBYTE, NOTHING_IN_IT
    yield "zeros.csv", "csv", bytes(MEBIBYTE), NOTHING_IN_IT
    yield _case("nul-cell.csv", "csv", csv_bytes([hw_row(), hw_row(2, Адрес="a\0b")]), READS, UNKNOWN, DAMAGED)
    late = csv_bytes([hw_row(number) for number in range(2_000)]) + csv_bytes([hw_row(Адрес="a\0b")])
    yield _case("nul-late.csv", "csv", late, READS, DAMAGED)
    odd = csv_bytes([hw_row()], encoding="utf-16") + b"\x00"
    yield _case("odd-utf-16.csv", "csv", odd, READS, DAMAGED, UNKNOWN)
    in_head = b"PK\x03\x04" + bytes(26)
    starts = {
        "zip": b"PK\x03\x04",
        "zip-empty": b"PK\x05\x06",
        "docx": in_head + b"[Content_Types].xml",
        "xlsx": in_head + b"xl/workbook.xml",
        "rar-4": b"Rar!\x1a\x07\x00",
        "rar-5": b"Rar!\x1a\x07\x01\x00",
        "pdf": b"%PDF-1.7\n",
        "ole": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "gzip": b"\x1f\x8b\x08",
        "7z": b"7z\xbc\xaf\x27\x1c",
        "xml": b"<?xml version='1.0'?>",
        "json": b'[{"',
        "utf-16": codecs.BOM_UTF16_LE,
        "utf-8": codecs.BOM_UTF8,
        "none": b"",
    }
    for name, start in starts.items():
        yield f"random-{name}.bin", name, start + chance.randbytes(50_000), ANYTHING_SAID


def honest() -> dict[str, bytes]:
    """A small sound file of every format; where a format has two generations the key says `-` which."""
    rows = [hw_row(number) for number in range(20)]
    table = [[*HW_HEADER], *(list(row.values()) for row in rows)]
    archive = [Packed("отчёт.csv", csv_bytes(rows)), Packed("x/b.csv", csv_bytes(rows[:3]))]
    orders = [row["Номер заказа"] for row in rows]
    return {
        "csv": csv_bytes(rows),
        "tsv": csv_bytes(rows, delimiter="\t"),
        "txt": csv_bytes(rows, delimiter="|", encoding="cp1251"),
        "json": json.dumps([{"number": order, "price": 15000} for order in orders]).encode(),
        "xml": "".join(["<rows>", *(f"<row><number>{order}</number></row>" for order in orders), "</rows>"]).encode(),
        "xlsx": xlsx_bytes(_rows(*table)),
        "xls": _xls_bytes(table),
        "doc": doc_bytes(table),
        "docx": docx_bytes(_word_table(table)),
        "pdf": pdf_bytes(),
        "zip": zip_archive(archive),
        "rar-4": rar4(archive),
        "rar-5": rar5(archive),
    }


def _damaged(seed: int, cuts: int = 6, flips: int = 10) -> Iterator[_Case]:
    """Every format cut short and with some bits turned over."""
    for form, whole in honest().items():
        chance = random.Random(f"{seed} {form}")
        kind = form.partition("-")[0]
        yield _case(f"whole.{form}", kind, whole, READS)
        for number in range(cuts):
            yield f"cut-{number}.{form}", kind, whole[: len(whole) * (2 * number + 1) // (2 * cuts)], ANYTHING_SAID
        for number in range(flips):
            content = bytearray(whole)
            for _ in range(2**number):
                content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            yield f"flipped-{number}.{form}", kind, bytes(content), ANYTHING_SAID


# small documents, written by hand so that anything can be in them

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'


def xlsx_bytes(rows: str, more: dict[str, bytes] | None = None, *, prolog: str = "", dimension: str = "") -> bytes:
    """A workbook of one sheet out of the XML of its rows; `prolog` stands before the sheet's root element."""
    parts = {
        "[Content_Types].xml": _types(
            {
                "xl/workbook.xml": "spreadsheetml.sheet.main+xml",
                "xl/worksheets/sheet1.xml": "spreadsheetml.worksheet+xml",
            }
        ),
        "_rels/.rels": _relations("officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_LINKS}">'
        '<sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations("worksheet", "worksheets/sheet1.xml"),
        "xl/worksheets/sheet1.xml": f'{_XML}{prolog}<worksheet xmlns="{_MAIN}">{dimension}'
        f"<sheetData>{rows}</sheetData></worksheet>",
    }
    return _package(parts, more or {})


def docx_bytes(body: str, *, prolog: str = "") -> bytes:
    """A Word document out of the XML of its body; `prolog` stands before the root element."""
    parts = {
        "[Content_Types].xml": _types({"word/document.xml": "wordprocessingml.document.main+xml"}),
        "_rels/.rels": _relations("officeDocument", "word/document.xml"),
        "word/document.xml": f'{_XML}{prolog}<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>',
    }
    return _package(parts, {})


def _package(parts: dict[str, str], more: dict[str, bytes]) -> bytes:
    written = [Packed(name, text.encode()) for name, text in parts.items()]
    return zip_archive([*written, *(Packed(name, data) for name, data in more.items())])


def _types(overrides: dict[str, str]) -> str:
    listed = "".join(f'<Override PartName="/{name}" ContentType="{_TYPE}.{kind}"/>' for name, kind in overrides.items())
    rels = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    return f'{_XML}<Types xmlns="{_PACKAGE}/content-types">{rels}{listed}</Types>'


def _relations(kind: str, target: str) -> str:
    link = f'<Relationship Id="rId1" Type="{_LINKS}/{kind}" Target="{target}"/>'
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{link}</Relationships>'


def _rows(*rows: list[str]) -> str:
    """The XML of rows of text; a header and an order where none are given."""
    listed = rows or ([*HW_HEADER], list(hw_row().values()))
    return "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in listed)


def _cell(text: str) -> str:
    return f'<c t="inlineStr"><is><t xml:space="preserve">{_escaped(text)}</t></is></c>'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\r", "&#13;")


def _paragraph(xml: str) -> str:
    return f"<w:p><w:r><w:t>{xml}</w:t></w:r></w:p>"


def _word_table(rows: list[list[str]]) -> str:
    lines = ("".join(f"<w:tc>{_paragraph(_escaped(cell))}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{line}</w:tr>' for line in lines)}</w:tbl><w:p/>"


def _xls_bytes(rows: list[list[str]]) -> bytes:
    book = xlwt.Workbook()
    sheet = book.add_sheet("S")
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            sheet.write(number, column, cell)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def pdf_bytes(trailer: bytes = b"") -> bytes:
    """A PDF of one page with a table of three columns; `trailer` is added to its trailer."""
    lines = [("Number", "Time", "Price"), *((f"{n}", f"2025-12-25 00:{n:02}:00", "15000") for n in range(10))]
    drawn = "".join(
        f"BT /F 10 Tf {50 + 150 * column} {700 - 20 * line} Td ({text}) Tj ET\n"
        for line, row in enumerate(lines)
        for column, text in enumerate(row)
    ).encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            b" /Resources << /Font << /F 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer << /Size 6 /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (trailer, len(body))
    return bytes(body) + table + end
