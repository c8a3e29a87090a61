"""What a circle spans in perspective."""

from __future__ import annotations

import numpy as np

from trajdata._jit import kernel

__all__ = ["circle_slopes"]


@kernel
def circle_slopes(x, z, ux, uz, vx, vz):  # type: ignore[no-untyped-def]
    """The least and the greatest x / z on a circle before the camera.

    The circle is (x, z) + cos(a) (ux, uz) + sin(a) (vx, vz). A slope s is an end where
    (x - s z) + cos(a) (ux - s uz) + sin(a) (vx - s vz) touches 0: where
    (x - s z)^2 = (ux - s uz)^2 + (vx - s vz)^2.
    """
    a = z * z - uz * uz - vz * vz
    b = x * z - ux * uz - vx * vz
    c = x * x - ux * ux - vx * vx
    swing = np.sqrt(max(b * b - a * c, 0.0))
    return (b - swing) / a, (b + swing) / a
