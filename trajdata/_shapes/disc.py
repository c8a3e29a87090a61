"""A flat disc, always parallel to the picture: it shows its own colour, whatever the light."""

from __future__ import annotations

import numpy as np

from trajdata._jit import kernel
from trajdata._shapes.registry import Shape

__all__ = ["SHAPE"]

_ONE = np.float32(1.0)


@kernel
def shade(xs, ys, inverses, sharps, samples, lx, ly, lz, weight, shades):  # type: ignore[no-untyped-def]
    shades[:] = _ONE


SHAPE = Shape(name="disc", shade=shade)
