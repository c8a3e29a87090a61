"""The camera: a pinhole at the origin that looks along +z, x to the right, y down.

Its focal length is one shorter side of the frame (a field of view of 53.13 degrees across that
side). Image coordinates are in pixels from the frame's top left corner: pixel (row i, column j)
covers [j, j + 1] x [i, i + 1], and its centre is (j + 0.5, i + 0.5). So a picture of twice the
resolution has exactly twice the coordinates.
"""

from __future__ import annotations

from trajdata._jit import kernel

__all__ = ["project"]


@kernel
def project(positions, scenes, height, width, pixels, radii):  # type: ignore[no-untyped-def]
    """Fill ``pixels`` (float64 (B, O, T, 2)) and ``radii`` (float64 (B, O, T)), in pixels.

    positions: float64 (B, O, T, 3), metres. With f the focal length in pixels,
    x = W / 2 + f X / Z, y = H / 2 + f Y / Z, radius = f R / Z: the object is seen as a circle
    whose radius follows the depth (weak perspective within the object).
    """
    focal = float(min(height, width))
    for b in range(positions.shape[0]):
        for item in range(positions.shape[1]):
            for k in range(positions.shape[2]):
                scale = focal / positions[b, item, k, 2]
                pixels[b, item, k, 0] = 0.5 * width + scale * positions[b, item, k, 0]
                pixels[b, item, k, 1] = 0.5 * height + scale * positions[b, item, k, 1]
                radii[b, item, k] = scale * scenes[b, item].radius
