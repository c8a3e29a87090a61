"""What is drawn, probed on tiny scenes and against plain supersampling."""

import numpy as np
import pytest

from trajdata import ClipSource, ClipSpec, preset
from trajdata._render.compositing import clip_renderer
from trajdata._world.tables import SCENE


def draw(x, y, r, *, shape="disc", colour=1.0, back=0.0, side=16, light=(0.0, 0.0, -1.0)):
    scenes = np.zeros((1, 1), SCENE)
    for name in ("red", "green", "blue", "luma"):
        scenes[name] = colour
    for name in ("back_red", "back_green", "back_blue"):
        scenes[name] = back
    scenes["light_x"], scenes["light_y"], scenes["light_z"] = light
    target = np.empty(3 * side * side, np.uint8)
    pixels, radii = np.array([x, y], float).reshape(1, 1, 1, 2), np.full((1, 1, 1), float(r))
    clip_renderer((shape,))(scenes, pixels, radii, 3, side, side, target, 0, target.size)
    return target.reshape(3, side, side)


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


def supersampled(scene, shape, x, y, r, side, n=16):
    """Mean of n x n point samples per pixel, in float64 RGB on 0..255."""
    grid = (np.arange(side * n) + 0.5) / n
    dx, dy = (grid[None] - x) / r, (grid[:, None] - y) / r
    below = 1 - dx * dx - dy * dy
    shade = np.ones_like(below)
    if shape == "sphere":
        facing = dx * scene["light_x"] + dy * scene["light_y"]
        shade = 0.35 + 0.65 * np.clip(
            facing - np.sqrt(np.maximum(below, 0)) * scene["light_z"], 0, 1
        )
    out = []
    for name in ("red", "green", "blue"):
        back = np.floor(255 * scene["back_" + name] + 0.5)
        picture = np.where(below >= 0, 255 * scene[name] * shade, back)
        out.append(picture.reshape(side, n, side, n).mean((1, 3)))
    return np.stack(out)


@pytest.mark.parametrize("name", ["magvit-32", "magvit-64"])
def test_drawing_is_within_35_db_of_supersampling_in_the_objects_box_and_45_db_overall(name):
    source = ClipSource(preset(name), fields=("video", "pixels", "radius"))
    batch = source.batch(range(60))
    scenes = source.scenes(range(60))
    side = source.spec.width
    for b in range(60):
        for k in (0, source.spec.frames // 2):
            (x, y), r = batch["pixels"][b, k], float(batch["radius"][b, k])
            shape = source.spec.shapes[scenes[b, 0]["shape"]]
            truth = supersampled(scenes[b, 0], shape, float(x), float(y), r, side)
            square = (truth - batch["video"][b, k]) ** 2
            box = square[:, int(y - r) : int(y + r) + 1, int(x - r) : int(x + r) + 1]
            assert 10 * np.log10(255**2 / box.mean()) >= 35
            assert 10 * np.log10(255**2 / square.mean()) >= 45


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
    square = draw(9.3, 4.4, 2.6, side=16)
    scenes = np.zeros((1, 1), SCENE)
    for name in ("red", "green", "blue", "luma"):
        scenes[name] = 1.0
    for height, width in ((16, 24), (9, 16)):
        wide = np.empty(3 * height * width, np.uint8)
        pixels, radii = np.array([9.3, 4.4]).reshape(1, 1, 1, 2), np.full((1, 1, 1), 2.6)
        render = clip_renderer(("disc",))
        render(scenes, pixels, radii, 3, height, width, wide, 0, wide.size)
        wide = wide.reshape(3, height, width)
        assert np.array_equal(wide[:, :9, :16], square[:, :9])
        assert not wide[:, :, 16:].any()
