"""Export clips: write the parts that are not there yet, each with its record, and then the end."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from trajdata._bake.agreement import check_threads
from trajdata._clips.source_protocol import Source
from trajdata._errors import ArgumentError, TrajdataError
from trajdata._export.formats import Format, Writer, find_format
from trajdata._export.plan import CLIPS, EXPORT, ExportPlan, export_plan
from trajdata._export.progress import ExportProgress, Progress
from trajdata._export.records import PartRecord, check_folder, read_record, write_record
from trajdata._reading.stored import StoredSource
from trajdata._store.disk import Disk
from trajdata._store.folder import FolderStore
from trajdata._store.opening import is_url
from trajdata._store.ranges import put_bytes

__all__ = ["ExportReport", "export"]

_TICK_SECONDS = 1.0
_THREADS_A_CORE = 4
"""Where there are many small files, threads wait for the disk most of the time."""
_AHEAD = 2
"""Parts that wait for each thread."""


@dataclass(frozen=True)
class ExportReport:
    """What an export did.

    Attributes:
        where: folder of the export.
        to: name of the format.
        clips: clips that it holds.
        clips_written: clips that this run wrote.
        files_written: files that this run wrote for them.
        bytes_written: bytes of these files.
        seconds: how long this run took.
        exact_pixels: whether the pixels come back as they were.
    """

    where: str
    to: str
    clips: int
    clips_written: int
    files_written: int
    bytes_written: int
    seconds: float
    exact_pixels: bool


def export(
    source: Source,
    out: str | os.PathLike[str],
    *,
    to: str,
    clips: int | None = None,
    threads: int | None = None,
    on_progress: Callable[[ExportProgress], None] | None = None,
) -> ExportReport:
    """Write clips as files that other programs read. After an interruption, the same call goes on.

    Files are written in parts. A part that is there is not written again; its record says that it
    is of this very export. What other programs read is in the folder ``clips`` of the export, and
    the truth is beside each clip: all fields of the source.

    Args:
        source: the clips, live or stored; its ``fields`` are exported, and video, label and index.
        out: folder of the export; it is created if it does not exist.
        to: "mp4", "webp", "gif" or "png": files in a folder for each law, with the other fields in
            an ``.npz`` beside; "npz": the same with the video in the ``.npz``; "zarr": a group of
            zarr 3; "hf": a data set of Hugging Face's ``datasets``. All are exact to the pixel
            but "gif". "mp4", "webp", "zarr" and "hf" need the extra ``export``.
        clips: clips [0, clips) are exported; None: all of a stored source.
        threads: how many threads render and write at once; None for the number of processors, or
            four times as many where each clip has a file of its own.
        on_progress: called in the caller's thread about once a second, and at the end.

    Raises:
        ArgumentError: names the argument, the value given and what is allowed.
        SpecMismatchError: the folder holds another export; nothing was written.
        LockedError: another process is writing there.
        MissingPackageError: a package of the extra is missing.
        ShardError: a file of the folder is not what it should be, such as a link.
        OSError: the disk failed; what is there stays.
    """
    if not isinstance(source, Source):
        raise ArgumentError(f"source: given {source!r:.80}; allowed is a source of clips")
    if is_url(out):
        raise ArgumentError(f"out: given {out!r:.80}; allowed is a folder of this machine")
    found = find_format(to)
    plan = export_plan(source, clips, to, found.is_exact, found.part_bytes, found.part_clips)
    writer = found.writer(plan)
    workers = check_threads(threads)
    if threads is None and found.has_class_folders:
        workers *= _THREADS_A_CORE
    store = FolderStore(Disk(os.path.abspath(out)))
    try:
        # Before the folder is locked, because that writes into it.
        check_folder(store, plan)
        with store.lock():
            is_new = not check_folder(store, plan)
            store.clear_temps()
            if is_new:
                store.create(EXPORT, plan.to_bytes())
            run = _Run(source.with_fields(plan.fields), store, plan, found, writer, on_progress)
            return run.go(workers)
    finally:
        store.close()


class _StopError(Exception):
    """Ends a part because another one failed, or the user stops the export."""


class _Run:
    """One run of an export, whose folder is locked."""

    def __init__(
        self,
        source: Source,
        store: FolderStore,
        plan: ExportPlan,
        found: Format,
        writer: Writer,
        on_progress: Callable[[ExportProgress], None] | None,
    ) -> None:
        self._source, self._store, self._plan = source, store, plan
        self._format, self._writer = found, writer
        self._stop = threading.Event()
        self._guard = threading.Lock()
        self._folders: set[str] = set()
        self._in_flight = 0
        self._records: dict[int, PartRecord] = {}
        for part in range(plan.parts):
            record = read_record(store, plan, part, self._let_go)
            if record is not None:
                self._records[part] = record
        stored = source.where if isinstance(source, StoredSource) else None
        self._progress = Progress(
            store,
            clips_total=plan.clips,
            clips_done=self._clips_done,
            resume_command=plan.command(store.where, stored),
            listener=on_progress,
        )

    @property
    def _clips_done(self) -> int:
        return sum(len(self._plan.indices(part)) for part in self._records)

    def go(self, threads: int) -> ExportReport:
        """Write what is missing."""
        status, message = "failed", ""
        try:
            self._progress.tick(self._clips_done, 0)
            waiting = [part for part in range(self._plan.parts) if part not in self._records]
            if waiting:
                self._source.warm()
                self._write_parts(waiting, threads)
            self._write_end()
            status = "done"
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        except (TrajdataError, OSError) as error:
            message = str(error)
            raise
        finally:
            self._progress.end(status, message, self._clips_done)
        written = [self._records[part] for part in waiting]
        return ExportReport(
            where=self._store.where,
            to=self._plan.to,
            clips=self._plan.clips,
            clips_written=sum(len(self._plan.indices(part)) for part in waiting),
            files_written=sum(len(record.files) for record in written),
            bytes_written=sum(size for record in written for size, _ in record.files.values()),
            seconds=self._progress.seconds,
            exact_pixels=self._plan.is_exact,
        )

    def _write_parts(self, waiting: list[int], threads: int) -> None:
        if self._format.has_class_folders:
            for law in self._plan.spec.laws:
                self._make_folder(f"{CLIPS}/{law}")
        left = iter(waiting)
        with ThreadPoolExecutor(threads, thread_name_prefix="trajdata-export") as pool:
            try:
                running: dict[Future[PartRecord], int] = {}
                while True:
                    while len(running) < threads * _AHEAD:
                        part = next(left, None)
                        if part is None:
                            break
                        running[pool.submit(self._write_part, part)] = part
                    if not running:
                        return
                    ended = wait(running, _TICK_SECONDS, FIRST_COMPLETED).done
                    for future in ended:
                        self._records[running.pop(future)] = future.result()
                    self._progress.tick(self._clips_done, self._in_flight)
            finally:
                self._stop.set()

    def _write_part(self, part: int) -> PartRecord:
        clips = self._plan.indices(part)
        if self._stop.is_set():
            raise _StopError
        files: dict[str, tuple[int, str]] = {}
        with self._guard:
            self._in_flight += len(clips)
        try:
            before = ""
            for name, data in self._writer.part(clips, self._source.batch(clips)):
                if self._stop.is_set():
                    raise _StopError
                folder = name.rpartition("/")[0]
                if folder != before:
                    self._let_go(before)
                    self._make_folder(folder)
                put_bytes(self._store, name, data)
                before = folder
                files[name] = (len(data), hashlib.sha256(data).hexdigest())
            record = PartRecord(files)
            write_record(self._store, self._plan, part, record)
        finally:
            with self._guard:
                self._in_flight -= len(clips)
        return record

    def _write_end(self) -> None:
        """Write the files that say that all parts are there, unless these are there too."""
        names = [name for part in sorted(self._records) for name in self._records[part].files]
        for name, data in self._writer.closing(names):
            if self._store.read(name, 0, len(data) + 1) != data:
                self._make_folder(name.rpartition("/")[0])
                put_bytes(self._store, name, data)

    def _make_folder(self, name: str) -> None:
        """Make a folder and those above it, safe against a power loss."""
        if not name or name in self._folders:
            return
        self._make_folder(name.rpartition("/")[0])
        self._store.disk.make_folder(name)
        self._store.disk.sync_folder(name.rpartition("/")[0])
        if not self._is_of_a_clip(name):
            self._folders.add(name)

    def _is_of_a_clip(self, folder: str) -> bool:
        return self._format.has_folder_each and folder.count("/") == 2

    def _let_go(self, folder: str) -> None:
        """Close the folder of a single clip: a process cannot hold so many open."""
        if self._is_of_a_clip(folder):
            self._store.disk.close_folder(folder)
