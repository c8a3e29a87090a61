"""Flow as files: Middlebury's ``.flo`` and KITTI's PNG."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._checks import needed
from trajdata._errors import ArgumentError

__all__ = ["write_flo", "write_kitti_flow"]

_FLO_TAG = np.array([202021.25], "<f4")
_KITTI_STEPS, _KITTI_ZERO, _KITTI_MOST = 64.0, 2.0**15, 2.0**16 - 1


def _one_frame(flow: Any) -> NDArray[np.float32]:
    given = np.asarray(flow)
    if given.ndim != 3 or given.shape[0] != 2 or given.dtype.kind != "f":
        raise ArgumentError(
            f"flow: given {given.dtype} of shape {given.shape}; allowed is one frame's flow, "
            "float32 (2, H, W), as clip['forward_flow'][k]"
        )
    return given.astype(np.float32)


def write_flo(path: str | os.PathLike[str], flow: NDArray[np.float32]) -> None:
    """Write one frame's flow as Middlebury's ``.flo`` (Baker et al., IJCV 2011), without loss.

    Args:
        path: of the file, which is replaced.
        flow: float32 (2, H, W), pixels, (x right, y down): a clip's ``forward_flow[k]``.

    Raises:
        ArgumentError: another shape or dtype.
        OSError: the file cannot be written.
    """
    frame = _one_frame(flow)
    _, height, width = frame.shape
    head = _FLO_TAG.tobytes() + np.array([width, height], "<i4").tobytes()
    Path(path).write_bytes(head + frame.transpose(1, 2, 0).astype("<f4").tobytes())


def write_kitti_flow(
    path: str | os.PathLike[str],
    flow: NDArray[np.float32],
    valid: NDArray[np.bool_] | None = None,
) -> None:
    """Write one frame's flow as KITTI's PNG of 16 bits (Menze and Geiger, CVPR 2015).

    Red and green are 64 times x and y, plus 2^15; blue is 1 where there is a flow. So the flow is
    rounded to 1/64 px; where a component does not fit into [-512, 512) px the pixel is marked as
    having none. This needs the extra ``convert``.

    Args:
        path: of the file, which is replaced.
        flow: float32 (2, H, W), pixels, (x right, y down): a clip's ``forward_flow[k]``.
        valid: bool (H, W): where there is a flow; everywhere, if left out.

    Raises:
        ArgumentError: another shape or dtype.
        MissingPackageError: OpenCV is not installed.
        OSError: the file cannot be written.
    """
    frame = _one_frame(flow)
    known = np.ones(frame.shape[1:], bool) if valid is None else np.asarray(valid)
    if known.shape != frame.shape[1:] or known.dtype != bool:
        raise ArgumentError(
            f"valid: given {known.dtype} of shape {known.shape}; allowed is bool {frame.shape[1:]}"
        )
    steps = np.rint(frame.astype(np.float64) * _KITTI_STEPS + _KITTI_ZERO)
    # Written so that what is no number does not fit.
    fits = known & ((steps >= 0) & (steps <= _KITTI_MOST)).all(axis=0)
    cv2 = needed("cv2", "pip install 'trajdata-video[convert]'")
    # OpenCV's order is blue, green, red.
    parts = [np.where(fits, part, 0.0) for part in (1.0, steps[1], steps[0])]
    picture = np.stack(parts, axis=-1).astype(np.uint16)
    done, encoded = cv2.imencode(".png", picture)
    if not done:
        raise ArgumentError(f"flow: OpenCV writes no PNG of shape {picture.shape}")
    Path(path).write_bytes(encoded.tobytes())
