"""Small vector helpers of the laws."""

from __future__ import annotations

import numpy as np

from trajdata._arithmetic.trig import TURN, cos_sin
from trajdata._jit import kernel

__all__ = ["basis", "direction", "direction_near_view", "plane_near_view"]


@kernel
def direction(a, b):  # type: ignore[no-untyped-def]
    """A unit vector, uniform on the sphere, from two numbers in (0, 1) (Archimedes)."""
    z = 1.0 - 2.0 * a
    across = np.sqrt(max(1.0 - z * z, 0.0))
    cosine, sine = cos_sin(b * TURN)
    return across * cosine, across * sine, z


@kernel
def direction_near_view(a, b, tilt_cosine):  # type: ignore[no-untyped-def]
    """A unit vector within the tilt of the view axis, of either sense, uniform in solid angle."""
    side = 2.0 * a - 1.0
    size = tilt_cosine + abs(side) * (1.0 - tilt_cosine)
    z = size if side > 0.0 else -size
    across = np.sqrt(max(1.0 - z * z, 0.0))
    cosine, sine = cos_sin(b * TURN)
    return across * cosine, across * sine, z


@kernel
def basis(x, y, z):  # type: ignore[no-untyped-def]
    """Two unit vectors that make a right-handed frame with the unit vector (x, y, z).

    Source: Duff et al., "Building an orthonormal basis, revisited", JCGT 6(1), 2017.
    """
    sign = 1.0 if z >= 0.0 else -1.0
    a = -1.0 / (sign + z)
    b = x * y * a
    return 1.0 + sign * x * x * a, sign * b, -sign * x, b, sign + y * y * a, -y


@kernel
def plane_near_view(a, b, turned, tilt_cosine):  # type: ignore[no-untyped-def]
    """Two unit vectors at right angles, turned at random in a plane whose normal lies within the
    tilt of the view axis; from three numbers in (0, 1)."""
    x, y, z = direction_near_view(a, b, tilt_cosine)
    ux, uy, uz, wx, wy, wz = basis(x, y, z)
    cosine, sine = cos_sin(turned * TURN)
    return (
        cosine * ux + sine * wx,
        cosine * uy + sine * wy,
        cosine * uz + sine * wz,
        cosine * wx - sine * ux,
        cosine * wy - sine * uy,
        cosine * wz - sine * uz,
    )
