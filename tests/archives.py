"""ZIP and RAR archives of any kind, honest and not, written byte by byte by the tests themselves."""

import struct
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LINK_MODE = 0o120777
DEVICE_MODE = 0o020666
FOLDER_MODE = 0o040755
FILE_MODE = 0o100644

UTF8_NAME = 0x800
ZIP_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Packed:
    """A member of an archive to be written; None where the truth is to be told.

    `mode` is the type and rights of Unix, `size` and `crc` what the headers claim of the data.
    """

    name: str | bytes
    data: bytes = b""
    mode: int = 0
    encrypted: bool = False
    size: int | None = None
    crc: int | None = None
    method: int = zipfile.ZIP_DEFLATED
    target: str | None = None

    @property
    def claimed_size(self) -> int:
        """Bytes of the unpacked data, if the header is believed."""
        return len(self.data) if self.size is None else self.size

    @property
    def claimed_crc(self) -> int:
        """The checksum, if the header is believed."""
        return zlib.crc32(self.data) if self.crc is None else self.crc


def zip_archive(members: Iterable[Packed], *, prefix: bytes = b"", comment: bytes = b"") -> bytes:
    """A ZIP archive; a name given as bytes is written as it is and does not say that it is UTF-8."""
    body, directory, count = bytearray(prefix), bytearray(), 0
    for member in members:
        local, record = _zip_member(member, len(body))
        body += local
        directory += record
        count += 1
    return bytes(body) + bytes(directory) + zip_end(count, len(directory), len(body), comment)


def zip_end(count: int, size: int, offset: int, comment: bytes = b"") -> bytes:
    """What ends an archive: entries, bytes and place of the directory."""
    count = min(count, 0xFFFF)
    return struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, size, offset, len(comment)) + comment


def zip_end_64(count: int, size: int, offset: int) -> bytes:
    """The same in 64 bits, its locator, and the old end that points to them."""
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, offset + size, 1)
    return record + locator + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, *[0xFFFF] * 2, *[0xFFFFFFFF] * 2, 0)


def _zip_member(member: Packed, offset: int) -> tuple[bytes, bytes]:
    """The local header with its data, and the record of the directory."""
    name = member.name.encode() if isinstance(member.name, str) else member.name
    flags = UTF8_NAME * isinstance(member.name, str) | ZIP_ENCRYPTED * member.encrypted
    data = _deflated(member.data) if member.method == zipfile.ZIP_DEFLATED else member.data
    common = struct.pack(
        "<5H3L2H", 20, flags, member.method, 0, 0x21, member.claimed_crc, len(data), member.claimed_size, len(name), 0
    )
    local = b"PK\x03\x04" + common + name + data
    rest = struct.pack("<3H2L", 0, 0, 0, member.mode << 16, offset)
    return local, b"PK\x01\x02" + struct.pack("<H", 3 << 8 | 20) + common + rest + name


def _deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def overlapping_zip(kernel: bytes, copies: int) -> bytes:
    """An archive whose many members are all the same bytes."""
    local, _ = _zip_member(Packed("0", kernel), 0)
    directory = b"".join(_zip_member(Packed("0", kernel), 0)[1] for _ in range(copies))
    return local + directory + zip_end(copies, len(directory), len(local))


def zip_of_many(count: int) -> bytes:
    """An archive of `count` empty members."""
    return zip_archive(Packed(f"{number}.csv", method=zipfile.ZIP_STORED) for number in range(count))


# RAR of the generations 1.5 to 4: blocks of a 16-bit checksum, type, flags, size


def rar4(members: Sequence[Packed], *, flags: int = 0, solid: bool = False, end: bool = True) -> bytes:
    """A RAR archive of the older format with stored members; `flags` are those of its main header."""
    main = _block4(0x73, flags | 0x8 * solid, bytes(6))
    blocks = [_member4(member, solid=solid and number > 0) for number, member in enumerate(members)]
    return b"Rar!\x1a\x07\x00" + main + b"".join(blocks) + (_block4(0x7B, 0x4000, b"") if end else b"")


def _member4(member: Packed, *, solid: bool) -> bytes:
    name = member.name.encode() if isinstance(member.name, str) else member.name
    folder = 0xE0 if member.mode == FOLDER_MODE else 0
    flags = 0x8000 | folder | 0x200 * isinstance(member.name, str) | 0x4 * member.encrypted | 0x10 * solid
    fields = struct.pack(
        "<2LB2L2BHL",
        len(member.data),
        member.claimed_size,
        3,  # Unix
        member.claimed_crc,
        0x21,
        29,
        0x30,  # stored
        len(name),
        member.mode or FILE_MODE,
    )
    return _block4(0x74, flags, fields + name) + member.data


def _block4(kind: int, flags: int, fields: bytes) -> bytes:
    header = struct.pack("<BHH", kind, flags, 7 + len(fields)) + fields
    return struct.pack("<H", zlib.crc32(header) & 0xFFFF) + header


# RAR from generation 5 on: blocks of a 32-bit checksum and numbers of variable length

HARD_LINK = 4
SYMLINK = 1


def rar5(
    members: Sequence[Packed],
    *,
    flags: int = 0,
    solid: bool = False,
    end: bool = True,
    with_crc: bool = True,
    encrypted_headers: bool = False,
) -> bytes:
    """A RAR archive of the newer format with stored members; `flags` are those of its main header.

    A member with `target` is a link to it.
    """
    start = b"Rar!\x1a\x07\x01\x00"
    if encrypted_headers:
        return start + _block5(4, 0, _numbers(0, 0) + b"\x0f" + bytes(16)) + bytes(64)
    main = _block5(1, 0, _numbers(flags | 0x4 * solid))
    blocks = [_member5(member, solid=solid and number > 0, with_crc=with_crc) for number, member in enumerate(members)]
    return start + main + b"".join(blocks) + (_block5(5, 0, _numbers(0)) if end else b"")


def _member5(member: Packed, *, solid: bool, with_crc: bool) -> bytes:
    name = member.name.encode() if isinstance(member.name, str) else member.name
    file_flags = 0x1 * (member.mode == FOLDER_MODE) | 0x4 * with_crc
    fields = (
        _numbers(file_flags, member.claimed_size, member.mode or FILE_MODE)
        + (struct.pack("<L", member.claimed_crc) if with_crc else b"")
        + _numbers(0x40 * solid, 1, len(name))
        + name
    )
    return _block5(2, 0x2, fields, data_size=len(member.data), extra=_extra5(member)) + member.data


def _extra5(member: Packed) -> bytes:
    """The records of a link and of a password."""
    records = []
    if member.target is not None:
        kind = SYMLINK if member.mode == LINK_MODE else HARD_LINK
        records.append(_numbers(5, kind, 0, len(member.target.encode())) + member.target.encode())
    if member.encrypted:
        records.append(_numbers(1, 0, 0) + b"\x0f" + bytes(32))
    return b"".join(_numbers(len(record)) + record for record in records)


def _block5(kind: int, flags: int, fields: bytes, *, data_size: int | None = None, extra: bytes = b"") -> bytes:
    sizes = (_numbers(len(extra)) if extra else b"") + (b"" if data_size is None else _numbers(data_size))
    body = _numbers(kind, flags | 0x1 * bool(extra)) + sizes + fields + extra
    sized = _numbers(len(body)) + body
    return struct.pack("<L", zlib.crc32(sized)) + sized


def _numbers(*values: int) -> bytes:
    """Numbers of variable length: seven bits a byte, the lowest first."""
    return b"".join(map(_number, values))


def _number(value: int) -> bytes:
    low = [value >> shift & 0x7F for shift in range(0, max(value.bit_length(), 1), 7)]
    return bytes(part | 0x80 for part in low[:-1]) + bytes(low[-1:])


def numbered(count: int, data: bytes = b"a,b\n1,2\n") -> list[Packed]:
    """Some small honest reports."""
    return [Packed(f"report-{number}.csv", data) for number in range(count)]
