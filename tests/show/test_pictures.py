"""Contact sheets and animations, looked at pixel by pixel."""

import io

import numpy as np
import pytest
from PIL import Image

from trajdata._clips.source import ClipSource
from trajdata._show.pictures import (
    PREVIEW_FIELDS,
    animation_gif,
    clip_pictures,
    sheet_png,
    write_animation,
    write_preview,
)
from trajdata._spec.model import ClipSpec

PATH_COLOUR = (255, 0, 200)
LEFT = 144  # where the first tile starts, beside the text


def source_of(**sizes):
    return ClipSource(ClipSpec().replace(**sizes), seed=3, fields=PREVIEW_FIELDS)


def sheet_of(source, clips):
    return np.asarray(Image.open(io.BytesIO(sheet_png(source, clips=clips))).convert("RGB"))


def test_a_sheet_shows_every_frame_enlarged_without_smoothing():
    source = source_of(frames=3, height=16, width=16)
    picture = sheet_of(source, [5])
    for column, frame in enumerate(source[5]["video"]):
        tile = picture[4:100, LEFT + column * 100 :][:, :96]
        assert np.array_equal(tile, frame.transpose(1, 2, 0).repeat(6, 0).repeat(6, 1))


def test_a_sheet_has_a_row_for_each_clip_in_the_order_asked_for():
    source = source_of(frames=2, height=16, width=16)
    one, two, both = (sheet_of(source, clips) for clips in ([4], [9], [4, 9]))
    row = one.shape[0] - 4
    assert np.array_equal(both[:row], one[:row])
    assert np.array_equal(both[row:], two)


def test_the_path_lies_on_the_object_in_the_last_tile():
    source = source_of(frames=2, height=16, width=16)
    clip, picture = source[0], sheet_of(source, [0])
    left = picture.shape[1] - 4 - 96
    x, y = np.floor(clip["pixels"][-1] * 6).astype(int)
    assert tuple(picture[4 + y, left + x]) == PATH_COLOUR


def test_gray_clips_are_shown_gray():
    source = source_of(frames=2, channels=1, height=16, width=16)
    picture = sheet_of(source, [0])
    tile = picture[4:100, LEFT : LEFT + 96]
    assert np.array_equal(tile[..., 0], tile[..., 1])
    assert np.array_equal(tile[..., 0], source[0]["video"][0, 0].repeat(6, 0).repeat(6, 1))


@pytest.mark.parametrize(
    "sizes",
    [
        {"frames": 2, "height": 16, "width": 16},
        {"frames": 1024, "height": 16, "width": 16},
        {"frames": 3, "height": 512, "width": 512},
        {"frames": 3, "height": 16, "width": 48, "place": 0.1},
    ],
)
def test_a_sheet_fits_a_screen_whatever_the_clips_size(sizes):
    picture = sheet_of(source_of(**sizes), [0])
    assert picture.shape[1] <= 1700
    assert picture.shape[0] <= 220


def test_an_animation_has_the_clips_frames_at_the_specs_speed(tmp_path):
    source = source_of(frames=5, height=16, width=16, seconds=2.0)
    write_animation(source, tmp_path / "clips.gif", clips=range(4))
    with Image.open(tmp_path / "clips.gif") as picture:
        assert picture.n_frames == 5
        assert picture.size == (2 * 100 + 4, 2 * 100 + 4)
        assert picture.info["duration"] == 500
        assert picture.info["loop"] == 0


def test_a_preview_is_written_where_it_was_asked_for(tmp_path):
    source = source_of(frames=2, height=16, width=16)
    write_preview(source, tmp_path / "preview.png", clips=[1, 2])
    assert (tmp_path / "preview.png").read_bytes() == sheet_png(source, clips=[1, 2])


@pytest.mark.parametrize("draw", [sheet_png, animation_gif])
def test_a_source_without_the_path_is_refused_by_name(draw):
    with pytest.raises(ValueError, match=r"source\.fields: .* needs pixels"):
        draw(ClipSource(ClipSpec()))


@pytest.mark.parametrize("draw", [sheet_png, animation_gif])
def test_a_picture_of_no_clips_is_refused(draw):
    with pytest.raises(ValueError, match=r"clips: given .* at least one"):
        draw(source_of(), clips=[])


def test_small_clips_are_animated_one_by_one_with_their_own_pixels():
    source = source_of(frames=5, height=16, width=18, seconds=2.0)
    clips = [7, 2, 30]
    pictures = clip_pictures(source, clips=clips, most_bytes=100_000)
    drawn = source.batch(clips)
    assert [picture.index for picture in pictures] == clips
    for picture, label, video in zip(pictures, drawn["label"], drawn["video"], strict=True):
        assert picture.law == source.spec.laws[label]
        assert (picture.width, picture.height) == (18, 16)
        with Image.open(io.BytesIO(picture.animation)) as animation:
            assert animation.get_format_mimetype() == picture.media_type
            assert animation.n_frames == 5
            for number, frame in enumerate(video):
                animation.seek(number)
                shown = np.asarray(animation.convert("RGB"))
                assert np.array_equal(shown, frame.transpose(1, 2, 0))
        still = np.asarray(Image.open(io.BytesIO(picture.still)).convert("RGB"))
        assert np.array_equal(still, video[0].transpose(1, 2, 0))


@pytest.mark.parametrize("has_webp", [True, False])
def test_pictures_of_clips_get_as_small_as_they_must(monkeypatch, has_webp):
    monkeypatch.setattr("trajdata._show.pictures.features.check", lambda name: has_webp)
    source = source_of(frames=60, height=64, width=64, pixel_noise=100.0)
    pictures = clip_pictures(source, clips=range(4), most_bytes=60_000)
    assert len(pictures) == 4
    assert sum(len(shown.animation) + len(shown.still) for shown in pictures) <= 60_000
    assert {shown.media_type for shown in pictures} == {"image/webp" if has_webp else "image/png"}
    with Image.open(io.BytesIO(pictures[0].animation)) as animation:
        assert animation.n_frames <= 24
        assert animation.size == (pictures[0].width, pictures[0].height)


def test_pictures_that_cannot_get_small_enough_are_refused():
    with pytest.raises(ValueError, match="most_bytes: given 100; 4 clips need more"):
        clip_pictures(source_of(frames=2, height=16, width=16), clips=range(4), most_bytes=100)
