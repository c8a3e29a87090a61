"""Move a scene's object by its law: find numbers that fit the frame, then positions in time.

Place, depth, time window, size and speed are sampled without regard to the class, and stay. Only
the law's own numbers (directions, phase, turns) are sampled again, under an attempt counter, until
the object stays inside the frame and the law can be seen. So what fits less often for one law
than for another does not show in where, when, how big or how fast.

The kernels are made for a spec's laws: each is a chain of tests on the law's number, resolved when
it is compiled. A law that a spec does not use is not part of its kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from trajdata._arithmetic.grid import on_grid
from trajdata._arithmetic.philox import MOTION, words
from trajdata._jit import kernel
from trajdata._laws.registry import find_law

__all__ = ["ATTEMPTS", "MotionKernels", "motion_kernels", "numbers_of"]

ATTEMPTS = 1024
"""Samples at the full speed; then the speed is halved at each further attempt."""

_HALVINGS = 40


@dataclass(frozen=True)
class MotionKernels:
    """The kernels for some laws.

    Attributes:
        fit_motions: (key, indices, settings, own, scenes, numbers), see there.
        place_objects: (scenes, numbers, times, positions), see there.
    """

    fit_motions: Any
    place_objects: Any


def numbers_of(laws: tuple[str, ...]) -> int:
    """Columns of an array of these laws' numbers; a law with fewer leaves the rest 0."""
    return max(len(find_law(law).numbers) for law in laws)


@cache
def motion_kernels(laws: tuple[str, ...]) -> MotionKernels:
    """The kernels for the laws of a spec, in its order: SCENE's ``law`` counts them."""
    return MotionKernels(_fit_motions(laws), _place_objects(laws))


def _propose(laws: tuple[str, ...], at: int = 0) -> Any:
    name, propose = laws[at], find_law(laws[at]).propose
    if at == len(laws) - 1:

        @kernel
        def last(law, scene, settings, own, w, v, speed, n):  # type: ignore[no-untyped-def]
            propose(scene, settings, own[name], w, v, speed, n)

        return last
    others = _propose(laws, at + 1)

    @kernel
    def either(law, scene, settings, own, w, v, speed, n):  # type: ignore[no-untyped-def]
        if law == at:
            propose(scene, settings, own[name], w, v, speed, n)
        else:
            others(law, scene, settings, own, w, v, speed, n)

    return either


def _position(laws: tuple[str, ...], at: int = 0) -> Any:
    position = find_law(laws[at]).position
    if at == len(laws) - 1:

        @kernel
        def last(law, n, t):  # type: ignore[no-untyped-def]
            return position(n, t)

        return last
    others = _position(laws, at + 1)

    @kernel
    def either(law, n, t):  # type: ignore[no-untyped-def]
        if law == at:
            return position(n, t)
        return others(law, n, t)

    return either


def _least(laws: tuple[str, ...], at: int = 0) -> Any:
    least = find_law(laws[at]).least
    if at == len(laws) - 1:

        @kernel
        def last(law, n, t0, t1, a, b, c):  # type: ignore[no-untyped-def]
            return least(n, t0, t1, a, b, c)

        return last
    others = _least(laws, at + 1)

    @kernel
    def either(law, n, t0, t1, a, b, c):  # type: ignore[no-untyped-def]
        if law == at:
            return least(n, t0, t1, a, b, c)
        return others(law, n, t0, t1, a, b, c)

    return either


def _distinct(laws: tuple[str, ...], at: int = 0) -> Any:
    name, distinct = laws[at], find_law(laws[at]).distinct
    if at == len(laws) - 1:

        @kernel
        def last(law, scene, settings, own, n, t0, t1):  # type: ignore[no-untyped-def]
            return distinct(scene, settings, own[name], n, t0, t1)

        return last
    others = _distinct(laws, at + 1)

    @kernel
    def either(law, scene, settings, own, n, t0, t1):  # type: ignore[no-untyped-def]
        if law == at:
            return distinct(scene, settings, own[name], n, t0, t1)
        return others(law, scene, settings, own, n, t0, t1)

    return either


def _inside(laws: tuple[str, ...]) -> Any:
    least = _least(laws)

    @kernel
    def inside(law, n, t0, t1, radius, settings):  # type: ignore[no-untyped-def]
        """Whether the object, radius included, stays in the camera's frustum all the time.

        The frustum's side is the plane x = free_x z, from which its centre must be a radius away:
        free_x z - |x| >= slant_x radius, with slant_x = sqrt(1 + free_x^2). That is a bound on a
        linear form in (x, y, z). A displacement by up to ``shake`` along each axis takes at most
        (1 + free_x) shake from that form.
        """
        need_x = settings.slant_x * radius + settings.shake * (1.0 + settings.free_x)
        need_y = settings.slant_y * radius + settings.shake * (1.0 + settings.free_y)
        return (
            least(law, n, t0, t1, -1.0, 0.0, settings.free_x) >= need_x
            and least(law, n, t0, t1, 1.0, 0.0, settings.free_x) >= need_x
            and least(law, n, t0, t1, 0.0, -1.0, settings.free_y) >= need_y
            and least(law, n, t0, t1, 0.0, 1.0, settings.free_y) >= need_y
            and least(law, n, t0, t1, 0.0, 0.0, 1.0) >= settings.reach_low + settings.shake
            and least(law, n, t0, t1, 0.0, 0.0, -1.0) >= settings.shake - settings.reach_high
        )

    return inside


def _fit_motions(laws: tuple[str, ...]) -> Any:
    propose, inside, distinct = _propose(laws), _inside(laws), _distinct(laws)

    @kernel
    def fit(key, index, item, settings, own, scene, n):  # type: ignore[no-untyped-def]
        law = scene.law
        t0 = scene.start
        t1 = t0 + settings.seconds
        speed = scene.speed
        for attempt in range(ATTEMPTS + _HALVINGS):
            w = words(key, index, item, MOTION, 2 * attempt)
            v = words(key, index, item, MOTION, 2 * attempt + 1)
            full = attempt < ATTEMPTS
            if not full:
                speed *= 0.5
            propose(law, scene, settings, own, w, v, speed, n)
            # On a decimal grid, so that the numbers in a clip's text are the very ones it moved by.
            for j in range(n.shape[0]):
                n[j] = on_grid(n[j])
            if inside(law, n, t0, t1, scene.radius, settings) and (
                not full or distinct(law, scene, settings, own, n, t0, t1)
            ):
                break
        # The spec's validation keeps the anchor itself inside, so a speed halved 40 times fits.
        scene.speed = on_grid(speed)
        scene.attempt = attempt

    @kernel
    def fit_motions(key, indices, settings, own, scenes, numbers):  # type: ignore[no-untyped-def]
        """Fill ``numbers`` (float64 (B, O, columns)) for ``scenes`` (SCENE (B, O)).

        settings: as ``settings_row`` makes it. own: as ``law_rows`` makes it. Always ends: after
        ATTEMPTS samples the speed is halved at each further one, and ``speed`` and ``attempt`` of
        the scene say what was taken.
        """
        for b in range(indices.shape[0]):
            for item in range(scenes.shape[1]):
                numbers[b, item, :] = 0.0
                if scenes[b, item].shown > 0:
                    fit(
                        key,
                        indices[b],
                        item,
                        settings[0],
                        own[0],
                        scenes[b, item],
                        numbers[b, item],
                    )

    return fit_motions


def _place_objects(laws: tuple[str, ...]) -> Any:
    position = _position(laws)

    @kernel
    def place_objects(scenes, numbers, times, positions):  # type: ignore[no-untyped-def]
        """Fill ``positions`` (float64 (B, O, T, 3), metres) at T moments.

        times: float64 (T,), seconds from the clip's first frame, as ``frame_times`` makes them.
        """
        for b in range(positions.shape[0]):
            for item in range(positions.shape[1]):
                scene = scenes[b, item]
                if scene.shown == 0:
                    # Before the camera, so that what is divided by a depth has one.
                    positions[b, item, :, :2] = 0.0
                    positions[b, item, :, 2] = 1.0
                    continue
                for k in range(times.shape[0]):
                    t = scene.start + times[k]
                    x, y, z = position(scene.law, numbers[b, item], t)
                    positions[b, item, k, 0] = x
                    positions[b, item, k, 1] = y
                    positions[b, item, k, 2] = z

    return place_objects
