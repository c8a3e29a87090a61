"""Small files of a store with anything in them: each is read, or is a ShardError that names it.

Half of the mutants are sealed anew, as by somebody who knows how, so that what lies behind the seal
is met too.
"""

import io
import json
import random
from datetime import datetime, timezone

import pytest
from rich.console import Console

from tests.stores import recipe_of
from tests.torture.tiny import SPEC
from trajdata._bake.progress import parse_progress
from trajdata._cli.watching import frame
from trajdata._errors import ShardError
from trajdata._shards.commit_record import parse_commit
from trajdata._shards.index import Index, parse_index
from trajdata._shards.recipe import Recipe, parse_recipe
from trajdata._shards.strict_json import SEAL, canonical, sealed

pytestmark = [pytest.mark.torture, pytest.mark.timeout(3000)]

KINDS = ("progress.json", "recipe", "commit record", "index")
MUTANTS = 100_000
"""Of all kinds of files together, also where torture is cut to a budget."""

ODD = (
    *(None, True, False, 0, 1, -1, 0.5, -0.0, 1e308, 10**30, 2**63, 2**64, 1e15, "", "0", "x"),
    *("\x1b]0;owned\x07", "\x1b[2J\x1b[31m", "\u202e", "\ud800", "\x00", "[red]x[/red]", "[/]"),
    *("a\nb", "\r", "../../etc/passwd", "9999-99-99T99:99:99Z", "0000-01-01T00:00:00Z", "é" * 300),
    *("x" * 200_000, [], {}, [[]], {"": None}, [0] * 300, [1, 2], [[1, 2, 3]], [[3, 2, 1.5], None]),
    *([[1, 2, 3], [0, 2, 3]], {"linear": -1}, {"linear": "x"}, {"\x1b[0m": 1}, ["depth", "depth"]),
)
"""What a value may become."""


INSERTED = (b"[" * 50, b'{"a":', b"\x1b[2J", b"NaN", b"1e999", b"\xff")


def places_of(value, path=()):
    """Every place in a JSON value."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield from places_of(inner, (*path, key))
    for at, inner in enumerate(value) if isinstance(value, list) else ():
        yield from places_of(inner, (*path, at))


def changed_value(data, chance):
    """The JSON with one to three values replaced, removed, doubled or exchanged."""
    value = json.loads(data)
    for _ in range(chance.randint(1, 3)):
        path = chance.choice(list(places_of(value)))
        if not path:
            continue
        inner = value
        for key in path[:-1]:
            inner = inner[key]
        act = chance.randrange(5)
        if act == 0:
            del inner[path[-1]]
        elif act == 1 and isinstance(inner, dict):
            inner[chance.choice(("", "__class__", "more", "\x1b[31m", *inner))] = inner[path[-1]]
        elif act == 2 and isinstance(inner, list):
            inner.insert(chance.randrange(len(inner) + 1), inner[path[-1]])
        else:
            inner[path[-1]] = json.loads(json.dumps(chance.choice(ODD)))
    return value


def resealed(value):
    """With the seals that belong to it, wherever there was one."""
    if not isinstance(value, dict):
        return value
    value = {name: resealed(inner) for name, inner in value.items()}
    if SEAL in value:
        value.pop(SEAL)
        value = sealed(value)
    return value


def changed_bytes(data, chance):
    """The file with some bytes flipped, cut out, doubled or put in."""
    made = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(made) + 1)
        end = min(len(made), at + chance.choice((1, 2, 8, 100)))
        act = chance.randrange(5)
        if act == 0 and at < len(made):
            made[at] ^= 1 << chance.randrange(8)
        elif act == 1:
            del made[at:end]
        elif act == 2:
            made[at:at] = made[at:end]
        elif act == 3:
            made[at:at] = chance.choice(INSERTED)
        else:
            del made[at:]
    return bytes(made)


def mutants(data, seed):
    chance = random.Random(seed)
    for number in range(MUTANTS // len(KINDS)):
        if number % 4 == 0:
            yield changed_bytes(data, chance)
            continue
        value = changed_value(data, chance)
        try:
            yield canonical(resealed(value) if number % 2 else value)
        except ValueError:
            yield json.dumps(value).encode("ascii")


def look_at_progress(data):
    report = parse_progress(data, "some/progress.json")
    now = datetime.now(timezone.utc)
    shown = io.StringIO()
    console = Console(file=shown, width=200, force_terminal=False)
    console.print(frame(report, silent=report.is_stale(now) or report.is_of_the_future(now)))
    for text in (report.to_text(), shown.getvalue()):
        assert not [char for char in text if not char.isprintable() and char != "\n"]
    assert parse_progress(report.to_json().encode(), "again") == report


@pytest.fixture(scope="module")
def looks(reference):
    recipe = recipe_of(reference)
    commit = (reference / ".trajdata" / "commits" / "000001.json").read_bytes()
    index = Index(recipe, tuple(f"{shard:064x}" for shard in range(recipe.shards)))
    own = Recipe(SPEC.replace(jitter=0.01), 1, "val", 10**6, 10**5, "0" * 64, ("depth",))

    def look_at_commit(data):
        assert parse_commit(data, "some/commit.json", recipe, 1).to_bytes() == data

    def look_at_index(data):
        assert parse_index(data, "some/index.json").to_bytes() == data

    return {
        "progress.json": (look_at_progress, (reference / "progress.json").read_bytes()),
        "recipe": (lambda data: parse_recipe(data, "some/recipe.json"), own.to_bytes()),
        "commit record": (look_at_commit, commit),
        "index": (look_at_index, index.to_bytes()),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_with_anything_in_it_is_read_or_refused(looks, count, part, kind):
    look, data = looks[kind]
    look(data)
    tried = refused = 0
    for mutant in mutants(data, seed=kind + part.seed):
        tried += 1
        try:
            look(mutant)
        except ShardError as error:
            refused += 1
            text = str(error)
            assert text.isprintable(), text
            assert len(text) < 2000, text
    assert len(KINDS) * tried == MUTANTS
    assert refused > tried // 2
    count(tried, f"mutants of {kind}, {refused:,} of them refused, the others read")
