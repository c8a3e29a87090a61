"""Depth from a pair of pictures: match blocks along rows, and compare with the exact depth.

python examples/stereo.py
"""

import numpy as np

import trajdata

REACH = 8
"""Disparities that are tried, px."""
HALF = 2
"""Half the side of a block, px."""


def disparity_of(left, right):
    """The whole number of pixels by which each block of ``left`` lies farther left in ``right``,
    (H, W), by the least sum of absolute differences."""
    costs = []
    for shift in range(REACH):
        off = np.abs(left - np.roll(right, shift, axis=-1)).sum(0)
        padded = np.pad(off, HALF, mode="edge")
        costs.append(
            np.lib.stride_tricks.sliding_window_view(padded, (2 * HALF + 1,) * 2).sum((2, 3))
        )
    return np.argmin(costs, axis=0)


def main():
    spec = trajdata.preset("stereo-64", background="texture", pattern=0.6)
    fields = ("video", "depth_map", "segmentations", "intrinsics", "extrinsics")
    source = trajdata.ClipSource(spec, fields=fields)
    errors = []
    batch = source[:8]
    focal = batch["intrinsics"][0, 0, 0, 0]
    baseline = -batch["extrinsics"][0, 1, 0, 0, 3]
    for video, depth, ids in zip(
        batch["video"], batch["depth_map"], batch["segmentations"], strict=True
    ):
        for k in range(0, spec.frames, 5):
            found = disparity_of(*video[:, k].astype(float))
            due = focal * baseline / depth[0, k]
            errors.append(np.abs(found - due)[ids[0, k] > 0])
    errors = np.concatenate(errors)
    print(f"focal length {focal:g} px, baseline {baseline:g} m")
    print(f"{errors.size} pixels of objects: median error {np.median(errors):.2f} px")


if __name__ == "__main__":
    main()
