"""Read the files of a store: their names page by page, a small one whole, a large one in blocks."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator

from trajdata._store.protocol import ReadableStore, Store

__all__ = ["file_sha256", "listed_names", "overlapped", "put_bytes", "read_blocks", "read_whole"]


def listed_names(store: ReadableStore, prefix: str) -> Iterator[str]:
    """Names of what lies directly below a prefix, or in the store for "", in any order."""
    for page in store.list(prefix):
        for item in page:
            yield item.name


def read_whole(store: ReadableStore, name: str, limit: int) -> bytes | None:
    """A small file, or None if there is no such file.

    At most ``limit`` + 1 bytes are read: a file that is longer than ``limit`` is then refused by
    the parser, which has the same limit.
    """
    return store.read(name, 0, limit + 1)


def read_blocks(store: ReadableStore, name: str, block_bytes: int) -> Iterator[bytes]:
    """A whole file in blocks of ``block_bytes``; the last one may be shorter.

    Raises:
        FileNotFoundError: there is no such file.
    """
    start = 0
    while True:
        block = store.read(name, start, block_bytes)
        if block is None:
            raise FileNotFoundError(2, "No such file or directory", store.path(name))
        if block:
            yield block
        if len(block) < block_bytes:
            return
        start += len(block)


class _Next(threading.Thread):
    """Takes the next of some blocks, or what is raised in its place."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        # A block that nobody waits for any more is no reason to keep a process.
        super().__init__(name="trajdata-block", daemon=True)
        self._blocks = blocks
        self._found: bytes | None = None
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._found = next(self._blocks, None)
        except BaseException as error:
            self._error = error

    def result(self) -> bytes | None:
        self.join()  # as long as a request takes, which has limits of its own
        if self._error is not None:
            raise self._error
        return self._found


def overlapped(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same blocks; while one is used, a thread waits for the next. Two are in memory then."""
    coming = _Next(blocks)
    while (block := coming.result()) is not None:
        coming = _Next(blocks)
        yield block


def file_sha256(store: ReadableStore, name: str) -> str:
    """SHA-256 (hex) of a file."""
    digest = hashlib.sha256()
    for block in read_blocks(store, name, 2**20):
        digest.update(block)
    return digest.hexdigest()


def put_bytes(store: Store, name: str, data: bytes, *, durable: bool = True) -> None:
    """``Store.put`` of a small file."""
    store.put(name, [memoryview(data)], len(data), durable=durable)
