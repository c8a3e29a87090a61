"""Fit a law's numbers to what was tracked: least squares through the camera.

Each fit begins at motions of the law, sampled from the spec, that look most like the clip, and goes
on by the method of Levenberg (Quarterly of Applied Mathematics 2, 1944) with the scaling of
Marquardt (SIAM Journal 11, 1963). A law is fitted as the family of all its numbers: directions need
be neither of length 1 nor at right angles. The object's size is not known: it is one number more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.sampled import Sampled
from trajdata._clips.source import ClipSource
from trajdata._jit import kernel
from trajdata._laws.registry import Law
from trajdata._world.motion import motion_kernels
from trajdata._world.times import frame_times

__all__ = ["Family", "Lens", "fit_family", "measured_motions", "sampled_family"]

_Array = NDArray[np.float64]

_STARTS = 3
_ROUNDS = 25
_ENOUGH = 1e-3
"""Share of the sum of squares by which a round must lower it, or the fit has ended."""
_PATIENCE = 3
"""Rounds on end that may lower it by less."""


@dataclass(frozen=True)
class Lens:
    """How positions become what is measured: x, y and radius on the picture, per frame.

    Attributes:
        focal: focal length, pixels.
        width, height: of the picture, pixels.
        place_error, radius_error: standard deviations of a measured coordinate and radius, pixels.
    """

    focal: float
    width: int
    height: int
    place_error: float
    radius_error: float

    def whitened(self, pixels: _Array, radius: _Array) -> _Array:
        """What is measured in units of its errors, float64 (B, 3 T), the picture's middle at 0.

        Args:
            pixels: float64 (B, T, 2), pixels.
            radius: float64 (B, T), pixels.
        """
        middle = np.array([0.5 * self.width, 0.5 * self.height])
        places = (pixels - middle) / self.place_error
        whole = np.concatenate([places, radius[..., None] / self.radius_error], axis=-1)
        return np.ascontiguousarray(whole.reshape(whole.shape[0], -1))


@dataclass(frozen=True)
class Family:
    """A law with motions of it, among which fits begin.

    Attributes:
        law: of the motions.
        numbers: float64 (P, K + 1): the law's numbers and the object's radius, metres.
        starts: float64 (P,): time of the first frame, seconds.
        looks: float32 (P, 3 T): what is measured of them, whole paths about their mean.
    """

    law: Law
    numbers: _Array
    starts: _Array
    looks: NDArray[np.float32]


def sampled_family(source: ClipSource, label: int, lens: Lens, count: int) -> Family:
    """The first motions of a law in a stream.

    Args:
        source: of the stream.
        label: of the law, in the spec's order.
        lens: how they are measured.
        count: how many.
    """
    law = source.spec.known_laws[label]
    sampled, measured = measured_motions(source, label, lens, range(count))
    radius = sampled.scenes["radius"][:, 0]
    numbers = np.concatenate([sampled.numbers[:, 0, : len(law.numbers)], radius[:, None]], axis=1)
    return Family(law, numbers, sampled.scenes["start"][:, 0].copy(), _about_mean(measured))


def measured_motions(
    source: ClipSource, label: int, lens: Lens, indices: range
) -> tuple[Sampled, _Array]:
    """Clips of a law, and what a reader without errors measures of them, float64 (B, 3 T).

    Args:
        source: of the clips.
        label: of the law, in the spec's order.
        lens: how they are measured.
        indices: which B clips of the stream.
    """
    spec = source.spec
    sampled = source._stages.sample(np.asarray(indices), label)
    positions = np.empty((*sampled.scenes.shape, spec.frames, 3))
    times = frame_times(spec.frames, spec.seconds)
    place = motion_kernels(spec.known_laws).place_objects
    place(sampled.scenes, sampled.numbers, times, positions)
    x, y, z = np.moveaxis(positions[:, 0], -1, 0)
    pixels = lens.focal * np.stack([x / z, y / z], axis=-1)
    pixels += (0.5 * lens.width, 0.5 * lens.height)
    return sampled, lens.whitened(pixels, lens.focal * sampled.scenes["radius"][:, :1] / z)


def _about_mean(measured: _Array) -> NDArray[np.float32]:
    """Whole paths moved upon each other, float32 (B, 3 T)."""
    paths = measured.reshape(measured.shape[0], -1, 3)
    moved = paths - paths.mean(axis=1, keepdims=True)
    return np.ascontiguousarray(moved.reshape(measured.shape), np.float32)


def fit_family(
    family: Family, measured: _Array, frames: int, seconds: float, lens: Lens
) -> tuple[_Array, _Array]:
    """Fit a law to each clip.

    Args:
        family: of the law.
        measured: float64 (B, 3 T), as ``Lens.whitened`` makes it.
        frames: T.
        seconds: of a clip.
        lens: that was measured with.

    Returns:
        The least sums of squares, float64 (B,), and the fitted paths, float64 (B, 3 T), both in
        units of the errors.
    """
    costs = np.empty(measured.shape[0])
    fitted = np.empty(measured.shape)
    scale = (lens.focal / lens.place_error, lens.focal / lens.radius_error)
    _fitter(family.law)(
        measured,
        _about_mean(measured),
        frame_times(frames, seconds),
        scale,
        family.numbers,
        family.starts,
        family.looks,
        costs,
        fitted,
    )
    return costs, fitted


@kernel
def _nearest(look, looks, rows):  # type: ignore[no-untyped-def]
    """Fill ``rows`` with those of ``looks``, float32 (P, M), that are nearest to ``look``."""
    best = np.full(rows.shape[0], np.inf, np.float32)
    rows[:] = 0
    for p in range(looks.shape[0]):
        far = np.float32(0.0)
        for i in range(look.shape[0]):
            off = look[i] - looks[p, i]
            far += off * off
        at = rows.shape[0]
        while at > 0 and far < best[at - 1]:
            at -= 1
        if at < rows.shape[0]:
            for j in range(rows.shape[0] - 1, at, -1):
                best[j], rows[j] = best[j - 1], rows[j - 1]
            best[at], rows[at] = far, p


@kernel
def _solve(square, right, size):  # type: ignore[no-untyped-def]
    """Solve a positive definite system in place, by Cholesky's method; whether it is one.

    square: float64 (K, K), its lower triangle. right: float64 (K,), which becomes the solution.
    """
    for i in range(size):
        for j in range(i + 1):
            total = square[i, j]
            for k in range(j):
                total -= square[i, k] * square[j, k]
            if i > j:
                square[i, j] = total / square[j, j]
            elif total > 0.0:
                square[i, i] = np.sqrt(total)
            else:
                return False
    for i in range(size):
        for k in range(i):
            right[i] -= square[i, k] * right[k]
        right[i] /= square[i, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            right[i] -= square[k, i] * right[k]
        right[i] /= square[i, i]
    return True


@cache
def _fitter(law: Law) -> Any:
    position, used = law.position, len(law.numbers)
    size = used + 1

    @kernel
    def predict(numbers, start, times, scale, out):  # type: ignore[no-untyped-def]
        """What would be measured; nothing behind the camera."""
        for k in range(times.shape[0]):
            x, y, z = position(numbers[:used], start + times[k])
            over = 1.0 / max(z, 1e-3)
            out[3 * k] = scale[0] * x * over
            out[3 * k + 1] = scale[0] * y * over
            out[3 * k + 2] = scale[1] * numbers[used] * over

    @kernel
    def squares(one, other):  # type: ignore[no-untyped-def]
        total = 0.0
        for i in range(one.shape[0]):
            total += (one[i] - other[i]) * (one[i] - other[i])
        return total if total == total else np.inf

    @kernel
    def improve(numbers, start, times, scale, asked, here, there, slopes, square, right, tried):  # type: ignore[no-untyped-def]
        predict(numbers, start, times, scale, here)
        cost = squares(here, asked)
        damping, idle = 1e-2, 0
        for _ in range(_ROUNDS):
            for j in range(size):
                tried[:] = numbers
                step = 1e-6 * (1.0 + abs(numbers[j]))
                tried[j] += step
                predict(tried, start, times, scale, there)
                for i in range(asked.shape[0]):
                    slope = (there[i] - here[i]) / step
                    slopes[j, i] = slope if abs(slope) < 1e12 else 0.0
            for i in range(size):
                for j in range(i + 1):
                    total = 0.0
                    for m in range(asked.shape[0]):
                        total += slopes[i, m] * slopes[j, m]
                    square[size + i, j] = total
                total = 0.0
                for m in range(asked.shape[0]):
                    total += slopes[i, m] * (asked[m] - here[m])
                right[1, i] = total
            most = 1e-12
            for i in range(size):
                most = max(most, square[size + i, i])
            gained = False
            for _ in range(6):  # with the same slopes, until a step is short enough
                for i in range(size):
                    for j in range(i + 1):
                        square[i, j] = square[size + i, j]
                    square[i, i] += damping * square[size + i, i] + 1e-9 * most
                    right[0, i] = right[1, i]
                if _solve(square, right[0], size):
                    for i in range(size):
                        tried[i] = numbers[i] + right[0, i]
                    predict(tried, start, times, scale, there)
                    new = squares(there, asked)
                    if new < cost:
                        idle = idle + 1 if new > (1.0 - _ENOUGH) * cost else 0
                        cost, gained = new, True
                        numbers[:] = tried
                        here[:] = there
                        damping = max(damping * 0.2, 1e-9)
                        break
                damping = min(damping * 5.0, 1e9)
            if not gained or idle >= _PATIENCE or cost < 1e-6:
                break
        return cost

    @kernel
    def fit_clips(measured, shapes, times, scale, numbers, starts, looks, costs, fitted):  # type: ignore[no-untyped-def]
        many = measured.shape[1]
        here, there = np.empty(many), np.empty(many)
        slopes, square = np.empty((size, many)), np.empty((2 * size, size))
        right, tried, own = np.empty((2, size)), np.empty(size), np.empty(size)
        rows = np.empty(min(_STARTS, looks.shape[0]), np.int64)
        for b in range(measured.shape[0]):
            _nearest(shapes[b], looks, rows)
            costs[b] = np.inf
            fitted[b] = measured[b]
            for row in rows:
                own[:] = numbers[row]
                cost = improve(
                    own,
                    starts[row],
                    times,
                    scale,
                    measured[b],
                    here,
                    there,
                    slopes,
                    square,
                    right,
                    tried,
                )
                if cost < costs[b]:
                    costs[b] = cost
                    fitted[b] = here
                if cost < many:
                    break  # as near as errors let it come

    return fit_clips
