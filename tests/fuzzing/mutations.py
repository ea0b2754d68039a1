"""Ways to damage a file: bits, ends, blocks, lengths, words. One seed, one damage."""

import random
import re
from collections.abc import Sequence

from tests.fuzzing.honest import Honest

MOST_BYTES = 4 * 1024 * 1024
"""A damaged file stays small: size is what the hostile corpus is about."""

LENGTHS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF, 2**63 - 1)
WORDS = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n\n", b'"', b'""', b",", b";", b"\t", b"|", b"=1+1", b"9" * 400,
    b"<", b">", b"</", b"/>", b"&amp;", b"&#x10FFFF;", b"&#0;", b"<![CDATA[", b"<!--", b"<?x?>", b"<!DOCTYPE a>",
    b"[", b"]", b"{", b"}", b":", b"\\u", b"\\ud800", b"1e999", b"-0", b"NaN", b"null", "ё".encode(), b"\xed\xa0\x80",
    b"stream", b"endobj", b"/Length 99999999", b"<<", b">>", b"obj", b"PK\x05\x06", b"Rar!",
    b"colspan=99999999", b'r="XFD1048576"', b'ss:Index="99999999"',
)  # fmt: skip
_DIGITS = re.compile(rb"\d+")


def damaged(honest: Honest, others: Sequence[Honest], chance: random.Random) -> bytes:
    """The file with one to four kinds of damage; where it can be packed again, half of the time inside."""
    if honest.packed is not None and chance.random() < 0.5:
        parts = dict(honest.parts)
        name = chance.choice(sorted(parts))
        parts[name] = _several(parts[name], others, chance)
        return honest.packed(parts)
    return _several(honest.content, others, chance)


def _several(content: bytes, others: Sequence[Honest], chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        content = _once(bytearray(content), others, chance)[:MOST_BYTES]
    return content


def _once(content: bytearray, others: Sequence[Honest], chance: random.Random) -> bytes:
    if not content:
        return chance.choice(WORDS)
    at, to = sorted(chance.randrange(len(content) + 1) for _ in range(2))
    kind = chance.randrange(9)
    if kind == 0:
        for _ in range(2 ** chance.randrange(8)):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    elif kind == 1:
        del content[at:]
    elif kind == 2:
        del content[at:to]
    elif kind == 3:
        other = chance.choice(others).content
        content[at:] = other[chance.randrange(len(other)) :]
    elif kind == 4:
        block = content[at : min(to, at + 2_000)]
        content[at:at] = block * chance.choice((1, 2, 10, 200))
    elif kind == 5:
        size = chance.choice((1, 2, 4, 8))
        value = chance.choice(LENGTHS) & (2 ** (8 * size) - 1)
        content[at : at + size] = value.to_bytes(size, chance.choice(("little", "big")))
    elif kind == 6:
        numbers = list(_DIGITS.finditer(content))
        if numbers:
            number = chance.choice(numbers)
            content[number.start() : number.end()] = b"%d" % chance.choice((*LENGTHS, -1, 10**40))
    elif kind == 7:
        content[at:at] = chance.choice(WORDS) * chance.choice((1, 1, 1, 50))
    else:
        content[at : at + chance.choice((1, 16, 512))] = chance.randbytes(chance.choice((1, 16, 512)))
    return bytes(content)
