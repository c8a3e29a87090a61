"""How objects are turned: a random pose, and a spin about a random axis, both without regard to
the class.

An object's pose at the clip's first frame is uniform over all rotations, and it turns at a constant
angular velocity whose axis is uniform over all directions. A shape that is always parallel to the
picture has the identity and does not turn.
"""

from __future__ import annotations

import numpy as np

from trajdata._arithmetic.philox import POSE, unit, words
from trajdata._arithmetic.trig import TURN, cos_sin
from trajdata._arithmetic.vectors import direction
from trajdata._jit import kernel

__all__ = ["set_poses", "turn_objects"]


@kernel
def _rest(key, index, item):  # type: ignore[no-untyped-def]
    """A rotation at random, as a quaternion wxyz.

    Source: K. Shoemake, "Uniform random rotations", Graphics Gems III, 1992.
    """
    w = words(key, index, item, POSE, 0)
    part = unit(w[0])
    c1, s1 = cos_sin(unit(w[1]) * TURN)
    c2, s2 = cos_sin(unit(w[2]) * TURN)
    low, high = np.sqrt(1.0 - part), np.sqrt(part)
    return high * c2, low * s1, low * c1, high * s2


@kernel
def turn_objects(key, indices, scenes, settings, upright, times, quaternions, spins):  # type: ignore[no-untyped-def]
    """Fill ``quaternions`` (float64 (B, O, T, 4), wxyz, object to world) and ``spins`` (float64
    (B, O, 3), rad/s, in the world's axes).

    settings: as ``settings_row`` makes it. upright: bool (shapes,), which of them never turn.
    times: float64 (T,), seconds from the clip's first frame.
    """
    low, high = settings[0].spin_low, settings[0].spin_high
    for b in range(scenes.shape[0]):
        for item in range(scenes.shape[1]):
            spins[b, item, :] = 0.0
            if upright[scenes[b, item].shape]:
                quaternions[b, item, :, 0] = 1.0
                quaternions[b, item, :, 1:] = 0.0
                continue
            rw, rx, ry, rz = _rest(key, indices[b], item)
            v = words(key, indices[b], item, POSE, 1)
            speed = low + unit(v[2]) * (high - low)
            x, y, z = direction(unit(v[0]), unit(v[1]))
            spins[b, item, 0], spins[b, item, 1], spins[b, item, 2] = (
                speed * x,
                speed * y,
                speed * z,
            )
            for k in range(times.shape[0]):
                # The spin's rotation after the one at rest: a product of quaternions.
                w, sine = cos_sin(0.5 * speed * times[k])
                i, j, k_part = sine * x, sine * y, sine * z
                quaternions[b, item, k, 0] = w * rw - i * rx - j * ry - k_part * rz
                quaternions[b, item, k, 1] = w * rx + i * rw + j * rz - k_part * ry
                quaternions[b, item, k, 2] = w * ry - i * rz + j * rw + k_part * rx
                quaternions[b, item, k, 3] = w * rz + i * ry - j * rx + k_part * rw


@kernel
def set_poses(positions, quaternions, poses):  # type: ignore[no-untyped-def]
    """Fill ``poses`` (float64 (B, O, T, 12)): an object's centre in metres, then the matrix that
    turns its own axes into the world's, row by row."""
    for b in range(positions.shape[0]):
        for item in range(positions.shape[1]):
            for k in range(positions.shape[2]):
                pose = poses[b, item, k]
                pose[:3] = positions[b, item, k]
                q = quaternions[b, item, k]
                w, x, y, z = q[0], q[1], q[2], q[3]
                pose[3] = 1.0 - 2.0 * (y * y + z * z)
                pose[4] = 2.0 * (x * y - w * z)
                pose[5] = 2.0 * (x * z + w * y)
                pose[6] = 2.0 * (x * y + w * z)
                pose[7] = 1.0 - 2.0 * (x * x + z * z)
                pose[8] = 2.0 * (y * z - w * x)
                pose[9] = 2.0 * (x * z - w * y)
                pose[10] = 2.0 * (y * z + w * x)
                pose[11] = 1.0 - 2.0 * (x * x + y * y)
