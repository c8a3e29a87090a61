"""The real peers read the shards, and get the arrays of the source."""

import io
import json
import shutil
import subprocess
import tarfile

import numpy as np
import pytest

from tests.patience import SECONDS
from trajdata import DEFAULT_FIELDS, FIELDS, ClipSource, materialize
from trajdata._clips.fields import TEXT_FIELDS
from trajdata._shards.layout import STANDARD_ARRAYS

CLIPS, SHARD = 50, 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_spec):
    folder = tmp_path_factory.mktemp("baked")
    materialize(ClipSource(tiny_spec, 4, "val"), folder, clips=CLIPS, shard_clips=SHARD)
    return folder


@pytest.fixture(scope="module")
def drawn(tiny_spec):
    source = ClipSource(tiny_spec, 4, "val", fields=tuple(FIELDS))
    return [source[index] for index in range(CLIPS)]


def same(clip, due, spec):
    """Compare a peer's dict with a clip of the source."""
    assert int(clip["cls"]) == due["label"]
    assert clip["__key__"] == f"{due['index']:012d}"
    for name in ("video", *STANDARD_ARRAYS):
        assert np.array_equal(np.asarray(clip[f"{name}.npy"]), due[name]), name
    text = clip["json"]
    assert text["index"] == due["index"]
    assert text["label"] == spec.laws[due["label"]]
    assert (text["caption"], text["equation"]) == (due["caption"], due["equation"])
    # A peer with one schema for all clips shows a number that the clip's law lacks as None.
    own = {key: value for key, value in text["params"].items() if value is not None}
    for key, value in due["params"].items():
        assert own.get(key, 0.0) == value


def test_webdataset_decodes_every_clip(folder, drawn, tiny_spec):
    import webdataset

    urls = [str(path) for path in sorted(folder.glob("*.tar"))]
    clips = list(webdataset.WebDataset(urls, shardshuffle=False).decode())
    assert len(clips) == CLIPS
    for clip, due in zip(clips, drawn, strict=True):
        same(clip, due, tiny_spec)
        assert clip["video.npy"].dtype == np.uint8


@pytest.fixture
def offline(monkeypatch, tmp_path):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return str(tmp_path / "cache")


def test_hugging_face_loads_the_shards_by_glob(folder, drawn, tiny_spec, offline):
    import datasets

    read = datasets.load_dataset(
        "webdataset", data_files=str(folder / "val-*.tar"), split="train", cache_dir=offline
    )
    assert len(read) == CLIPS
    for clip, due in zip(read, drawn, strict=True):
        same(clip, due, tiny_spec)


def test_hugging_face_loads_the_folder_through_its_card(folder, drawn, tiny_spec, offline):
    import datasets

    read = datasets.load_dataset(str(folder), cache_dir=offline)
    assert list(read) == ["validation"]
    assert len(read["validation"]) == CLIPS
    for clip, due in zip(read["validation"], drawn, strict=True):
        same(clip, due, tiny_spec)


def test_the_card_gives_hugging_face_the_classes_by_name_and_arrays_with_their_shapes(
    folder, tiny_spec, offline
):
    import datasets

    features = datasets.load_dataset(str(folder), split="validation", cache_dir=offline).features
    assert isinstance(features["cls"], datasets.ClassLabel)
    assert features["cls"].names == list(tiny_spec.laws)
    video = features["video.npy"]
    assert isinstance(video, datasets.Array4D)
    assert (tuple(video.shape), video.dtype) == (tiny_spec.video_shape, "uint8")


def test_hugging_face_loads_every_field_that_a_shard_can_store(tmp_path, tiny_spec, offline):
    import datasets

    stored = [name for name in FIELDS if name not in (*DEFAULT_FIELDS, *TEXT_FIELDS)]
    source = ClipSource(tiny_spec, fields=tuple(FIELDS))
    materialize(source, tmp_path, clips=12, shard_clips=8, fields=stored)
    read = datasets.load_dataset(str(tmp_path), split="train", cache_dir=offline)
    for index, clip in enumerate(read):
        due = source[index]
        for name in stored:
            assert np.array_equal(np.asarray(clip[f"{name}.npy"]), due[name]), name


def test_hugging_face_streams_the_folder(folder, drawn, tiny_spec, offline):
    import datasets

    read = datasets.load_dataset(str(folder), split="validation", streaming=True, cache_dir=offline)
    for clip, due in zip(read, drawn, strict=True):
        same(clip, due, tiny_spec)


def test_tarfile_reads_every_member(folder, drawn):
    clips = []
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as tar:
            for info in tar:
                key, name = info.name.split(".", 1)
                if not clips or clips[-1]["__key__"] != key:
                    clips.append({"__key__": key})
                clips[-1][name] = tar.extractfile(info).read()
    assert len(clips) == CLIPS
    for clip, due in zip(clips, drawn, strict=True):
        assert int(clip["cls"]) == due["label"]
        video = np.load(io.BytesIO(clip["video.npy"]), allow_pickle=False)
        assert np.array_equal(video, due["video"])
        assert json.loads(clip["json"])["caption"] == due["caption"]


@pytest.mark.skipif(shutil.which("tar") is None, reason="there is no tar command here")
def test_the_tar_command_lists_every_member_without_complaint(folder):
    run = subprocess.run(
        ["tar", "tvf", str(folder / "val-000002.tar")],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert run.stderr == ""
    assert len(run.stdout.splitlines()) == 10 * (3 + len(STANDARD_ARRAYS))


def test_every_class_has_the_same_members(folder):
    with tarfile.open(folder / "val-000000.tar") as tar:
        names = tar.getnames()
    members = {}
    for name in names:
        key, member = name.split(".", 1)
        members.setdefault(key, []).append(member)
    assert len({tuple(held) for held in members.values()}) == 1
