"""The formats and containers this product reads, in the order in which they are asked."""

from vhm24r.intake.formats.delimited import Delimited
from vhm24r.intake.formats.fixed_width import FixedWidth
from vhm24r.intake.formats.html_tables import HtmlTables
from vhm24r.intake.formats.json_records import JsonRecords
from vhm24r.intake.formats.portable_document import PortableDocument
from vhm24r.intake.formats.protocol import Container, Format, Sample
from vhm24r.intake.formats.rar_archive import RarArchive
from vhm24r.intake.formats.word_binary import WordBinary
from vhm24r.intake.formats.word_document import WordDocument
from vhm24r.intake.formats.workbook import BinaryWorkbook, Workbook
from vhm24r.intake.formats.xml_records import XmlRecords
from vhm24r.intake.formats.zip_archive import ZipArchive

FORMATS: tuple[Format, ...] = (
    Workbook(),
    WordDocument(),
    BinaryWorkbook(),
    WordBinary(),
    PortableDocument(),
    JsonRecords(),
    XmlRecords(),
    HtmlTables(),
    FixedWidth(),  # before the delimited ones: aligned text with decimal commas looks like columns, too
    Delimited("tsv", ("\t",)),
    Delimited("csv", (",", ";", "|")),
)
CONTAINERS: tuple[Container, ...] = (ZipArchive(), RarArchive())


def recognise(sample: Sample) -> Format | None:
    """The format of a file; None when it is none of ours."""
    return next((form for form in FORMATS if form.recognises(sample)), None)


def container(sample: Sample) -> Container | None:
    """The container a file is; None when it is none of ours."""
    return next((form for form in CONTAINERS if form.recognises(sample)), None)


_BEGINNINGS = ((b"PK\x03\x04", "ZIP"), (b"Rar!\x1a\x07", "RAR"), (b"%PDF-", "PDF"), (b"\xd0\xcf\x11\xe0", "OLE"))


def looks_like(head: bytes) -> str | None:
    """What a file that nobody recognises begins like: a damaged one of ours."""
    return next((name for beginning, name in _BEGINNINGS if head.startswith(beginning)), None)


def is_text(head: bytes) -> bool:
    """Whether a file is lines, JSON or markup: as long as it looks, for nothing of it is packed."""
    return b"\x00" not in head and looks_like(head) is None


_NOT_PLAIN = (b"<", b"{", b"[", b"PK", b"Rar!", b"%PDF")
_MARKS_AND_BLANKS = b"\xef\xbb\xbf \t\r\n"


def is_plain(head: bytes) -> bool:
    """Whether a file is at most a text of lines: nothing that a reader could be hurt with."""
    return is_text(head) and not head.lstrip(_MARKS_AND_BLANKS).startswith(_NOT_PLAIN)
