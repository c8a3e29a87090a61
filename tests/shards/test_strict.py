"""The checks of a shard's records: each byte that is wrong is found, and named by its place."""

import io
import tarfile

import numpy as np
import pytest

from trajdata import ShardError
from trajdata._shards.layout import END_BYTES
from trajdata._shards.recipe import Recipe
from trajdata._shards.records import RecordBuilder
from trajdata._shards.strict import StrictRecords, block_bytes, walk_shard

CLIPS, ROW = 8, 3


@pytest.fixture(scope="module")
def recipe(tiny_spec):
    return Recipe(tiny_spec, 3, "val", 2 * CLIPS, CLIPS, tiny_spec.fingerprint)


@pytest.fixture(scope="module")
def sound(recipe):
    """The records of the second shard, uint8 (CLIPS, record_bytes)."""
    return RecordBuilder(recipe, 2**20).build(recipe.indices(1))[0].copy()


@pytest.fixture
def raw(sound):
    """The same, to be damaged."""
    return sound.copy()


@pytest.fixture(scope="module")
def members(recipe):
    return {member.field: member for member in recipe.layout.members}


@pytest.fixture(scope="module")
def strict(recipe):
    return StrictRecords("val-000001.tar", recipe, 1)


def check(strict, raw, message, offset):
    with pytest.raises(ShardError, match=message) as caught:
        strict.decode(raw, 0)
    assert caught.value.file == "val-000001.tar"
    assert caught.value.offset == ROW * raw.shape[1] + offset


def test_sound_records_are_decoded_to_their_labels(strict, raw):
    assert sorted(strict.decode(raw, 0).tolist()) == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("field", ["label", "metadata", "trajectory", "radius"])
@pytest.mark.parametrize("at", ["first", "last"])
def test_what_stands_between_a_value_and_the_next_header_is_zeros(
    strict, recipe, raw, members, field, at
):
    """A tar reader skips it, so whoever hides something there is not seen by any other check."""
    member = members[field]
    ends = [other.start for other in recipe.layout.members] + [recipe.layout.record_bytes]
    start = member.offset + member.value_bytes
    end = min(place for place in ends if place > member.start)
    if start == end:
        pytest.skip("this value ends with a block")
    place = start if at == "first" else end - 1
    raw[ROW, place] = 1
    check(strict, raw, f"in the padding of {member.name} of clip {CLIPS + ROW}", place)


def test_every_byte_of_a_header_is_compared(strict, raw, members):
    member = members["depth"]
    for place in (member.start, member.start + 300, member.start + 511, member.offset - 1):
        held = raw[ROW, place]
        raw[ROW, place] ^= 1
        check(strict, raw, rf"in the header of depth\.npy of clip {CLIPS + ROW}", place)
        raw[ROW, place] = held


def test_the_json_names_the_law_that_the_label_stands_for(strict, recipe, raw, members):
    records = raw.view(recipe.layout.dtype)[:, 0]
    held = int(records["label"][ROW].tobytes())
    records["label"][ROW] = np.frombuffer(b"%d" % ((held + 1) % 4), np.uint8)
    due = recipe.spec.laws[(held + 1) % 4]
    check(strict, raw, f"expected label '{due}'", members["metadata"].offset)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("field", ["trajectory", "radius"])
def test_numbers_are_finite(strict, recipe, raw, members, field, number):
    raw.view(recipe.layout.dtype)[:, 0][field][ROW].reshape(-1)[-1] = number
    check(strict, raw, f"finite numbers in {field}.npy", members[field].offset)


def test_the_records_are_those_of_the_shard_in_their_order(strict, raw):
    raw[[ROW, ROW + 1]] = raw[[ROW + 1, ROW]]
    with pytest.raises(ShardError, match="in the header of video"):
        strict.decode(raw, 0)


def test_the_json_is_of_the_clip_that_the_key_names(strict, recipe, raw, members):
    records = raw.view(recipe.layout.dtype)[:, 0]
    same = np.flatnonzero((records["label"] == records["label"][ROW]).all(axis=1))
    other = next(row for row in same if row != ROW)
    records["metadata"][ROW] = records["metadata"][other]
    check(strict, raw, f"index {CLIPS + ROW}", members["metadata"].offset)


def test_a_shard_ends_as_a_tar_does_and_nowhere_else(recipe, sound):
    whole = sound.tobytes() + bytes(END_BYTES)
    size = block_bytes(recipe)

    def walked(data):
        blocks = [data[at : at + size] for at in range(0, len(data), size)]
        return walk_shard(blocks, "f", recipe, 1)

    assert walked(whole).labels == (2, 2, 2, 2)
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        assert len(tar.getmembers()) == CLIPS * len(recipe.layout.members)
    changed = bytearray(whole)
    changed[-1] = 1
    with pytest.raises(ShardError, match="zeros up to the end") as caught:
        walked(bytes(changed))
    assert caught.value.offset == len(whole) - 1
    for data in (whole[:-512], whole + bytes(512), whole[: -END_BYTES - 512]):
        with pytest.raises(ShardError, match=f"expected {len(whole)} bytes"):
            walked(data)
