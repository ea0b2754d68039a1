"""Originals under their own hash: a local folder, or anything S3-compatible, by URL."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from vhm24r.kit.errors import NotFound

CHUNK = 1024 * 1024
PARTS_AT_ONCE = 3
"""Parts of a large file on their way to the store: each takes 5 MiB of memory."""


class BlobMissing(NotFound):
    """The store has no such content."""

    code = "platform.blob_missing"


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file's bytes, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _copy(path: Path, target: Path) -> None:
    """Put a file in its place at once, or not at all. The system copies without passing the bytes through us, in a
    fraction of the time that the store's library takes.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    arriving = target.with_name(f"{target.name}#{uuid4().hex}")
    try:
        shutil.copyfile(path, arriving)
        arriving.replace(target)
    finally:
        arriving.unlink(missing_ok=True)


class BlobStore:
    """Content-addressed: the key of a blob is the SHA-256 of its bytes, so nothing is kept twice."""

    def __init__(self, url: str) -> None:
        """`url` is a folder or `s3://bucket/prefix` (credentials from the usual AWS variables)."""
        self.url = url
        self._folder: Path | None = None
        if "://" in url:
            self._store: ObjectStore = from_url(url)
        else:
            self._folder = Path(url).absolute()
            self._folder.mkdir(parents=True, exist_ok=True)
            self._store = LocalStore(prefix=str(self._folder))

    @staticmethod
    def _key(sha256: str) -> str:
        return f"blobs/{sha256[:2]}/{sha256}"

    async def put(self, path: Path, sha256: str) -> bool:
        """Keep the file under its hash; False when it was there already."""
        if await self.has(sha256):
            return False
        if self._folder is not None:
            await asyncio.to_thread(_copy, path, self._folder / self._key(sha256))
            return True
        await obstore.put_async(self._store, self._key(sha256), path, max_concurrency=PARTS_AT_ONCE)
        return True

    async def has(self, sha256: str) -> bool:
        """Whether this content is kept."""
        try:
            await obstore.head_async(self._store, self._key(sha256))
        except FileNotFoundError:
            return False
        return True

    async def stream(self, sha256: str) -> AsyncIterator[bytes]:
        """The bytes, in chunks.

        Raises:
            BlobMissing: there is no such content.
        """
        try:
            result = await obstore.get_async(self._store, self._key(sha256))
        except FileNotFoundError as error:
            raise BlobMissing(sha256=sha256) from error
        async for chunk in result.stream(min_chunk_size=CHUNK):
            yield bytes(chunk)

    async def local_copy(self, sha256: str, folder: Path) -> Path:
        """A readable local file with this content: the kept one itself, or a download into `folder`.

        Raises:
            BlobMissing: there is no such content.
        """
        if self._folder is not None:
            path = self._folder / self._key(sha256)
            if not path.exists():
                raise BlobMissing(sha256=sha256)
            return path
        target = folder / sha256
        with target.open("wb") as file:
            async for chunk in self.stream(sha256):
                file.write(chunk)
        return target

    async def check(self) -> None:
        """Prove that the store can be written to and read from; raises what the store raises."""
        probe = b"vhm24r"
        await obstore.put_async(self._store, "probe", probe)
        result = await obstore.get_async(self._store, "probe")
        if bytes(await result.bytes_async()) != probe:
            raise OSError(f"{self.url} gave back other bytes than were written")
