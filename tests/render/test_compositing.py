"""What is drawn, probed on tiny scenes and against plain supersampling."""

import numpy as np
import pytest

from tests.render import reference
from trajdata import ClipSource, ClipSpec, preset
from trajdata._render.compositing import clip_renderer
from trajdata._render.film import NO_FILM
from trajdata._world.tables import SCENE


def draw(x, y, r, *, shape="disc", colour=1.0, back=0.0, size=(16, 16), light=(0.0, 0.0, -1.0)):
    """A disc seen at (x, y) with radius r, in pixels, or a sphere far away on the view axis."""
    height, width = size
    scenes = np.zeros((1, 1), SCENE)
    for name in ("red", "green", "blue", "luma"):
        scenes[name] = colour
    for name in ("back_red", "back_green", "back_blue"):
        scenes[name] = back
    scenes["light_x"], scenes["light_y"], scenes["light_z"] = light
    far, focal = 100.0, min(height, width)
    scenes["radius"] = r / focal * far
    place = np.array([(x - width / 2) / focal * far, (y - height / 2) / focal * far, far])
    if shape == "sphere":
        scenes["radius"] /= np.sqrt(1 + (r / focal) ** 2)
    target = np.empty(3 * height * width, np.uint8)
    clip_renderer((shape,), several=False)(
        scenes,
        place.reshape(1, 1, 1, 3),
        0,
        np.ones((1, 1, 1), bool),
        (3, height, width),
        target,
        0,
        target.size,
        NO_FILM,
    )
    return target.reshape(3, height, width)


def test_the_background_is_one_flat_colour_away_from_the_object():
    picture = draw(8, 8, 2, back=0.5)
    picture[:, 5:11, 5:11] = 128
    assert np.array_equal(picture, np.full_like(picture, 128))


def test_a_disc_covers_whole_pixels_wholly_and_others_not_at_all():
    picture = draw(8, 8, 3)[0]
    assert picture[7, 7] == picture[8, 8] == picture[8, 6] == 255
    assert picture[8, 12] == picture[4, 4] == 0


def test_pixel_centres_lie_at_halves_so_a_disc_at_half_is_symmetric_about_a_pixel():
    picture = draw(8.5, 8.5, 2.3)[0]
    assert np.array_equal(picture[4:13, 4:13], picture[4:13, 4:13][::-1, ::-1])
    assert np.array_equal(picture, picture.T)
    assert picture[8, 8] == 255


@pytest.mark.parametrize("r", [1.05, 1.3, 2.0, 3.7, 6.1])
def test_area_and_centroid_of_a_disc_are_true_at_sub_pixel_places(r):
    rng = np.random.default_rng(1)
    for x, y in rng.uniform(7.5, 8.5, (50, 2)):
        weight = draw(x, y, r)[0] / 255.0
        assert weight.sum() == pytest.approx(np.pi * r * r, rel=0.01)
        rows, columns = np.mgrid[:16, :16] + 0.5
        assert (weight * columns).sum() / weight.sum() == pytest.approx(x, abs=0.05)
        assert (weight * rows).sum() / weight.sum() == pytest.approx(y, abs=0.05)


def test_a_sphere_is_brightest_where_it_faces_the_light():
    lit_from_left = draw(8, 8, 4, shape="sphere", light=(-0.8, 0.0, -0.6))[0].astype(int)
    assert lit_from_left[8, 5] > lit_from_left[8, 8] > lit_from_left[8, 10]
    lit_from_above = draw(8, 8, 4, shape="sphere", light=(0.0, -0.8, -0.6))[0].astype(int)
    assert np.array_equal(lit_from_above, lit_from_left.T)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("magvit-32", {}),
        ("magvit-64", {}),
        ("magvit-64", {"difficulty": 1}),
        ("magvit-32", {"height": 24, "width": 56}),
    ],
)
def test_drawing_is_within_35_db_of_supersampling_in_the_objects_box_and_45_db_overall(
    name, changes
):
    spec = preset(name, pixel_noise=0.0, **changes)
    source = ClipSource(spec, fields=("video", *reference.FIELDS))
    worst_box = worst = np.inf
    for b in range(40):
        clip, scene = source[b], source.scenes([b])[0]
        for k in (0, spec.frames // 2):
            truth = reference.picture(clip, spec, k, scene)
            box, whole = reference.decibels(truth, clip, k)
            worst_box, worst = min(worst_box, box), min(worst, whole)
    assert worst_box >= 35
    assert worst >= 45


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "changes", "bound"),
    [
        ("scenes-32", {}, 33),
        ("scenes-32", {"count": (10, 10), "depth": (4.4, 4.6)}, 33),
        ("scenes-32", {"count": (1, 1), "shapes": ("cube", "cone", "cylinder")}, 33),
        ("scenes-64", {}, 35),
        ("scenes-64", {"count": (10, 10), "depth": (4.4, 4.6)}, 35),
    ],
)
def test_overlaps_are_close_to_supersampling_in_every_objects_box(name, changes, bound):
    source = ClipSource(preset(name, **changes), fields=("video", *reference.FIELDS))
    worst = np.inf
    for b in range(60):
        clip = source[b]
        for k in (1, source.spec.frames // 2):
            worst = min(worst, reference.decibels(source.supersampled(b, k), clip, k)[0])
    assert worst >= bound


def two_spheres(depths):
    """A picture of two spheres in a row, a red one at the first depth and a green one."""
    scenes = np.zeros((1, 2), SCENE)
    scenes["radius"], scenes["light_z"] = 1.0, -1.0
    scenes[0, 0]["red"] = scenes[0, 1]["green"] = 1.0
    poses = np.zeros((1, 2, 1, 12))
    poses[..., 3] = poses[..., 7] = poses[..., 11] = 1.0
    poses[0, :, 0, 0], poses[0, :, 0, 2] = (-0.4, 0.4), depths
    target = np.empty(3 * 64 * 64, np.uint8)
    clip_renderer(("sphere",))(
        scenes, poses, 0, np.ones((1, 2, 1), bool), (3, 64, 64), target, 0, target.size, NO_FILM
    )
    return target.reshape(3, 64, 64).astype(int)


def test_of_two_objects_the_nearer_one_hides_the_other_whichever_is_first():
    red, green, _ = two_spheres((6.0, 9.0))
    assert red[32, 32] > 100 > 0 == green[32, 32]
    red, green, _ = two_spheres((9.0, 6.0))
    assert green[32, 32] > 100 > 0 == red[32, 32]


def test_objects_that_reach_into_one_another_meet_in_a_plane():
    red, green, _ = two_spheres((6.0, 6.0))
    assert np.array_equal(red[:, :31], green[:, ::-1][:, :31])
    assert (red[28:36, 24:31] > 100).all()
    assert not green[28:36, 24:31].any()
    assert (green[28:36, 33:40] > 100).all()


def test_the_source_supersamples_as_the_tests_do():
    spec = preset("magvit-32")
    source = ClipSource(spec, fields=reference.FIELDS)
    for b in range(4):
        due = reference.picture(source[b], spec, 3, source.scenes([b])[0])
        assert np.abs(source.supersampled(b, 3) - due).max() < 0.5


def test_gray_clips_are_drawn_in_luma_with_the_asked_contrast():
    spec = preset("gray-32")
    video = ClipSource(spec).batch(range(300))["video"]
    assert video.shape == (300, 8, 1, 32, 32)
    back = video[:, :, :, :1, :1].astype(int)
    strongest = np.abs(video.astype(int) - back).reshape(300, -1).max(axis=1)
    discs = ClipSource(spec).scenes(range(300))["shape"][:, 0] == spec.shapes.index("disc")
    assert strongest[discs].min() >= spec.looks.contrast * 255 - 2


def test_no_two_consecutive_frames_are_the_same():
    for name in ("magvit-32", "magvit-64", "gray-32"):
        video = ClipSource(preset(name)).batch(range(3000))["video"]
        changed = (video[:, 1:] != video[:, :-1]).any(axis=(2, 3, 4))
        assert changed.all()


def test_drawing_into_strided_memory_touches_only_the_clips():
    spec = ClipSpec()
    source = ClipSource(spec)
    memory = np.full((5, spec.clip_bytes + 700), 9, np.uint8)
    view = memory[:, 300 : 300 + spec.clip_bytes].reshape(5, *spec.video_shape)
    view = np.lib.stride_tricks.as_strided(
        memory[:, 300:], (5, *spec.video_shape), (memory.strides[0], *view.strides[1:])
    )
    source.batch(range(5), out={"video": view})
    assert np.array_equal(view, source.batch(range(5))["video"])
    assert (memory[:, :300] == 9).all()
    assert (memory[:, 300 + spec.clip_bytes :] == 9).all()


def test_a_pixel_has_the_nearest_gray_level():
    assert draw(8, 8, 3, colour=0.3019)[0][8, 8] == 77  # 76.98
    assert draw(8, 8, 3, colour=0.3009)[0][8, 8] == 77  # 76.73
    assert draw(8, 8, 3, colour=0.2999)[0][8, 8] == 76  # 76.47
    assert draw(8, 8, 3, back=0.3019)[0][0, 0] == 77


def test_a_disc_is_where_it_is_said_in_pictures_that_are_not_square():
    square = draw(9.3, 4.4, 2.6)
    for size in ((16, 24), (9, 16)):
        wide = draw(9.3, 4.4, 2.6, size=size)
        assert np.array_equal(wide[:, :9, :16], square[:, :9])
        assert not wide[:, :, 16:].any()
