"""A prefix of a bucket as a store: the verbs in terms of requests to an object store.

A request is never repeated by the library below, only here, where it is known what a repetition
may meet: a PUT whose reply was lost has happened, a conditional one then finds its own object.
"""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from trajdata._errors import ArgumentError
from trajdata._store.far import FarCalls, has_forked, threads_begin
from trajdata._store.names import ASIDE
from trajdata._store.protocol import PAGE, Listed, Page
from trajdata._store.ranges import listed_names

__all__ = ["BucketStore"]

_SCHEMES = ("s3", "gs", "az")
_REQUEST_SECONDS = 60
"""Time limit of a request on a small object."""
_LARGE = 8 * 2**20
"""Bytes from which on an object is large."""
_LARGE_REQUEST_SECONDS = 600
"""Time limit of a request on a large object: 128 MiB at 220 KiB/s."""
_CONNECT_SECONDS = 10
_SILENT_SECONDS = 30
"""How long a server may say nothing while it sends a body."""
_ATTEMPTS = 6
_FIRST_PAUSE_SECONDS = 0.2
"""Pause before the second attempt; each further one is twice as long."""

_STATUS = re.compile(r"status code: (\d{3})")
_WORTH_REPEATING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_REFUSALS = ("PermissionDeniedError", "UnauthenticatedError")
_NO_SUCH_RANGE = 416
_LAST_LETTER = "\U0010ffff"
_REMOVED_AT_ONCE = 1000
_CONFLICT = 409

_T = TypeVar("_T")


class BucketStore:
    """A prefix of a bucket as a ``Store``.

    An object is put by one request with its checksum, never in parts, so nothing half is ever left
    behind. Any number of machines may write at once: the recipe is created by whoever is first,
    and a shard that two of them make is the same bytes.

    It can be pickled, and looks for credentials anew where it arrives: they are taken from the
    environment, or from the machine's role, and are in no recipe, log or error.

    Args:
        url: ``s3://bucket/prefix``, ``gs://bucket/prefix`` or ``az://container/prefix``.

    Raises:
        ArgumentError: a URL of another kind, or one that holds credentials.
        ImportError: obstore is not installed.
    """

    def __init__(self, url: str) -> None:
        self.where = _checked(url)
        self._small = _client(self.where, _REQUEST_SECONDS)
        self._large = _client(self.where, _LARGE_REQUEST_SECONDS)
        self._far = FarCalls(BucketStore, self.where)

    def __reduce__(self) -> tuple[object, ...]:
        return BucketStore, (self.where,)

    def __repr__(self) -> str:
        return f"BucketStore({self.where!r})"

    def path(self, name: str) -> str:
        """URL of an object."""
        return f"{self.where}/{name}" if name else self.where

    def list(self, prefix: str) -> Iterator[Page]:
        """What lies directly below a prefix, a page for each request; see ``Store.list``."""
        after: str | None = None
        while True:
            page, after = self.page(prefix, after)
            if page:
                yield page
            if after is None:
                return

    def page(self, prefix: str, after: str | None) -> tuple[Page, str | None]:
        """The page of a listing that comes after an object, and the object after which the next one
        comes; None after the last."""
        if has_forked():
            return self._far.call("page", prefix, after)  # type: ignore[no-any-return]

        def ask() -> list[tuple[str, int]]:
            found = self._small.list(prefix or None, offset=after, chunk_size=PAGE)
            return [(str(meta["path"]), int(meta["size"])) for meta in next(iter(found), [])]

        start = f"{prefix}/" if prefix else ""
        found = self._repeated(prefix, ask)
        page, skipped = [], None
        for path, size in found:
            name, is_deeper, _ = path[len(start) :].partition("/")
            if is_deeper and name != skipped:
                skipped = name
                page.append(Listed(name, None))
            elif not is_deeper and path.startswith(start) and name:
                page.append(Listed(name, size))
        if len(found) < PAGE:
            return page, None
        last = found[-1][0]
        # What lies deeper is not asked for: the next page begins behind it.
        is_in_skipped = skipped is not None and last.startswith(f"{start}{skipped}/")
        # Names may begin with the last letter and go on: never back to what was listed.
        return page, max(last, f"{start}{skipped}/{_LAST_LETTER}") if is_in_skipped else last

    def size(self, name: str) -> int | None:
        """Bytes of an object, or None where there is no such object."""
        if has_forked():
            return self._far.call("size", name)  # type: ignore[no-any-return]

        def ask() -> int | None:
            try:
                return int(self._small.head(name)["size"])
            except FileNotFoundError:
                return None

        return self._repeated(name, ask)

    def read(self, name: str, start: int, size: int) -> bytes | None:
        """Up to ``size`` bytes of an object from ``start`` on, or None where there is none."""
        if has_forked():
            return self._far.call("read", name, start, size)  # type: ignore[no-any-return]
        if size <= 0:
            return None if self.size(name) is None else b""
        client = self._large if size >= _LARGE else self._small

        def ask() -> bytes | None:
            try:
                found = client.get(name, options={"range": (start, start + size)})
                first, last = found.range
                data = bytes(found.bytes())
            except FileNotFoundError:
                return None
            except Exception as error:
                if _status(error) == _NO_SUCH_RANGE:
                    return b""  # it ends before ``start``, or is empty
                raise
            if first != start or len(data) != last - first:
                raise OSError(errno.EIO, "the server sent another part than was asked for")
            return data

        return self._repeated(name, ask)

    def view(self, name: str) -> memoryview:
        """A whole object, read-only, in this process's memory."""
        if has_forked():
            return memoryview(self._far.call("view", name))

        def ask() -> memoryview:
            found = self._large.get(name)
            data = bytes(found.bytes())
            if len(data) != found.meta["size"]:
                raise OSError(errno.EIO, "the server sent less than the whole object")
            return memoryview(data)

        return self._repeated(name, ask)

    def put(
        self, name: str, chunks: Iterable[memoryview], size: int, *, durable: bool = True
    ) -> None:
        """Write a whole object, in place of what has the name; see ``Store.put``.

        It is held in memory first: one request carries it with its checksum.
        """
        data = bytearray(size)
        at = 0
        for chunk in chunks:
            part = chunk.cast("B")
            if at + len(part) <= size:
                data[at : at + len(part)] = part
            at += len(part)
        if at != size:
            text = f"{at} bytes were written where {size} should be"
            raise OSError(errno.EIO, text, self.path(name))
        self.overwrite_or_make(name, data)

    def overwrite(self, name: str, data: bytes) -> None:
        """Put other bytes into an object that is there."""
        if self.size(name) is not None:
            self.overwrite_or_make(name, data)

    def overwrite_or_make(self, name: str, data: bytes | bytearray) -> None:
        """Write a whole object in one request."""
        if has_forked():
            self._far.call("overwrite_or_make", name, data)
            return
        client = self._large if len(data) >= _LARGE else self._small
        self._repeated(name, lambda: client.put(name, data, use_multipart=False))

    def create(self, name: str, data: bytes) -> bool:
        """Write a whole small object unless there is one; whether this call wrote it."""
        if has_forked():
            return self._far.call("create", name, data)  # type: ignore[no-any-return]
        attempts = 0

        def ask() -> bool:
            nonlocal attempts
            attempts += 1
            try:
                self._small.put(name, data, use_multipart=False, mode="create")
            except Exception as error:
                # 409 says that another request on this name is under way, not that it has been.
                if type(error).__name__ != "AlreadyExistsError" or _status(error) == _CONFLICT:
                    raise
            else:
                return True
            # An attempt whose reply was lost may have written it.
            return attempts > 1 and self.read(name, 0, len(data) + 1) == data

        return self._repeated(name, ask)

    def remove(self, name: str) -> None:
        """Remove an object."""
        if has_forked():
            self._far.call("remove", name)
            return
        if self.size(name) is None:
            raise FileNotFoundError(errno.ENOENT, "No such object", self.path(name))
        self._repeated(name, lambda: self._small.delete(name))

    def discard(self, names: Sequence[str]) -> None:
        """Remove those of some objects that are there: many in one request, where a server can."""
        if has_forked():
            self._far.call("discard", names)
            return
        for first in range(0, len(names), _REMOVED_AT_ONCE):
            some = names[first : first + _REMOVED_AT_ONCE]
            # Who may only add objects leaves them, which does no harm to what discards.
            with suppress(PermissionError):
                self._repeated(some[0], partial(self._discard, some))

    def _discard(self, names: Sequence[str]) -> None:
        with suppress(FileNotFoundError):
            self._small.delete(list(names))

    def set_aside(self, name: str) -> str:
        """Copy an object below ``ASIDE``, under a name that is free there, remove it, and return
        the new name."""
        if has_forked():
            return self._far.call("set_aside", name)  # type: ignore[no-any-return]
        short = name.rpartition("/")[2]
        taken = set(listed_names(self, ASIDE))
        free = next(n for n in range(len(taken) + 1) if f"{short}.{n}" not in taken)
        aside = f"{ASIDE}/{short}.{free}"
        self._repeated(name, lambda: self._large.copy(name, aside))
        self._repeated(name, lambda: self._small.delete(name))
        return aside

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Nothing: any number of writers may bake into a bucket at once."""
        yield

    @contextmanager
    def join(self) -> Iterator[None]:
        """Nothing: see ``lock``."""
        yield

    def clear_temps(self) -> int:
        """An object is never unfinished: 0."""
        return 0

    def free_bytes(self) -> None:
        """Nobody can tell."""
        return

    def _repeated(self, name: str, ask: Callable[[], _T]) -> _T:
        """Make a request, and again after a pause where that may help.

        Raises:
            OSError: it did not help, or could not; the text has no credentials in it.
        """
        threads_begin()
        pause, attempt = _FIRST_PAUSE_SECONDS, 0
        while True:
            attempt += 1
            try:
                return ask()
            except FileNotFoundError:
                raise FileNotFoundError(errno.ENOENT, "No such object", self.path(name)) from None
            except Exception as error:
                found = _as_os_error(error, self.path(name))
                if found is None:
                    raise
                if attempt == _ATTEMPTS or not _may_pass(error):
                    # The library's own text may hold what a request was signed with.
                    raise found from None
            time.sleep(pause)
            pause *= 2


def _checked(url: str) -> str:
    allowed = "allowed is s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ArgumentError(
            f"out: given a URL of {parts.scheme!r:.20} with more than a bucket and a prefix, which "
            f"may be credentials; {allowed}"
        )
    if parts.scheme not in _SCHEMES or not parts.netloc:
        raise ArgumentError(f"out: given {url!r:.200}; {allowed}")
    if any(part in ("", ".", "..") for part in parts.path.strip("/").split("/")) and (
        parts.path.strip("/")
    ):
        raise ArgumentError(f"out: given {url!r:.200}; the prefix has an empty part, '.' or '..'")
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def _client(url: str, seconds: int) -> Any:
    from obstore.store import from_url

    options: Any = {
        # Only whoever names an endpoint that begins with http:// uses this.
        "allow_http": True,
        "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
        "read_timeout": timedelta(seconds=_SILENT_SECONDS),
        "timeout": timedelta(seconds=seconds),
    }
    no_retry: Any = {"max_retries": 0, "retry_timeout": timedelta(seconds=seconds)}
    if url.startswith("s3://"):
        return from_url(
            url, client_options=options, retry_config=no_retry, checksum_algorithm="SHA256"
        )
    return from_url(url, client_options=options, retry_config=no_retry)


def _status(error: Exception) -> int | None:
    """The HTTP status that a request was answered with, where there was an answer."""
    found = _STATUS.search(str(error))
    return int(found.group(1)) if found else None


def _may_pass(error: Exception) -> bool:
    """Whether the same request may be answered otherwise soon."""
    if type(error).__name__ in _REFUSALS:
        return False
    status = _status(error)
    return status is None or status in _WORTH_REPEATING


def _as_os_error(error: Exception, where: str) -> OSError | None:
    """What the library raised as an error of the system; None for what is not the medium's."""
    if isinstance(error, OSError):
        return type(error)(error.errno or errno.EIO, error.strerror or str(error), where)
    if not type(error).__module__.startswith("obstore"):
        return None
    status = _status(error)
    if type(error).__name__ in _REFUSALS or status in (401, 403):
        return PermissionError(
            errno.EACCES, "the bucket refuses these credentials, or there are none", where
        )
    if status is not None:
        return OSError(errno.EIO, f"the bucket answered {status}", where)
    return OSError(errno.ETIMEDOUT, "the bucket gave no answer in time", where)
