"""A clip as the MOVi data sets of Kubric have it.

Conventions: Greff et al., "Kubric: a scalable dataset generator", CVPR 2022, and the descriptions
of the data sets' features. Where they differ from ours:

- depth is the distance from the camera's centre, ours the distance from its plane;
- flow is (row, column), ours (x, y), and backward flow has the sign of forward flow: it leads from
  the frame before to this one, ours from this one to the frame before;
- depth and flow are 16-bit numbers over a range that ``metadata`` has;
- boxes are (top, left, bottom, right) in shares of the frame, only of frames that show the object;
- objects are sorted by how many pixels show them, and those that none shows are left out;
- a camera looks along its -z, its y points up.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._convert.taking import taken, three_channels
from trajdata._spec.model import ClipSpec

__all__ = ["to_movi"]

_SENSOR_WIDTH = 32.0
"""Of MOVi's cameras; only its ratio to the focal length means anything."""

_STEPS = 65535


def to_movi(clip: Mapping[str, Any], spec: ClipSpec) -> dict[str, Any]:
    """A clip as one example of a MOVi data set, as NumPy has it: nested dicts of arrays.

    T frames of H x W pixels, and M objects that at least one pixel shows.

    Args:
        clip: with the fields ``CONVERTER_FIELDS["to_movi"]``.
        spec: of the clip; it names the shapes.

    Returns:
        ``video`` uint8 (T, H, W, 3); ``segmentations`` uint8 (T, H, W, 1), 0 or the object's place
        in ``instances`` + 1; ``depth`` uint16 (T, H, W, 1), the distance from the camera's centre;
        ``forward_flow`` and ``backward_flow`` uint16 (T, H, W, 2), (row, column), both along time;
        ``object_coordinates`` uint16 (T, H, W, 3), 0 to 65535 across the object's own box, zeros on
        the background; ``metadata`` with ``depth_range``, ``forward_flow_range`` and
        ``backward_flow_range``, float32 (2,): a value v stands for
        v / 65535 * (maximum - minimum) + minimum, metres or pixels; ``instances``, each array with
        M in front: ``positions``, ``velocities``, ``angular_velocities`` (M, T, 3),
        ``quaternions`` (M, T, 4) wxyz, ``bboxes_3d`` (M, T, 8, 3), ``image_positions`` (M, T, 2)
        (x, y) in shares of the frame, ``visibility`` uint16 (M, T), pixels, ``color`` (M, 3),
        ``asset_id``, a list of names of shapes, and ``bboxes`` and ``bbox_frames``, lists of
        float32 (n, 4) and int32 (n,); ``camera`` with ``positions`` (T, 3), ``quaternions``
        (T, 4), ``focal_length``, ``sensor_width``, ``field_of_view`` (across, radians); ``events``
        with ``collisions``, of which there are none.

        The world's axes are ours: x right, y down, z away. There is no ``normal``, and no mass or
        friction: nothing here is simulated.

    Raises:
        ArgumentError: the clip lacks a field, or is not one clip of one camera.
    """
    arrays = taken("to_movi", clip)
    frames, height, width = arrays["segmentations"].shape
    order = _order(arrays)
    numbers = np.zeros(arrays["exists"].size + 1, np.uint8)
    numbers[order + 1] = np.arange(1, order.size + 1)
    depth, depth_range = _quantized(_distances(arrays))
    flows = {"forward_flow": arrays["forward_flow"], "backward_flow": -arrays["backward_flow"]}
    found: dict[str, Any] = {
        "video": three_channels(arrays["video"]),
        "segmentations": numbers[arrays["segmentations"]][..., None],
        "depth": depth[..., None],
        "object_coordinates": _object_coordinates(arrays),
        "metadata": {
            "video_name": f"{int(arrays['index'])}",
            "width": width,
            "height": height,
            "num_frames": frames,
            "num_instances": order.size,
            "depth_range": depth_range,
        },
        "instances": _instances(arrays, order, spec),
        "camera": _camera(arrays, frames, width),
        "events": {"collisions": _no_collisions()},
    }
    for name, flow in flows.items():
        rows_first = flow.transpose(0, 2, 3, 1)[..., ::-1]
        found[name], found["metadata"][f"{name}_range"] = _quantized(rows_first)
    return found


def _order(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    """Slots of the objects that a pixel shows, those of most pixels first."""
    seen = arrays["visible_pixels"].sum(axis=1)
    ranked = np.argsort(-seen, kind="stable")
    shown: NDArray[np.int64] = ranked[seen[ranked] > 0]
    return shown


def _rays(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Through the pixels' centres, in the camera's axes, with z = 1: float64 (H, W, 3)."""
    _, height, width = arrays["segmentations"].shape
    lens = arrays["intrinsics"][0].astype(np.float64)
    x = (np.arange(width) + 0.5 - lens[0, 2]) / lens[0, 0]
    y = (np.arange(height) + 0.5 - lens[1, 2]) / lens[1, 1]
    return np.stack(np.broadcast_arrays(x[None, :], y[:, None], 1.0), axis=-1)


def _distances(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Euclidean: along the ray, where ``depth_map`` is along the axis."""
    stretch = np.sqrt((_rays(arrays) ** 2).sum(axis=-1))
    distances: NDArray[np.float64] = arrays["depth_map"].astype(np.float64) * stretch
    return distances


def _quantized(values: NDArray[Any]) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """The values as 16-bit numbers over their own range, and that range, float32 (2,)."""
    ends = np.array([values.min(), values.max()], np.float32)
    low, high = ends.astype(np.float64)
    if high <= low:
        return np.zeros(values.shape, np.uint16), ends
    steps = np.rint((values.astype(np.float64) - low) / (high - low) * _STEPS)
    return steps.clip(0, _STEPS).astype(np.uint16), ends


def _object_coordinates(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.uint16]:
    """Where each pixel's point is in its object's own box."""
    ids = arrays["segmentations"]
    found = np.zeros((*ids.shape, 3), np.uint16)
    rays = _rays(arrays)
    to_world = np.linalg.inv(arrays["extrinsics"][0].astype(np.float64))
    for slot in np.flatnonzero(arrays["visible_pixels"].any(axis=1)):
        size = 2.0 * arrays["half_extents"][slot].astype(np.float64)
        turns = _rotations(arrays["quaternions"][slot])
        for k in range(ids.shape[0]):
            own = ids[k] == slot + 1
            points = rays[own] * arrays["depth_map"][k][own].astype(np.float64)[:, None]
            world = points @ to_world[k, :3, :3].T + to_world[k, :3, 3]
            local = (world - arrays["positions"][slot, k]) @ turns[k]
            # A disc has no thickness: all of it is in the middle.
            shares = 0.5 + np.divide(local, size, out=np.zeros_like(local), where=size > 0)
            found[k][own] = np.rint(shares.clip(0, 1) * _STEPS)
    return found


def _instances(
    arrays: Mapping[str, NDArray[Any]], order: NDArray[np.int64], spec: ClipSpec
) -> dict[str, Any]:
    _, height, width = arrays["segmentations"].shape
    own = {name: arrays[name][order] for name in ("positions", "quaternions", "visible_pixels")}
    corners = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
    corners = corners * arrays["half_extents"][order].astype(np.float64)[:, None, :]
    turned = np.einsum("ntij,ncj->ntci", _rotations(own["quaternions"]), corners)
    boxes = arrays["boxes"][order] / np.array([width, height, width, height], np.float32)
    shown = [np.flatnonzero(row) for row in own["visible_pixels"]]
    return {
        "positions": own["positions"],
        "velocities": arrays["velocities"][order],
        "quaternions": own["quaternions"],
        "angular_velocities": arrays["angular_velocities"][order],
        "bboxes_3d": (own["positions"][:, :, None] + turned).astype(np.float32),
        "image_positions": _image_positions(arrays, own["positions"]),
        "bboxes": [
            box[rows][:, [1, 0, 3, 2]].astype(np.float32)
            for box, rows in zip(boxes, shown, strict=True)
        ],
        "bbox_frames": [rows.astype(np.int32) for rows in shown],
        "visibility": np.minimum(own["visible_pixels"], _STEPS).astype(np.uint16),
        "color": arrays["colours"][order],
        "asset_id": [spec.shapes[shape] for shape in arrays["shapes"][order]],
    }


def _image_positions(
    arrays: Mapping[str, NDArray[Any]], positions: NDArray[Any]
) -> NDArray[np.float32]:
    """Places of the centres, (x, y) in shares of the frame."""
    _, height, width = arrays["segmentations"].shape
    view = arrays["extrinsics"][0].astype(np.float64)
    seen = np.einsum("tij,ntj->nti", view[:, :3, :3], positions) + view[:, :3, 3]
    places = seen @ arrays["intrinsics"][0].astype(np.float64).T
    shares: NDArray[np.float64] = places[..., :2] / places[..., 2:] / [width, height]
    return shares.astype(np.float32)


def _camera(arrays: Mapping[str, NDArray[Any]], frames: int, width: int) -> dict[str, Any]:
    view = arrays["extrinsics"][0].astype(np.float64)
    to_world = view[:, :3, :3].transpose(0, 2, 1)
    # From axes with y up that look along -z to ours.
    turns = to_world * np.array([1.0, -1.0, -1.0])
    focal_length = _SENSOR_WIDTH * float(arrays["intrinsics"][0, 0, 0]) / width
    return {
        "positions": -np.einsum("tij,tj->ti", to_world, view[:, :3, 3]).astype(np.float32),
        "quaternions": np.array([_quaternion(turn) for turn in turns], np.float32),
        "focal_length": focal_length,
        "sensor_width": _SENSOR_WIDTH,
        "field_of_view": float(2.0 * np.arctan2(0.5 * _SENSOR_WIDTH, focal_length)),
    }


def _no_collisions() -> dict[str, NDArray[Any]]:
    return {
        "instances": np.zeros((0, 2), np.uint16),
        "frame": np.zeros(0, np.int32),
        "force": np.zeros(0, np.float32),
        "position": np.zeros((0, 3), np.float32),
        "image_position": np.zeros((0, 2), np.float32),
        "contact_normal": np.zeros((0, 3), np.float32),
    }


def _rotations(quaternions: NDArray[Any]) -> NDArray[np.float64]:
    """Matrices (..., 3, 3) of unit quaternions (..., 4), wxyz."""
    w, x, y, z = np.moveaxis(quaternions.astype(np.float64), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _quaternion(turn: NDArray[np.float64]) -> NDArray[np.float64]:
    """The unit quaternion, wxyz, of a rotation's matrix (3, 3).

    It is the eigenvector of Bar-Itzhack's symmetric matrix to its largest eigenvalue ("New method
    for extracting the quaternion from a rotation matrix", 2000), which is well conditioned for all.
    """
    (a, b, c), (d, e, f), (g, h, i) = turn
    symmetric = np.array(
        [
            [a + e + i, h - f, c - g, d - b],
            [h - f, a - e - i, b + d, c + g],
            [c - g, b + d, e - a - i, f + h],
            [d - b, c + g, f + h, i - a - e],
        ]
    )
    found: NDArray[np.float64] = np.linalg.eigh(symmetric)[1][:, -1]
    largest = found[np.argmax(np.abs(found))]
    return found if largest > 0 else -found
