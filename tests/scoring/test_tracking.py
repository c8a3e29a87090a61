"""The one object of a clip is found in each frame, and no clip is left out."""

import numpy as np
import pytest

from trajdata import ArgumentError, ClipSource, preset
from trajdata.scoring import calibrate, track


@pytest.mark.parametrize("name", ["magvit-32", "gray-32", "magvit-32-random"])
def test_centre_and_radius_are_found_to_a_tenth_of_a_pixel(name):
    batch = ClipSource(
        preset(name), seed=3, split="test", fields=("video", "pixels", "radius")
    ).batch(range(300))
    tracks = track(batch["video"])
    off = np.linalg.norm(tracks.pixels - batch["pixels"], axis=-1)
    assert off.mean() < 0.1
    calibration = calibrate(preset(name))
    radius = calibration.radius_gain * tracks.radius + calibration.radius_offset_px
    assert np.abs(radius - batch["radius"]).mean() < 0.1
    assert tracks.confidence.min() > 0.1
    assert np.array_equal(track(batch["video"][7]).pixels[0], tracks.pixels[7])


def test_a_disc_that_is_drawn_by_hand_is_where_it_was_drawn():
    video = np.full((1, 2, 3, 20, 30), 40, np.uint8)
    video[0, 0, :, 5:9, 10:14] = 200
    video[0, 1, 0, 12:14, 20:23] = 255
    tracks = track(video)
    assert tracks.pixels[0].tolist() == [[12.0, 7.0], [21.5, 13.0]]
    assert np.allclose(np.pi * tracks.radius[0] ** 2, [16, 6])
    assert tracks.confidence[0].tolist() == [1.0, 1.0]


def test_where_there_is_nothing_the_confidence_is_0_and_the_clip_stays():
    tracks = track(np.full((2, 4, 1, 16, 16), 77, np.uint8))
    assert tracks.confidence.tolist() == [[0.0] * 4] * 2
    assert tracks.pixels.tolist() == [[[8.0, 8.0]] * 4] * 2
    assert tracks.radius.tolist() == [[0.0] * 4] * 2


def test_floats_are_rounded_as_bytes_are():
    video = ClipSource(preset("magvit-32"))[0]["video"]
    assert np.array_equal(track(video + 0.4).pixels, track(video).pixels)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 16, 16)),
        np.zeros((1, 4, 2, 16, 16)),
        np.full((4, 3, 16, 16), np.nan),
        np.zeros((4, 3, 16, 16), complex),
    ],
)
def test_what_is_no_video_is_refused(wrong):
    with pytest.raises(ArgumentError, match="video: given"):
        track(wrong)
