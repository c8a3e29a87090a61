"""Move a scene's object by its law: find numbers that fit the frame, then positions in time.

Place, depth, time window, size and speed are drawn without regard to the class, and stay. Only
the law's own numbers (directions, phase, turns) are drawn again, under an attempt counter, until
the object stays inside the frame and the law can be seen. So what fits less often for one law
than for another does not show in where, when, how big or how fast.
"""

from __future__ import annotations

from trajdata._arithmetic.grid import on_grid
from trajdata._arithmetic.philox import MOTION, words
from trajdata._jit import kernel
from trajdata._laws import circular, helical, linear, parabolic
from trajdata._spec.model import LAWS

__all__ = ["ATTEMPTS", "LAW_MODULES", "NUMBERS", "fit_motions", "place_objects"]

LAW_MODULES = {
    "linear": linear,
    "circular": circular,
    "helical": helical,
    "parabolic": parabolic,
}

NUMBERS = max(len(module.NUMBERS) for module in LAW_MODULES.values())
"""Columns of an array of laws' numbers; a law with fewer leaves the rest 0."""

ATTEMPTS = 1024
"""Draws at the full speed; then the speed is halved at each further attempt."""

_HALVINGS = 40
_LINEAR = LAWS.index("linear")
_CIRCULAR = LAWS.index("circular")
_HELICAL = LAWS.index("helical")


@kernel
def _propose(law, scene, limits, w, v, speed, n):  # type: ignore[no-untyped-def]
    if law == _LINEAR:
        linear.propose(scene, limits, w, v, speed, n)
    elif law == _CIRCULAR:
        circular.propose(scene, limits, w, v, speed, n)
    elif law == _HELICAL:
        helical.propose(scene, limits, w, v, speed, n)
    else:
        parabolic.propose(scene, limits, w, v, speed, n)


@kernel
def _position(law, n, t):  # type: ignore[no-untyped-def]
    if law == _LINEAR:
        return linear.position(n, t)
    if law == _CIRCULAR:
        return circular.position(n, t)
    if law == _HELICAL:
        return helical.position(n, t)
    return parabolic.position(n, t)


@kernel
def _least(law, n, t0, t1, a, b, c):  # type: ignore[no-untyped-def]
    if law == _LINEAR:
        return linear.least(n, t0, t1, a, b, c)
    if law == _CIRCULAR:
        return circular.least(n, t0, t1, a, b, c)
    if law == _HELICAL:
        return helical.least(n, t0, t1, a, b, c)
    return parabolic.least(n, t0, t1, a, b, c)


@kernel
def _distinct(law, scene, limits, n, t0, t1):  # type: ignore[no-untyped-def]
    if law == _LINEAR:
        return linear.distinct(scene, limits, n, t0, t1)
    if law == _CIRCULAR:
        return circular.distinct(scene, limits, n, t0, t1)
    if law == _HELICAL:
        return helical.distinct(scene, limits, n, t0, t1)
    return parabolic.distinct(scene, limits, n, t0, t1)


@kernel
def _inside(law, n, t0, t1, radius, limits):  # type: ignore[no-untyped-def]
    """Whether the object, radius included, stays in the camera's frustum all the time.

    It is on the picture where |f x / z| + f radius / z <= half the frame less the margin, that is
    where free_x z - |x| >= radius: a bound on a linear form in (x, y, z). A displacement by up to
    ``shake`` along each axis takes at most (1 + free_x) shake from that form.
    """
    need_x = radius + limits.shake * (1.0 + limits.free_x)
    need_y = radius + limits.shake * (1.0 + limits.free_y)
    return (
        _least(law, n, t0, t1, -1.0, 0.0, limits.free_x) >= need_x
        and _least(law, n, t0, t1, 1.0, 0.0, limits.free_x) >= need_x
        and _least(law, n, t0, t1, 0.0, -1.0, limits.free_y) >= need_y
        and _least(law, n, t0, t1, 0.0, 1.0, limits.free_y) >= need_y
        and _least(law, n, t0, t1, 0.0, 0.0, 1.0) >= limits.reach_low + limits.shake
        and _least(law, n, t0, t1, 0.0, 0.0, -1.0) >= limits.shake - limits.reach_high
    )


@kernel
def _fit(key, index, item, limits, scene, n):  # type: ignore[no-untyped-def]
    law = scene.law
    t0 = scene.start
    t1 = t0 + limits.seconds
    speed = scene.speed
    for attempt in range(ATTEMPTS + _HALVINGS):
        w = words(key, index, item, MOTION, 2 * attempt)
        v = words(key, index, item, MOTION, 2 * attempt + 1)
        full = attempt < ATTEMPTS
        if not full:
            speed *= 0.5
        _propose(law, scene, limits, w, v, speed, n)
        # On a decimal grid, so that the numbers in a clip's text are the very ones it moved by.
        for j in range(n.shape[0]):
            n[j] = on_grid(n[j])
        if _inside(law, n, t0, t1, scene.radius, limits) and (
            not full or _distinct(law, scene, limits, n, t0, t1)
        ):
            break
    # The spec's validation keeps the anchor itself inside, so a speed halved 40 times fits.
    scene.speed = on_grid(speed)
    scene.attempt = attempt


@kernel
def fit_motions(key, indices, limits, scenes, numbers):  # type: ignore[no-untyped-def]
    """Fill ``numbers`` (float64 (B, O, NUMBERS)) for ``scenes`` (SCENE (B, O)).

    Always ends: after ATTEMPTS draws the speed is halved at each further one, and ``speed`` and
    ``attempt`` of the scene say what was taken.
    """
    for b in range(indices.shape[0]):
        for item in range(scenes.shape[1]):
            numbers[b, item, :] = 0.0
            _fit(key, indices[b], item, limits[0], scenes[b, item], numbers[b, item])


@kernel
def place_objects(scenes, numbers, seconds, positions):  # type: ignore[no-untyped-def]
    """Fill ``positions`` (float64 (B, O, T, 3), metres) at the T frames' times.

    Frame k is at start + seconds * k / (T - 1): the first and the last moment do not depend on T.
    """
    frames = positions.shape[2]
    for b in range(positions.shape[0]):
        for item in range(positions.shape[1]):
            scene = scenes[b, item]
            for k in range(frames):
                t = scene.start + seconds * (k / (frames - 1))
                x, y, z = _position(scene.law, numbers[b, item], t)
                positions[b, item, k, 0] = x
                positions[b, item, k, 1] = y
                positions[b, item, k, 2] = z
