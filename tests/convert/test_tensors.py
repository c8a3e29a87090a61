"""torchvision's tensors and its reader of flow, in a process that may import torchvision."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.patience import SECONDS
from trajdata import ClipSource, MissingPackageError, preset
from trajdata.convert import CONVERTER_FIELDS, to_tv_tensors

ROOT = Path(__file__).parents[2]
SPEC = preset("scenes-32", count=(3, 4), height=24, width=40)
APART = Path(sys.prefix) / "torchvision"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What the program beside has made."""
    if not APART.exists() and importlib.util.find_spec("torchvision") is None:
        pytest.skip(f"pip install --no-deps --target {APART} -r tests/convert/torchvision.txt")
    out = tmp_path_factory.mktemp("torchvision") / "made.npz"
    program = Path(__file__).with_name("torchvision_program.py")
    run = subprocess.run(
        [sys.executable, str(program), str(APART), str(out)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    with np.load(out) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def clip():
    fields = (*CONVERTER_FIELDS["to_tv_tensors"], "forward_flow")
    return ClipSource(SPEC, fields=fields)[2]


@pytest.mark.slow
def test_a_row_is_an_object_in_a_frame_that_shows_it(made, clip):
    slots, frames = made["same_slots"], made["same_frames"]
    assert len(slots) == (clip["visible_pixels"] > 0).sum()
    assert (clip["visible_pixels"][slots, frames] > 0).all()
    assert np.array_equal(made["same_boxes"], clip["boxes"][slots, frames])
    assert np.array_equal(made["same_labels"], clip["shapes"][slots])
    assert np.array_equal(made["same_laws"], clip["laws"][slots])
    want = clip["segmentations"][frames] == slots[:, None, None] + 1
    assert np.array_equal(made["same_masks"], want)
    assert np.array_equal(made["same_video"], clip["video"])
    assert str(made["format"]) == "XYXY"


def test_the_transforms_know_what_is_what(made):
    kinds = dict(pair.split(":") for pair in str(made["kinds"]).split(","))
    assert (kinds["video"], kinds["boxes"], kinds["masks"]) == ("Video", "BoundingBoxes", "Mask")
    assert kinds["labels"] == "Tensor"


def test_a_mirrored_clip_has_the_boxes_of_its_mirrored_masks(made):
    assert np.array_equal(made["mirrored_masks"], made["same_masks"][..., ::-1])
    assert np.array_equal(made["mirrored_video"], made["same_video"][..., ::-1])
    for mask, box in zip(made["mirrored_masks"], made["mirrored_boxes"], strict=True):
        rows, columns = np.nonzero(mask)
        assert list(box) == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_boxes_and_masks_are_scaled_together(made):
    assert made["doubled_video"].shape == (8, 3, 48, 80)
    assert np.array_equal(made["doubled_boxes"], 2 * made["same_boxes"])
    for mask, box in zip(made["doubled_masks"], made["doubled_boxes"], strict=True):
        rows, columns = np.nonzero(mask)
        assert list(box) == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_what_a_crop_leaves_can_be_sanitized(made):
    assert 0 < len(made["cropped_boxes"]) < len(made["same_boxes"])
    assert len(made["cropped_masks"]) == len(made["cropped_labels"]) == len(made["cropped_boxes"])


def test_torchvisions_sintel_reads_the_flow_that_was_written(made, clip):
    assert np.array_equal(made["flow"], clip["forward_flow"][:7])


def test_without_torchvision_the_error_says_what_to_install(clip, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.tv_tensors", None)
    with pytest.raises(MissingPackageError, match=r"torchvision, .* built for your torch"):
        to_tv_tensors(clip)
