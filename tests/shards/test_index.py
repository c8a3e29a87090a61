"""index.json: what it says, its bytes, and what becomes of a damaged one."""

import json
import tracemalloc
from dataclasses import replace

import pytest

from trajdata import ArgumentError, ShardError, SpecMismatchError
from trajdata._shards import index as module
from trajdata._shards.index import Index, parse_index
from trajdata._shards.recipe import MOST_SHARDS, Recipe
from trajdata._shards.strict_json import canonical
from trajdata._spec.model import ClipSpec
from trajdata._spec.presets import preset


@pytest.fixture(scope="module")
def recipe(tiny_spec):
    return Recipe(tiny_spec, 5, "val", 100, 40, tiny_spec.fingerprint)


@pytest.fixture
def index(recipe):
    return Index(recipe, tuple(f"{shard:064x}" for shard in range(3)))


def changed(index, change):
    value = json.loads(index.to_bytes())
    change(value, value["trajdata"])
    return json.dumps(value).encode()


def test_an_index_is_read_back_as_it_was_and_has_one_spelling(index):
    again = parse_index(index.to_bytes(), "index.json")
    assert again == index
    assert again.to_bytes() == index.to_bytes()


def test_an_index_is_a_wids_index_with_one_key_more(index):
    value = json.loads(index.to_bytes())
    layout = index.recipe.layout
    assert set(value) == {"wids_version", "shardlist", "trajdata"}
    assert value["wids_version"] == 1
    assert value["shardlist"] == [
        {"url": f"val-{k:06d}.tar", "nsamples": n, "filesize": n * layout.record_bytes + 1024}
        for k, n in enumerate((40, 40, 20))
    ]
    assert set(value["trajdata"]) == {
        *(
            "spec",
            "fingerprint",
            "seed",
            "split",
            "clips",
            "shard_clips",
            "record",
            "sha256",
            "seal",
            "fields",
        )
    }
    first = value["trajdata"]["record"]["members"][0]
    assert first["member"] == "video.npy"
    assert (first["offset"], first["dtype"], first["shape"]) == (640, "|u1", [4, 3, 16, 16])


DAMAGE = {
    "wids_version 1": lambda v, t: v.update(wids_version=2),
    "trajdata: dict": lambda v, t: v.pop("trajdata"),
    "clips: int": lambda v, t: t.update(clips="100"),
    "fields in the order": lambda v, t: t["fields"].reverse(),
    "fields: given video": lambda v, t: t.update(fields=["video"]),
    "fields: names": lambda v, t: t.update(fields=[1]),
    "clips: given -1": lambda v, t: t.update(clips=-1),
    "split: given '../x'": lambda v, t: t.update(split="../x"),
    "frames: given 1000000000": lambda v, t: t["spec"]["picture"].update(frames=10**9),
    "colour: given 'red'; there is no such": lambda v, t: t["spec"].update(colour="red"),
    "this version's for the spec": lambda v, t: t.update(fingerprint="0" * 64),
    "sha256 of 3, found 2": lambda v, t: t["sha256"].pop(),
    "sha256 of 250000, found 3": lambda v, t: t.update(clips=250_000, shard_clips=1),
    "a SHA-256 in hex for shard 1": lambda v, t: t["sha256"].__setitem__(1, "x" * 64),
    "the record layout of its spec": lambda v, t: t["record"]["members"][0].update(offset=0),
    r"shardlist\[0\]": lambda v, t: v["shardlist"][0].update(url="../../etc/passwd"),
    r"shardlist\[2\]": lambda v, t: v["shardlist"][2].update(nsamples=21),
    "shardlist: list": lambda v, t: v.update(shardlist=None),
}


@pytest.mark.parametrize("message", DAMAGE)
def test_a_damaged_index_is_an_error_that_says_what_was_expected(index, message):
    with pytest.raises(ShardError, match=message) as caught:
        parse_index(changed(index, DAMAGE[message]), "some/index.json")
    assert caught.value.file == "some/index.json"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", -1),
        ("seed", 2**63),
        ("seed", 0.5),
        ("clips", 0),
        ("clips", True),
        ("clips", 10**12 + 1),
        ("shard_clips", 0),
        ("split", "training"),
    ],
)
def test_a_recipe_out_of_range_is_an_error_that_names_field_value_and_range(recipe, name, value):
    with pytest.raises(ArgumentError, match=f"{name}: given {value!r}; allowed"):
        replace(recipe, **{name: value})


def test_more_shards_than_an_index_may_have_are_an_error_that_says_what_would_do(tiny_spec):
    with pytest.raises(ValueError, match=r"shard_clips: given 1; .* allow 2 or more"):
        Recipe(tiny_spec, 0, "train", MOST_SHARDS + 1, 1, tiny_spec.fingerprint)


def test_a_mismatch_names_every_field_that_differs(recipe):
    other = Recipe(
        ClipSpec().replace(height=16), 6, "val", 100, 50, ClipSpec().replace(height=16).fingerprint
    )
    with pytest.raises(SpecMismatchError) as caught:
        other.check_same(recipe, "folder")
    names = {"spec.picture.frames", "spec.picture.width", "seed", "shard_clips"}
    assert set(caught.value.differences) == names
    assert caught.value.differences["seed"] == (6, 5)


def test_the_command_names_the_nearest_preset_and_what_differs_from_it(recipe):
    spec = preset("gray-32")
    plain = Recipe(spec, 1, "test", 10, 16384, spec.fingerprint)
    assert plain.command("my dir") == (
        "trajdata materialize --preset gray-32 --seed 1 --split test --clips 10 --out 'my dir'"
    )
    cut = Recipe(spec, 1, "test", 10, 5, spec.fingerprint)
    assert cut.command("d").endswith("--out d --shard-clips 5")
    assert "--set picture.frames=4 --set picture.height=16" in recipe.command("d")


@pytest.fixture(scope="module")
def long_index(tiny_spec):
    recipe = Recipe(tiny_spec, 5, "val", 8000, 1, tiny_spec.fingerprint)
    return Index(recipe, tuple(f"{shard:064x}" for shard in range(8000)))


def test_an_index_of_many_shards_is_read_whatever_lies_beside_it(long_index):
    data = long_index.to_bytes()
    assert len(data) > 2**20
    assert data == canonical(json.loads(data))
    assert parse_index(data, "index.json") == long_index


LONG_DAMAGE = {
    "cut": lambda data: data[:-1],
    "longer": lambda data: data + b" ",
    "a hash that is none": lambda data: data.replace(b"0" * 60, b"x" * 60, 1),
    "a hash too few": lambda data: data.replace(f'      "{7:064x}",\n'.encode(), b"", 1),
    "a shard elsewhere": lambda data: data.replace(b"val-000007.tar", b"../../etc/0007", 1),
    "a line that is longer": lambda data: data.replace(
        b'",\n      "' + b"0" * 60, b'", \n      "' + b"0" * 60, 1
    ),
    "another size": lambda data: data.replace(b'"nsamples": 1', b'"nsamples": 2', 1),
    "another spelling": lambda data: json.dumps(json.loads(data), indent=3).encode(),
    "no list of shards": lambda data: data.replace(b"shardlist", b"shardlost", 1),
    "another version": lambda data: data.replace(b'"wids_version": 1', b'"wids_version": 2'),
    "a key more": lambda data: data.replace(b'"wids_version"', b'"more": [],\n  "wids_version"'),
    "another seed": lambda data: data.replace(b'"seed": 5', b'"seed": 6'),
    "many megabytes": lambda data: data + b" " * 2**26,
    "a text that is none": lambda data: data.replace(b"0" * 60, b"\xff" * 60, 1),
}


@pytest.mark.parametrize("damage", LONG_DAMAGE)
def test_a_damaged_index_of_many_shards_is_an_error_too(long_index, damage):
    damaged = LONG_DAMAGE[damage](long_index.to_bytes())
    assert len(damaged) > 2**20
    with pytest.raises(ShardError, match=r"some/index\.json"):
        parse_index(damaged, "some/index.json")


@pytest.mark.parametrize("shard", [0, 4095, 4096, 7999])
def test_a_text_that_is_no_hash_is_named_with_its_shard_in_a_long_index_too(long_index, shard):
    for wrong in ("x" * 64, "A" * 64, " " * 64):
        damaged = long_index.to_bytes().replace(b"%064x" % shard, wrong.encode(), 1)
        with pytest.raises(
            ShardError, match=f"a SHA-256 in hex for shard {shard}, found .*{wrong}"
        ):
            parse_index(damaged, "some/index.json")


def test_an_index_that_is_longer_than_any_is_refused_before_it_is_looked_at(
    long_index, monkeypatch
):
    data = long_index.to_bytes()
    monkeypatch.setattr(module, "INDEX_BYTES", len(data) - 1)
    with pytest.raises(ShardError, match=f"at most {len(data) - 1} bytes"):
        parse_index(data, "some/index.json")


def test_as_many_shards_as_a_store_may_have_fit_into_an_index(tiny_spec):
    recipe = Recipe(tiny_spec, 2**63 - 1, "train", 10**12, 10**6, tiny_spec.fingerprint)
    assert recipe.shards == MOST_SHARDS
    entry = len(module._entry(recipe, 0) % recipe.shard_name(0) + ",\n")
    longer_split = 40
    per_shard = entry + longer_split + module._SHA256_LINE
    assert MOST_SHARDS * per_shard + 2**20 < module.INDEX_BYTES


def test_reading_a_long_index_takes_less_than_half_its_length_of_memory_beside_it(tiny_spec):
    recipe = Recipe(tiny_spec, 5, "val", 60_000, 1, tiny_spec.fingerprint)
    index = Index(recipe, [f"{shard:064x}" for shard in range(recipe.shards)])
    data = index.to_bytes()
    parse_index(data, "index.json")
    tracemalloc.start()
    try:
        again = parse_index(data, "index.json")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert again == index
    assert peak < len(data) / 2
