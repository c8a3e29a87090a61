"""What a notebook shows of a clip, a batch and a spec."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from tests.bake.known import Page
from trajdata import FIELDS, ClipSource, preset
from trajdata._show.notebook import batch_html, clip_html, spec_html


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
