"""What a file states, about what: identities, contents, repeats. Pure.

The identity of a record is (source, account, external id, occurrence); its content is all it says. Both are
hashed, so that the database compares 16 bytes. Rows without a key are identified by their content
and the how-manieth equal row they are (decisions 5).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain, groupby, repeat
from uuid import UUID

from xxhash import xxh3_128_digest

from vhm24r.evidence.summary import Summary
from vhm24r.evidence.types import FIELD_NAMES
from vhm24r.intake.sources.declaration import Source
from vhm24r.intake.summing import summed
from vhm24r.intake.values import NULL, escape
from vhm24r.kit.ids import derived_id

SEPARATOR = "\x1f"
HASH_BYTES = 16
_NUMBER_AT = FIELD_NAMES.index("order_number")


@dataclass(frozen=True, slots=True)
class Repeat:
    """A row whose key this file has stated before with other values."""

    row: int
    key: str


@dataclass(slots=True)
class Seen:
    """What this file has stated so far: identity → first content and the others after it, how often a
    keyless content came, and a digest of it all that does not depend on format, sheet names or row numbers.
    """

    contents: dict[bytes, bytes] = field(default_factory=dict)
    others: dict[bytes, set[bytes]] = field(default_factory=dict)
    keyless: Counter[bytes] = field(default_factory=Counter)
    digest: "blake2b" = field(default_factory=lambda: blake2b(digest_size=16))


@dataclass(frozen=True, slots=True)
class Statements:
    """What some rows state, column by column: the rows lie on `sheet` and are numbered from `position`.

    `identities` and `contents` are hashes, one behind the other, and `texts` the canonical fields, a line for each
    row: they go from process to process in one piece. `keys` and `accounts` are texts for COPY. `occurrences` is empty
    where all are 0; `duplicates` are the places of rows that repeat a row of this file exactly, `repeats` the keys
    said twice. Of rows that were `recalled` nothing is there but the hashes.
    """

    position: int
    sheet: int
    rows: Sequence[int]
    identities: bytes
    contents: bytes
    accounts: Sequence[str]
    keys: Sequence[str]
    texts: bytes
    summary: Summary
    occurrences: list[int] = field(default_factory=list)
    duplicates: frozenset[int] = frozenset()
    repeats: list[Repeat] = field(default_factory=list)
    recalled: bool = False

    @property
    def count(self) -> int:
        """How many rows."""
        return len(self.rows)

    @property
    def is_plain(self) -> bool:
        """Whether each row has a key that no row before it has."""
        return not (self.occurrences or self.duplicates or self.repeats)

    @property
    def ends(self) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
        """Identity and content of the first and of the last of some rows."""
        first, last = slice(HASH_BYTES), slice(-HASH_BYTES, None)
        return (self.identities[first], self.contents[first]), (self.identities[last], self.contents[last])

    @property
    def lines(self) -> bytes:
        """COPY lines with all of it."""
        heads = [
            f"{place + self.position}\t{self.sheet}\t{row}\t{identity}\t{content}\t{occurrence}\t"
            f"{'t' if place in self.duplicates else 'f'}\t{account}\t{key}\t"
            for place, (row, identity, content, occurrence, account, key) in enumerate(
                zip(
                    self.rows, _written(self.identities), _written(self.contents), self.occurrences or [0] * self.count,
                    self.accounts, self.keys, strict=True,
                )
            )
        ]  # fmt: skip
        texts = self.texts.split(b"\n") if heads else []
        return b"".join(chain.from_iterable(zip(_encoded(heads), texts, repeat(b"\n", len(heads)), strict=True)))

    @property
    def outlines(self) -> bytes:
        """COPY lines with the place, identity and content alone."""
        hashes = zip(self.rows, _written(self.identities), _written(self.contents), strict=True)
        return "".join(
            f"{place}\t{self.sheet}\t{row}\t{identity}\t{content}\n"
            for place, (row, identity, content) in enumerate(hashes, self.position)
        ).encode()


def _written(hashes: bytes) -> list[str]:
    """Hashes that lie one behind the other, as digits."""
    return hashes.hex("\n", HASH_BYTES).split("\n") if hashes else []


@dataclass(frozen=True, slots=True)
class _Rows:
    """Canonical rows, and what is made of each of them whatever was stated before.

    `texts` are the fields joined for COPY, `lines` all of them encoded, `contents` their hashes.
    """

    source: Source
    fields: Mapping[str, list[str]]
    numbers: Sequence[int]
    sheet: int
    position: int
    accounts: Sequence[str]
    texts: list[str]
    lines: bytes
    contents: list[bytes]
    summary: Summary


def state(
    source: Source, fields: Mapping[str, list[str]], rows: Sequence[int], sheet: int, position: int, seen: Seen
) -> Statements:
    """What canonical columns (`FIELD_NAMES` and `extra`) state, numbered from `position`."""
    texts = list(map("\t".join, zip(*_fewer([fields[name] for name in (*FIELD_NAMES, "extra")]), strict=True)))
    lines = list(map(str.encode, texts))
    contents = list(map(xxh3_128_digest, lines))
    accounts = fields.get("account") or [escape(source.account) if source.account else NULL] * len(texts)
    numbers = fields["order_number"]
    if _numbers_orders(source):
        numbers = [number for number in numbers if number != NULL]
    summary = summed(fields, numbers, rows, sheet, position)
    stated = _Rows(source, fields, rows, sheet, position, accounts, texts, b"\n".join(lines), contents, summary)
    return _plain(stated, seen) or _careful(stated, seen)


def recalled(identities: bytes, contents: bytes, summary: Summary, seen: Seen) -> Statements | None:
    """Statements of which the hashes are known already; None when one of them was stated before in this file.

    `summary` is of consecutive rows.
    """
    if not _take(_apart(identities), _apart(contents), seen):
        return None
    (run,) = summary.runs
    rows = range(run.row, run.row + run.length)
    return Statements(run.position, run.sheet, rows, identities, contents, (), (), b"", summary, recalled=True)


def _apart(hashes: bytes) -> list[bytes]:
    """Hashes that lie one behind the other, one by one."""
    return [hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES)]


def _take(identities: list[bytes], contents: list[bytes], seen: Seen) -> bool:
    """Note rows as stated, if none of them was stated before."""
    if len(set(identities)) < len(identities) or not seen.contents.keys().isdisjoint(identities):
        return False
    seen.contents.update(zip(identities, contents, strict=True))
    seen.digest.update(b"".join(map(bytes.__add__, identities, contents)))  # row by row: chunks must not show in it
    return True


def _fewer(columns: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """The same texts in fewer columns: neighbours that are empty in every row are joined beforehand."""
    fewer: list[Sequence[str]] = []
    for empty, neighbours in groupby(columns, is_empty):
        group = list(neighbours)
        fewer += [["\t".join([NULL] * len(group))] * len(group[0])] if empty else group
    return fewer


def is_empty(column: Sequence[str]) -> bool:
    """Whether a canonical column says nothing in any row."""
    return not column or (column[0] == NULL and column.count(NULL) == len(column))


def _encoded(texts: Sequence[str]) -> list[bytes]:
    """Texts for COPY, which hold no line break, as UTF-8: encoded in one piece, which is cheaper."""
    return "\n".join(texts).encode().split(b"\n") if texts else []


def _plain(stated: _Rows, seen: Seen) -> Statements | None:
    """The common case, without a loop of decisions: every row has a key, and none was stated before."""
    source, fields, contents = stated.source, stated.fields, stated.contents
    if source.key is None:
        return None
    keys = [fields[source.key], *([fields["machine_code"]] if source.key_with_machine else [])]
    if any(NULL in column for column in keys):
        return None
    identified = map(SEPARATOR.join, zip(repeat(source.name), stated.accounts, *keys, repeat("0")))
    identities = list(map(xxh3_128_digest, map(str.encode, identified)))
    if not _take(identities, contents, seen):
        return None
    return Statements(
        stated.position, stated.sheet, stated.numbers, b"".join(identities), b"".join(contents), stated.accounts,
        fields[source.key], stated.lines, stated.summary,
    )  # fmt: skip


def _careful(stated: _Rows, seen: Seen) -> Statements:
    """Row by row: keyless rows, exact repeats (duplicates) and keys with other values (repeats)."""
    source, accounts = stated.source, stated.accounts
    rows = zip(
        stated.numbers, _keys(source, stated.fields), accounts, stated.texts, stated.contents, strict=True
    )  # fmt: skip
    identities: list[bytes] = []
    shown_keys: list[str] = []
    said: list[str] = []
    occurrences: list[int] = []
    repeats: list[Repeat] = []
    duplicates: set[int] = set()
    for place, (row, key, account, text, content) in enumerate(rows):
        shown, occurrence = key, 0
        if shown is None:
            occurrence = seen.keyless[content]
            seen.keyless[content] += 1
            shown = f"row-{content.hex()[:16]}"
        said.append(_numbered(text, content, occurrence) if key is None and _numbers_orders(source) else text)
        identity = _hash(f"{source.name}{SEPARATOR}{account}{SEPARATOR}{shown}{SEPARATOR}{occurrence}")
        seen.digest.update(identity + content)
        before = seen.contents.setdefault(identity, content)
        first = key is None or (before is content)
        others = seen.others.get(identity, set())
        if not first and (before == content or content in others):
            duplicates.add(place)
        elif not first:
            seen.others.setdefault(identity, set()).add(content)
            repeats.append(Repeat(row, _shown(shown)))
        identities.append(identity)
        shown_keys.append(_shown(shown))
        occurrences.append(occurrence)
    return Statements(
        stated.position, stated.sheet, stated.numbers, b"".join(identities), b"".join(stated.contents), accounts,
        shown_keys, "\n".join(said).encode(), stated.summary, occurrences, frozenset(duplicates), repeats,
    )  # fmt: skip


def _numbers_orders(source: Source) -> bool:
    """Whether a row of this source that has no key is an order all the same."""
    return source.makes_orders and source.key in ("order_number", None)


def _numbered(text: str, content: bytes, occurrence: int) -> str:
    """An order without a number gets one made of its facts."""
    facts = text.split("\t")
    if facts[_NUMBER_AT] != NULL:
        return text
    facts[_NUMBER_AT] = derived_id([content.hex(), str(occurrence)])
    return "\t".join(facts)


def _keys(source: Source, fields: Mapping[str, list[str]]) -> list[str | None]:
    """What identifies each record within its source; None where the row has no key."""
    if source.key is None:
        return [None] * len(fields["extra"])
    keys = fields[source.key]
    if source.key_with_machine:
        return list(_with_machine(keys, fields["machine_code"]))
    return [None if key == NULL else key for key in keys]


def _with_machine(keys: Sequence[str], machines: Sequence[str]) -> Iterator[str | None]:
    for key, machine in zip(keys, machines, strict=True):
        yield None if key == NULL else key if machine == NULL else f"{key}{SEPARATOR}{machine}"


def _shown(key: str | None) -> str:
    """The external id people know: without the machine it is qualified by."""
    return (key or "").partition(SEPARATOR)[0]


def identity_of(source: str, account: str | None, key: str) -> UUID:
    """The identity of the record that a source knows by this key; `account` where it has several."""
    told = escape(account) if account else NULL
    return UUID(bytes=_hash(SEPARATOR.join((source, told, escape(key), "0"))))


def _hash(text: str) -> bytes:
    """16 bytes of a text, made to tell texts apart and to guard nothing: whoever may import may state any key
    anyway, so two texts that collide on purpose gain nobody more.
    """
    return xxh3_128_digest(text.encode())
