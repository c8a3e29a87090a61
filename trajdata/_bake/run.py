"""Bake a stream of clips into a folder of shards, so that it can be stopped at any instant.

The order of things: compare with what the folder holds, before anything is touched; lock; clear
what a killed run left; hash the last committed shards again; draw one committed clip again and
compare; bake the shards that are not committed; preview, card and, last of all, index.json: a
folder with an index is complete.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Container
from dataclasses import dataclass

from trajdata._bake.chronicle import Chronicle
from trajdata._bake.commits import (
    RECIPE,
    TEMPS,
    Commit,
    FolderState,
    clear_temps,
    held_recipe,
    make_folders,
    read_state,
    rehash_last,
    write_recipe,
)
from trajdata._bake.lock import FolderLock
from trajdata._bake.progress import LIVELY, ProgressReport, read_progress
from trajdata._bake.rerendering import check_clip
from trajdata._bake.threads import bake_shards
from trajdata._clips.source import ClipSource
from trajdata._errors import ShardError
from trajdata._shards.card import CARD, card_text
from trajdata._shards.index import INDEX, Index
from trajdata._shards.layout import default_shard_clips
from trajdata._shards.recipe import Recipe
from trajdata._shards.records import record_source
from trajdata._spec.model import ClipSpec
from trajdata._store.disk import Disk, commit_bytes
from trajdata._store.shard_file import OpenShard

__all__ = [
    "MaterializeReport",
    "bake",
    "check_agreement",
    "check_threads",
    "materialize",
    "materialize_on",
]

PREVIEW = "preview.png"

_PREVIEW_CLIPS = 8
_TICK_SECONDS = 1.0
_MOST_THREADS = 1024


@dataclass(frozen=True)
class MaterializeReport:
    """What a call of ``materialize`` did.

    Attributes:
        folder: where the shards are.
        clips, shards: in the complete folder.
        clips_written, shards_written: by this call; 0 where the folder was complete already.
        seconds: that it took, without compiling.
        clips_per_second: written in that time.
    """

    folder: str
    clips: int
    shards: int
    clips_written: int
    shards_written: int
    seconds: float

    @property
    def clips_per_second(self) -> float:
        """Clips written a second."""
        return self.clips_written / self.seconds if self.seconds > 0 else 0.0


def materialize(
    spec: ClipSpec,
    out: str | os.PathLike[str],
    *,
    seed: int = 0,
    split: str = "train",
    clips: int,
    threads: int | None = None,
    shard_clips: int | None = None,
    on_progress: Callable[[ProgressReport], None] | None = None,
) -> MaterializeReport:
    """Bake clips [0, clips) into a folder; run it again after any interruption and it goes on.

    The data files and index.json are the same bytes however often it was interrupted and with any
    number of threads.

    Args:
        spec: the distribution.
        out: the folder; made if need be.
        seed: of the stream.
        split: of the stream.
        clips: how many.
        threads: how many draw and write at once; None for the processors this process may use.
        shard_clips: clips in a shard; None for what the folder has, else up to 128 MiB of video.
        on_progress: called in this thread with a report at least every second. What it raises
            stops the bake.

    Raises:
        ValueError: names the argument, the value given and what is allowed; nothing was written.
        SpecMismatchError: the folder holds another stream; nothing was written.
        LockedError: another process bakes into the folder; nothing was written.
        ShardError: the folder's index, a commit record or a shard is damaged, or this machine
            does not draw the bytes that are committed.
        OSError: the medium failed; committed shards are untouched, no temp is left, and
            PROGRESS.txt and report.html say what happened if they could be written.
        KeyboardInterrupt: the same.
    """
    return materialize_on(
        Disk(os.path.abspath(out)),
        spec,
        seed=seed,
        split=split,
        clips=clips,
        threads=threads,
        shard_clips=shard_clips,
        on_progress=on_progress,
    )


def check_agreement(
    spec: ClipSpec,
    out: str | os.PathLike[str],
    *,
    seed: int,
    split: str,
    clips: int,
    threads: int | None,
    shard_clips: int | None,
) -> None:
    """Raise what ``materialize`` would raise before it touches anything.

    Raises:
        ValueError, SpecMismatchError, ShardError: as ``materialize``.
    """
    _agreed_recipe(Disk(os.path.abspath(out)), spec, seed, split, clips, shard_clips)
    check_threads(threads)


def materialize_on(
    disk: Disk,
    spec: ClipSpec,
    *,
    seed: int,
    split: str,
    clips: int,
    threads: int | None,
    shard_clips: int | None,
    on_progress: Callable[[ProgressReport], None] | None,
) -> MaterializeReport:
    """``materialize`` through a given ``Disk``, by which every file operation of a bake goes."""
    recipe = _agreed_recipe(disk, spec, seed, split, clips, shard_clips)
    threads = check_threads(threads)
    source = record_source(spec, recipe.seed, recipe.split)
    if held_recipe(disk) is not None:
        state = read_state(disk, recipe)
        is_done = state.is_complete and _says_done(disk) and not disk.list_folder(TEMPS)
        if is_done and (state := rehash_last(disk, state)).is_complete:
            source.warm()
            _check_canary(disk, state, source)
            return MaterializeReport(str(disk.root), recipe.clips, recipe.shards, 0, 0, 0.0)
    make_folders(disk)
    with FolderLock(disk):
        # Between the first look and the lock another process may have baked here.
        held = held_recipe(disk)
        if held is None:
            cleared = clear_temps(disk)
            write_recipe(disk, recipe)
        else:
            recipe.check_same(held, disk.root)
            cleared = clear_temps(disk)
            if disk.size(RECIPE) is None:
                write_recipe(disk, recipe)
        return bake(disk, recipe, source, threads, on_progress, range(recipe.shards), cleared)


def bake(
    disk: Disk,
    recipe: Recipe,
    source: ClipSource,
    threads: int,
    on_progress: Callable[[ProgressReport], None] | None,
    due: Container[int],
    temps_cleared: int,
) -> MaterializeReport:
    """Bake what is not committed yet, and finish the folder once all of it is. Under its lock.

    Args:
        disk: of the folder, which has its recipe and no temps.
        recipe: of the folder.
        source: as ``record_source`` makes it.
        threads: at most so many.
        on_progress: as in ``materialize``.
        due: the shards that may be baked.
        temps_cleared: files of an earlier run that were removed, for the report.

    Raises:
        ShardError, OSError, KeyboardInterrupt: as ``materialize``.
    """
    found = read_state(disk, recipe)
    state = rehash_last(disk, found)
    chronicle = Chronicle(
        disk, found=found, state=state, temps_cleared=temps_cleared, on_progress=on_progress
    )
    pending = [shard for shard in state.pending if shard in due]
    try:
        chronicle.tell("running", "compiling the kernels; the first time takes half a minute")
        source.warm()
        chronicle.source_is_warm()
        chronicle.canary_drawn(_check_canary(disk, state, source))
        chronicle.tell("running", "drawing and writing")
        started = time.monotonic()
        written = bake_shards(
            disk,
            recipe,
            source,
            pending,
            state.digests,
            min(threads, max(len(pending), 1)),
            chronicle.events,
            lambda: chronicle.tell("running", "drawing and writing"),
            _TICK_SECONDS,
        )
        seconds = time.monotonic() - started
        commits = {**state.commits, **{commit.shard: commit for commit in written}}
        if len(commits) == recipe.shards:
            _finish(disk, recipe, commits)
            chronicle.index_written()
            chronicle.tell("done", f"complete: {INDEX} is there")
        else:
            chronicle.tell(
                "interrupted", "what was committed is sound; the rest is still to be made"
            )
    except KeyboardInterrupt:
        _last_words(disk, chronicle, "interrupted", "stopped by the user; nothing half is left")
        raise
    except OSError as error:
        text = (
            f"{error.strerror or error}; {chronicle.shards_done} of {recipe.shards} shards are "
            "committed and untouched"
        )
        _last_words(disk, chronicle, "failed", text)
        raise OSError(error.errno, text, error.filename) from error
    except Exception as error:
        _last_words(disk, chronicle, "failed", str(error))
        raise
    return MaterializeReport(
        str(disk.root),
        recipe.clips,
        recipe.shards,
        sum(commit.clips for commit in written),
        len(written),
        seconds,
    )


def _finish(disk: Disk, recipe: Recipe, commits: dict[int, Commit]) -> None:
    """Preview and card; then the index, by which the folder counts as complete."""
    from trajdata._show.pictures import PREVIEW_FIELDS, sheet_png

    shown = ClipSource(recipe.spec, recipe.seed, recipe.split, fields=PREVIEW_FIELDS)
    picture = sheet_png(shown, clips=range(min(recipe.clips, _PREVIEW_CLIPS)))
    commit_bytes(disk, f"{TEMPS}/{PREVIEW}", PREVIEW, picture)
    commit_bytes(disk, f"{TEMPS}/{CARD}", CARD, card_text(recipe).encode("utf-8"))
    index = Index(recipe, tuple(commits[shard].sha256 for shard in range(recipe.shards)))
    commit_bytes(disk, f"{TEMPS}/{INDEX}", INDEX, index.to_bytes())


def _agreed_recipe(
    disk: Disk, spec: ClipSpec, seed: int, split: str, clips: int, shard_clips: int | None
) -> Recipe:
    """What is asked for, which must be what the folder holds, if it holds anything.

    Raises:
        ValueError: an argument out of range, or a folder with files of others under our names.
        SpecMismatchError: the folder holds another stream.
    """
    if not isinstance(spec, ClipSpec):
        raise ValueError(
            f"spec: given {spec!r:.80}; allowed is a ClipSpec, as trajdata.preset(name) returns"
        )
    if disk.root.exists() and not disk.root.is_dir():
        raise ValueError(f"out: given {str(disk.root)!r}, a file; allowed is a folder")
    held = held_recipe(disk)
    if shard_clips is None:
        shard_clips = held.shard_clips if held else default_shard_clips(spec)
    recipe = Recipe(spec, seed, split, clips, shard_clips, spec.fingerprint)
    if held is not None:
        recipe.check_same(held, disk.root)
    else:
        _check_not_foreign(disk)
    return recipe


def _check_not_foreign(disk: Disk) -> None:
    ours = {CARD, INDEX, PREVIEW, *LIVELY}
    for name in disk.list_folder(""):
        if name in ours or name.endswith(".tar"):
            raise ValueError(
                f"out: given {str(disk.root)!r}, which has {name!r} and no {RECIPE}; allowed is "
                "an empty folder or one that materialize began"
            )


def _says_done(disk: Disk) -> bool:
    """Whether PROGRESS is right about a complete folder; it is not after a kill at the very end."""
    try:
        report = read_progress(disk.root)
    except (ValueError, ShardError):
        return False  # a power loss may tear it, and it promises nothing
    return report is None or report.state == "done"


def check_threads(threads: int | None) -> int:
    """How many threads to use.

    Raises:
        ValueError: not a number of threads.
    """
    if threads is None:
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
    if type(threads) is not int or not 1 <= threads <= _MOST_THREADS:
        raise ValueError(f"threads: given {threads!r}; allowed are 1 to {_MOST_THREADS}, or None")
    return threads


def _check_canary(disk: Disk, state: FolderState, source: ClipSource) -> int | None:
    """Draw a committed clip again: what follows must fit to what is there.

    Returns:
        The clip's index, or None where nothing is committed.

    Raises:
        ShardError: it is not the same, to the byte.
    """
    if not state.whole:
        return None
    shard = max(state.whole)
    indices = state.recipe.indices(shard)
    opened = OpenShard(disk.root, state.recipe, shard)
    clip = indices[len(indices) // 2]
    check_clip(opened, source, clip)
    return clip


def _last_words(disk: Disk, chronicle: Chronicle, state: str, message: str) -> None:
    try:
        # A Ctrl-C between making a temp and guarding it leaves it there. All threads have ended.
        clear_temps(disk)
        chronicle.tell_last(state, message)
    except OSError:
        # A full or broken disk may refuse this too; the error that led here is the one to raise.
        return
