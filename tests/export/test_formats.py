"""Clips come back out of every format by the receiver's own reader."""

import csv
import importlib.util
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from tests.patience import SECONDS
from trajdata import ArgumentError, ClipSource, export, materialize, open_shards, preset

ROOT = Path(__file__).parents[2]
APART = Path(sys.prefix) / "torchvision"
CLIPS = 9


def clips_of(folder, suffix):
    """(index, name of its folder, path) of every clip of a format with a folder for each law."""
    found = sorted((folder / "clips").glob(f"*/*{suffix}"))
    return [(int(path.name[:12]), path.parent.name, path) for path in found]


def check_truth(path, clip):
    """An .npz has what the clip has, but perhaps the video."""
    with np.load(path, allow_pickle=False) as held:
        for name, due in clip.items():
            if name == "params":
                assert {key: float(held[name][key]) for key in held[name].dtype.names} == due
            elif isinstance(due, str):
                assert str(held[name]) == due
            elif name in held or name != "video":
                assert held[name].dtype == due.dtype
                assert np.array_equal(held[name], due), name


def decoded(path, shade):
    av = pytest.importorskip("av")
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format=shade) for frame in container.decode(video=0)]
        rate = container.streams.video[0].average_rate
    return np.stack(frames), rate


@pytest.mark.parametrize("name", ["source", "gray"])
def test_an_mp4_has_every_pixel_and_the_truth_is_beside_it(name, tmp_path, request):
    pytest.importorskip("av")
    source = request.getfixturevalue(name)
    report = export(source, tmp_path, to="mp4", clips=CLIPS)
    assert report.exact_pixels
    found = clips_of(tmp_path, ".mp4")
    assert sorted(index for index, _, _ in found) == list(range(CLIPS))
    for index, law, path in found:
        clip = source[index]
        assert law == source.spec.laws[clip["label"]]
        frames, rate = decoded(path, "rgb24" if name == "source" else "gray")
        if name == "gray":
            # Players show the full range too.
            assert np.array_equal(decoded(path, "rgb24")[0][..., 1], frames)
            frames = frames[..., None]
        assert np.array_equal(frames.transpose(0, 3, 1, 2), clip["video"])
        assert float(rate) == pytest.approx((source.spec.frames - 1) / source.spec.seconds)
        check_truth(path.with_suffix(".npz"), clip)
        with np.load(path.with_suffix(".npz")) as held:
            assert "video" not in held


@pytest.mark.parametrize("name", ["source", "gray"])
def test_a_webp_has_every_frame_and_every_pixel(name, tmp_path, request):
    pytest.importorskip("av")
    source = request.getfixturevalue(name)
    export(source, tmp_path, to="webp", clips=CLIPS)
    for index, _, path in clips_of(tmp_path, ".webp"):
        video = source[index]["video"]
        with Image.open(path) as picture:
            frames = [np.array(page.convert("RGB")) for page in ImageSequence.Iterator(picture)]
        due = np.broadcast_to(video, (len(video), 3, *video.shape[2:]))
        assert np.array_equal(np.stack(frames).transpose(0, 3, 1, 2), due)
        check_truth(path.with_suffix(".npz"), source[index])


@pytest.mark.parametrize("to", ["webp", "mp4"])
def test_frames_that_are_alike_are_all_written(to, tmp_path):
    pytest.importorskip("av")
    source = ClipSource(preset("laws-32", laws=("stop_and_go",), frames=24))
    alike = 0
    export(source, tmp_path, to=to, clips=4)
    for index, _, path in clips_of(tmp_path, f".{to}"):
        video = source[index]["video"]
        alike += sum(np.array_equal(one, other) for one, other in itertools.pairwise(video))
        if to == "webp":
            with Image.open(path) as picture:
                assert picture.n_frames == len(video)
        else:
            assert len(decoded(path, "rgb24")[0]) == len(video)
    assert alike, "no clip has two frames that are alike"


def test_a_gif_lasts_as_long_as_the_clip_and_shows_it_in_256_colours(source, tmp_path):
    report = export(source, tmp_path, to="gif", clips=CLIPS)
    assert not report.exact_pixels
    assert not json.loads((tmp_path / "export.json").read_text())["exact_pixels"]
    for index, _, path in clips_of(tmp_path, ".gif"):
        video = source[index]["video"]
        with Image.open(path) as picture:
            first = np.array(picture.convert("RGB")).transpose(2, 0, 1)
            pauses = [(page.load(), page.info["duration"])[1] for page in _pages(picture)]
        pause = 1000 * source.spec.seconds / (len(video) - 1)
        assert sum(pauses) == pytest.approx(len(video) * pause, abs=5 * len(video))
        assert np.abs(first.astype(int) - video[0]).mean() < 6
        check_truth(path.with_suffix(".npz"), source[index])


def _pages(picture):
    for page in range(picture.n_frames):
        picture.seek(page)
        yield picture


@pytest.mark.parametrize("name", ["source", "gray"])
def test_a_png_of_each_frame_has_every_pixel(name, tmp_path, request):
    source = request.getfixturevalue(name)
    export(source, tmp_path, to="png", clips=CLIPS)
    for index, law, path in clips_of(tmp_path, ".npz"):
        clip = source[index]
        frames = sorted((path.parent / path.stem).iterdir())
        assert [frame.name for frame in frames] == [f"{k:03d}.png" for k in range(len(frames))]
        read = np.stack([np.array(Image.open(frame)) for frame in frames])
        read = read[:, None] if name == "gray" else read.transpose(0, 3, 1, 2)
        assert np.array_equal(read, clip["video"])
        assert law == source.spec.laws[clip["label"]]
        check_truth(path, clip)


def test_an_npz_has_all_that_a_clip_has(source, tmp_path):
    export(source, tmp_path, to="npz", clips=CLIPS)
    found = clips_of(tmp_path, ".npz")
    assert len(found) == CLIPS
    for index, _, path in found:
        check_truth(path, source[index])
        with np.load(path) as held:
            assert set(held) == set(source.fields)
    with open(tmp_path / "clips.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, clip in zip(rows, (source[index] for index in range(CLIPS)), strict=True):
        assert (int(row["index"]), int(row["label"])) == (clip["index"], clip["label"])
        assert row["law"] == source.spec.laws[clip["label"]]
        assert (tmp_path / row["file"]).is_file()


def test_a_zarr_group_has_every_field_with_its_axes(source, tmp_path):
    zarr = pytest.importorskip("zarr")
    export(source, tmp_path, to="zarr", clips=CLIPS)
    group = zarr.open_group(tmp_path / "clips", mode="r")
    batch = source.batch(range(CLIPS))
    assert sorted(group.keys()) == sorted(source.fields)
    for name, due in batch.items():
        if name == "params":
            for number, column in due.items():
                assert np.array_equal(group[f"params/{number}"][:], column)
        elif isinstance(due, list):
            assert list(group[name][:]) == due
        else:
            assert group[name].dtype == due.dtype
            assert np.array_equal(group[name][:], due), name
    assert group["video"].metadata.dimension_names == ("clip", "T", "C", "H", "W")
    assert group["trajectory"].metadata.dimension_names == ("clip", "T", None)
    assert group["trajectory"].attrs["unit"] == "metres"
    assert group.attrs["fingerprint"] == source.spec.fingerprint
    assert group.attrs["laws"] == list(source.spec.laws)


def test_a_zarr_group_of_several_parts_reads_one_clip_from_a_small_chunk(gray, tmp_path):
    zarr = pytest.importorskip("zarr")
    export(gray, tmp_path, to="zarr", clips=5000, threads=2)
    video = zarr.open_group(tmp_path / "clips", mode="r")["video"]
    assert video.shards[0] == 4096
    assert np.prod(video.chunks) <= 2**17
    for index in (0, 4095, 4096, 4999):
        assert np.array_equal(video[index], gray[index]["video"])


def test_a_hugging_face_data_set_has_features_and_every_value(source, tmp_path):
    datasets = pytest.importorskip("datasets")
    export(source, tmp_path, to="hf", clips=CLIPS)
    read = datasets.load_from_disk(str(tmp_path / "clips"))
    assert read.features["label"].names == list(source.spec.laws)
    assert read.features["video"].shape == source.spec.video_shape
    assert read.features["video"].dtype == "uint8"
    assert len(read) == CLIPS
    rows = read.with_format("numpy")
    for index in range(CLIPS):
        row, clip = rows[index], source[index]
        assert set(row) == set(source.fields)
        for name, due in clip.items():
            if name == "params":
                assert {key: float(value) for key, value in row[name].items()} == due
            elif isinstance(due, str):
                assert row[name] == due
            else:
                assert np.array_equal(np.asarray(row[name]), due), name
    assert source.spec.fingerprint in read.info.description


def test_a_hugging_face_data_set_of_several_files_is_in_order(gray, tmp_path):
    datasets = pytest.importorskip("datasets")
    export(gray.with_fields(("video", "label", "index")), tmp_path, to="hf", clips=4100)
    read = datasets.load_from_disk(str(tmp_path / "clips"))
    assert len(list((tmp_path / "clips").glob("*.arrow"))) == 2
    assert read["index"][:] == list(range(4100))
    last = np.asarray(read.with_format("numpy")[4099]["video"])
    assert np.array_equal(last, gray[4099]["video"])


@pytest.mark.slow
def test_torchvisions_dataset_folder_takes_an_export(gray, tmp_path):
    if not APART.exists() and importlib.util.find_spec("torchvision") is None:
        pytest.skip(f"pip install --no-deps --target {APART} -r tests/convert/torchvision.txt")
    # Enough clips for one of every law: DatasetFolder refuses a class without files.
    export(gray, tmp_path / "npz", to="npz", clips=30)
    export(gray, tmp_path / "png", to="png", clips=30)
    program = Path(__file__).with_name("folder_program.py")
    run = subprocess.run(
        [sys.executable, str(program), str(APART), str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    told = json.loads(run.stdout)
    assert told["classes"] == told["picture_classes"] == sorted(gray.spec.laws)
    assert [clip[0] for clip in sorted(told["clips"])] == list(range(30))
    for index, label, target, total in told["clips"]:
        clip = gray[index]
        assert label == clip["label"]
        assert told["classes"][target] == gray.spec.laws[label]
        assert total == int(clip["video"].sum())
    assert told["pictures"] == 30 * gray.spec.frames


def test_each_camera_has_a_file_of_its_own(tmp_path):
    source = ClipSource(preset("stereo-64", height=16, width=16, frames=3))
    export(source, tmp_path / "png", to="png", clips=2)
    export(source, tmp_path / "npz", to="npz", clips=2)
    for index, _, path in clips_of(tmp_path / "png", ".npz"):
        video = source[index]["video"]
        for view in range(2):
            for k in range(3):
                frame = path.parent / f"{path.stem}-camera-{view}" / f"{k:03d}.png"
                assert np.array_equal(
                    np.array(Image.open(frame)).transpose(2, 0, 1), video[view, k]
                )
    for index, _, path in clips_of(tmp_path / "npz", ".npz"):
        check_truth(path, source[index])
    with open(tmp_path / "png" / "clips.csv", newline="") as file:
        assert [row["file"][-8:] for row in csv.DictReader(file)] == ["camera-0", "camera-1"] * 2


def test_a_stored_source_is_exported_as_the_live_one_is(gray, tmp_path):
    kept = ("trajectory", "depth", "present", "segmentations")
    materialize(gray, tmp_path / "store", clips=12, shard_clips=8, fields=kept)
    stored = open_shards(tmp_path / "store", fields=gray.fields)
    export(stored, tmp_path / "stored", to="npz")
    export(gray, tmp_path / "live", to="npz", clips=12)
    for _, law, path in clips_of(tmp_path / "live", ".npz"):
        other = tmp_path / "stored" / "clips" / law / path.name
        assert other.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"to": "avi"}, "to: given 'avi'; allowed are mp4"),
        ({"clips": None}, "clips: given None"),
        ({"clips": 0}, "clips: given 0"),
        ({"out": "s3://bucket/prefix"}, "allowed is a folder"),
        ({"source": 3}, "source: given 3"),
    ],
)
def test_what_is_not_allowed_is_said_and_nothing_is_written(gray, tmp_path, changes, told):
    given = {"source": gray, "out": tmp_path / "out", "to": "npz", "clips": 3, **changes}
    with pytest.raises(ArgumentError, match=told):
        export(given.pop("source"), given.pop("out"), **given)
    assert list(tmp_path.iterdir()) == []
