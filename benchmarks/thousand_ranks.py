"""A thousand ranks on a billion clips, simulated: python benchmarks/thousand_ranks.py

1,000 ranks with 8 workers each, 8 ranks a node, train on 10**9 clips of `magvit-32` that lie in a
bucket. The dataset's own partition and order say which clip every worker of every rank takes; for
a stretch of steps in the middle of an epoch, all of them are asked. A node has one cache of whole
shards, of the default size, which gives up the shard that was used longest ago; a step reads the
shards of all its ranks. Nothing is read, rendered or sent.

What comes of the stretch, for several orders and sizes of shards: how many bytes all nodes fetch
for one that they need (every clip once), requests and bytes a second on the bucket at a given rate
of training, and how many shards a node needs at a time. Writes ranks.json and ranks.png.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any

import matplotlib
import numpy as np
from measuring import BATCH, arguments, save
from numpy.typing import NDArray

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from trajdata import preset
from trajdata._loading.order import Order
from trajdata._loading.partition import Partition
from trajdata._shards.layout import STANDARD_ARRAYS, record_layout

PRESET = "magvit-32"
CLIPS = 10**9
RANKS, RANKS_A_NODE, WORKERS = 1000, 8, 8
NODES = RANKS // RANKS_A_NODE
CACHE_BYTES = 64 * 2**30
REQUEST_BYTES = 8 * 2**20
"""A shard is fetched in requests of this size."""

RATE = 500
"""Clips a second that each rank trains on: an assumption, to which rates are proportional."""

SHARD_CLIPS = (256, 1024, 4096)
WIDTHS = (1, 4, 16, 64)
STEPS, WARMING = 48, 16
"""Steps that are simulated, and how many of them come before the counting begins."""

COUNTED = 5
"""The cache of every fifth node is simulated; which shards are read, of every node."""

SHOWN_SHARD_CLIPS = 4096
SHOWN = ("in order", "shuffle_shards=4", "shuffle_shards=64")
SHOWN_STEPS = 12


def orders(shard_clips: int) -> dict[str, Order]:
    def order(**settings: Any) -> Order:
        return Order(
            0,
            "train",
            CLIPS,
            **{"fresh": False, "shuffle": False, "shard_clips": shard_clips, **settings},
        )

    found = {"in order": order(), "shuffle=True": order(shuffle=True)}
    for width in WIDTHS:
        found[f"shuffle_shards={width}"] = order(shuffle_shards=width)
    return found


def partitions() -> list[Partition]:
    multiple = RANKS * BATCH
    return [Partition(CLIPS, BATCH, rank, RANKS, multiple) for rank in range(RANKS)]


def positions(ranks: list[Partition], first: int) -> NDArray[np.int64]:
    """(steps, ranks, batch): the positions that ranks take, as their workers are dealt them.

    Batch k of a rank is its worker k % 8's; the loader gives the batches out in that order.
    """
    found = np.empty((STEPS, len(ranks), BATCH), np.int64)
    start = first * RANKS * BATCH
    for column, rank in enumerate(ranks):
        for worker in range(WORKERS):
            batches = rank.worker_positions(start, worker, WORKERS)
            for step in range(worker, STEPS, WORKERS):
                taken = next(batches)
                found[step, column] = np.arange(taken.start, taken.stop)
    return found


def simulate(order: Order, places: NDArray[np.int64], shard_clips: int, size: int) -> Any:
    """What the nodes fetch in the stretch; and for each step and node, which shards it reads."""
    shards = order.indices(0, places.reshape(-1)) // shard_clips
    shards = shards.reshape(STEPS, NODES, RANKS_A_NODE * BATCH)
    room = max(1, CACHE_BYTES // size)
    fetched = at_once = steps_at_once = 0
    nodes = range(0, NODES, COUNTED)
    read = {
        (step, node): np.unique(shards[step, node])
        for node in range(NODES)
        for step in range(STEPS)
        if node in nodes or step < SHOWN_STEPS
    }
    for node in nodes:
        held: OrderedDict[int, None] = OrderedDict()
        for step in range(STEPS):
            for shard in read[step, node].tolist():
                if shard in held:
                    held.move_to_end(shard)
                    continue
                fetched += step >= WARMING
                held[shard] = None
                if len(held) > room:
                    held.popitem(last=False)
        # Eight workers are at eight consecutive batches at a time.
        for step in range(0, STEPS - WORKERS + 1, WORKERS):
            some = np.unique(np.concatenate([read[step + k, node] for k in range(WORKERS)]))
            at_once += len(some)
            steps_at_once += 1
    return fetched, at_once / steps_at_once, read


def main() -> None:
    options = arguments(__doc__.splitlines()[0], "ranks", repetitions=1).parse_args()
    record = record_layout(preset(PRESET), STANDARD_ARRAYS)
    began = time.perf_counter()
    ranks = partitions()
    steps = ranks[0].rank_batches(0) or 0
    places = positions(ranks, steps // 2)
    counted = STEPS - WARMING
    needed = counted * RANKS_A_NODE * BATCH * len(range(0, NODES, COUNTED))
    clips_a_second = RANKS * RATE
    rows, shown = [], {}
    for shard_clips in SHARD_CLIPS:
        size = record.shard_bytes(shard_clips)
        for name, order in orders(shard_clips).items():
            fetched, at_once, read = simulate(order, places, shard_clips, size)
            share = fetched * shard_clips / needed
            shards_a_second = clips_a_second * share / shard_clips
            rows.append(
                {
                    "order": name,
                    "shard_clips": shard_clips,
                    "shard_bytes": size,
                    "shards": -(-CLIPS // shard_clips),
                    "fetched_for_one_needed": share,
                    "requests_a_second": shards_a_second * -(-size // REQUEST_BYTES),
                    "bytes_a_second": shards_a_second * size,
                    "shards_a_node_at_once": at_once,
                }
            )
            print(rows[-1], flush=True)
            if shard_clips == SHOWN_SHARD_CLIPS and name in SHOWN:
                shown[name] = read
    seconds = time.perf_counter() - began
    draw(rows, shown, options.out.with_suffix(".png"))
    save(
        options.out,
        options.repetitions,
        clips=CLIPS,
        ranks=RANKS,
        ranks_a_node=RANKS_A_NODE,
        workers=WORKERS,
        steps=steps,
        simulated_steps=counted,
        simulated_caches=len(range(0, NODES, COUNTED)),
        cache_bytes=CACHE_BYTES,
        clips_a_second_and_rank=RATE,
        seconds=round(seconds, 1),
        rows=rows,
    )


def draw(rows: list[dict[str, Any]], shown: dict[str, Any], path: Any) -> None:
    """Left: bytes fetched for one needed. Right: which shard is read by which node at which step,
    the shards numbered in the order in which they are first read."""
    figure, panels = plt.subplots(1, 1 + len(shown), figsize=(15, 4.2), constrained_layout=True)
    first = panels[0]
    for shard_clips in SHARD_CLIPS:
        some = {row["order"]: row["fetched_for_one_needed"] for row in rows
                if row["shard_clips"] == shard_clips}  # fmt: skip
        values = [some["in order"], *(some[f"shuffle_shards={width}"] for width in WIDTHS)]
        first.plot(range(len(values)), values, "o-", label=f"{shard_clips:,} clips a shard")
    first.axhline(NODES, color="0.6", linewidth=0.8)
    first.text(0, NODES * 1.1, f"every shard by each of {NODES} nodes", color="0.4")
    first.set(
        yscale="log",
        ylim=(0.8, 300),
        ylabel="bytes fetched for one needed",
        title="All nodes together",
    )
    first.set_xticks(range(1 + len(WIDTHS)), ["in order", *(f"W={width}" for width in WIDTHS)])
    first.legend(loc="lower right")
    for panel, (name, read) in zip(panels[1:], shown.items(), strict=True):
        numbers: dict[int, int] = {}
        spots = []
        for step in range(SHOWN_STEPS):
            for node in range(NODES):
                for shard in read[step, node].tolist():
                    number = numbers.setdefault(shard, len(numbers))
                    spots.append((step + node / NODES, number, node))
        x, y, node = np.array(spots).T
        marks = panel.scatter(x, y, c=node, s=1.5, cmap="viridis", linewidths=0)
        panel.set(title=name, xlabel="step (nodes side by side)", ylabel="shard")
        panel.set_xticks(range(0, SHOWN_STEPS + 1, 2))
    figure.colorbar(marks, ax=panels[-1], label="node")
    figure.savefig(path, dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    main()
