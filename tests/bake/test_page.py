"""The page is a function of what is known: all of it is there, nothing else, and it is escaped."""

import base64
import re
from dataclasses import replace

import numpy as np
import pytest

from tests.bake.known import FOLDER, INTEGRITY, RECIPE, SPEC, Page, page
from trajdata._bake.history import MOST_POINTS, RatePoint
from trajdata._shards.recipe import Recipe
from trajdata._show.pictures import ClipPicture
from trajdata._spec.model import ClipSpec

PICTURES = tuple(
    ClipPicture(index, law, "image/webp", b"moving %d" % index, b"still %d" % index, 16, 12)
    for index, law in ((40, "linear"), (1041, "helical"))
)


@pytest.mark.parametrize(
    "fact",
    [
        *("98 clips, val, seed 7", FOLDER, "on node-17", "running", "rendering and writing"),
        *("Updated 2026-11-24T12:00:00Z (UTC)", "more than 120 s ago, the bake has died"),
        *("clips committed 40 of 98, 40.8 %", "shards committed 4 of 10", "clips in flight 10"),
        *("rate now 1,234 clips/s", "running for 1 h 02 min 05 s", "time left 1 min 35 s"),
        *("last commit 2026-11-24T11:59:58Z", "trajdata materialize --out /data/out"),
        *("clips rendered a second", "time baking, all runs together", "20 min", "1,500"),
        *("linear 10", "circular 11", "helical 9", "parabolic 10"),
        *("Still to be made: shards 2, 5 to 9.", "index.json is not there yet"),
        "Hashed again: val-000000.tar, val-000001.tar. Each has its promised SHA-256.",
        "Clip 15, committed before, was rendered again and has the same bytes.",
        "Temporary files of an earlier run that were removed: 3.",
        *("val-000004.tar", "123,904", "ab" * 32),
        *("trajdata verify /data/out --full", "trajdata verify /data/out --rerender 100"),
        *(
            "trajdata repair /data/out",
            "disk free 5.12 GB",
            "disk needed 1.23 GB",
            "memory 0.25 GB",
        ),
        *(
            "process 4711 on node-17",
            "seed 7",
            "split val",
            "clips in a shard 10",
            SPEC.fingerprint,
        ),
        *("jitter 0.0125 std of each frame", "depth 4.0 to 5.2", "separate_colours no"),
    ],
)
def test_every_fact_is_on_the_page(fact):
    assert fact in Page(page()).text


def test_nothing_is_loaded_from_elsewhere_or_executed():
    html = page(pictures=PICTURES)
    parsed = Page(html)
    (policy,) = [
        meta["content"]
        for meta in parsed.named("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    assert {"default-src 'none'", "img-src data:"} <= set(policy.split("; "))
    assert not parsed.named("script")
    assert not re.search(r"https?:|url\(|@import|javascript:", html)
    for _, attributes in parsed.tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "srcset"):
            assert attributes.get(name, "data:").startswith("data:")


HOSTILE = """/data/<script>alert("x")</script>/it's & "q" --></style></title>{{ 123457 * 2 }}"""


def test_what_comes_from_outside_is_text_and_never_markup():
    html = page(
        HOSTILE,
        message=HOSTILE,
        host=HOSTILE,
        resume_command=HOSTILE,
        class_counts={HOSTILE: 3},
        last_commit=HOSTILE,
        updated=HOSTILE,
    )
    parsed = Page(html)
    assert not parsed.named("script")
    assert parsed.text.count("""alert("x")""") >= 8
    assert "246914" not in parsed.text
    harmless = Page(page("/data/plain", class_counts={"one": 3}))
    assert [tag for tag, _ in parsed.tags] == [tag for tag, _ in harmless.tags]


def test_only_a_running_page_loads_itself_again():
    def refreshes(**report):
        metas = Page(page(**report)).named("meta")
        return [meta["content"] for meta in metas if meta.get("http-equiv") == "refresh"]

    assert refreshes() == ["5"]
    for status in ("done", "interrupted", "failed"):
        assert refreshes(status=status) == []


def test_a_page_of_a_complete_folder_asks_for_nothing():
    whole = replace(INTEGRITY, done=np.ones(10, np.bool_), index_is_there=True)
    text = Page(page(integrity=whole, status="done", clips_done=98, shards_done=10)).text
    assert "All 10 shards are committed. index.json is there: the store is complete." in text
    assert "To resume" not in text
    assert "98 of 98, 100 %" in text


@pytest.mark.parametrize("status", ["interrupted", "failed"])
def test_a_page_of_a_bake_that_ended_early_says_so_and_how_to_go_on(status):
    text = Page(page(status=status, message="No space left on device")).text
    assert f"{status} No space left on device" in text
    assert "trajdata materialize --out /data/out" in text


def test_damage_that_was_found_and_a_disk_that_is_too_small_are_pointed_out():
    damaged = replace(INTEGRITY, damaged=("val-000001.tar",))
    parsed = Page(page(integrity=damaged, disk_needed_bytes=6_000_000_000))
    assert "moved aside and rendered again: val-000001.tar." in parsed.text
    assert "5.12 GB not enough" in parsed.text
    assert sum(tag.get("class") == "warn" for tag in parsed.named("span")) == 2


def test_a_page_of_a_bake_that_has_just_begun_says_what_is_not_known_yet():
    nothing = replace(INTEGRITY, done=np.zeros(10, np.bool_), rehashed=(), canary=None, newest=())
    text = Page(
        page(
            integrity=nothing,
            clips_per_second=None,
            eta_seconds=None,
            last_commit=None,
            history=(),
            class_counts={"linear": 0},
        )
    ).text
    for words in (
        *("No clip has been rendered yet.", "none in this run", "No shard was there to be hashed"),
        *("No committed clip was there", "Still to be made: shards 0 to 9."),
    ):
        assert words in text, words


def test_pictures_are_in_the_page_with_their_index_law_and_a_still_for_who_wants_no_motion():
    parsed = Page(page(pictures=PICTURES))
    first, second = parsed.named("img")
    assert first["src"] == f"data:image/webp;base64,{base64.b64encode(b'moving 40').decode()}"
    assert first["alt"] == "Clip 40: an object on a linear path"
    assert (first["width"], first["height"]) == ("16", "12")
    (still, _) = parsed.named("source")
    assert still["media"] == "(prefers-reduced-motion: reduce)"
    assert base64.b64decode(still["srcset"].partition(",")[2]) == b"still 40"
    assert second["alt"] == "Clip 1041: an object on a helical path"
    assert "helical 1,041" in parsed.text


def test_it_can_be_found_ones_way_in_without_seeing_it():
    parsed = Page(page(pictures=PICTURES))
    tags = [tag for tag, _ in parsed.tags]
    assert parsed.named("html")[0]["lang"] == "en"
    assert [tags.count(name) for name in ("header", "main", "footer", "h1")] == [1] * 4
    ids = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    for section in parsed.named("section"):
        assert section["aria-labelledby"] in ids
    for header in parsed.named("th"):
        assert header["scope"] in ("col", "row")
    for drawing in parsed.named("svg"):
        assert drawing.get("aria-labelledby", ids[0]) in ids
    (bar,) = [tag for tag in parsed.named("div") if tag.get("role") == "progressbar"]
    assert (bar["aria-valuenow"], bool(bar["aria-label"])) == ("40.8", True)


def test_a_page_of_250_000_shards_and_a_long_history_stays_small():
    shards = 250_000
    spec = ClipSpec()
    recipe = Recipe(spec, 0, "train", shards * 4, 4, spec.fingerprint)
    done = np.random.default_rng(1).random(shards) < 0.5
    history = tuple(
        RatePoint(60.0 * k + 0.123, 10**9 + k, 12345.678 + k) for k in range(MOST_POINTS)
    )
    html = page(
        recipe=recipe,
        integrity=replace(INTEGRITY, done=done),
        history=history,
        clips_total=shards * 4,
        shards_total=shards,
        class_counts={"linear": 10**9},
    )
    assert len(html) < 60_000
    assert "more ranges" in html
    assert "a column is 625 shards" in html


def test_the_same_facts_give_the_same_page():
    assert page(pictures=PICTURES, recipe=RECIPE) == page(pictures=PICTURES)
