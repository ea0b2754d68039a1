"""PDF documents: the words of their pages, laid out again as the table they were printed from."""

import ctypes
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pypdfium2
from pypdfium2 import raw

from vhm24r.intake.errors import FileDamaged, FileEncrypted, FileExcessive, NoText, TooManyPages
from vhm24r.intake.formats.page_layout import Line, PagedTable, Word, lines_of, tables_of
from vhm24r.intake.formats.protocol import Sample
from vhm24r.intake.types import Chunk, Table

MAGIC = b"%PDF-"
MAGIC_WITHIN = 1024
"""Bytes at the start of a file within which readers look for the magic."""

MOST_PAGES = 2_000
"""A hundred thousand rows; reports of that size come as files a person can calculate with."""

MOST_CHARACTERS = 200_000
"""On one page; a full one in the smallest legible print has a tenth of them."""

LETTER_GAP = 0.2
"""Of a character's height: a wider gap without a space ends a word."""

SPACE_GAP = 1.0
"""Of a character's height: a wider gap ends a word although a space was written."""

WORD_STEP = 0.1
"""Of a character's height: a word's characters stand on one baseline."""

SPACE, LINE_END = 0x20, 0x0A

LEAST_HEIGHT = 0.5
"""Points; a font without a height must not make every gap a wide one."""

HYPHENS = frozenset({0x02, 0xAD, 0xFFFE})
"""What the reader makes of a hyphen at the end of a line."""
_ONE_AT_A_TIME = threading.Lock()  # the reader's library is not made for threads


class PortableDocument:
    """Documents in the format printers and browsers write."""

    name = "pdf"

    def recognises(self, sample: Sample) -> bool:
        """A file that begins with the magic, or nearly so."""
        return MAGIC in sample.head[: MAGIC_WITHIN + len(MAGIC)]

    def tables(self, path: Path) -> Iterator[Table]:
        """A table as long as its columns go on, from page to page; its rows are numbered through."""
        with _ONE_AT_A_TIME, _opened(path) as document:
            found = tables_of(_pages(document))
        if not found:
            raise NoText()
        for index, table in enumerate(found):
            yield Table(index, f"table {index + 1}" if len(found) > 1 else None, _chunks(table))


def _chunks(table: PagedTable) -> Iterator[Chunk]:
    number = 1
    for page, rows in table.rows():
        yield Chunk(number, rows, page=page)
        number += len(rows)


@contextmanager
def _opened(path: Path) -> Iterator[pypdfium2.PdfDocument]:
    """The document.

    Raises:
        FileDamaged, FileEncrypted: it cannot be opened, or not without a password.
        FileExcessive: it has too many pages.
    """
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD:
            raise FileEncrypted(format="pdf") from error
        raise FileDamaged(format="pdf", reason=str(error)) from error
    with closing(document):
        if len(document) > MOST_PAGES:
            raise TooManyPages(count=len(document), most=MOST_PAGES)
        yield document


def _pages(document: pypdfium2.PdfDocument) -> Iterator[tuple[int, list[Line]]]:
    for number in range(1, len(document) + 1):
        try:
            with closing(document[number - 1]) as page, closing(page.get_textpage()) as text:
                yield number, lines_of(_words(_characters(text, page.get_rotation(), number)))
        except pypdfium2.PdfiumError as error:
            raise FileDamaged(format="pdf", reason=str(error), page=number) from error


class _Character(NamedTuple):
    """A character and its box, turned as the page is shown; `y` is that of its baseline."""

    text: str
    left: float
    right: float
    y: float
    height: float


def _characters(text: pypdfium2.PdfTextPage, turned: int, page: int) -> Iterator[_Character]:
    """Every character of a page in the order they were written."""
    count = raw.FPDFText_CountChars(text)
    if count > MOST_CHARACTERS:
        raise FileExcessive(part=f"page {page}", size_mb=count >> 20, limit_mb=MOST_CHARACTERS >> 20)
    box, x, y = raw.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
    for index in range(count):
        code = raw.FPDFText_GetUnicode(text, index)
        raw.FPDFText_GetLooseCharBox(text, index, box)
        raw.FPDFText_GetCharOrigin(text, index, x, y)
        if code == SPACE and raw.FPDFText_IsGenerated(text, index):
            code = LINE_END  # nobody wrote it: there is a gap, and how wide it is has to be measured
        shown = "-" if code in HYPHENS else chr(code) if code <= sys.maxunicode else "\ufffd"
        across, along = abs(box.right - box.left), abs(box.top - box.bottom)
        if turned == 0:
            yield _Character(shown, box.left, box.right, y.value, along)
        elif turned == 90:
            yield _Character(shown, box.bottom, box.top, -x.value, across)
        elif turned == 180:
            yield _Character(shown, -box.right, -box.left, -y.value, along)
        else:
            yield _Character(shown, -box.top, -box.bottom, x.value, across)


def _words(characters: Iterable[_Character]) -> Iterator[Word]:
    """Characters put together where nothing is between them but a single space that was written."""
    word: list[_Character] = []
    space: _Character | None = None
    for character in characters:
        if character.text.isspace() or character.text == "\0":
            if word and (space is not None or character.text != " "):
                yield _word(word)
                word = []
            space = character if word else None
            continue
        if word and _is_apart(word[-1], character, SPACE_GAP if space is not None else LETTER_GAP):
            yield _word(word)
            word = []
        elif space is not None:
            word.append(space)
        word.append(character)
        space = None
    if word:
        yield _word(word)


def _is_apart(last: _Character, character: _Character, widest: float) -> bool:
    if abs(character.y - last.y) > WORD_STEP * last.height:
        return True
    return not -last.height < character.left - last.right < widest * last.height


def _word(characters: list[_Character]) -> Word:
    first = characters[0]
    text = "".join(character.text for character in characters)
    return Word(text, first.left, characters[-1].right, first.y, max(first.height, LEAST_HEIGHT))
