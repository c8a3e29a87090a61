"""Clips of several cameras through stores, datasets and pictures."""

import numpy as np
import pytest
from torch.utils.data import DataLoader

from trajdata import (
    ClipSource,
    Output,
    TrajectoryDataset,
    evaluate,
    materialize,
    open_shards,
    preset,
)
from trajdata._show.notebook import clip_html
from trajdata._show.pictures import PREVIEW_FIELDS, sheet_png

SPEC = preset("magvit-32", frames=4, height=16, width=24, views=2, baseline=0.2, place=0.45)
FIELDS = ("video", "label", "index", "pixels", "depth_map", "boxes", "extrinsics", "caption")


def test_a_store_gives_the_same_clips_of_several_cameras_as_the_source(tmp_path):
    live = ClipSource(SPEC, fields=FIELDS)
    materialize(ClipSource(SPEC), tmp_path, clips=6, fields=FIELDS[3:-1], shard_clips=4)
    stored = open_shards(tmp_path, fields=FIELDS)
    due, held = live.batch(range(6)), stored.batch(range(6))
    for name in FIELDS:
        assert np.array_equal(due[name], held[name]), name
    assert held["video"].shape == (6, 2, 4, 3, 16, 24)
    card = (tmp_path / "README.md").read_text("utf-8")
    assert "3 channels from 2 cameras" in card
    assert "array5_d" in card
    assert "axes V, T, C, H, W" in card


@pytest.mark.parametrize("layout", ["TCHW", "CTHW", "THWC"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_dataset_lays_out_the_video_of_each_camera(layout, dtype):
    source = ClipSource(SPEC)
    output = Output(layout=layout, dtype=dtype)
    data = TrajectoryDataset(source, length=8, batch_size=4, output=output, fresh=False)
    due = source.batch(range(4))["video"]
    due = np.moveaxis(due, [2, 3, 4, 5], [2 + layout.index(axis) for axis in "TCHW"])
    for workers in (0, 1):
        video = next(iter(DataLoader(data, batch_size=None, num_workers=workers)))["video"].numpy()
        assert video.shape == due.shape
        assert np.allclose(video * (1 if dtype == "uint8" else 255), due, atol=1e-4)


def test_pictures_for_people_show_the_first_camera():
    pair, alone = ClipSource(SPEC, fields=PREVIEW_FIELDS), FirstCamera()
    assert sheet_png(pair, clips=range(3)) == sheet_png(alone, clips=range(3))
    assert "<img" in clip_html(pair[0], SPEC)


class FirstCamera:
    """What a source of one camera would show."""

    spec, fields = SPEC, PREVIEW_FIELDS

    def batch(self, indices):
        batch = ClipSource(SPEC, fields=PREVIEW_FIELDS).batch(indices)
        return {**batch, "video": batch["video"][:, 0], "pixels": batch["pixels"][:, 0]}


def test_tracks_of_several_cameras_are_not_scored_in_silence():
    with pytest.raises(ValueError, match="given 2 cameras"):
        evaluate(lambda batch: batch, SPEC)
