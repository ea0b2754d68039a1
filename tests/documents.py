"""Documents made by the tests themselves: OLE files, DOC, DOCX, XLS and PDF, as small as their readers allow."""

import hashlib
import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from html import escape

import xlwt

Rows = Sequence[Sequence[object]]
Texts = Sequence[tuple[float, float, str]]
"""Texts of a page, each with the place where it begins."""

SECTOR = 512
END_OF_CHAIN, FREE, ALLOCATION = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def ole_bytes(streams: Mapping[str, bytes]) -> bytes:
    """A compound file of some streams; each is padded with zeros to the 4 KiB below which they lie elsewhere."""
    table: list[int] = []
    sectors: list[bytes] = []

    def store(content: bytes) -> int:
        first = len(sectors)
        count = max(1, -(-len(content) // SECTOR))
        sectors.extend(content[n * SECTOR : (n + 1) * SECTOR].ljust(SECTOR, b"\0") for n in range(count))
        table.extend([*range(first + 1, first + count), END_OF_CHAIN])
        return first

    entries = [_entry("Root Entry", 5, END_OF_CHAIN, 0, child=1)]
    names = list(streams)
    for position, name in enumerate(names, 1):
        content = streams[name].ljust(4096, b"\0")
        right = position + 1 if position < len(names) else FREE
        entries.append(_entry(name, 2, store(content), len(content), right=right))
    directory = store(b"".join(entries))
    needed = 1
    while needed * (SECTOR // 4) < len(sectors) + needed:
        needed += 1
    own = list(range(len(sectors), len(sectors) + needed))
    table += [ALLOCATION] * needed
    table += [FREE] * (needed * SECTOR // 4 - len(table))
    sectors += [struct.pack("<128I", *table[n * 128 : (n + 1) * 128]) for n in range(needed)]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(10)
    header += struct.pack("<IIIIIIIII", needed, directory, 0, 4096, END_OF_CHAIN, 0, END_OF_CHAIN, 0, own[0])
    header += struct.pack("<108I", *own[1:], *([FREE] * (109 - needed)))
    return header + b"".join(sectors)


def _entry(name: str, kind: int, first: int, size: int, *, right: int = FREE, child: int = FREE) -> bytes:
    written = name.encode("utf-16-le") + b"\0\0"
    links = struct.pack("<HBBIII", len(written), kind, 1, FREE, right, child)
    return written.ljust(64, b"\0") + links + bytes(36) + struct.pack("<III", first, size, 0)


def doc_bytes(*parts: Rows | str, flags: int = 0) -> bytes:
    """A Word 97 document: texts, lines ended by newlines, and tables; `flags` are those of its header."""
    text = ""
    runs: list[tuple[int, bytes]] = []  # characters, and the properties of their paragraphs
    for part in parts:
        if isinstance(part, str):
            plain = part.replace("\n", "\r") + "\r"
            text += plain
            runs.append((len(plain), b"\0\0"))
            continue
        for row in part:
            cells = "".join(str(cell).replace("\n", "\r") + "\x07" for cell in row)
            text += cells + "\x07"
            runs += [(len(cells), _paragraph(_IN_TABLE)), (1, _paragraph(_IN_TABLE + _ROW_END + _table_of(len(row))))]
    stream = bytearray(0x400) + text.encode("utf-16-le")
    stream += bytes(-len(stream) % SECTOR)
    limits, pages = [0x400], []
    while runs:
        page, end, runs = _page_of_runs(runs, limits[-1])
        pages.append(len(stream) // SECTOR)
        stream += page
        limits.append(end)
    places = struct.pack(f"<{len(limits)}I", *limits) + struct.pack(f"<{len(pages)}I", *pages)
    pieces = struct.pack("<BI", 2, 16) + struct.pack("<IIHIH", 0, len(text), 0, 0x400, 0)
    styles = struct.pack("<HHH", 18, 1, 10) + bytes(14) + struct.pack("<H", 0)  # one style, which is empty
    struct.pack_into("<HH", stream, 0, 0xA5EC, 0xC1)
    struct.pack_into("<H", stream, 0x0A, 0x1200 | flags)
    struct.pack_into("<II", stream, 0x18, 0x400, 0x400 + 2 * len(text))
    struct.pack_into("<I", stream, 0x4C, len(text))
    struct.pack_into("<II", stream, 0x102, 0, len(places))
    struct.pack_into("<II", stream, 0x1A2, len(places), len(pieces))
    struct.pack_into("<II", stream, 0xA2, len(places + pieces), len(styles))
    return ole_bytes({"WordDocument": bytes(stream), "1Table": places + pieces + styles})


_IN_TABLE, _ROW_END = struct.pack("<HB", 0x2416, 1), struct.pack("<HB", 0x2417, 1)


def _table_of(columns: int) -> bytes:
    edges = struct.pack(f"<{columns + 1}h", *range(0, 1000 * (columns + 1), 1000))
    return struct.pack("<HHB", 0xD608, len(edges) + 2, columns) + edges


def _paragraph(changes: bytes) -> bytes:
    properties = b"\0\0" + changes
    return properties + b"\0" * (len(properties) % 2)


def _page_of_runs(runs: list[tuple[int, bytes]], start: int) -> tuple[bytes, int, list[tuple[int, bytes]]]:
    """As many runs as one page of properties takes: the page, where its text ends, the runs left."""
    page, limits, low = bytearray(SECTOR), [start], SECTOR - 2
    places: list[int] = []
    for length, properties in runs[:20]:
        stored = bytes([0, len(properties) // 2]) + properties
        known = bytes(page).find(stored, low)
        if known < 0 or known % 2:
            if low - len(stored) < (len(places) + 2) * 17 + 4:
                break
            low -= len(stored)
            page[low : low + len(stored)] = stored
            known = low
        places.append(known // 2)
        limits.append(limits[-1] + 2 * length)
    head = struct.pack(f"<{len(limits)}I", *limits) + b"".join(bytes([place]) + bytes(12) for place in places)
    page[: len(head)] = head
    page[-1] = len(places)
    return bytes(page), limits[-1], runs[len(places) :]


def pdf_bytes(pages: Sequence[Texts], *, turned: int = 0, password: str | None = None) -> bytes:
    """A PDF of texts at (x, y) from the lower left corner of landscape A4 pages, in points; 8 points high.

    Its font is not embedded: every character is half as wide as it is high, and known by the text it stands
    for. `turned` rotates the pages by so many degrees, with the texts on them. With a `password` it is
    encrypted; the empty one is what a reader tries first.
    """
    objects: list[str | bytes] = ["<</Type/Catalog/Pages 2 0 R>>", ""]
    objects.append(
        "<</Type/Font/Subtype/Type0/BaseFont/Plain/Encoding/Identity-H/ToUnicode 4 0 R/DescendantFonts[<<"
        "/Type/Font/Subtype/CIDFontType2/BaseFont/Plain"
        "/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
        "/DW 500/FontDescriptor<</Type/FontDescriptor/FontName/Plain/Flags 4/FontBBox[0 -200 1000 800]"
        "/ItalicAngle 0/Ascent 800/Descent -200/CapHeight 700/StemV 80>>>>]>>"
    )
    ranges = "\n".join(f"<{row:02X}00> <{row:02X}FF> <{row:02X}00>" for row in (0, 4, 0x20, 0x21))
    objects.append(
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def\n"
        f"1 begincodespacerange <0000> <FFFF> endcodespacerange\n4 beginbfrange\n{ranges}\nendbfrange\n"
        "endcmap CMapName currentdict /CMap defineresource pop end end".encode()
    )
    kids = []
    for texts in pages:
        shown = "".join(f"{_placed(x, y, turned)} Tm <{text.encode('utf-16-be').hex()}> Tj\n" for x, y, text in texts)
        objects.append(f"BT /F 8 Tf\n{shown}ET".encode())
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {'595 842' if turned % 180 else '842 595'}]/Rotate {turned}"
            f"/Contents {len(objects)} 0 R/Resources<</Font<</F 3 0 R>>>>>>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<</Type/Pages/Count {len(kids)}/Kids[{' '.join(kids)}]>>"
    owner, key = bytes(range(32)), b""
    trailer = f"<</Size {len(objects) + 1}/Root 1 0 R"
    if password is not None:
        key = hashlib.md5((password.encode() + PADDING)[:32] + owner + struct.pack("<i", -4)).digest()[:5]
        user = _rc4(key, PADDING)
        trailer += f"/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<{owner.hex()}>/U<{user.hex()}>>>"
    content, places = b"%PDF-1.7\n", []
    for number, item in enumerate(objects, 1):
        places.append(len(content))
        body = item.encode() if isinstance(item, str) else _stream(item, number, key)
        content += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    index = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer{trailer}>>"
    return content + f"{index}\nstartxref\n{len(content)}\n%%EOF\n".encode()


PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
"""What a password is filled up with."""


def _stream(content: bytes, number: int, key: bytes) -> bytes:
    if key:
        content = _rc4(hashlib.md5(key + number.to_bytes(3, "little") + b"\0\0").digest()[:10], content)
    return b"<</Length %d>>stream\n%b\nendstream" % (len(content), content)


def _rc4(key: bytes, content: bytes) -> bytes:
    state, swap = list(range(256)), 0
    for index in range(256):
        swap = (swap + state[index] + key[index % len(key)]) % 256
        state[index], state[swap] = state[swap], state[index]
    index = swap = 0
    written = bytearray()
    for byte in content:
        index = (index + 1) % 256
        swap = (swap + state[index]) % 256
        state[index], state[swap] = state[swap], state[index]
        written.append(byte ^ state[(state[index] + state[swap]) % 256])
    return bytes(written)


def _placed(x: float, y: float, turned: int) -> str:
    """Where a text has to stand on a page to be seen at (x, y) when the page is turned."""
    return {
        0: f"1 0 0 1 {x:.2f} {y:.2f}",
        90: f"0 1 -1 0 {595 - y:.2f} {x:.2f}",
        180: f"-1 0 0 -1 {842 - x:.2f} {595 - y:.2f}",
        270: f"0 -1 1 0 {y:.2f} {842 - x:.2f}",
    }[turned]


def printed_table(
    rows: Sequence[Sequence[str]], columns: Sequence[float], *, top: float = 550, pitch: float = 14, line: float = 9.5
) -> tuple[list[tuple[float, float, str]], float]:
    """Rows printed from `top` downwards, cells from the x of their column; lines of a cell are `line` apart.

    Returns the texts and where the next row would be.
    """
    texts: list[tuple[float, float, str]] = []
    for row in rows:
        for x, cell in zip(columns, row, strict=True):
            texts += [(x, top - index * line, text) for index, text in enumerate(cell.split("\n")) if text]
        top -= pitch + line * (max(cell.count("\n") for cell in row))
    return texts, top


WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def docx_bytes(body: str, *, before: str = "", compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A document out of the XML of its body; `before` stands in front of the root element."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("_rels/.rels", "<Relationships/>")
        archive.writestr(
            "word/document.xml", f'{before}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'
        )
    return content.getvalue()


def docx_table(rows: Rows) -> str:
    """The XML of a table; a newline in a cell begins a paragraph, and a cell beginning with `<` is XML itself."""
    written = ("".join(docx_cell(cell) for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{cells}</w:tr>' for cells in written)}</w:tbl>"


def docx_cell(value: object, properties: str = "") -> str:
    """The XML of a cell with a text."""
    text = str(value)
    if text.startswith("<"):
        return text
    paragraphs = "".join(f"<w:p><w:r><w:t>{escape(line)}</w:t></w:r></w:p>" for line in text.split("\n"))
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraphs}</w:tc>"


def xls_bytes(rows: Rows, sheet: str = "Sheet1", *, formats: Mapping[int, str] | None = None) -> bytes:
    """A workbook of Excel 97 with one sheet; `formats` are the number formats of columns from 0."""
    book = xlwt.Workbook()
    written = book.add_sheet(sheet)
    styles = {column: xlwt.easyxf(num_format_str=text) for column, text in (formats or {}).items()}
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            if column in styles and not isinstance(value, str):
                written.write(number, column, value, styles[column])
            else:
                written.write(number, column, value)
    return saved(book)


def saved(book: xlwt.Workbook) -> bytes:
    """A workbook as the bytes of its file."""
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()
