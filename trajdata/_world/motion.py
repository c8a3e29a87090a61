"""Move a scene's object by its law: find numbers that fit the frame, then positions in time.

Place, depth, time window, size and speed are sampled without regard to the class, and stay. Only
the law's own numbers (directions, phase, turns) are sampled again, under an attempt counter, until
the object stays inside the frame and the law can be seen. So what fits less often for one law
than for another does not show in where, when, how big or how fast.

The kernels are made for a spec's laws: each chooses by the law's number, resolved when it is
compiled. A law that a spec does not use is not part of its kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from trajdata._arithmetic.grid import on_grid
from trajdata._arithmetic.philox import MOTION, words
from trajdata._errors import ArgumentError
from trajdata._jit import bare_kernel, kernel
from trajdata._laws.registry import Law
from trajdata._world.choosing import choose
from trajdata._world.framing import inside_of, moved_of
from trajdata._world.views import inside_views_of

__all__ = ["ATTEMPTS", "MotionKernels", "motion_kernels", "numbers_of"]

ATTEMPTS = 1024
"""Samples at the full speed; then the speed is halved at each further attempt."""

_HALVINGS = 40


@dataclass(frozen=True)
class MotionKernels:
    """The kernels for some laws.

    Attributes:
        fit_motions: (key, indices, settings, own, scenes, numbers), see there.
        propose_motions: the same; the numbers that are proposed first, whether they fit or not.
        place_objects: (scenes, numbers, times, positions), see there.
    """

    fit_motions: Any
    propose_motions: Any
    place_objects: Any


def numbers_of(laws: tuple[Law, ...]) -> int:
    """Columns of an array of these laws' numbers; a law with fewer leaves the rest 0."""
    return max(len(law.numbers) for law in laws)


@cache
def motion_kernels(laws: tuple[Law, ...], is_lone: bool = True) -> MotionKernels:
    """The kernels for the laws of a spec, in its order: SCENE's ``law`` counts them.

    Args:
        laws: of the spec.
        is_lone: whether there is one camera, at rest.

    Raises:
        ArgumentError: a user's law that this process does not have.
    """
    for law in laws:
        if not law.is_here:
            raise ArgumentError(
                f"laws: {law.name!r} is a user's law, and this process has none of that name with "
                f"the source of digest {law.digest}; import the module that defines it with "
                "trajdata.law, as it was when the recipe was written (on the command line: "
                "`trajdata --laws FILE.py ...`). What is stored can be read without it"
            )
    sample = _sampling(laws)
    # A user's law may make arrays, and so does what looks through several cameras.
    is_bare = is_lone and not any(law.digest for law in laws)
    fit = _fit_motions(laws, sample, _inside(laws, is_lone), bare_kernel if is_bare else kernel)
    return MotionKernels(fit, _propose_motions(sample), _place_objects(laws))


def _proposing(law: Law) -> Any:
    name, propose = law.name, law.propose

    @kernel
    def propose_own(scene, settings, own, w, v, speed, n):  # type: ignore[no-untyped-def]
        propose(scene, settings, own[name], w, v, speed, n)

    return propose_own


def _showing(law: Law) -> Any:
    """Whether a law's path is long enough, and what defines the law can be seen."""
    name, distinct, moved = law.name, law.distinct, moved_of(law)

    @kernel
    def shown_own(scene, settings, own, n, t0, t1):  # type: ignore[no-untyped-def]
        is_distinct = distinct(scene, settings, own[name], n, t0, t1)
        return is_distinct and moved(n, t0, t1, settings.least_path)

    return shown_own


def _sampling(laws: tuple[Law, ...]) -> Any:
    propose = choose([_proposing(law) for law in laws])

    @kernel
    def sample_numbers(key, index, item, attempt, settings, own, scene, speed, n):  # type: ignore[no-untyped-def]
        w = words(key, index, item, MOTION, 2 * attempt)
        v = words(key, index, item, MOTION, 2 * attempt + 1)
        propose(scene.law, scene, settings, own, w, v, speed, n)
        # On a decimal grid, so that the numbers in a clip's text are the very ones it moved by.
        for j in range(n.shape[0]):
            n[j] = on_grid(n[j])

    return sample_numbers


def _propose_motions(sample: Any) -> Any:
    @kernel
    def propose_motions(key, indices, settings, own, scenes, numbers):  # type: ignore[no-untyped-def]
        """Fill ``numbers`` as ``fit_motions`` does, with the first proposal."""
        for b in range(indices.shape[0]):
            for item in range(scenes.shape[1]):
                scene, n = scenes[b, item], numbers[b, item]
                n[:] = 0.0
                sample(key, indices[b], item, 0, settings[0], own[0], scene, scene.speed, n)

    return propose_motions


def _inside(laws: tuple[Law, ...], is_lone: bool) -> Any:
    """The kernel (key, index, law, numbers, t0, t1, radius, settings) -> whether it is inside."""
    within = choose([inside_of(law) if is_lone else inside_views_of(law) for law in laws])

    @kernel
    def inside_frame(key, index, law, n, t0, t1, radius, settings):  # type: ignore[no-untyped-def]
        return within(law, n, t0, t1, radius, settings)

    @kernel
    def inside_views(key, index, law, n, t0, t1, radius, settings):  # type: ignore[no-untyped-def]
        return within(law, key, index, n, t0, t1, radius, settings)

    return inside_frame if is_lone else inside_views


def _fit_motions(laws: tuple[Law, ...], sample: Any, inside: Any, compiled: Any) -> Any:
    shown = choose([_showing(law) for law in laws])

    @compiled
    def fit(key, index, item, settings, own, scene, n):  # type: ignore[no-untyped-def]
        law = scene.law
        t0 = scene.start
        t1 = t0 + settings.seconds
        speed = scene.speed
        for attempt in range(ATTEMPTS + _HALVINGS):
            full = attempt < ATTEMPTS
            if not full:
                speed *= 0.5
            sample(key, index, item, attempt, settings, own, scene, speed, n)
            if inside(key, index, law, n, t0, t1, scene.radius, settings) and (
                not full or shown(law, scene, settings, own, n, t0, t1)
            ):
                break
        # The spec's validation keeps the anchor itself inside, so a speed halved 40 times fits.
        scene.speed = on_grid(speed)
        scene.attempt = attempt

    @compiled
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


def _placing(law: Law) -> Any:
    position = law.position

    @kernel
    def place_own(n, start, times, path):  # type: ignore[no-untyped-def]
        for k in range(times.shape[0]):
            x, y, z = position(n, start + times[k])
            path[k, 0] = x
            path[k, 1] = y
            path[k, 2] = z

    return place_own


@cache
def _place_objects(laws: tuple[Law, ...]) -> Any:
    place = choose([_placing(law) for law in laws])  # once an object, not at every frame

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
                else:
                    place(scene.law, numbers[b, item], scene.start, times, positions[b, item])

    return place_objects
