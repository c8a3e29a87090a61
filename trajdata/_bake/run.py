"""Bake a stream of clips into a store, in such a way that the bake can be stopped at any instant.

A bake takes these steps, in this order:

1. Compare what is asked for with what the store holds. Nothing is written before that.
2. Lock the store, and remove the temps that a killed run left.
3. Hash the last committed shards again, and render one committed clip again and compare.
4. Bake the shards that are not committed, and fold the commit records of ranges that are complete.
5. Hash the shards that earlier runs committed.
6. Write the preview, the card and, as the last file, index.json.

So a store with an index is complete, and each of its shards had the SHA-256 that the index names
when the index was written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace

from trajdata._bake.agreement import agree, check_threads, check_whether_it_grows
from trajdata._bake.commit import put_index
from trajdata._bake.ending import telling_the_end
from trajdata._bake.engines.choice import chosen_engine
from trajdata._bake.engines.protocol import Engine
from trajdata._bake.engines.threads import ThreadsEngine
from trajdata._bake.folding import Folding
from trajdata._bake.others import OthersCommits
from trajdata._bake.progress import ProgressReport, read_progress
from trajdata._bake.proof import shards_with_other_bytes
from trajdata._bake.reporter import Reporter
from trajdata._bake.rerender import check_clip
from trajdata._bake.task import ShardTask
from trajdata._clips.source import ClipSource
from trajdata._clips.source_protocol import Source
from trajdata._errors import ShardError
from trajdata._shards.card import CARD, card_text
from trajdata._shards.commit_record import Commit
from trajdata._shards.commits import Commits
from trajdata._shards.index import INDEX, Index
from trajdata._shards.recipe import Recipe
from trajdata._shards.records import record_source
from trajdata._shards.shard_sets import ShardSet
from trajdata._store.contents import Contents, read_contents
from trajdata._store.names import PREVIEW, RECIPE, TEMPS
from trajdata._store.opening import open_store
from trajdata._store.protocol import Store
from trajdata._store.ranges import listed_names, put_bytes
from trajdata._store.shard_view import ShardView

__all__ = [
    "TICK_SECONDS",
    "MaterializeReport",
    "bake",
    "begin",
    "check_canary",
    "complete",
    "is_all_said",
    "materialize",
    "materialize_on",
    "wrong_of_earlier_runs",
]

_PREVIEW_CLIPS = 8
TICK_SECONDS = 1.0
"""Time between two reports while a bake runs."""


@dataclass(frozen=True)
class MaterializeReport:
    """What a call of ``materialize`` did.

    Attributes:
        where: path or URL of the store.
        clips, shards: numbers of the complete store.
        clips_written, shards_written: numbers that this call wrote; 0 if the store was complete.
        seconds: time that writing took, without compiling.
        clips_per_second: clips written a second.
    """

    where: str
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
    source: Source,
    out: str | os.PathLike[str],
    *,
    clips: int,
    fields: Sequence[str] | None = None,
    threads: int | None = None,
    shard_clips: int | None = None,
    engine: str = "threads",
    address: str | None = None,
    on_progress: Callable[[ProgressReport], None] | None = None,
) -> MaterializeReport:
    """Bake clips [0, clips) into a store. After any interruption, the same call continues the bake.

    The shards and index.json have the same bytes however often the bake was interrupted, and with
    any number of threads or nodes. If ``clips`` is larger than what the store has, the store grows:
    full shards stay as they are, and a short last shard is rendered again.

    Args:
        source: the stream, as a ``ClipSource`` or ``read_through`` of one. The ``fields`` of the
            source do not matter.
        out: the store's folder; it is created if it does not exist.
        clips: how many clips the store shall hold.
        fields: the array fields that a record stores beside video, label and texts. None means the
            fields of the store, or in a new store trajectory, jittered, pixels, depth and radius.
        threads: how many threads render and write at once; None for the number of processors that
            this process may use.
        shard_clips: clips in a shard. None means the number of the store, or in a new store the
            largest power of two with at most 128 MiB of video.
        engine: what bakes the shards: "threads", those of this process, or "ray", the nodes of a
            Ray cluster, all of which must see the store and have this package.
        address: of the Ray cluster, "auto" or "HOST:PORT"; None means "auto".
        on_progress: called in this thread with a report at least every second. An exception that it
            raises stops the bake.

    Raises:
        ArgumentError: names the argument, the value given and what is allowed, such as fewer clips
            than the store has; nothing was written.
        SpecMismatchError: the store holds another stream; nothing was written.
        LockedError: another process bakes into the store; nothing was written.
        ShardError: the store's index, a commit record or a shard is damaged, or this machine
            or a node does not render the bytes that are committed.
        ImportError: the engine needs a package that is not installed; nothing was written.
        OSError: the medium or the cluster failed; committed shards are untouched, no temp is left,
            and PROGRESS.txt and report.html say what happened if they could be written.
        KeyboardInterrupt: the user stopped the bake; the same holds as for ``OSError``.
    """
    return materialize_on(
        open_store(out),
        source,
        clips=clips,
        fields=fields,
        threads=threads,
        shard_clips=shard_clips,
        engine=engine,
        address=address,
        on_progress=on_progress,
    )


def materialize_on(
    store: Store,
    source: Source,
    *,
    clips: int,
    fields: Sequence[str] | None = None,
    threads: int | None = None,
    shard_clips: int | None = None,
    engine: str = "threads",
    address: str | None = None,
    on_progress: Callable[[ProgressReport], None] | None = None,
) -> MaterializeReport:
    """``materialize`` for a ``Store`` instead of a path."""
    recipe = agree(store, source, clips=clips, fields=fields, shard_clips=shard_clips)
    threads = check_threads(threads)
    chosen = chosen_engine(engine, address, threads)
    contents = read_contents(store)
    if (
        contents is not None
        and contents.recipe == recipe
        and contents.is_complete
        and is_all_said(store)
    ):
        contents = contents.without_damaged_newest(store)
        if contents.is_complete:
            record_source(recipe).warm()
            check_canary(store, contents)
            return MaterializeReport(store.where, recipe.clips, recipe.shards, 0, 0, 0.0)
    with store.lock():
        cleared = begin(store, recipe)
        return bake(store, threads, on_progress, range(recipe.shards), cleared, engine=chosen)


def begin(store: Store, recipe: Recipe) -> int:
    """Make a locked store one of this recipe: an empty one, or one that has it, with as many clips
    or fewer.

    Returns:
        How many temps of an earlier run were removed.
    """
    # Another process may have baked into the store before this one locked it: read it again.
    contents = read_contents(store)
    grows = contents is not None and check_whether_it_grows(store, recipe, contents.recipe)
    cleared = store.clear_temps()
    if grows:
        put_bytes(store, RECIPE, recipe.to_bytes())
    elif contents is None or not contents.has_recipe_file:
        store.create(RECIPE, recipe.to_bytes())
    if grows or (contents is not None and contents.has_outgrown_index):
        _remove_outgrown_index(store)
    return cleared


def _remove_outgrown_index(store: Store) -> None:
    """Remove the index from before the store grew. Readers ignore it already, because the recipe
    file has more clips."""
    if store.size(INDEX) is not None:
        store.remove(INDEX)


def bake(
    store: Store,
    threads: int,
    on_progress: Callable[[ProgressReport], None] | None,
    due: Container[int],
    temps_cleared: int,
    *,
    is_alone: bool = True,
    engine: Engine | None = None,
) -> MaterializeReport:
    """Bake the shards that are not committed yet. If all are committed then, write the index.

    Args:
        store: the store, which must have its recipe file; if this process is its only writer, it
            must be locked and have no temps.
        threads: the largest number of threads to use.
        on_progress: as in ``materialize``.
        due: the shards that may be baked.
        temps_cleared: how many temps of an earlier run were removed; shown in the report.
        is_alone: whether this process is the only writer. Otherwise nothing is written but the
            shards that are due: the index is left to ``finish``, and others' commits are looked
            for while the bake runs.
        engine: what bakes the shards; None means threads.

    Raises:
        ShardError, OSError, KeyboardInterrupt: as ``materialize``.
    """
    found = read_contents(store)
    if found is None:
        raise ShardError(store.path(RECIPE), expected="the recipe of the store", found="no file")
    recipe = found.recipe
    engine = engine or ThreadsEngine(threads)
    # Several writers leave it to ``finish`` to look at the shards of earlier runs.
    contents = found.without_damaged_newest(store) if is_alone else found
    reporter = Reporter(
        store,
        found=found,
        contents=contents,
        temps_cleared=temps_cleared,
        on_progress=on_progress,
        resume_command=" ".join([recipe.command(store.where), *engine.words]),
    )
    others = None if is_alone else OthersCommits(store, contents)
    folding = Folding(store, found)
    tasks = _tasks(contents, (shard for shard in contents.pending if shard in due))
    with telling_the_end(store, reporter, recipe):
        reporter.tell("running", "compiling the kernels; the first time takes half a minute")
        record_source(recipe).warm()
        reporter.source_is_warm()
        reporter.canary_is_right(check_canary(store, contents))
        reporter.tell("running", "rendering and writing")
        reporter.baking_begins()
        folding.fold(lambda: reporter.tell("running", "folding commit records"))
        written = _bake_tasks(store, tasks, engine, reporter, folding, others)
        if is_alone and len(contents.committed) + len(written) == recipe.shards:
            left = contents.committed.shards.without(found.newest)
            wrong = wrong_of_earlier_runs(store, contents, left, threads, reporter)
            for shard in wrong:
                reporter.is_lost(contents.committed[shard])
            again = _tasks(contents, wrong)
            written += _bake_tasks(store, again, engine, reporter, folding)
        seconds = reporter.baking_ends()
        commits = contents.committed.joined(written)
        if is_alone and len(commits) == recipe.shards:
            complete(store, recipe, commits)
            reporter.index_written()
            reporter.tell("done", f"complete: {INDEX} is there")
        elif others is not None:
            theirs = others.new(written)
            reporter.others_committed(theirs)
            folding.add(theirs)
            folding.fold()
            reporter.tell("interrupted", "this range is committed; `trajdata finish` ends the bake")
        else:
            reporter.tell(
                "interrupted", "what was committed is sound; the rest is still to be made"
            )
    return MaterializeReport(
        store.where,
        recipe.clips,
        recipe.shards,
        sum(commit.clips for commit in written),
        len(written),
        seconds,
    )


def _tasks(contents: Contents, shards: Iterable[int]) -> list[ShardTask]:
    recipe, promised = contents.recipe, contents.promised
    outgrown = {shard: commit.sha256 for shard, commit in contents.outgrown.items()}
    return [ShardTask(recipe, shard, promised.get(shard), outgrown.get(shard)) for shard in shards]


def _bake_tasks(
    store: Store,
    tasks: list[ShardTask],
    engine: Engine,
    reporter: Reporter,
    folding: Folding,
    others: OthersCommits | None = None,
) -> list[Commit]:
    ours = {task.shard for task in tasks}

    def committed(commit: Commit) -> None:
        reporter.events.committed(commit)
        folding.add([commit])

    def tick() -> None:
        if others is not None and others.is_due():
            theirs = others.new()
            # A shard of ours counts when this process commits it, whoever else has baked it too.
            reporter.others_committed(c for c in theirs if c.shard not in ours)
            folding.add(theirs)
        folding.fold()
        reporter.tell("running", "rendering and writing")

    events = replace(reporter.events, committed=committed)
    written = engine.bake(tasks, store, events=events, tick=tick, tick_seconds=TICK_SECONDS)
    folding.fold()
    return written


def wrong_of_earlier_runs(
    store: Store, contents: Contents, left: ShardSet, threads: int, reporter: Reporter
) -> list[int]:
    """Hash shards that earlier runs committed, and return those that lost their SHA-256 since.

    The index will promise the SHA-256 of these shards too, so they must have it when it is written.
    """
    return shards_with_other_bytes(
        store,
        contents.recipe,
        contents.committed.within(left).promised,
        threads,
        tick=lambda: reporter.tell("running", "hashing what earlier runs committed"),
        tick_seconds=TICK_SECONDS,
    )


def complete(store: Store, recipe: Recipe, commits: Commits) -> None:
    """Write the preview and the card, and then the index, which makes the store complete."""
    from trajdata._show.pictures import PREVIEW_FIELDS, sheet_png

    shown = ClipSource(recipe.spec, recipe.seed, recipe.split, fields=PREVIEW_FIELDS)
    put_bytes(store, PREVIEW, sheet_png(shown, clips=range(min(recipe.clips, _PREVIEW_CLIPS))))
    put_bytes(store, CARD, card_text(recipe).encode("utf-8"))
    index = Index(recipe, commits.hashes(range(recipe.shards)))
    put_index(store, index)


def is_all_said(store: Store) -> bool:
    """Whether a complete store has no temps and its progress.json says "done". A run that was
    killed just before its end leaves a store where one of these does not hold."""
    if any(listed_names(store, TEMPS)):
        return False
    try:
        report = read_progress(store)
    except ShardError:
        return False  # a power loss may damage progress.json, which is not written durably
    return report is None or report.status == "done"


def check_canary(store: Store, contents: Contents) -> int | None:
    """Render a committed clip again, so that a machine that renders differently cannot go on.

    Returns:
        The clip's index, or None if nothing is committed.

    Raises:
        ShardError: a byte of the clip differs.
    """
    if not contents.present:
        return None
    recipe, (shard,) = contents.recipe, contents.present.last(1)
    indices = recipe.indices(shard)
    clip = indices[len(indices) // 2]
    check_clip(ShardView(store, recipe, shard), recipe, clip)
    return clip
