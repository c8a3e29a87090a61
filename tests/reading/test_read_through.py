"""Reading what is committed and rendering the rest: the bytes of the live stream, whichever."""

import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from trajdata import (
    DEFAULT_FIELDS,
    ArgumentError,
    ClipSource,
    Source,
    SpecMismatchError,
    materialize,
    open_shards,
    read_through,
)
from trajdata._clips.fields import TEXT_FIELDS
from trajdata._shards.layout import STANDARD_ARRAYS

ALL = (*DEFAULT_FIELDS, *STANDARD_ARRAYS, *TEXT_FIELDS)
"""What a store holds unless it was told otherwise."""
MIXED = [9, 0, 59, 16, 8, 41, 10**9]


@pytest.fixture(scope="module")
def live(tiny_spec):
    return ClipSource(tiny_spec, 3, "val", fields=ALL)


@pytest.fixture(scope="module")
def finished(tiny_spec, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "out"
    materialize(ClipSource(tiny_spec, 3, "val"), folder, clips=50, shard_clips=8, threads=1)
    return folder


@pytest.fixture
def unfinished(finished, tmp_path):
    """The same store without shards 1 and 4, as a bake leaves it that was stopped."""
    folder = shutil.copytree(finished, tmp_path / "out")
    (folder / "index.json").unlink()
    for shard in ("000001", "000004"):
        (folder / f"val-{shard}.tar").unlink()
        (folder / ".trajdata" / "commits" / f"{shard}.json").unlink()
    return folder


def equal(left, right):
    assert list(left) == list(right)
    for name, value in left.items():
        if isinstance(value, dict):
            equal(value, right[name])
        elif isinstance(value, (list, str)):
            assert value == right[name]
        else:
            assert (value.dtype, value.shape) == (right[name].dtype, right[name].shape)
            assert np.array_equal(value, right[name])


@pytest.mark.parametrize("indices", [MIXED, range(8), range(8, 16), range(50), [], [60, 61]])
def test_the_bytes_are_those_of_the_live_stream(live, unfinished, indices):
    equal(read_through(live, unfinished).batch(indices), live.batch(indices))


def test_it_is_a_source_with_the_attributes_of_the_live_one(live, unfinished):
    either = read_through(live, unfinished)
    assert isinstance(either, Source)
    for name in ("spec", "seed", "split", "fields", "clips"):
        assert getattr(either, name) == getattr(live, name)
    equal(either[5], live[5])
    equal(either[6:20:3], live[6:20:3])
    equal(either.pair(9, "helical"), live.pair(9, "helical"))
    equal(either.with_fields(["label", "depth"]).batch(MIXED), live.with_fields(
        ["label", "depth"]).batch(MIXED))  # fmt: skip
    with pytest.raises(ValueError, match=r"slice \[4:\] of a source without end"):
        either[4:]
    with pytest.raises(TypeError):
        iter(either)


def test_what_is_committed_is_read(live, unfinished):
    # Shard 0's first video byte is changed behind the index's back: only a reader shows it.
    shard = unfinished / "val-000000.tar"
    raw = bytearray(shard.read_bytes())
    raw[512 + 128] ^= 255
    shard.write_bytes(raw)
    different = read_through(live, unfinished).batch(range(20))["video"] != live[0:20]["video"]
    assert int(different.sum()) == 1
    assert different[0].any()


@pytest.mark.parametrize("folder", ["finished", "unfinished"])
def test_arrays_are_written_into_out(live, folder, request):
    either = read_through(live, request.getfixturevalue(folder))
    for indices in (range(8), MIXED):
        places = np.zeros((2, len(indices), *live.spec.video_shape), np.uint8)
        depth = np.zeros((len(indices), live.spec.frames), np.float32)
        batch = either.batch(indices, out={"video": places[1], "depth": depth})
        assert batch["video"] is not None
        assert np.shares_memory(batch["video"], places)
        assert np.shares_memory(batch["depth"], depth)
        equal(batch, live.batch(indices))
    with pytest.raises(ValueError, match=r"out\['label'\]: given int32"):
        either.batch([1, 9], out={"label": np.zeros(2, np.int32)})


@pytest.mark.parametrize("held", [[], ["depth"], ["trajectory", "radius"]])
def test_fields_that_the_store_does_not_hold_are_rendered(live, tmp_path, held):
    materialize(live, tmp_path, clips=50, shard_clips=8, fields=held)
    either = read_through(live, tmp_path)
    depth = np.zeros((len(MIXED), live.spec.frames), np.float32)
    batch = either.batch(MIXED, out={"depth": depth})
    assert batch["depth"] is depth
    equal(batch, live.batch(MIXED))
    rendered_only = live.with_fields(("jittered", "pixels"))
    equal(read_through(rendered_only, tmp_path).batch(MIXED), rendered_only.batch(MIXED))


def test_a_store_can_be_read_through_another(live, unfinished, finished):
    stored = open_shards(finished, fields=ALL)
    either = read_through(stored, unfinished)
    assert either.clips == 50
    equal(either[40:], live[40:50])
    with pytest.raises(
        ArgumentError, match=r"pair: StoredSource.* renders nothing; a ClipSource does"
    ):
        either.pair(0, "linear")


def test_it_is_pickled_and_shared_by_threads(live, unfinished):
    either = pickle.loads(pickle.dumps(read_through(live, unfinished)))
    either.warm()
    due = live.batch(range(50))["video"]

    def right(seed):
        indices = np.random.default_rng(seed).integers(0, 50, 20)
        return np.array_equal(either.batch(indices)["video"], due[indices])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(right, range(40)))


def test_another_stream_is_refused_with_the_difference_named(tiny_spec, finished):
    other = tiny_spec.replace(frames=5)
    for spec, seed, split, names in (
        (other, 3, "val", {"spec.picture.frames"}),
        (tiny_spec, 4, "val", {"seed"}),
        (tiny_spec, 3, "train", {"split"}),
    ):
        with pytest.raises(SpecMismatchError) as caught:
            read_through(ClipSource(spec, seed, split), finished)
        assert set(caught.value.differences) == names
        assert str(finished) in str(caught.value)


def test_a_store_that_is_not_there_is_an_error(live, tmp_path):
    with pytest.raises(ValueError, match="where: given"):
        read_through(live, tmp_path / "nothing")
