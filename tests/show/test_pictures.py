"""Contact sheets and animations, looked at pixel by pixel."""

import io

import numpy as np
import pytest
from PIL import Image

from trajdata._clips.source import ClipSource
from trajdata._show.palette import DARK, LIGHT, blend, law_colour
from trajdata._show.pictures import (
    PREVIEW_FIELDS,
    animation_gif,
    animation_webp,
    clip_pictures,
    sheet_layout,
    sheet_png,
    write_animation,
    write_preview,
)
from trajdata._show.tiles import Tile, draw_chip, draw_path
from trajdata._spec.model import ClipSpec


def source_of(**sizes):
    return ClipSource(ClipSpec().replace(**sizes), seed=3, fields=PREVIEW_FIELDS)


def pixels_of(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def sheet_of(source, clips):
    return pixels_of(sheet_png(source, clips=clips))


def tile_at(picture, layout, corner):
    left, top = corner
    return picture[top : top + layout.tile.height, left : left + layout.tile.width]


def test_a_sheet_shows_every_frame_enlarged_without_smoothing():
    source = source_of(frames=3, height=16, width=16)
    picture, layout = sheet_of(source, [5]), sheet_layout(source.spec, 1)
    for column, frame in enumerate(source[5]["video"]):
        tile = tile_at(picture, layout, layout.corner(0, column))
        assert np.array_equal(tile, frame.transpose(1, 2, 0).repeat(8, 0).repeat(8, 1))


def test_a_sheet_has_a_row_for_each_clip_in_the_order_asked_for():
    source = source_of(frames=2, height=16, width=16)
    both, layout = sheet_of(source, [9, 4]), sheet_layout(source.spec, 2)
    for row, index in enumerate((9, 4)):
        alone = sheet_of(source, [index])
        height = layout.tile.height
        first, here = layout.corner(0, 0)[1], layout.corner(row, 0)[1]
        assert np.array_equal(both[here : here + height], alone[first : first + height])


def test_every_frame_has_a_line_around_it():
    source = source_of(frames=2, height=16, width=16)
    picture, layout = sheet_of(source, [0]), sheet_layout(source.spec, 1)
    for left, top in (layout.corner(0, 0), layout.corner(0, 1), layout.path_corner(0)):
        right, bottom = left + layout.tile.width, top + layout.tile.height
        assert (picture[top - 1, left - 1 : right + 1] == LIGHT.frame).all()
        assert (picture[bottom, left - 1 : right + 1] == LIGHT.frame).all()
        assert (picture[top - 1 : bottom + 1, left - 1] == LIGHT.frame).all()
        assert (picture[top - 1 : bottom + 1, right] == LIGHT.frame).all()


def test_a_class_is_named_in_its_own_colour():
    source = source_of(frames=2, height=16, width=16)
    labels = [int(label) for label in source.batch(range(4))["label"]]
    assert sorted(labels) == [0, 1, 2, 3]
    sheet, layout = sheet_of(source, range(4)), sheet_layout(source.spec, 4)
    grounds = {law: blend(law_colour(law), LIGHT.paper, LIGHT.tint) for law in labels}
    for row, label in enumerate(labels):
        left, top = layout.corner(row, 0)
        beside = sheet[top : top + layout.tile.height, : left - 2]
        found = {law for law, colour in grounds.items() if (beside == colour).all(axis=2).any()}
        assert found == {label}


def test_the_path_lies_on_the_object_of_the_last_frame_and_nowhere_else():
    source = source_of(frames=8, height=64, width=64)
    layout, picture = sheet_layout(source.spec, 4), sheet_of(source, range(4))
    for row in range(4):
        clip = source[row]
        tile = tile_at(picture, layout, layout.path_corner(row)).astype(int)
        plain = clip["video"][-1].transpose(1, 2, 0).repeat(2, 0).repeat(2, 1)
        places = np.floor(clip["pixels"] * 2).astype(int)
        x, y = places[-1]
        assert np.abs(tile[y, x] - law_colour(int(clip["label"]))).max() <= 2
        rows, columns = np.indices(tile.shape[:2])
        off = [np.maximum(np.abs(columns - x), np.abs(rows - y)) for x, y in places]
        far = np.min(off, axis=0) > 40
        assert far.mean() > 0.2
        assert np.array_equal(tile[far], plain[far])


@pytest.mark.parametrize(("side", "factor"), [(16, 8), (64, 2), (128, 1), (512, 0.5)])
def test_a_place_is_counted_from_the_corner_of_a_pixel_at_every_size(side, factor):
    tile = Tile(side, side)
    assert tile.width == side * factor
    ends = np.array([[0.0, 0.0], [0.5, 2.25], [side, side]])
    assert np.array_equal(tile.places(ends), ends * factor)


def test_a_path_is_faint_at_its_start_and_plain_at_its_end():
    picture = Image.new("RGB", (128, 128), (0, 0, 0))
    places = np.stack([np.linspace(20, 108, 8), np.full(8, 64.0)], axis=1)
    draw_path(picture, places, (200, 40, 40))
    dots = [picture.getpixel((round(x), round(y)))[0] for x, y in places]
    assert dots[-1] >= 199
    assert dots == sorted(dots)
    assert dots[0] < 0.8 * dots[-1]


def test_gray_clips_are_shown_gray():
    source = source_of(frames=2, channels=1, height=16, width=16)
    layout = sheet_layout(source.spec, 1)
    tile = tile_at(sheet_of(source, [0]), layout, layout.corner(0, 0))
    assert np.array_equal(tile[..., 0], tile[..., 1])
    assert np.array_equal(tile[..., 0], source[0]["video"][0, 0].repeat(8, 0).repeat(8, 1))


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
    assert picture.shape[0] <= 330


def test_a_sheet_on_dark_paper_shows_the_same_frames():
    source = source_of(frames=3, height=16, width=16)
    layout = sheet_layout(source.spec, 1)
    light, dark = sheet_of(source, [5]), pixels_of(sheet_png(source, clips=[5], theme=DARK))
    corner = layout.corner(0, 2)
    assert np.array_equal(tile_at(light, layout, corner), tile_at(dark, layout, corner))
    assert (tuple(light[0, 0]), tuple(dark[0, 0])) == (LIGHT.paper, DARK.paper)


def test_a_long_name_is_shortened_to_its_box():
    picture = Image.new("RGB", (400, 40), LIGHT.paper)
    width, _ = draw_chip(picture, (4, 4), "a-law-with-a-long-name" * 3, (1, 2, 3), LIGHT)
    assert width <= 120
    assert (np.asarray(picture)[:, 4 + width :] == LIGHT.paper).all()


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_an_animation_has_the_clips_frames_at_the_specs_speed(tmp_path, suffix):
    source = source_of(frames=5, height=16, width=16, seconds=2.0)
    file = tmp_path / f"clips.{suffix}"
    write_animation(source, file, clips=range(4))
    with Image.open(file) as picture:
        assert picture.format == suffix.upper()
        assert picture.n_frames == 5
        assert picture.info["loop"] == 0
        durations = []
        for frame in range(5):
            picture.seek(frame)
            picture.load()
            durations.append(picture.info["duration"])
    assert durations == [500, 500, 500, 500, 1500]


def test_an_animation_shows_each_clips_own_pixels_and_the_path_up_to_each_frame():
    source = source_of(frames=5, height=16, width=16)
    video = source[7]["video"]
    with Image.open(io.BytesIO(animation_webp(source, clips=[7]))) as picture:
        changed = []
        for frame in range(5):
            picture.seek(frame)
            tile = np.asarray(picture.convert("RGB"))[20:148, 20:148]
            own = video[frame].transpose(1, 2, 0).repeat(8, 0).repeat(8, 1)
            changed.append(int((tile != own).any(axis=2).sum()))
    # What differs from the clip is the path, which grows.
    assert 0 < changed[0] < changed[-1] < 128 * 128 / 4
    assert changed == sorted(changed)


def test_a_preview_is_written_where_it_was_asked_for(tmp_path):
    source = source_of(frames=2, height=16, width=16)
    write_preview(source, tmp_path / "preview.png", clips=[1, 2])
    assert (tmp_path / "preview.png").read_bytes() == sheet_png(source, clips=[1, 2])


@pytest.mark.parametrize("draw", [sheet_png, animation_gif, animation_webp])
def test_a_source_without_the_path_is_refused_by_name(draw):
    with pytest.raises(ValueError, match=r"source\.fields: .* needs pixels"):
        draw(ClipSource(ClipSpec()))


@pytest.mark.parametrize("draw", [sheet_png, animation_gif, animation_webp])
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
    monkeypatch.setattr("trajdata._show.encoding.features.check", lambda name: has_webp)
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


def test_a_picture_takes_the_place_of_a_link_and_does_not_follow_it(tmp_path, tiny_spec):
    (tmp_path / "victim").write_bytes(b"theirs")
    for name, write in (("a.png", write_preview), ("a.gif", write_animation)):
        (tmp_path / name).symlink_to(tmp_path / "victim")
        write(ClipSource(tiny_spec, fields=PREVIEW_FIELDS), tmp_path / name, clips=range(2))
        assert not (tmp_path / name).is_symlink()
        assert (tmp_path / name).stat().st_size > 100
    assert (tmp_path / "victim").read_bytes() == b"theirs"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gif", "a.png", "victim"]
