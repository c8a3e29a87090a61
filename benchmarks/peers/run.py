"""trajdata beside what else stores or renders clips: python benchmarks/peers/run.py

Every peer is used in the fastest of its documented ways that was found, on the same clips, in the
page cache, in batches of 128: writing them, and reading them in order without workers, in order
with 2 workers, and shuffled. Each runs in an interpreter of its own, with a virtual environment of
its own where it needs one (.venv-peers/, made by the first run), and answers one measurement at a
time, so that the repetitions of all of them, of trajdata and of what memory can do alternate. A
peer that cannot be installed, fails or hangs is shown with the reason; the others go on.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# Where measuring is.
sys.path.insert(0, str(Path(__file__).parents[1]))

import measuring
import numpy as np
from environments import Unavailable, interpreter
from processes import PeerFailed, PeerProcess
from protocol import MEMCPY, MEMSET, READ, READ_WORKERS, SHUFFLED, WRITE, Case
from roster import LIMITS, PEERS, Peer
from table import show

from trajdata import ClipSource

HERE = Path(__file__).parent
START_SECONDS = 120
OPEN_SECONDS = 180
MEASURE_SECONDS = 60
DRAWN_AT_ONCE = 1024
PREPARE = "prepare"
ORDER = (MEMSET, MEMCPY, WRITE, READ, READ_WORKERS, SHUFFLED)


@dataclass
class Running:
    """A peer that was started, and what it can measure of the case that is open."""

    peer: Peer
    process: PeerProcess
    version: str = ""
    measures: frozenset[str] = frozenset()


@dataclass
class Found:
    """Clips a second of the repetitions of one measurement, and why there are no more of them."""

    runs: list[float] = field(default_factory=list)
    failed: str = ""


def main() -> None:
    """Install, measure, print, and write the JSON."""
    parser = measuring.arguments(__doc__.splitlines()[0], "peers")
    parser.add_argument(
        "--peers",
        nargs="+",
        choices=[peer.name for peer in PEERS],
        default=[peer.name for peer in PEERS],
        help="only these (default: all)",
    )
    given = parser.parse_args()
    wanted = [LIMITS, *(peer for peer in PEERS if peer.name in given.peers)]
    unavailable: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="trajdata-peers-") as folder:
        scratch = Path(folder)
        with started(wanted, scratch, unavailable) as field_of_peers:
            for case in measuring.CASES:
                rows += run_case(case, field_of_peers, scratch / case.name, given.repetitions)
    measuring.save(
        given.out,
        given.repetitions,
        notes={peer.name: peer.note for peer in wanted},
        against={peer.name: peer.against for peer in PEERS if peer in wanted},
        unavailable=unavailable,
        rows=rows,
    )
    show(rows, unavailable)


@contextmanager
def started(
    peers: Sequence[Peer], scratch: Path, unavailable: dict[str, str]
) -> Iterator[list[Running]]:
    """The processes of those peers that can be had; the others' reasons go to ``unavailable``."""
    running: list[Running] = []
    try:
        for peer in peers:
            try:
                python = (
                    interpreter(peer.environment, peer.without_dependencies)
                    if peer.environment
                    else Path(sys.executable)
                )
            except Unavailable as reason:
                unavailable[peer.name] = str(reason)
                continue
            command = [str(python), str(HERE / peer.module), *peer.arguments]
            running.append(Running(peer, PeerProcess(command, scratch / _folder_name(peer))))
        for one in list(running):
            try:
                one.version = one.process.ask({"do": "about"}, START_SECONDS)["version"]
            except PeerFailed as reason:
                unavailable[one.peer.name] = str(reason)
                one.process.stop()
                running.remove(one)
        yield running
    finally:
        for one in running:
            one.process.stop()


def run_case(
    case: measuring.Case, running: Sequence[Running], scratch: Path, repetitions: int
) -> list[dict[str, Any]]:
    """The rows of one size: every peer's repetitions, in turn with those of the others."""
    scratch.mkdir()
    render(case, scratch)
    found: dict[tuple[str, str], Found] = {}
    for one in running:
        if reason := open_case(case, one, scratch):
            found[one.peer.name, PREPARE] = Found(failed=reason)
    os.sync()  # so that nothing of the above is still on its way to disk
    for repetition in range(repetitions):
        print(f"{case.name}: repetition {repetition + 1} of {repetitions}", file=sys.stderr)
        for what in ORDER:
            for one in running:
                if what in one.measures:
                    measure(one, what, found.setdefault((one.peer.name, what), Found()))
    shutil.rmtree(scratch)
    versions = {one.peer.name: one.version for one in running}
    return [
        _row(case.name, peer, versions[peer], what, result)
        for (peer, what), result in found.items()
    ]


def render(case: measuring.Case, folder: Path) -> None:
    """Render the clips that everybody is given: video.npy and label.npy."""
    clips = case.baked_clips
    source = ClipSource(case.spec)
    video = np.lib.format.open_memmap(
        folder / "video.npy", "w+", np.uint8, (clips, *case.spec.video_shape)
    )
    label = np.empty(clips, np.int64)
    for first in range(0, clips, DRAWN_AT_ONCE):
        at = slice(first, min(first + DRAWN_AT_ONCE, clips))
        batch = source.batch(range(at.start, at.stop))
        video[at], label[at] = batch["video"], batch["label"]
    np.save(folder / "label.npy", label)


def open_case(case: measuring.Case, one: Running, scratch: Path) -> str:
    """Let a peer store the clips and read them back; returns what went wrong, if anything did."""
    one.measures = frozenset()
    print(f"{case.name}: {one.peer.name} prepares", file=sys.stderr)
    folder = scratch / _folder_name(one.peer)
    folder.mkdir()
    told = Case(
        name=case.name,
        preset=case.preset,
        video=str(scratch / "video.npy"),
        label=str(scratch / "label.npy"),
        folder=str(folder),
        batch=measuring.BATCH,
    )
    try:
        answer = one.process.ask({"do": "open", "case": asdict(told)}, OPEN_SECONDS)
    except PeerFailed as reason:
        return str(reason)
    one.measures = frozenset(answer["measures"])
    return ""


def measure(one: Running, what: str, found: Found) -> None:
    """Add a repetition, unless the measurement failed before."""
    if found.failed:
        return
    try:
        answer = one.process.ask({"do": "measure", "what": what}, MEASURE_SECONDS)
    except PeerFailed as reason:
        found.failed = str(reason)
    else:
        found.runs.append(answer["clips_per_second"])


def _row(size: str, peer: str, version: str, what: str, result: Found) -> dict[str, Any]:
    row: dict[str, Any] = {
        "clips": size,
        "peer": peer,
        "version": version,
        "what": what,
        "clips_per_second": round(statistics.median(result.runs)) if result.runs else None,
        "runs": [round(run) for run in result.runs],
    }
    return {**row, "failed": result.failed} if result.failed else row


def _folder_name(peer: Peer) -> str:
    return "-".join([Path(peer.module).stem, *peer.arguments])


if __name__ == "__main__":
    main()
