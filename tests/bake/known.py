"""A page of which everything is known, and what HTML has in it."""

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np

from trajdata._bake.history import RatePoint
from trajdata._bake.progress import ProgressReport
from trajdata._bake.report.page import Integrity, render_page
from trajdata._shards.commit_record import Commit
from trajdata._shards.recipe import Recipe
from trajdata._spec.model import ClipSpec

FOLDER = "/data/out"
SPEC = ClipSpec().replace(frames=4, height=16, width=16, jitter=0.0125)
RECIPE = Recipe(SPEC, 7, "val", 98, 10, SPEC.fingerprint)
REPORT = ProgressReport(
    status="running",
    message="rendering and writing",
    split="val",
    seed=7,
    clips_done=40,
    clips_in_flight=10,
    clips_total=98,
    shards_done=4,
    shards_total=10,
    class_counts={"linear": 10, "circular": 11, "helical": 9, "parabolic": 10},
    clips_per_second=1234.5,
    nodes={},
    elapsed_seconds=3725.0,
    eta_seconds=95.0,
    last_commit="2026-11-24T11:59:58Z",
    updated="2026-11-24T12:00:00Z",
    stale_after_seconds=120.0,
    disk_free_bytes=5_120_000_000,
    disk_needed_bytes=1_230_000_000,
    rss_bytes=250_000_000,
    pid=4711,
    host="node-17",
    resume_command="trajdata materialize --out /data/out",
    history=(RatePoint(600.0, 20, 1000.0), RatePoint(1200.0, 40, 1500.0)),
)
INTEGRITY = Integrity(
    done=np.array([True, True, False, True, True, False, False, False, False, False]),
    rehashed=("val-000000.tar", "val-000001.tar"),
    damaged=(),
    canary=15,
    temps_cleared=3,
    newest=(Commit.of(RECIPE, 4, "ab" * 32, (3, 3, 2, 2)),),
    index_is_there=False,
)


def page(folder=FOLDER, recipe=RECIPE, integrity=INTEGRITY, pictures=(), **report):
    return render_page(folder, recipe, replace(REPORT, **report), integrity, pictures)


VOID = {"meta", "link", "br", "img", "source", "line", "rect", "polygon", "polyline"}


class Page(HTMLParser):
    """What a page has in it: ``tags`` as (name, attributes), ``text`` as one line.

    Raises:
        AssertionError: a tag is not closed in its turn.
    """

    def __init__(self, html):
        super().__init__()
        self.tags, self._texts, self._open = [], [], []
        self.feed(html)
        self.close()
        assert self._open == []
        self.text = " ".join("".join(self._texts).split())

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "br":
            self._texts.append(" ")

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self._open.pop() == tag
        if tag in ("td", "th", "dt"):
            self._texts.append(" ")

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("style", "title"):
            self._texts.append(data)

    def named(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]
