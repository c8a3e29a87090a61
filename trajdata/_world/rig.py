"""Where a clip's cameras are and how they are turned, at any moment: a closed form.

All cameras of a clip stand on one rig. At rest the first is at the origin and looks along +z; each
next one is ``baseline`` to the right of the one before, or ``ring`` farther around the pivot. The
rig orbits the pivot, pans and is shaken, about axes and at rates of the clip's own address; in the
middle of the clip it is at rest but for the shaking. A camera is known by the world as it sees it,
laid out like a pose (``_world.pose``): the world's origin, then the matrix that turns the world's
axes into the camera's, row by row.
"""

from __future__ import annotations

from trajdata._arithmetic.philox import CAMERA, unit, words
from trajdata._arithmetic.trig import TURN, cos_sin
from trajdata._jit import kernel
from trajdata._spec.cameras import SWAYS

__all__ = ["place_cameras", "see_poses", "set_camera"]

_SLOWEST, _FASTEST = SWAYS


@kernel
def _turn(camera, x, y, angle, pivot):  # type: ignore[no-untyped-def]
    """Turn the world as a camera sees it by an angle about the unit axis (x, y, 0) through
    (0, 0, pivot). Source: O. Rodrigues, Journal de mathematiques pures et appliquees 5, 1840."""
    c, s = cos_sin(angle)
    rest = 1.0 - c
    m00, m01, m02 = c + rest * x * x, rest * x * y, s * y
    m10, m11, m12 = rest * x * y, c + rest * y * y, -s * x
    m20, m21, m22 = -s * y, s * x, c
    for column in (3, 4, 5):
        a, b, d = camera[column], camera[column + 3], camera[column + 6]
        camera[column] = m00 * a + m01 * b + m02 * d
        camera[column + 3] = m10 * a + m11 * b + m12 * d
        camera[column + 6] = m20 * a + m21 * b + m22 * d
    a, b, d = camera[0], camera[1], camera[2] - pivot
    camera[0] = m00 * a + m01 * b + m02 * d
    camera[1] = m10 * a + m11 * b + m12 * d
    camera[2] = m20 * a + m21 * b + m22 * d + pivot


@kernel
def _sway(word, other, share):  # type: ignore[no-untyped-def]
    """A sine of the share of the clip that has passed, whose rate and phase two words give."""
    rate = _SLOWEST + unit(word) * (_FASTEST - _SLOWEST)
    _, sine = cos_sin(TURN * (rate * share + unit(other)))
    return sine


@kernel
def set_camera(key, index, view, share, settings, camera):  # type: ignore[no-untyped-def]
    """Fill ``camera`` (float64 (12,)) when this share of the clip has passed, 0 at the first frame
    and 1 at the last. settings: a row of ``settings_row``."""
    camera[:] = 0.0
    camera[3] = camera[7] = camera[11] = 1.0
    w = words(key, index, 0, CAMERA, 0)
    if settings.orbit_high > 0.0:
        angle = settings.orbit_low + unit(w[0]) * (settings.orbit_high - settings.orbit_low)
        x, y = cos_sin(unit(w[1]) * TURN)
        _turn(camera, x, y, angle * (share - 0.5), settings.pivot)
    if settings.pan_high > 0.0:
        angle = settings.pan_low + unit(w[2]) * (settings.pan_high - settings.pan_low)
        x, y = cos_sin(unit(w[3]) * TURN)
        _turn(camera, x, y, angle * (share - 0.5), 0.0)
    if settings.shaking > 0.0:
        v = words(key, index, 0, CAMERA, 1)
        _turn(camera, 1.0, 0.0, settings.shaking * _sway(v[0], v[1], share), 0.0)
        _turn(camera, 0.0, 1.0, settings.shaking * _sway(v[2], v[3], share), 0.0)
    if settings.ring > 0.0 and view > 0:
        _turn(camera, 0.0, 1.0, settings.ring * view, settings.pivot)
    camera[0] -= settings.baseline * view


@kernel
def place_cameras(key, indices, settings, shares, cameras):  # type: ignore[no-untyped-def]
    """Fill ``cameras`` (float64 (B, V, M, 12)) at M shares of the clip (float64 (M,))."""
    for b in range(cameras.shape[0]):
        for view in range(cameras.shape[1]):
            for k in range(cameras.shape[2]):
                set_camera(key, indices[b], view, shares[k], settings[0], cameras[b, view, k])


@kernel
def see_poses(cameras, poses, seen):  # type: ignore[no-untyped-def]
    """Fill ``seen`` (float64 (B, O, M, 12)): poses of objects in a camera's axes.

    cameras: float64 (B, M, 12). poses: float64 (B, O, M, 12), in the world's.
    """
    for b in range(poses.shape[0]):
        for item in range(poses.shape[1]):
            for k in range(poses.shape[2]):
                camera, pose, own = cameras[b, k], poses[b, item, k], seen[b, item, k]
                for row in range(3):
                    p, q, r = camera[3 + 3 * row], camera[4 + 3 * row], camera[5 + 3 * row]
                    own[row] = p * pose[0] + q * pose[1] + r * pose[2] + camera[row]
                    for column in range(3):
                        own[3 + 3 * row + column] = (
                            p * pose[3 + column] + q * pose[6 + column] + r * pose[9 + column]
                        )
