import numpy as np
import pytest

from trajdata import ClipSource, ClipSpec, preset
from trajdata._arithmetic.philox import JITTER, unit, words
from trajdata._spec.streams import stream_key

FIELDS = ("trajectory", "jittered", "pixels", "depth", "radius")


def test_without_jitter_the_drawn_path_is_the_laws_path():
    batch = ClipSource(preset("magvit-32"), fields=FIELDS).batch(range(50))
    assert np.array_equal(batch["jittered"], batch["trajectory"])


def test_jitter_has_the_asked_standard_deviation_and_keeps_the_laws_path_as_it_is():
    spec = ClipSpec().replace(jitter=0.03)
    batch = ClipSource(spec, fields=FIELDS).batch(range(3000))
    shift = (batch["jittered"] - batch["trajectory"]).astype(np.float64)
    assert abs(shift.mean()) < 3e-4
    assert abs(shift.std() - 0.03) < 3e-4
    assert np.abs(shift).max() < 0.03 * 3.4642
    flat = shift.reshape(3000, -1)
    correlation = np.corrcoef(flat.T) - np.eye(flat.shape[1])
    assert np.abs(correlation).max() < 0.1


def test_a_jittered_object_stays_inside_the_frame_and_its_truth_is_what_is_drawn():
    spec = ClipSpec().replace(jitter=0.05)
    batch = ClipSource(spec, fields=FIELDS).batch(range(5000))
    radius = batch["radius"][..., None]
    keep = spec.camera.margin * 16 - 1e-4  # the margin stays free, however a frame is displaced
    assert (batch["pixels"] - radius).min() >= keep
    assert (batch["pixels"] + radius).max() <= 32 - keep
    again = 32 * batch["jittered"][..., :2] / batch["jittered"][..., 2:] + 16
    assert np.abs(again - batch["pixels"]).max() < 1e-4
    assert np.array_equal(batch["depth"], batch["jittered"][..., 2])


def test_a_displacement_goes_the_way_of_its_words():
    """As the field is defined: the sum of four uniform numbers, less its mean, upwards."""
    spec, seed = ClipSpec().replace(jitter=0.03, frames=3), 5
    batch = ClipSource(spec, seed, fields=FIELDS).batch(range(4))
    shift = batch["jittered"].astype(np.float64) - batch["trajectory"]
    for (clip, frame, axis), found in np.ndenumerate(shift):
        chosen = words(stream_key(seed, "train"), clip, 0, JITTER, 3 * frame + axis)
        above_the_mean = sum(map(unit, chosen)) - 2.0
        assert found == pytest.approx(0.03 * np.sqrt(3) * above_the_mean, abs=1e-6)
