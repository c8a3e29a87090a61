"""`trajdata score` reads laws back from files."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from trajdata import ClipSource, preset
from trajdata._cli.app import app


@pytest.fixture(scope="module")
def batch():
    return ClipSource(preset("magvit-32"), split="test").batch(range(40))


def run(*words):
    return CliRunner().invoke(app, ["score", *map(str, words)])


def test_an_archive_of_clips_is_told_law_by_law(batch, tmp_path):
    np.savez(tmp_path / "made.npz", video=batch["video"], label=batch["label"])
    told = run(tmp_path / "made.npz", "--preset", "magvit-32")
    assert told.exit_code == 0, told.output
    assert "40 clips" in told.output
    assert "Named as labelled: 100.0 %" in told.output
    answer = json.loads(run(tmp_path / "made.npz", "--preset", "magvit-32", "--json").stdout)
    laws = preset("magvit-32").laws
    assert answer["law"] == [laws[label] for label in batch["label"]]
    assert sum(answer["laws"].values()) == 40


@pytest.mark.parametrize("name", ["magvit-32", "gray-32"])
def test_a_clip_as_a_video_file_is_read(tmp_path, name):
    av = pytest.importorskip("av")
    clip = ClipSource(preset(name), split="test")[3]
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream = container.add_stream("libx264rgb" if name == "magvit-32" else "libx264", rate=8)
        stream.width = stream.height = 32
        stream.pix_fmt = "rgb24" if name == "magvit-32" else "yuv444p"
        stream.options = {"crf": "0"}
        for frame in clip["video"]:
            shown = np.broadcast_to(frame.transpose(1, 2, 0), (32, 32, 3))
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(shown), format="rgb24")
            for packet in stream.encode(picture):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    told = json.loads(run(tmp_path / "clip.mp4", "--preset", name, "--json").stdout)
    assert told["law"] == [preset(name).laws[clip["label"]]]


def test_what_cannot_be_scored_is_said_in_a_sentence(batch, tmp_path):
    (tmp_path / "no.npz").write_bytes(b"nothing of the kind")
    np.savez(tmp_path / "other.npz", frames=batch["video"])
    np.savez(tmp_path / "objects.npz", video=np.array([{}], dtype=object))
    np.savez(tmp_path / "short.npz", video=batch["video"][:, :4])
    np.savez(tmp_path / "label.npz", video=batch["video"], label=batch["label"] + 9)
    (tmp_path / "no.mp4").write_bytes(b"nothing of the kind")
    for name, told in {
        "no.npz": "no file of NumPy arrays",
        "other.npz": "given arrays frames; allowed are video",
        "objects.npz": "no file of NumPy arrays",
        "short.npz": "given clips of shape",
        "label.npz": "label: given 9 to 12; allowed are 0 to 3",
        "no.mp4": "no video that can be decoded",
    }.items():
        found = run(tmp_path / name, "--preset", "magvit-32")
        assert found.exit_code == 2, (name, found.output)
        assert told in found.output
        assert "Traceback" not in found.output
    assert run(tmp_path / "missing.npz").exit_code in (1, 2)
