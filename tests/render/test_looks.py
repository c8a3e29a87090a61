"""Backgrounds, patterns, motion blur and trails, against plain NumPy."""

import numpy as np
import pytest

from tests.render import reference
from tests.render.test_truth import TRUTH
from trajdata import ClipSource, ClipSpec, preset
from trajdata._arithmetic.philox import GROUND, unit, words
from trajdata._render.patterns import patterns
from trajdata._spec.streams import stream_key


def lattices_of(index):
    """A texture's lattices, read off their addresses: numbers are inputs, what is made of them is
    checked."""
    key, found = stream_key(0, "train"), []
    for number, share in enumerate((0.5, 0.3, 0.2)):
        cells, half = 3 * 2**number, 3 * 2**number + 1
        numbers = np.empty((2 * half, 2 * half))
        for i, j in np.ndindex(numbers.shape):
            place = ((i - half + 2**15) << 16) | (j - half + 2**15)
            numbers[i, j] = unit(words(key, index, 0, GROUND, place)[number])
        found.append((cells, share, (-half, -half), numbers))
    return found


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("magvit-32", {"background": "gradient"}),
        ("magvit-32", {"background": "texture", "height": 24, "width": 40}),
        ("gray-32", {"background": "texture"}),
    ],
)
def test_a_background_is_that_of_an_independent_renderer(name, changes):
    spec = preset(name, **changes)
    source = ClipSource(spec, fields=("video", "segmentations"))
    for b in range(12):
        clip, scene = source[b], source.scenes([b])[0]
        lattices = lattices_of(b) if spec.looks.background == "texture" else ()
        due = np.moveaxis(
            reference.ground(spec, scene[0], reference.rays_of(spec), lattices), -1, 0
        )
        # The object's edge reaches a pixel beyond its mask.
        free = np.ones((spec.height, spec.width), bool)
        for row, column in np.argwhere(clip["segmentations"][0]):
            free[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = False
        assert free.sum() > 200
        assert np.abs(clip["video"][0] - due)[:, free].max() <= 0.51
        assert due[:, free].std() > 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"background": "texture", "pattern": 0.7},
        {"background": "gradient", "count": (4, 6)},
        {"pattern": 1.0, "count": (2, 3), "channels": 1},
    ],
)
def test_pictures_with_backgrounds_and_patterns_are_close_to_supersampling(changes):
    spec = preset("scenes-64", **changes)
    source = ClipSource(spec, fields=("video", *reference.FIELDS))
    worst = np.inf
    for b in range(20):
        clip = source[b]
        for k in (1, spec.frames // 2):
            worst = min(worst, reference.decibels(source.supersampled(b, k), clip, k)[0])
    assert worst >= 34
    for b in range(2):
        scene = source.scenes([b])[0]
        lattices = lattices_of(b) if spec.looks.background == "texture" else ()
        own = patterns(stream_key(0, "train"), np.array([b]), spec.slots, spec.looks.pattern)[0]
        due = reference.picture(source[b], spec, 3, scene, 8, lattices, own)
        off = np.abs(source.supersampled(b, 3) - due)
        # A few of 64 rays meet an edge that float32 has moved.
        assert off.mean() < 0.05
        assert off.max() < 12


def test_a_pattern_turns_with_its_object():
    """From the side that is at the camera at first, a turned sphere shows what it showed before."""
    still = preset("magvit-64", shapes=("sphere",), pattern=1.0)
    turning = still.replace(spin=(3.0, 3.0))
    differ = 0
    for b in range(10):
        one, two = (ClipSource(spec)[b]["video"].astype(int) for spec in (still, turning))
        assert np.array_equal(one[0], two[0])
        differ += (np.abs(one - two)[1:].max(axis=(1, 2, 3)) > 20).sum()
    assert differ > 100


@pytest.mark.parametrize(
    "looks",
    [
        {"background": "gradient"},
        {"background": "texture", "pattern": 0.8, "shutter": 0.5, "exposures": 3, "trail": 0.5},
    ],
)
def test_looks_change_no_truth(looks):
    plain = preset("scenes-32", background="random")
    fields = [name for name in TRUTH if name != "colours"]
    before = ClipSource(plain, fields=fields).batch(range(30))
    after = ClipSource(plain.replace(looks), fields=fields).batch(range(30))
    for name in fields:
        assert np.array_equal(before[name], after[name]), name


@pytest.mark.parametrize("background", ["gradient", "texture"])
def test_every_object_keeps_its_contrast_to_all_of_the_background(background):
    spec = preset("scenes-32", background=background, count=(3, 3), contrast=0.25)
    fields = ("video", "colours", "segmentations", "exists")
    source = ClipSource(spec, fields=fields)
    weights = np.array([0.299, 0.587, 0.114])
    for clip in (source[b] for b in range(60)):
        scene = source.scenes([0])
        assert scene.shape == (1, 3)
        luma = np.tensordot(weights, clip["video"][0] / 255, 1)
        back = luma[clip["segmentations"].max(axis=0) == 0]
        spread = np.percentile(back, [5, 95])
        own = clip["colours"][clip["exists"]] @ weights
        assert (np.abs(own[:, None] - spread) > spec.looks.contrast - 0.01).all()


def test_a_blurred_frame_is_the_mean_of_sharp_ones_within_its_shutter():
    """Of 3 frames, exposed twice and all the time: at 3/4 and 5/4 of the step, as 9 frames have."""
    for name, jitter in (("magvit-32", 0.0), ("scenes-32", 0.0)):
        spec = preset(name, frames=3, jitter=jitter, count=(1, 1))
        blurred = ClipSource(spec.replace(shutter=1.0, exposures=2)).batch(range(20))["video"]
        fine = ClipSource(spec.replace(frames=9)).batch(range(20))["video"].astype(int)
        assert np.array_equal(blurred[:, 1], (fine[:, 3] + fine[:, 5] + 1) // 2)
        assert (blurred[:, 1] != fine[:, 4]).any(axis=(1, 2, 3)).all()


def test_jitter_moves_a_frame_as_a_whole_whatever_its_exposures():
    spec = preset("magvit-64", jitter=0.04, frames=4, seconds=0.02)
    sharp = ClipSource(spec).batch(range(20))["video"].astype(int)
    # In so short a time nothing moves but for the jitter.
    blurred = ClipSource(spec.replace(shutter=1.0, exposures=4)).batch(range(20))["video"]
    assert np.abs(blurred - sharp).max() <= 12
    assert np.abs(sharp[:, 1:] - sharp[:, :-1]).max() > 100


@pytest.mark.parametrize("background", ["plain", "texture"])
def test_a_trail_fades_by_its_share_with_every_frame(background):
    spec = preset("magvit-32", background=background)
    plain = ClipSource(spec)
    share = 0.6
    trailing = ClipSource(spec.replace(trail=share))
    for b in range(10):
        video = plain[b]["video"].astype(float)
        shown = trailing[b]["video"].astype(int)
        back = np.broadcast_to(video[0, :, :1, :1], video.shape[1:])
        if background == "texture":
            scene, rays = plain.scenes([b])[0, 0], reference.rays_of(spec)
            back = np.moveaxis(reference.ground(spec, scene, rays, lattices_of(b)), -1, 0)
            back = np.floor(back + 0.5)
        left, due = np.zeros_like(back), []
        for frame in video:
            left = share * left
            own = frame - back
            wins = (own**2).sum(0) >= (left**2).sum(0)
            left = np.where(wins, own, left)
            due.append(back + left)
        assert np.abs(shown - np.array(due)).max() <= 1


def test_looks_that_no_picture_can_have_are_errors():
    for wrong, word in (
        ({"background": "stripes"}, "background"),
        ({"shutter": 1.5}, "shutter"),
        ({"exposures": 1}, "exposures"),
        ({"trail": 1.0}, "trail"),
        ({"pattern": -0.1}, "pattern"),
    ):
        with pytest.raises(ValueError, match=word):
            ClipSpec().replace(wrong)


def test_a_look_that_is_off_leaves_the_fingerprint_as_it_is_and_one_that_is_on_does_not():
    spec = preset("magvit-32")
    off = spec.replace(pattern=0.0, shutter=0.0, trail=0.0)
    assert off.fingerprint == spec.fingerprint
    looks = ({"pattern": 0.5}, {"shutter": 0.5}, {"trail": 0.5}, {"background": "texture"})
    found = {spec.replace(look).fingerprint for look in looks}
    assert len(found | {spec.fingerprint}) == 5
    assert ClipSpec.from_json(spec.replace(looks[3]).to_json()) == spec.replace(looks[3])
