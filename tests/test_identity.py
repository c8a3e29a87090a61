"""What is added to the package changes nothing of the specs that do not use it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import SECONDS

ROOT = Path(__file__).parents[1]
GOLDEN = json.loads((ROOT / "tests" / "golden.json").read_text("ascii"))

LAW = '''
"""Constant velocity, with a phrase that is longer than any other law's."""

from pydantic import Field

from trajdata._laws.linear import distinct, least, position, propose
from trajdata._laws.registry import Law, LawSettings
from trajdata._settings import Fraction


class DriftSettings(LawSettings):
    ease: Fraction = Field(0.5, description="unused")


LAW = Law(
    name="drift", version=3, numbers=tuple(f"number_{k}" for k in range(24)),
    phrase="drifts " + "on and on " * 100 + "at {speed_m_s:.2f} m/s",
    equation="x(t) = {number_0:.3f}",
    propose=propose, position=position, least=least, distinct=distinct, settings=DriftSettings,
)
'''

SHAPE = '''
"""A disc by a long name."""

import dataclasses

from trajdata._shapes.disc import SHAPE as DISC

SHAPE = dataclasses.replace(DISC, name="a" * 200)
'''

PROGRAM = """
import importlib.util, json, sys
import trajdata
from trajdata._laws.registry import law_names
from trajdata._shapes.registry import shape_names

spec = importlib.util.spec_from_file_location("golden", sys.argv[1])
golden = importlib.util.module_from_spec(spec)
spec.loader.exec_module(golden)
found = {}
for name, spec in golden.cases().items():
    if name in json.loads(sys.argv[2]):
        splits = golden.split_names()
        if any(known.name == "another" for known in golden.SPLITS):
            splits = [name for name in splits if name != "another"]
        found[name] = {
            **golden.identity(spec),
            "clips": {split: golden.clips_digest(spec, split) for split in splits},
            "shards": {split: golden.shard_digest(spec, split) for split in golden.SHARD_SPLITS},
        }
added = trajdata.preset("added").replace(laws=("linear", "drift"), shapes=("a" * 200,))
source = trajdata.ClipSource(added, split="another", fields=("video", "caption", "label"))
batch = source.batch(range(4))
print(json.dumps({
    "found": found,
    "where": trajdata.__file__,
    "laws": law_names(),
    "shapes": shape_names(),
    "captions": batch["caption"],
    "labels": batch["label"].tolist(),
    "setting": added.looks.shine,
    "asked": trajdata.preset("added", shine=0.5).fingerprint,
    "not asked": trajdata.preset("added").fingerprint,
}))
"""

CASES = ("magvit-32", "gray-32", "magvit-32, difficulty 1", "not square, random background")


def _insert(file, before, text):
    source = file.read_text("utf-8")
    assert source.count(before) == 1, (file, before)
    file.write_text(source.replace(before, text + before), "utf-8")


@pytest.fixture(scope="module")
def answer(once):
    """What a copy of the package says to which a law, a shape, a preset, a setting and a split
    were added."""
    return json.loads((once("identity", ask) / "answer.json").read_text("utf-8"))


def ask(folder):
    copy = folder / "copy"
    package = copy / "trajdata"
    shutil.copytree(ROOT / "trajdata", package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "_laws" / "drift.py").write_text(LAW, "utf-8")
    (package / "_shapes" / f"{'a' * 200}.py").write_text(SHAPE, "utf-8")
    _insert(
        package / "_spec" / "presets.py", '    "magvit-32": {', '    "added": {**_FOUR_LAWS},\n'
    )
    _insert(
        package / "_spec" / "groups.py",
        "    contrast: Annotated",
        '    shine: Fraction = Field(0.25, description="a new setting")\n',
    )
    _insert(
        package / "_spec" / "splits.py",
        '    Split("ood-speed", 3',
        '    Split("another", 9),\n',
    )
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT / "tools" / "golden.py"), json.dumps(CASES)],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    shutil.rmtree(copy)
    assert Path(json.loads(run.stdout)["where"]).parent == package
    (folder / "answer.json").write_text(run.stdout, "utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_spec_that_does_not_use_what_was_added_keeps_every_byte(answer, case):
    held, found = GOLDEN["cases"][case], answer["found"][case]
    for name in ("fingerprint", "laws", "record_bytes", "clips", "shards"):
        assert found[name] == held[name], name


@pytest.mark.slow
def test_what_was_added_can_be_used(answer):
    assert "drift" in answer["laws"]
    assert "a" * 200 in answer["shapes"]
    assert sorted(answer["labels"]) == [0, 0, 1, 1]
    assert sum("drifts on and on" in caption for caption in answer["captions"]) == 2
    assert all("a" * 200 in caption for caption in answer["captions"])
    assert answer["setting"] == 0.25
    assert answer["asked"] != answer["not asked"]
    assert answer["not asked"] == GOLDEN["cases"]["magvit-32"]["fingerprint"]
