"""What follows from a spec's cameras: how far they turn and go, and whether objects stay seen.

All of it is a bound: whatever numbers a clip's cameras have, they go no farther.
"""

from __future__ import annotations

import itertools
import math
from typing import Protocol

from trajdata._errors import ArgumentError
from trajdata._settings import Range
from trajdata._spec.groups import Camera, Objects

__all__ = ["CAMERA_PIECES", "SWAYS", "Seen", "camera_rate", "check_cameras", "pivot_of"]

CAMERA_PIECES = 48
"""Of a clip, in each of which a moving camera is taken to stand still, less what it moves in it."""

SWAYS = (1.0, 3.0)
"""How often a shaken camera goes to and fro in a clip, at least and at most."""

_STEEPEST = math.radians(75)
"""Angle from the straight view at the wall that no ray exceeds: it must meet the wall."""


class Seen(Protocol):
    """The attributes of a ``ClipSpec`` that are used here."""

    @property
    def frames(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def camera(self) -> Camera: ...
    @property
    def objects(self) -> Objects: ...
    @property
    def splits(self) -> tuple[str, ...]: ...
    def factor(self, name: str, split: str) -> Range: ...


def pivot_of(spec: Seen) -> float:
    """Depth of the point on the view axis that cameras orbit, m: the middle of the anchors'."""
    return 0.5 * (spec.objects.depth[0] + spec.objects.depth[1])


def _turns(spec: Seen) -> tuple[float, float]:
    """By which angles cameras are turned at most about themselves and about the pivot, while they
    move; rad."""
    camera = spec.camera
    # Flow asks for the camera one frame beyond both ends.
    longer = 0.5 + 1.0 / (spec.frames - 1)
    own = camera.pan[1] * longer + math.sqrt(2.0) * camera.shaking
    return own, camera.orbit[1] * longer


def _offset(spec: Seen) -> float:
    """How far the last camera is from the first, at most, m."""
    camera = spec.camera
    return (camera.views - 1) * (camera.baseline + pivot_of(spec) * camera.ring)


def _distance(spec: Seen) -> float:
    """How far from a camera an object's centre may be, m."""
    own, about = _turns(spec)
    angle = own + about + (spec.camera.views - 1) * spec.camera.ring + _half_diagonal(spec)
    pivot = pivot_of(spec)
    room = spec.camera.reach[1] + pivot * about + _offset(spec)
    return room / math.cos(min(angle, _STEEPEST)) + _offset(spec)


def _half_diagonal(spec: Seen) -> float:
    return math.atan(0.5 * math.hypot(spec.height, spec.width) / min(spec.height, spec.width))


def camera_rate(spec: Seen) -> float:
    """How far, in a camera's axes, what does not move goes in a clip at most, m."""
    camera, distance = spec.camera, _distance(spec)
    sways = math.sqrt(2.0) * camera.shaking * 2 * math.pi * SWAYS[1]
    about = camera.orbit[1] * (distance + 2 * pivot_of(spec))
    return (camera.pan[1] + sways) * distance + about


def check_cameras(spec: Seen, shake: float) -> None:
    """Show that what stands still at any anchor is inside every picture that has to show it.

    Args:
        spec: of the clips.
        shake: how far jitter displaces along each axis at most, m.

    Raises:
        ArgumentError: a camera may turn away from the wall, or from an anchor.
    """
    camera = spec.camera
    own, about = _turns(spec)
    turned = own + about + (camera.views - 1) * camera.ring
    if turned + _half_diagonal(spec) > _STEEPEST:
        raise ArgumentError(
            f"pan: given {camera.pan} with orbit {camera.orbit}, shaking {camera.shaking} and ring "
            f"{camera.ring}; all together, cameras turn by {turned:.3f} rad, and may by "
            f"{max(_STEEPEST - _half_diagonal(spec), 0):.3f}: they must see the wall"
        )
    for split in spec.splits:
        radius = spec.factor("radius", split)[1]
        for view in range(camera.views):
            spare = _least_spare(spec, split, view, radius, shake)
            if spare <= 0:
                raise ArgumentError(
                    f"place: given {spec.objects.place}; in {split}, an object that stands still "
                    f"may leave the picture of camera {view} by {-spare:.3f} m: lower place, or "
                    f"how far cameras are apart and move, or let framed be 'first'"
                )


def _least_spare(spec: Seen, split: str, view: int, radius: float, shake: float) -> float:
    """How much farther inside than it has to be an anchor is in a view, m, at least."""
    camera, objects = spec.camera, spec.objects
    own, about = _turns(spec)
    pivot, shorter = pivot_of(spec), min(spec.height, spec.width)
    slack = 0.5 * camera_rate(spec) / CAMERA_PIECES + math.sqrt(3.0) * shake
    angle = view * camera.ring
    worst = math.inf
    halves = (0.5 * spec.width / shorter, 0.5 * spec.height / shorter)
    # What is checked is linear in the place, and anchors fill a part of the frustum.
    for depth, right, down in itertools.product(spec.factor("depth", split), (-1, 1), (-1, 1)):
        x = right * objects.place * halves[0] * depth
        y = down * objects.place * halves[1] * depth
        away = math.hypot(x, y, depth - pivot)
        moved = about * away + own * (math.hypot(x, y, depth) + about * away)
        seen_x = math.cos(angle) * x + math.sin(angle) * (depth - pivot) - view * camera.baseline
        seen_z = -math.sin(angle) * x + math.cos(angle) * (depth - pivot) + pivot
        worst = min(worst, seen_z - moved - slack - camera.reach[0])
        if view == 0 or camera.framed == "all":
            for seen, half in ((seen_x, halves[0]), (y, halves[1])):
                free = half - 0.5 * camera.margin
                slant = math.sqrt(1 + free * free)
                spare = free * seen_z - abs(seen)
                worst = min(worst, spare - slant * (radius + moved + slack))
    return worst
