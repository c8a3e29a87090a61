"""TAP-Vid's form, read as its users read it."""

import numpy as np

from trajdata import ClipSource, preset
from trajdata.convert import to_tapvid


def test_points_are_shares_of_the_frame_and_lead_back_to_pixels(scenes):
    _, clips = scenes
    for clip in clips:
        entry = to_tapvid(clip)
        assert set(entry) == {"video", "points", "occluded"}
        assert entry["video"].shape == (8, 24, 40, 3)
        assert np.array_equal(entry["video"], np.moveaxis(clip["video"], 1, -1))
        assert entry["points"].dtype == np.float32
        # A user multiplies by (width, height).
        assert np.abs(entry["points"] * (40, 24) - clip["points"]).max() < 1e-5
        assert entry["occluded"].dtype == bool
        assert np.array_equal(entry["occluded"], clip["occluded"])


def test_a_visible_point_has_the_pixel_of_an_object_under_it():
    spec = preset("scenes-64", points=64)
    clip = ClipSource(spec, fields=("video", "points", "occluded", "segmentations"))[3]
    entry = to_tapvid(clip)
    tracks, frames = np.nonzero(~entry["occluded"])
    columns, rows = (entry["points"][tracks, frames] * 64).astype(int).T
    ids = clip["segmentations"][frames, rows, columns]
    # Only on an outline does the pixel's centre meet something else than the point.
    assert (ids > 0).mean() > 0.9


def test_gray_is_repeated():
    clip = ClipSource(preset("gray-32"), fields=("video", "points", "occluded"))[0]
    video = to_tapvid(clip)["video"]
    assert video.shape == (8, 32, 32, 3)
    assert np.array_equal(video[..., 1], clip["video"][:, 0])
