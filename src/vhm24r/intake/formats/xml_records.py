"""XML: repeating elements as records, read to the end with no more of the tree held than a block."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, cast

from lxml import etree

from vhm24r.intake.errors import FileDamaged, ForbiddenContent, TooDeep
from vhm24r.intake.formats.encodings import decoded
from vhm24r.intake.formats.openings import begins_xml
from vhm24r.intake.formats.protocol import Sample
from vhm24r.intake.formats.spool import Spool, Spools
from vhm24r.intake.formats.spreadsheet_xml import WORKBOOK, read_workbook
from vhm24r.intake.formats.xml_alike import Alike, alike
from vhm24r.intake.types import ReadAgain, Table

NAME = "xml"
DEEPEST = 64
BLOCK_BYTES = 512 * 1024

FIRST_BLOCKS = 3
"""So many are read before records are alike or not: one in which the first stands, and one that shows it has ended."""

PROLOG_BYTES = 64
"""What is parsed at once until the root element is met: nothing a DOCTYPE declares is used before it is refused."""

LONGEST_PROLOG = 64 * 1024
"""What of it is searched for a DOCTYPE when the parser stumbles."""

SAFE: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


_IS_NESTED = etree.XPath("boolean(*/@*) or boolean(*/*/@*) or boolean(*/*/*)")
"""Whether a child of an element is more than a list of texts: asked of libxml2 once, not of each child in Python."""


class XmlRecords:
    """Records written as XML; the row of record n is n, its cells are attributes and child elements.

    Workbooks of the spreadsheet XML of 2003 are read as sheets with rows of cells.
    """

    name = NAME

    def recognises(self, sample: Sample) -> bool:
        """Text that begins as an XML document and is no web page."""
        text = decoded(sample.head)
        return text is not None and begins_xml(text)

    def tables(self, path: Path) -> Iterator[Table]:
        """Every group of repeating elements is a table, named by their path; read to the end before the first row.

        Raises:
            FileDamaged: it is not XML to its end.
            ForbiddenContent: it has a DOCTYPE.
            TooDeep: elements in elements beyond DEEPEST.
            FileExcessive: it unfolds to an absurd number of cells.
        """
        spools = Spools(NAME, path)
        for _ in _reading(path, spools, hasty=False):
            pass
        yield from spools.tables()

    def growing_tables(self, path: Path) -> Iterator[Table]:
        """The same, as far as it goes, while it is read.

        Raises:
            ReadAgain: there is more than one group of records, or no XML behind those that are; and as `tables`.
        """
        if _is_workbook(path):  # whose sheets are tables from the start
            yield from self.tables(path)
            return
        spools = Spools(NAME, path, growing=True)
        yield from spools.grown(_reading(path, spools, hasty=True))


def _is_workbook(path: Path) -> bool:
    with path.open("rb") as file, suppress(etree.XMLSyntaxError):
        return _root_tag(file) == WORKBOOK
    return False


def _reading(path: Path, spools: Spools, *, hasty: bool) -> Iterator[None]:
    """Read to the end, with a step for each block; who is `hasty` makes no tree of records that are written alike."""
    try:
        with path.open("rb") as file:
            root = _root_tag(file)
            file.seek(0)
            if root == WORKBOOK:
                read_workbook(file, spools, SAFE)
            else:
                yield from _read_records(_blocks(file), root, _Harvest(spools), hasty=hasty)
    except etree.XMLSyntaxError as error:
        if "depth" in str(error):
            raise TooDeep(most=DEEPEST) from error
        raise FileDamaged(format=NAME, reason=str(error)) from error


def _root_tag(file: BinaryIO) -> str:
    """The name of the root element.

    Raises:
        ForbiddenContent: there is a DOCTYPE above it.
        XMLSyntaxError: there is no root element.
    """
    parser = etree.XMLPullParser(events=("start",), **SAFE)
    seen = b""
    try:
        while block := file.read(PROLOG_BYTES):
            seen = (seen + block)[:LONGEST_PROLOG]
            parser.feed(block)
            for _, root in parser.read_events():
                return _checked_tag(cast("etree._Element", root))
        return _checked_tag(parser.close())
    except etree.XMLSyntaxError:
        if b"<!DOCTYPE" in seen.replace(b"\x00", b""):  # what it declares is already too much for the parser
            raise ForbiddenContent(what="DOCTYPE") from None
        raise


def _checked_tag(root: etree._Element) -> str:
    if root.getroottree().docinfo.internalDTD is not None:
        raise ForbiddenContent(what="DOCTYPE")
    return str(root.tag)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(BLOCK_BYTES):
        yield block


def _read_records(
    blocks: Iterator[bytes], root_tag: str, harvest: "_Harvest", *, hasty: bool = False
) -> Iterator[None]:
    """Parse block by block; what is complete is taken out of the tree after each."""
    parser = etree.XMLPullParser(events=("start",), tag=root_tag, **SAFE)
    root: etree._Element | None = None
    first = b""
    for number, block in enumerate(blocks):
        parser.feed(block)
        for _, started in parser.read_events():
            root = cast("etree._Element", started) if root is None else root
        if root is not None:
            harvest.partly(root)
        yield
        if hasty and number < FIRST_BLOCKS:
            first += block
            found = harvest.alike(first)
            if found is not None:
                yield from _read_alike(first, blocks, root_tag, harvest, *found)
                return
    harvest.wholly(parser.close())


def _read_alike(
    first: bytes, blocks: Iterator[bytes], root_tag: str, harvest: "_Harvest", pattern: Alike, spool: Spool
) -> Iterator[None]:
    """Records by their pattern; from the first one on that does not fit, a parser reads the rest as if nothing stood
    between the root element and it. The tree has given out records of the `first` bytes already: those in the spool.

    Raises:
        ReadAgain: the rest is no XML; where it is not, a parser that has seen all of it can say.
    """
    data, given = first[len(pattern.head) :], spool.count
    for block in chain([b""], blocks):
        data += block
        rows, used = pattern.take(data, SAFE)
        for row in rows[given:]:
            spool.add(row)
        given = 0
        data = data[used:]
        if pattern.ends in data or len(data) > BLOCK_BYTES:
            break
        yield
    after = next(blocks, b"")
    if not after and pattern.tail.fullmatch(data):
        return
    try:
        yield from _read_records(chain([pattern.head, data, after], blocks), root_tag, harvest)
    except (etree.XMLSyntaxError, TooDeep) as error:
        raise ReadAgain from error


class _Place:
    """An element of the plan: a record if it has a spool, an element around records otherwise."""

    __slots__ = ("children", "depth", "path", "spool", "usual")

    def __init__(self, path: tuple[str, ...]) -> None:
        self.path = path
        self.depth = len(path)
        self.spool: Spool | None = None
        self.children: dict[str, _Place] = {}
        self.usual: list[str] = []
        """Tags of a record of nothing but texts whose names are the columns of the spool, in their order."""


class _Group:
    """What is known of the elements of one path: how many stand side by side, how many fields they have.

    `leaves` are attributes and children with nothing but text; `fields` all that is within.
    """

    __slots__ = ("fields", "leaves", "most")

    def __init__(self) -> None:
        self.most = 1
        self.fields = 0
        self.leaves = 0


class _Harvest:
    """Takes complete records out of a tree that is still growing at its last leaf."""

    def __init__(self, spools: Spools) -> None:
        self._spools = spools
        self._top = _Place(())
        self._waiting: etree._Element | None = None

    def partly(self, root: etree._Element) -> None:
        """Take what is complete: all but the last child of every open element, whose end is not read yet."""
        self._open(root, self._top)

    def wholly(self, root: etree._Element) -> None:
        """Take the rest of a document that is read to its end."""
        self._take(root, self._top)

    def alike(self, first: bytes) -> tuple[Alike, Spool] | None:
        """The pattern of a document that begins with `first`, and where its records are put by, if all that were taken
        fit it.
        """
        places = [place for root in self._top.children.values() for place in root.children.values()]
        if len(places) != 1 or places[0].spool is None or not places[0].usual:
            return None
        spool, (root, record) = places[0].spool, places[0].path
        pattern = alike(first, root, record, places[0].usual)
        if pattern is None or len(pattern.take(first[len(pattern.head) :], SAFE)[0]) < spool.count:
            return None
        return pattern, spool

    def _open(self, element: etree._Element, parent: _Place) -> None:
        place = parent.children.get(str(element.tag))
        if place is None:
            if self._waiting is not element:
                self._waiting = element  # too little of it may be read to know what it is
                return
            place = self._plan(element, parent)
        if place is None or place.spool is not None or not len(element):
            return
        complete = element[:-1]  # type: ignore[index]  # the stubs know no slices
        take = self._take if _IS_NESTED(element) else self._take_flat
        for child in complete:
            take(child, place)
        del element[: len(complete)]
        self._open(element[0], place)

    def _take(self, element: etree._Element, parent: _Place) -> None:
        """Put by a complete record, or those within a complete element."""
        place = parent.children.get(str(element.tag)) or self._plan(element, parent)
        if place is None:
            return
        if place.spool is not None:
            place.spool.add_record(_record(element, place.depth))
            return
        for child in element:
            self._take(child, place)

    def _take_flat(self, element: etree._Element, parent: _Place) -> None:
        """The same for an element without attributes whose children are nothing but texts: most records are such, and
        made alike.
        """
        place = parent.children.get(str(element.tag))
        text = element.text
        if place is None or place.spool is None or (text is not None and text.strip()):
            self._take(element, parent)
            return
        tags = [child.tag for child in element]
        if tags == place.usual and len(tags) == len(place.spool.columns):
            place.spool.add([child.text or "" for child in element])
            return
        self._take(element, parent)
        if list(map(_local, tags)) == list(place.spool.columns):
            place.usual = tags

    def _plan(self, element: etree._Element, parent: _Place) -> _Place | None:
        """Decide which elements are records, here or below; None when there is nothing but text."""
        groups: dict[tuple[str, ...], _Group] = {}
        _survey(element, (*parent.path, str(element.tag)), groups)
        chosen: list[tuple[str, ...]] = []
        for path in sorted(groups, key=lambda path: -groups[path].most):
            group = groups[path]
            if group.most > 1 and group.fields and not any(_is_within(path, other) for other in chosen):
                chosen.append(path)
        if not chosen:
            richest = max(groups, key=lambda path: groups[path].leaves)
            chosen = [richest] if groups[richest].leaves else []
        for path in sorted(chosen, key=list(groups).index):
            self._mark(path)
        return parent.children.get(str(element.tag))

    def _mark(self, path: tuple[str, ...]) -> None:
        place = self._top
        for depth, tag in enumerate(path, 1):
            place = place.children.setdefault(tag, _Place(path[:depth]))
        place.spool = self._spools[".".join(map(_local, path))]


def _is_within(path: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether one of the two paths leads through the other."""
    shorter = min(len(path), len(other))
    return path[:shorter] == other[:shorter]


def _survey(element: etree._Element, path: tuple[str, ...], groups: dict[tuple[str, ...], _Group]) -> None:
    """Count elements side by side and their fields, by path, for `element` and all within.

    Raises:
        TooDeep: elements in elements beyond DEEPEST.
    """
    _check_depth(len(path))
    group = groups.setdefault(path, _Group())
    attributes = len(element.attrib)
    group.fields = max(group.fields, attributes + len(element))
    group.leaves = max(group.leaves, attributes + sum(1 for child in element if not len(child)))
    beside: dict[str, int] = {}
    for child in element:
        tag = str(child.tag)
        beside[tag] = beside.get(tag, 0) + 1
        _survey(child, (*path, tag), groups)
    for tag, count in beside.items():
        within = groups[*path, tag]
        within.most = max(within.most, count)


def _check_depth(depth: int) -> None:
    if depth > DEEPEST:
        raise TooDeep(most=DEEPEST)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _record(element: etree._Element, depth: int) -> dict[str, str]:
    """The fields of a record by name."""
    fields: dict[str, str] = {}
    _collect(element, "", fields, depth)
    text = element.text
    if text is not None and text.strip():
        _put(fields, _local(str(element.tag)), text.strip())
    return fields


def _collect(element: etree._Element, prefix: str, fields: dict[str, str], depth: int) -> None:
    """Attributes and children of `element` as fields, those of a child under `parent.child`."""
    _check_depth(depth)
    for key, value in element.items():
        _put(fields, prefix + _local(str(key)), str(value))
    for child in element:
        tag = child.tag
        name = prefix + (tag if tag[0] != "{" else _local(tag))
        text = child.text
        if len(child) or child.keys():
            _collect(child, name + ".", fields, depth + 1)
            if len(child):
                text = text and text.strip()
                if not text:
                    continue
        if name in fields:
            _put(fields, name, text or "")
        else:
            fields[name] = text or ""


def _put(fields: dict[str, str], name: str, text: str) -> None:
    """Set a field; one that repeats is joined."""
    before = fields.get(name)
    fields[name] = f"{before}; {text}" if before and text else before or text
