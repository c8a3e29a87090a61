"""The guide's table of trainers: its arguments give what it says, and the trainers take that."""

import ast
import json
import math
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from tests.patience import SECONDS
from tests.trainers.apart import FOLDERS
from tests.trainers.format_program import STEPS, dataset_of

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGE = (ROOT / "docs/guide/trainers/formats.md").read_text("utf-8")


@dataclass(frozen=True)
class Row:
    """A trainer of the table; all as it stands there."""

    trainer: str
    handed: str
    frames: str
    spec: str
    dataset: str
    output: str
    checked: str

    @property
    def trains(self):
        """The class that trains, by which the program knows it."""
        return re.findall("`(.+?)`", self.trainer)[0]

    @property
    def code(self):
        """The cells that are code."""
        cells = ("spec", "dataset", "output")
        return {cell: getattr(self, cell).strip("`") for cell in cells}


def table(heading):
    """The rows of the table that begins so."""
    _, _, below = PAGE.partition(heading)
    lines = below.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


ROWS = [Row(*cells) for cells in table("| trainer | is handed |")]
RUN = [row for row in ROWS if row.checked == "run"]
LOST = [(name.strip("`"), int(given), int(kept)) for name, given, kept in table("| autoencoder |")]


def parts_of(handed):
    """(kind, parts) of a cell such as "dict `x` CTHW [-1, 1], `label`"; a part is (name, layout,
    range), of which the last two are None for a label."""
    kind, _, rest = handed.partition(" ")
    found = re.findall(r"(?:`(\w+)`)? ?(?:([TCHW]{4}) \[(-?[\d.]+), ([\d.]+)\])?(?:, |$)", rest)
    parts = [
        (name or None, layout or None, (float(low), float(high)) if layout else None)
        for name, layout, low, high in found
        if name or layout
    ]
    return kind, parts


def first_batch(row):
    dataset = dataset_of(row.code)
    whole = row.code["dataset"] == "TrajectoryDataset"
    return dataset, next(iter(DataLoader(dataset, batch_size=None if whole else 2)))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.trainer)
def test_the_arguments_of_a_row_give_what_it_says(row):
    dataset, batch = first_batch(row)
    spec, kind, parts = dataset.spec, *parts_of(row.handed)
    assert isinstance(batch, {"dict": dict, "tuple": (tuple, list), "tensor": torch.Tensor}[kind])
    assert len(parts) == (1 if kind == "tensor" else len(batch))
    if kind == "dict":
        assert list(batch) == [name for name, _, _ in parts]
        values = list(batch.values())
    else:
        values = [batch] if kind == "tensor" else list(batch)
    frames = []
    for value, (_, layout, span) in zip(values, parts, strict=True):
        if layout is None:
            assert (value.dtype, value.shape) == (torch.int64, (2,))
            continue
        sizes = dict(zip(layout, value.shape[1:], strict=True))
        frames.append(sizes.pop("T"))
        assert sizes == {"C": 3, "H": spec.height, "W": spec.width}
        assert value.dtype == torch.float32
        assert span[0] <= value.min() and value.max() <= span[1]
        # So narrow that no other range of an Output would pass.
        assert value.max() - value.min() > 0.55 * (span[1] - span[0]) or span == (0, 1)
        assert np.shares_memory(np.asarray(value), value.numpy())
    assert sum(frames) == spec.frames
    if row.frames.startswith("as many past as future"):
        assert frames[0] == frames[1]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.trainer)
def test_a_row_has_at_most_three_arguments_and_frames_that_its_trainer_takes(row):
    output = ast.parse(row.code["output"], mode="eval").body
    assert output.func.id == "Output" and not output.args
    assert len(output.keywords) <= 3
    assert row.checked in ("run", "read, not run")
    dataset, _ = first_batch(row)
    if match := re.search(r"1 \+ (\d+) k", row.frames):
        assert dataset.spec.frames % int(match[1]) == 1
    if match := re.search(r"(\d+);", row.frames):
        assert dataset.spec.frames == int(match[1])


def test_the_table_has_every_trainer_that_is_run_and_no_other():
    assert [row.trains for row in RUN] != []
    assert {row.trains for row in RUN} == set(STEPS)
    assert len({row.trainer for row in ROWS}) == len(ROWS) == 14


@pytest.fixture(scope="module")
def stepped(once):
    """What the program beside has found, by the class that trains."""

    def run(folder):
        rows = {row.trains: row.code for row in RUN}
        (folder / "rows.json").write_text(json.dumps(rows), "utf-8")
        ended = subprocess.run(
            [
                *(sys.executable, str(HERE / "apart.py"), str(HERE / "format_program.py")),
                *(str(folder / "rows.json"), str(folder / "found.json")),
            ],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-4000:]

    return json.loads((once("formats", run) / "found.json").read_text("utf-8"))


def found_of(stepped, name):
    found = stepped[name]
    if "missing" in found:
        pytest.skip(
            f"there is no {found['missing']} here: pip install --no-deps --target {FOLDERS[0]} "
            f"-r tests/trainers/packages.txt"
        )
    assert "error" not in found, found["error"]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", STEPS)
def test_a_trainer_takes_a_step_on_live_clips_with_the_arguments_of_its_row(stepped, name):
    found = found_of(stepped, name)
    assert math.isfinite(found["loss"]) and found["loss"] > 0
    assert found["learnt"]


@pytest.mark.slow
@pytest.mark.parametrize("name", dict.fromkeys(name for name, _, _ in LOST))
def test_an_autoencoder_returns_as_many_frames_as_the_page_says(stepped, name):
    returned = {given: kept for given, kept in found_of(stepped, name)["frames"]}
    assert returned == {given: kept for autoencoder, given, kept in LOST if autoencoder == name}


@pytest.mark.slow
def test_magvit2_pytorch_refuses_frames_that_it_would_lose(stepped):
    refused = found_of(stepped, "VideoTokenizerTrainer")["refused"]
    assert "number of frames 8 minus the first frame (7) must be divisible" in refused
