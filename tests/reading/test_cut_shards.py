"""Shards that are cut while they are read, and an index of many shards that were lost."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.patience import SECONDS
from trajdata import ClipSource, ShardError, materialize, verify
from trajdata._clips.fields import DEFAULT_FIELDS
from trajdata._reading.committed import find_shards
from trajdata._reading.stored import StoredSource, open_shards

CLIPS, SHARD = 200, 100
ROOT = Path(__file__).parents[2]

READ = """
import os, sys
from trajdata import ShardError
from trajdata import open_shards
opened = open_shards(sys.argv[1], fields=("video", "label", "caption"))
opened.batch(range(200))
os.truncate(os.path.join(sys.argv[1], "train-000001.tar"), int(sys.argv[2]))
opened.batch(range(100))
for indices in ([199], [100], range(100, 200), [5, 150]):
    try:
        opened.batch(indices)
    except ShardError as error:
        assert "it was cut meanwhile" in str(error), error
    else:
        sys.exit("it was read")
"""


@pytest.fixture(scope="module")
def baked(tmp_path_factory, tiny_spec):
    folder = tmp_path_factory.mktemp("baked") / "out"
    materialize(ClipSource(tiny_spec), folder, clips=CLIPS, shard_clips=SHARD)
    return folder


@pytest.fixture
def copy(tmp_path, baked):
    return shutil.copytree(baked, tmp_path / "copy")


@pytest.mark.parametrize("size", [0, 1, 4096, 700_000])
def test_a_shard_that_is_cut_while_it_is_mapped_is_an_error_and_no_crash(copy, size):
    run = subprocess.run(
        [sys.executable, "-c", READ, str(copy), str(size)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        cwd=ROOT,
    )
    assert run.returncode == 0, (run.returncode, run.stderr)


def test_a_shard_that_is_cut_is_an_error_for_those_who_check_it_too(copy, monkeypatch):
    from trajdata._store import shard_view

    whole = shard_view.check_size

    def cut_after(store, recipe, shard):
        whole(store, recipe, shard)
        if shard == 1:
            os.truncate(copy / "train-000001.tar", 4096)

    monkeypatch.setattr(shard_view, "check_size", cut_after)
    (problem,) = verify(copy, full=False).problems
    assert problem.kind == "shard"
    with pytest.raises(ShardError, match=r"train-000001\.tar"):
        open_shards(copy).batch([150])


def test_an_index_of_8000_shards_with_7900_lost_is_read(tmp_path, tiny_spec):
    from trajdata._shards.index import Index
    from trajdata._shards.layout import STANDARD_ARRAYS
    from trajdata._shards.recipe import Recipe

    small = tmp_path / "small"
    materialize(ClipSource(tiny_spec), small, clips=100, shard_clips=1, threads=2)
    folder = tmp_path / "out"
    folder.mkdir()
    recipe = Recipe(tiny_spec, 0, "train", 8000, 1, tiny_spec.fingerprint, STANDARD_ARRAYS)
    for path in small.glob("*.tar"):
        shutil.copy(path, folder)
    digests = [f"{shard:064x}" for shard in range(8000)]
    from tests.stores import index_of

    digests[:100] = index_of(small).sha256
    data = Index(recipe, tuple(digests)).to_bytes()
    assert len(data) > 2**20
    (folder / "index.json").write_bytes(data)
    committed = find_shards(folder, unfinished=True)
    assert len(committed.shards) == 100
    opened = StoredSource(committed, DEFAULT_FIELDS)
    assert opened.clips == 8000
    due = ClipSource(tiny_spec).batch(range(100))["video"]
    assert np.array_equal(opened.batch(range(100))["video"], due)
    report = verify(folder)
    assert {problem.kind for problem in report.problems} == {"missing"}
    assert len(report.problems) == 7900
