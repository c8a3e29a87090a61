"""What a notebook shows of a clip, a batch and a spec."""

import base64
import copy
import io
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import default_collate

from tests.bake.known import Page
from tests.patience import SECONDS
from trajdata import (
    DEFAULT_FIELDS,
    FIELDS,
    ClipSource,
    materialize,
    open_shards,
    preset,
    read_through,
)
from trajdata._clips.fields import TEXT_FIELDS
from trajdata._show.notebook import batch_html, clip_html, spec_html

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def source():
    return ClipSource(preset("magvit-64"), seed=3, fields=tuple(FIELDS))


def pictures(html):
    return [
        Image.open(io.BytesIO(base64.b64decode(tag["src"].partition(",")[2])))
        for tag in Page(html).named("img")
    ]


def test_a_clip_is_shown_by_frames_its_class_and_its_fields(source):
    clip = source[2]
    page = Page(clip_html(clip, source.spec))
    assert source.spec.laws[clip["label"]] in page.text
    assert "clip 2" in page.text
    assert clip["caption"] in page.text
    assert "uint8 (16, 3, 64, 64)" in page.text
    assert [name for name in FIELDS if name not in page.text] == []
    (strip,) = pictures(clip_html(clip, source.spec))
    shown = np.asarray(strip.convert("RGB"))[1:129, 1:129]
    own = clip["video"][0].transpose(1, 2, 0).repeat(2, 0).repeat(2, 1)
    # All but the dot of the path's first place are the clip's own pixels.
    assert 0 < (shown != own).any(axis=2).mean() < 0.02


def test_a_batch_is_shown_by_its_first_clips_and_says_how_many_more_there_are(source):
    html = batch_html(source.batch(range(40)), source.spec)
    assert len(pictures(html)) == 6
    assert "and 34 more" in Page(html).text
    assert "float32 (40, 16, 3)" in Page(html).text


@pytest.mark.parametrize("fields", [("video",), ("label", "index"), ("caption",), ("params",)])
def test_whatever_fields_a_clip_has_are_shown(source, fields):
    few = ClipSource(source.spec, seed=3, fields=fields)
    for html in (clip_html(few[5], few.spec), batch_html(few.batch([5, 6]), few.spec)):
        assert all(name in Page(html).text for name in fields)
        assert len(pictures(html)) == html.count("<img")


def test_a_spec_is_a_table_of_its_settings_by_group_with_their_meaning():
    spec = preset("magvit-64")
    page = Page(spec_html(spec))
    assert len(page.named("tr")) == len(spec.settings())
    assert "picture frames 16 T, frames in a clip channels 3 C, 3 for RGB" in page.text
    assert "laws linear, circular, helical, parabolic the classes" in page.text
    assert "speed 0.9, 1.25 speed at the anchor, m/s" in page.text
    assert spec.fingerprint[:16] in page.text


class Hostile:
    """A spec with names and values that must not be taken for markup."""

    fingerprint = "<u>" * 20

    def settings(self):
        return {"motion.<i>": "<b>"}

    def descriptions(self):
        return {"motion.<i>": "<s>"}


def test_no_name_in_a_spec_is_taken_for_markup():
    page = Page(spec_html(Hostile()))
    assert "motion <i> <b> <s>" in page.text
    assert not [tag for tag, _ in page.tags if tag in ("i", "s", "u")]


def test_html_for_notebooks_needs_nothing_from_elsewhere(source):
    html = clip_html(source[0], source.spec) + batch_html(source.batch([1]), source.spec)
    assert not re.search(r"""(?:src|href)=["'](?!data:)|<(?:script|style|link)|url\(""", html)


@pytest.fixture(scope="module")
def sources(source, tmp_path_factory):
    """The same stream live, from shards and through both."""
    folder = tmp_path_factory.mktemp("baked") / "out"
    arrays = [name for name in FIELDS if name not in (*DEFAULT_FIELDS, *TEXT_FIELDS)]
    materialize(source, folder, clips=20, fields=arrays)
    stored = open_shards(folder, fields=source.fields)
    return source, stored, read_through(source, folder)


def test_every_source_returns_dicts_that_a_notebook_shows(sources):
    live = sources[0]
    for one in sources:
        clip, batch, part = one[3], one.batch([5, 3]), one[0:2]
        assert clip._repr_html_() == clip_html(live[3], live.spec)
        assert batch._repr_html_() == batch_html(live.batch([5, 3]), live.spec)
        assert "float32 (2, 16, 3)" in Page(part._repr_html_()).text
    mixed = sources[2].batch([19, 20])  # one read, one rendered
    assert mixed._repr_html_() == batch_html(live.batch([19, 20]), live.spec)
    assert "circular" in Page(live.pair(3, law="circular")._repr_html_()).text
    assert live.spec._repr_html_() == spec_html(live.spec)


def test_what_a_notebook_shows_is_a_plain_dict_to_everybody_else(sources):
    for one in sources:
        for shown in (one[3], one.batch([5, 3])):
            assert isinstance(shown, dict)
            for copied in (pickle.loads(pickle.dumps(shown)), copy.copy(shown), dict(shown)):
                assert type(copied) is dict
                assert list(copied) == list(shown)
    assert b"trajdata" not in pickle.dumps(sources[0].with_fields(("label", "caption"))[3])
    collated = default_collate([sources[0].with_fields(("video", "label"))[k] for k in range(3)])
    assert collated["video"].shape == (3, 16, 3, 64, 64)


@pytest.mark.slow
def test_who_does_not_look_pays_for_no_pictures():
    program = (
        "import sys, trajdata; trajdata.ClipSource(trajdata.preset('magvit-32'))[0]; "
        "print(*[m for m in ('PIL', 'trajdata._show') if m in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == []
