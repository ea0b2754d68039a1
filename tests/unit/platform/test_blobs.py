"""Originals in a local folder: kept once under their hash, streamed, missed by name."""

import hashlib
from pathlib import Path

import pytest

from vhm24r.platform.blobs import CHUNK, BlobMissing, BlobStore, file_sha256

pytestmark = pytest.mark.unit

CONTENT = b"report" * 500_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def original(tmp_path: Path) -> Path:
    path = tmp_path / "report.csv"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(str(tmp_path / "deep" / "files"))


@pytest.mark.parametrize("content", [b"", b"x", CONTENT, b"y" * CHUNK, b"z" * (CHUNK + 1)], ids=len)
def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    assert file_sha256(path) == hashlib.sha256(content).hexdigest()


async def test_a_file_is_kept_once_under_its_hash(store: BlobStore, original: Path, tmp_path: Path) -> None:
    assert not await store.has(SHA256)

    assert await store.put(original, SHA256) is True
    assert await store.put(original, SHA256) is False

    assert await store.has(SHA256)
    kept = files_below(tmp_path / "deep")
    assert kept == [tmp_path / "deep" / "files" / "blobs" / SHA256[:2] / SHA256]
    assert kept[0].read_bytes() == CONTENT


async def test_kept_bytes_come_back_in_chunks(store: BlobStore, original: Path) -> None:
    await store.put(original, SHA256)

    chunks = [chunk async for chunk in store.stream(SHA256)]

    assert b"".join(chunks) == CONTENT
    assert len(chunks) > 1


async def test_a_local_copy_of_a_local_store_is_the_kept_file_itself(
    store: BlobStore, original: Path, tmp_path: Path
) -> None:
    await store.put(original, SHA256)

    path = await store.local_copy(SHA256, tmp_path / "elsewhere")

    assert path.read_bytes() == CONTENT
    assert not (tmp_path / "elsewhere").exists()


async def test_a_local_copy_of_another_store_is_downloaded(original: Path, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    store = BlobStore((tmp_path / "files").as_uri())
    await store.put(original, SHA256)
    folder = tmp_path / "elsewhere"
    folder.mkdir()

    path = await store.local_copy(SHA256, folder)

    assert path == folder / SHA256
    assert path.read_bytes() == CONTENT


async def test_content_that_is_not_kept_is_missed_by_its_hash(store: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(BlobMissing) as streamed:
        [chunk async for chunk in store.stream(SHA256)]
    with pytest.raises(BlobMissing) as copied:
        await store.local_copy(SHA256, tmp_path)

    assert streamed.value.params == copied.value.params == {"sha256": SHA256}
    assert streamed.value.status == 404


async def test_a_store_proves_that_it_keeps_what_is_written(store: BlobStore) -> None:
    await store.check()
    await store.check()


async def test_a_store_whose_folder_vanished_and_cannot_be_made_fails_the_proof(tmp_path: Path) -> None:
    store = BlobStore(str(tmp_path / "files"))
    (tmp_path / "files").rmdir()
    (tmp_path / "files").write_bytes(b"a file in its place")

    with pytest.raises(Exception, match="files"):
        await store.check()
