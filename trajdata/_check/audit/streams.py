"""Streams of clips: the balance of classes, and what is held out of the training splits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trajdata._check.audit.findings import Finding, at_most
from trajdata._clips.source import ClipSource
from trajdata._spec.model import ClipSpec
from trajdata._spec.splits import find_split

__all__ = ["balance", "held_out"]

_TOPOLOGIES = ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (4, 3), (8, 4))
_COLUMNS = {"depth": "z", "radius": "radius", "speed": "speed"}


def _worst_imbalance(labels: NDArray[np.int64], classes: int) -> int:
    counts = np.cumsum(np.eye(classes, dtype=np.int64)[labels], axis=0)
    return int((counts.max(axis=1) - counts.min(axis=1)).max(initial=0))


def balance(spec: ClipSpec, labels: NDArray[np.int64], batch_size: int = 128) -> list[Finding]:
    """The largest difference of class counts in any prefix, of the stream and of the clips that
    each worker of each rank takes.

    A worker takes whole batches. If the batch size is a multiple of the number of classes, the
    clips of every worker are as balanced as the whole stream.
    """
    classes = len(spec.laws)
    batch_size -= batch_size % classes
    worst = 0
    for ranks, workers in _TOPOLOGIES:
        whole = labels.size // (ranks * batch_size) * ranks * batch_size
        batches = labels[:whole].reshape(-1, ranks, batch_size)
        for rank in range(ranks):
            for worker in range(workers):
                seen = batches[worker::workers, rank].reshape(-1)
                worst = max(worst, _worst_imbalance(seen, classes))
    return [
        at_most(
            "balance",
            "class counts on any prefix of the stream, largest less smallest",
            _worst_imbalance(labels, classes),
            1,
            "clips",
            labels.size,
        ),
        at_most(
            "balance",
            f"the same as each rank and worker sees it, {len(_TOPOLOGIES)} topologies",
            worst,
            1,
            "clips",
            labels.size,
        ),
    ]


def held_out(spec: ClipSpec, seed: int, clips: int) -> list[Finding]:
    """Count clips of train, val and test that show what another split holds out, and clips of
    that split that do not show it, in any of their objects."""
    findings = []
    scenes = {
        split: ClipSource(spec, seed, split).scenes(range(clips))
        for split in ("train", "val", "test")
    }
    for split in spec.splits:
        if not find_split(split).is_out_of_distribution:
            continue
        met = sum(int(_shows(spec, split, of, own).any(axis=1).sum()) for of, own in scenes.items())
        strays = ClipSource(spec, seed, split).scenes(range(clips))
        # An empty slot is no object that could lack it.
        shown = _shows(spec, split, split, strays) | (strays["shown"] == 0)
        findings.append(
            at_most(
                "held out",
                f"clips of training that show what {split} holds out",
                met,
                0,
                "clips",
                3 * clips,
            )
        )
        findings.append(
            at_most(
                "held out",
                f"clips of {split} outside what it holds out",
                int((~shown.all(axis=1)).sum()),
                0,
                "clips",
                clips,
            )
        )
    return findings


def _shows(spec: ClipSpec, split: str, of: str, scenes: NDArray[np.void]) -> NDArray[np.bool_]:
    """Which objects of scenes (B, O) of the split ``of`` show what ``split`` holds out."""
    known, exists = find_split(split), scenes["shown"] > 0
    if known.separate_colours:
        sectors = 2 * len(spec.laws)
        found = np.floor(scenes["hue"] * sectors) == 2 * scenes["law"]
    elif known.separate_shapes:
        found = scenes["shape"] == scenes["law"] % len(spec.shapes)
    elif known.held_out == "count":
        low, high = spec.factor("count", split)
        # Transients come after the most objects that the split has.
        count = exists[:, : int(spec.factor("count", of)[1])].sum(axis=1)
        found = np.broadcast_to(((low <= count) & (count <= high))[:, None], exists.shape)
    else:
        factor = str(known.held_out)
        low, high = spec.factor(factor, split)
        values = scenes[_COLUMNS[factor]]
        found = (low <= values) & (values <= high)
    shown: NDArray[np.bool_] = found & exists
    return shown
