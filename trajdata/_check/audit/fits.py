"""Whether a clip's law can be told from any other by fitting: for every pair of laws.

The truth of a clip, places and apparent radii, is what a perfect reader would measure. Every law
is fitted to it by least squares (Levenberg, Quarterly of Applied Mathematics 2, 1944), and a reader
who measures with an error of ``READING_ERROR`` chooses between two laws by the Bayesian information
criterion (Schwarz, Annals of Statistics 6, 1978).

A law is fitted as the family of all its numbers: directions need be neither of length 1 nor at
right angles, and the bounds of its settings do not hold. So the families are wider than the laws,
and what is told apart here is told apart all the more by who knows the laws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trajdata._check.audit.findings import Finding, at_least
from trajdata._clips.source import ClipSource
from trajdata._world.motion import motion_kernels
from trajdata._world.times import frame_times

__all__ = ["READING_ERROR", "findings", "told_apart"]

_Array = NDArray[np.float64]

READING_ERROR = 0.12
"""Standard deviation of a measured place or radius, in pixels."""

_CLIPS = 24
"""Of each law."""

_POOL = 1500
"""Motions of a law, among which fits begin with those that look most like the clip."""

_STARTS = 5
_ROUNDS = 30
_LEAST_SHARE = 90.0


@dataclass(frozen=True)
class _Motions:
    """Motions of one law: scenes, SCENE (B, 1), and numbers (B, 1, columns)."""

    scenes: NDArray[np.void]
    numbers: _Array

    def take(self, rows: NDArray[np.intp]) -> _Motions:
        return _Motions(self.scenes[rows].copy(), self.numbers[rows].copy())


class _Reader:
    """What is measured of motions, in reading errors."""

    def __init__(self, source: ClipSource) -> None:
        self._spec = source.spec
        self._place = motion_kernels(source.spec.known_laws).place_objects
        self._focal = min(source.spec.height, source.spec.width) / READING_ERROR

    def measured(self, motions: _Motions, radii: _Array) -> _Array:
        """Places and radii, float64 (B, 3 T), of objects with radii (B,), metres."""
        count = motions.scenes.shape[0]
        positions = np.empty((count, 1, self._spec.frames, 3))
        times = frame_times(self._spec.frames, self._spec.seconds)
        self._place(motions.scenes, motions.numbers, times, positions)
        x, y, z = np.moveaxis(positions[:, 0], -1, 0)
        with np.errstate(all="ignore"):
            shown = np.stack([x / z, y / z, radii[:, None] / z], axis=-1)
        return self._focal * shown.reshape(count, -1)


def _slopes(reader: _Reader, motions: _Motions, radii: _Array, used: int, here: _Array) -> _Array:
    """Derivatives by the law's numbers, float64 (B, 3 T, used)."""
    slopes = np.empty((*here.shape, used))
    for column in range(used):
        moved = _Motions(motions.scenes, motions.numbers.copy())
        step = 1e-6 * (1 + np.abs(moved.numbers[:, 0, column]))
        moved.numbers[:, 0, column] += step
        slopes[..., column] = (reader.measured(moved, radii) - here) / step[:, None]
    finite: _Array = np.nan_to_num(slopes, nan=0.0, posinf=0.0, neginf=0.0)
    return finite


def _fitted(reader: _Reader, motions: _Motions, radii: _Array, asked: _Array, used: int) -> _Array:
    """Least sums of squares, float64 (B,), that numbers near those of ``motions`` reach."""
    here = reader.measured(motions, radii)
    cost: _Array = np.nan_to_num(((here - asked) ** 2).sum(axis=1), nan=np.inf)
    damping = np.full(cost.shape, 1e-2)
    for _ in range(_ROUNDS):
        slopes = _slopes(reader, motions, radii, used, here)
        off = np.nan_to_num(asked - here, nan=0.0, posinf=0.0, neginf=0.0)
        square = np.einsum("bik,bil->bkl", slopes, slopes)
        size = np.einsum("bkk->bk", square)
        floor = 1e-9 * size.max(axis=1, keepdims=True) + 1e-12
        index = np.arange(used)
        square[:, index, index] += damping[:, None] * size + floor
        right = np.einsum("bik,bi->bk", slopes, off)
        step = np.linalg.solve(square, right[..., None])[..., 0]
        tried = _Motions(motions.scenes, motions.numbers.copy())
        tried.numbers[:, 0, :used] += step
        there = reader.measured(tried, radii)
        new = np.nan_to_num(((there - asked) ** 2).sum(axis=1), nan=np.inf)
        better = new < cost
        motions.numbers[better] = tried.numbers[better]
        here[better], cost[better] = there[better], new[better]
        damping = np.clip(np.where(better, damping / 4, damping * 4), 1e-9, 1e9)
    return cost


def _sampled(source: ClipSource, label: int, first: int, count: int) -> _Motions:
    sampled = source._stages.sample(np.arange(first, first + count), label)
    return _Motions(sampled.scenes, sampled.numbers)


def _nearest(shapes: _Array, pool: _Array) -> NDArray[np.intp]:
    """For each of B shapes the rows of the pool that are nearest, (B, starts), whole paths moved
    upon each other."""
    flat, known = (part.reshape(part.shape[0], -1, 3) for part in (shapes, pool))
    flat, known = (part - part.mean(axis=1, keepdims=True) for part in (flat, known))
    flat, known = (part.reshape(part.shape[0], -1) for part in (flat, known))
    far = (flat**2).sum(axis=1)[:, None] - 2 * flat @ known.T + (known**2).sum(axis=1)
    return np.argsort(far, axis=1)[:, :_STARTS]


def told_apart(source: ClipSource, clips: int = _CLIPS) -> dict[str, dict[str, float]]:
    """For each law and each other: the share of the first law's clips, in percent, that a reader
    who fits both names rightly. For a law and itself: the share of its clips to which a fit, begun
    at other motions of the law, comes within the reading error; it says how well fits end."""
    spec, reader = source.spec, _Reader(source)
    laws = spec.laws
    pools = [_sampled(source, label, 0, _POOL) for label in range(len(laws))]
    radius = [pool.scenes["radius"][:, 0].copy() for pool in pools]
    looks = [reader.measured(pool, own) for pool, own in zip(pools, radius, strict=True)]
    free = []
    for label, known in enumerate(spec.known_laws):
        used = len(known.numbers)
        few = pools[label].take(np.arange(40))
        slopes = _slopes(reader, few, radius[label][:40], used, looks[label][:40])
        slopes /= np.maximum(np.linalg.norm(slopes, axis=1, keepdims=True), 1e-9)
        free.append(float(np.median(np.linalg.matrix_rank(slopes, tol=1e-5))))
    # What one number more must gain: of the criterion's ln(n), noise alone gives 1.
    price = np.log(3 * spec.frames) - 1
    found: dict[str, dict[str, float]] = {}
    for label, law in enumerate(laws):
        own = _sampled(source, label, _POOL, clips)
        radii = own.scenes["radius"][:, 0].copy()
        asked = reader.measured(own, radii)
        found[law] = {}
        for rival, name in enumerate(laws):
            rows = _nearest(asked, looks[rival])
            begin = pools[rival].take(rows.ravel())
            cost = _fitted(
                reader,
                begin,
                np.repeat(radii, rows.shape[1]),
                np.repeat(asked, rows.shape[1], axis=0),
                len(spec.known_laws[rival].numbers),
            )
            least = cost.reshape(rows.shape).min(axis=1)
            right = least + (free[rival] - free[label]) * price > 0
            if rival == label:
                right = least < asked.shape[1]  # Noise alone would leave about that much.
            found[law][name] = 100 * float(right.mean())
    return found


def findings(table: dict[str, dict[str, float]], clips: int = _CLIPS) -> list[Finding]:
    """For each law the rival that it is told from least often."""
    others = {law: {name: row[name] for name in row if name != law} for law, row in table.items()}
    worst = {law: min(row, key=lambda name: row[name]) for law, row in others.items() if row}
    own = {law: row[law] for law, row in table.items()}
    weakest = min(own, key=lambda law: own[law])
    return [
        at_least(
            "separation",
            f"clips that a fit of their own law comes to; least: {weakest}",
            own[weakest],
            _LEAST_SHARE,
            "%",
            clips,
        ),
    ] + [
        at_least(
            "separation",
            f"{law} told by a fit from any one other law; least from {rival}",
            table[law][rival],
            _LEAST_SHARE,
            "%",
            clips,
        )
        for law, rival in worst.items()
    ]
