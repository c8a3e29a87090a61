"""How well an epoch is mixed: python benchmarks/mixing.py

Orders of the same 2**20 clips in 256 shards: in order, `shuffle=True`, `shuffle_shards=W`, and two
other loaders' orders, each simulated here from its published definition:

- webdataset: its shards in random order, then its buffer: while it is short of its size it takes in
  two clips for each that it gives out, then one, and it gives out any of those that it holds.
- MosaicML streaming's py1e, on one canonical node: shards in random order, the clips of each
  shuffled, and each clip then moved by a uniform shift of up to half a block less half a shard;
  the block of each shard is drawn from 0.75 to 1.25 of `block_size`, and no shift leaves the epoch.

Nothing is read or rendered. Each figure is the mean over epochs, `--repetitions` of them. Writes
mixing.json.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from measuring import arguments, save
from numpy.typing import NDArray

from trajdata._loading.order import Order

SHARDS, SHARD_CLIPS = 256, 4096
CLIPS = SHARDS * SHARD_CLIPS
BATCH = 256
KEPT_SHARDS = 128
"""Shards that a reader keeps, those used last, to count how often a shard is fetched."""

Indices = NDArray[np.int64]


def ours(**settings: Any) -> Callable[[int], Indices]:
    order = Order(
        0,
        "train",
        CLIPS,
        **{"fresh": False, "shuffle": False, "shard_clips": SHARD_CLIPS, **settings},
    )
    return lambda epoch: order.indices(epoch, range(CLIPS))


def webdataset(size: int, initial: int = 100) -> Callable[[int], Indices]:
    def order(epoch: int) -> Indices:
        chance = random.Random(epoch)
        shards = list(range(SHARDS))
        chance.shuffle(shards)
        coming = iter(
            clip
            for shard in shards
            for clip in range(shard * SHARD_CLIPS, (shard + 1) * SHARD_CLIPS)
        )
        held: list[int] = []
        given: list[int] = []

        def give() -> None:
            place = int(chance.random() * len(held))
            given.append(held[place])
            held[place] = held[-1]
            held.pop()

        for clip in coming:
            held.append(clip)
            if len(held) < size:
                held.extend(another for another in [next(coming, None)] if another is not None)
            if len(held) >= min(initial, size):
                give()
        while held:
            give()
        return np.array(given, np.int64)

    return order


def py1e(block: int) -> Callable[[int], Indices]:
    def order(epoch: int) -> Indices:
        chance = np.random.default_rng(epoch)
        shards = chance.permutation(SHARDS)
        mixed = [chance.permutation(SHARD_CLIPS) + shard * SHARD_CLIPS for shard in shards]
        places = np.arange(CLIPS, dtype=np.float64)
        for rank in range(SHARDS):
            first = rank * SHARD_CLIPS
            width = int(chance.integers(int(0.75 * block), int(1.25 * block)))
            most = max((width - SHARD_CLIPS) / 2, 0)
            low, high = max(-most, -first), min(most, CLIPS - first - SHARD_CLIPS)
            places[first : first + SHARD_CLIPS] += chance.uniform(low, high, SHARD_CLIPS)
        return np.concatenate(mixed)[np.argsort(places)]

    return order


METHODS: dict[str, Callable[[int], Indices]] = {
    "in order": ours(),
    "shuffle=True": ours(shuffle=True),
    **{f"shuffle_shards={width}": ours(shuffle_shards=width) for width in (1, 4, 16, 64)},
    **{f"webdataset, buffer {size:,}": webdataset(size) for size in (1_000, 10_000, 65_536)},
    **{f"py1e, block {block:,}": py1e(block) for block in (2**16, 2**18)},
}


def displacement(order: Indices) -> float:
    """How far a clip is shown from its stored place, as a share of the epoch; 1/3 at random."""
    return float(np.abs(order - np.arange(CLIPS)).mean() / CLIPS)


def same_shard(order: Indices) -> float:
    """Share of neighbours that are of one shard."""
    shards = order // SHARD_CLIPS
    return float((shards[1:] == shards[:-1]).mean())


def correlation(order: Indices) -> float:
    """Of the indices of neighbours."""
    return float(np.corrcoef(order[1:], order[:-1])[0, 1])


def divergence(order: Indices) -> float:
    """Kullback-Leibler divergence of a batch's shards from all shards alike, bits, mean."""
    batches = (order // SHARD_CLIPS).reshape(-1, BATCH)
    total = 0.0
    for batch in batches:
        share = np.bincount(batch, minlength=SHARDS)
        share = share[share > 0] / BATCH
        total += float((share * np.log2(share * SHARDS)).sum())
    return total / len(batches)


def open_at_once(order: Indices) -> int:
    """The largest number of shards of which some clips have been shown and others not yet."""
    shards = order // SHARD_CLIPS
    first = np.full(SHARDS, CLIPS)
    np.minimum.at(first, shards, np.arange(CLIPS))
    last = np.zeros(SHARDS, np.int64)
    np.maximum.at(last, shards, np.arange(CLIPS))
    change = np.zeros(CLIPS + 1, np.int64)
    np.add.at(change, first, 1)
    np.add.at(change, last + 1, -1)
    return int(change.cumsum().max())


def fetches(order: Indices, kept: int = KEPT_SHARDS) -> float:
    """How often a shard is fetched by who keeps the ``kept`` shards that were used last."""
    shards = order // SHARD_CLIPS
    shards = shards[np.flatnonzero(np.diff(shards, prepend=-1))]
    held: OrderedDict[int, None] = OrderedDict()
    fetched = 0
    for shard in shards.tolist():
        if shard in held:
            held.move_to_end(shard)
            continue
        fetched += 1
        held[shard] = None
        if len(held) > kept:
            held.popitem(last=False)
    return fetched / SHARDS


FIGURES: dict[str, Callable[[Indices], float]] = {
    "displacement": displacement,
    "same_shard": same_shard,
    "correlation": correlation,
    "divergence_bits": divergence,
    "shards_at_once": open_at_once,
    "fetches_a_shard": fetches,
}


def main() -> None:
    options = arguments(__doc__.splitlines()[0], "mixing", repetitions=3).parse_args()
    rows = []
    for name, method in METHODS.items():
        found: dict[str, list[float]] = {figure: [] for figure in FIGURES}
        for epoch in range(options.repetitions):
            order = method(epoch)
            if not np.array_equal(np.sort(order), np.arange(CLIPS)):
                raise AssertionError(f"{name}: not every clip once")
            for figure, measure in FIGURES.items():
                if name.startswith("webdataset") and figure == "fetches_a_shard":
                    found[figure].append(1.0)  # a stream: what is in the buffer is held as clips
                else:
                    found[figure].append(measure(order))
        rows.append({"order": name, **{key: float(np.mean(some)) for key, some in found.items()}})
        print(rows[-1], flush=True)
    save(
        options.out,
        options.repetitions,
        clips=CLIPS,
        shards=SHARDS,
        counted_batch=BATCH,
        kept_shards=KEPT_SHARDS,
        rows=rows,
    )


if __name__ == "__main__":
    main()
