"""trajdata beside what else reads clips from a bucket: python benchmarks/peers/buckets.py

A real S3 server on this machine's loopback holds the same clips in each library's own form (for
webdataset, which reads tar files, trajdata's shards). A first epoch is a whole pass of a DataLoader
with 2 workers, from before it is made to its last batch, with nothing in any cache of the library.
trajdata's later epochs read a cache that holds all shards, beside the same shards in a folder.
Then a bake into the bucket with 2 threads, beside what obstore alone puts of ready shards of that
size, and gets of them, two at once: more than that no reader can do. Repetitions alternate; what is
told is their median. Writes buckets.json.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

# Where measuring and the tests' server are.
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

import measuring
import obstore
import rich
from processes import PeerFailed
from protocol import FIRST_EPOCH, LATER_EPOCHS, LOCAL_EPOCH, Case
from rich.table import Table
from roster import Peer
from run import Running, render, started

from tests.cloud.server import BUCKET, KEY, SECRET, s3_server
from trajdata import ClipSource, materialize, sync

PREPARE_SECONDS, MEASURE_SECONDS = 300, 120
AT_ONCE = 2
SHARDS = f"s3://{BUCKET}/shards"
OWN = Peer(
    "trajdata",
    "trajdata_peer.py",
    "open_shards of the URL with a cache_dir, TrajectoryDataset, DataLoader.",
    arguments=("bucket",),
)
PEERS = (
    OWN,
    Peer(
        "webdataset, pipe",
        "webdataset_peer.py",
        "WebDataset of 'pipe:curl -sf URL' for each of trajdata's shards, with URLs that are "
        "signed; WebLoader. It keeps nothing.",
        arguments=("pipe",),
    ),
    Peer(
        "webdataset, fsspec",
        "webdataset_peer.py",
        "The same through fsspec, by obstore's own file system.",
        arguments=("fsspec",),
    ),
    Peer(
        "litdata",
        "litdata_peer.py",
        "StreamingDataset of its own chunks of 64 MB with an empty cache_dir, StreamingDataLoader, "
        "the video as raw bytes; it is allowed to speak HTTP.",
        arguments=("bucket",),
        environment="litdata",
    ),
    Peer(
        "MosaicML streaming",
        "streaming_peer.py",
        "StreamingDataset of its own shards of 64 MiB with an empty local folder, "
        "StreamingDataLoader, the video as raw bytes.",
        arguments=("bucket",),
        environment="streaming-bucket",
        without_dependencies=("mosaicml-streaming==0.13.0",),
    ),
)
BAKED = "baked into the bucket, 2 threads"
PUT, GOT = "ready shards put, two at once", "shards got, two at once"
TARGETS = {
    "webdataset, pipe": 10,
    "webdataset, fsspec": 10,
    "litdata": 3,
    "MosaicML streaming": 3,
    LOCAL_EPOCH: 0.9,
    PUT: 0.8,
}
"""How many times as fast as the row of this name trajdata is to be."""
COMPARED = {
    FIRST_EPOCH: (OWN.name, FIRST_EPOCH),
    LOCAL_EPOCH: (OWN.name, LATER_EPOCHS),
    PUT: (OWN.name, BAKED),
}
"""What is measured of others -> the row of trajdata that it is compared with."""


def main() -> None:
    """Measure, print, and write the JSON."""
    parser = measuring.arguments(__doc__.splitlines()[0], "buckets", repetitions=3)
    names = [peer.name for peer in PEERS]
    parser.add_argument(
        "--peers", nargs="+", choices=names, default=names, help="only these (default: all)"
    )
    given = parser.parse_args()
    peers = [peer for peer in PEERS if peer.name in given.peers]
    rows: list[dict[str, Any]] = []
    unavailable: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="trajdata-buckets-") as folder:
        scratch = Path(folder)
        with s3_server(scratch / "s3") as endpoint:
            os.environ |= {
                "AWS_ENDPOINT_URL": endpoint,
                "S3_ENDPOINT_URL": endpoint,  # where MosaicML streaming looks
                "AWS_ACCESS_KEY_ID": KEY,
                "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_REGION": "us-east-1",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ALLOW_HTTP": "true",
            }
            with started(peers, scratch, unavailable) as running:
                for case in measuring.CASES:
                    own = scratch / case.name
                    rows += run_case(case, running, own, given.repetitions, unavailable)
    measuring.save(
        given.out,
        given.repetitions,
        notes={peer.name: peer.note for peer in peers},
        targets=TARGETS,
        compared=COMPARED,
        unavailable=unavailable,
        rows=rows,
    )
    show(rows, unavailable)


def run_case(
    case: measuring.Case,
    running: list[Running],
    scratch: Path,
    repetitions: int,
    unavailable: dict[str, str],
) -> list[dict[str, Any]]:
    """The rows of one size; what fails goes to ``unavailable`` with its reason."""
    scratch.mkdir()
    render(case, scratch)
    source = ClipSource(case.spec)
    materialize(source, scratch / "shards", clips=case.baked_clips, threads=AT_ONCE)
    shards = f"{SHARDS}-{case.name}"
    sync(scratch / "shards", shards)
    measures: dict[tuple[str, str], Callable[[], float]] = {}
    for one in running:
        try:
            offered = prepared(case, one, scratch, shards)
        except PeerFailed as reason:
            unavailable[f"{one.peer.name}, {case.name}"] = str(reason)
            continue
        for what in offered:
            measures[one.peer.name, what] = asking(one, what)
    bakes = iter(range(repetitions))
    ready = sorted((scratch / "shards").glob("*.tar"))
    measures[OWN.name, BAKED] = lambda: baked(case, source, f"{shards}-baked-{next(bakes)}")
    measures["obstore", PUT] = lambda: put(case, ready, f"{shards}-put")
    measures["obstore", GOT] = lambda: got(case, ready, shards)
    found: dict[tuple[str, str], list[float]] = {key: [] for key in measures}
    os.sync()
    for repetition in range(repetitions):
        print(f"{case.name}: repetition {repetition + 1} of {repetitions}", file=sys.stderr)
        for key, measure in measures.items():
            try:
                found[key].append(measure())
            except PeerFailed as reason:
                unavailable[f"{key[0]}, {case.name}, {key[1]}"] = str(reason)
    return [
        {
            "clips": case.name,
            "peer": peer,
            "what": what,
            "clips_per_second": round(statistics.median(runs)),
            "runs": [round(run) for run in runs],
        }
        for (peer, what), runs in found.items()
        if runs
    ]


def prepared(case: measuring.Case, one: Running, scratch: Path, shards: str) -> list[str]:
    """Let a peer write its clips, put them into the bucket; what it can measure then."""
    folder = scratch / "-".join([Path(one.peer.module).stem, *one.peer.arguments])
    written = folder / "written"
    written.mkdir(parents=True)
    told = Case(
        name=case.name,
        preset=case.preset,
        video=str(scratch / "video.npy"),
        label=str(scratch / "label.npy"),
        folder=str(folder),
        batch=measuring.BATCH,
        bucket=shards if not one.peer.environment else f"{shards}-{folder.name}",
    )
    answer = one.process.ask({"do": "open", "case": asdict(told)}, PREPARE_SECONDS)
    store = obstore.store.from_url(told.bucket)
    for path in written.rglob("*"):
        if path.is_file():
            obstore.put(store, path.relative_to(written).as_posix(), path, use_multipart=False)
    return list(answer["measures"])


def asking(one: Running, what: str) -> Callable[[], float]:
    """A measure of a peer."""
    question = {"do": "measure", "what": what}
    return lambda: float(one.process.ask(question, MEASURE_SECONDS)["clips_per_second"])


def baked(case: measuring.Case, source: ClipSource, url: str) -> float:
    """Clips a second of a bake into an empty prefix."""
    start = time.perf_counter()
    materialize(source, url, clips=case.baked_clips, threads=AT_ONCE)
    return case.baked_clips / (time.perf_counter() - start)


def put(case: measuring.Case, ready: list[Path], url: str) -> float:
    """Clips a second of putting their shards, which are in memory."""
    store = obstore.store.from_url(url)
    contents = {path.name: path.read_bytes() for path in ready}

    def put_one(name: str) -> None:
        obstore.put(store, name, contents[name], use_multipart=False)

    start = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(put_one, contents))
    return case.baked_clips / (time.perf_counter() - start)


def got(case: measuring.Case, ready: list[Path], url: str) -> float:
    """Clips a second of getting the shards, which is what no reader can do without."""
    store = obstore.store.from_url(url)

    def get_one(name: str) -> int:
        return len(obstore.get(store, name).bytes())

    start = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        size = sum(threads.map(get_one, [path.name for path in ready]))
    spent = time.perf_counter() - start
    if size != sum(path.stat().st_size for path in ready):
        raise ValueError(f"{size} bytes came; that is not what was put")
    return case.baked_clips / spent


def show(rows: list[dict[str, Any]], unavailable: dict[str, str]) -> None:
    """Print clips a second, and how many times faster trajdata is."""
    table = Table("clips/s from a bucket", "8x32", "16x64", title="medians (trajdata's by these)")
    found = {(row["peer"], row["what"], row["clips"]): row["clips_per_second"] for row in rows}
    for peer, what in dict.fromkeys((row["peer"], row["what"]) for row in rows):
        cells = []
        for case in measuring.CASES:
            own = found.get((peer, what, case.name))
            ours = found.get((*COMPARED.get(what, ("", "")), case.name))
            cells.append(f"{own:,} ({ours / own:.2f}x)" if own and ours else f"{own}")
        table.add_row(f"{peer}: {what}", *cells)
    rich.print(table)
    for name, reason in unavailable.items():
        rich.print(f"{name}: not available: {reason}")


if __name__ == "__main__":
    main()
