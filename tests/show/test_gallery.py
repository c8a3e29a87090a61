"""The gallery page: whole, bounded, and true to the clips."""

import base64
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.patience import SECONDS
from trajdata import ClipSource, ClipSpec, preset, presets
from trajdata._show.gallery import GALLERY_FIELDS, gallery_html, write_gallery
from trajdata._show.pictures import PREVIEW_FIELDS

ROOT = Path(__file__).parents[2]
SMALL = ClipSpec().replace(frames=2, height=16, width=16)


def source_of(spec, fields=GALLERY_FIELDS):
    return ClipSource(spec, seed=3, fields=fields)


def data_of(page):
    return json.loads(re.search(r'type="application/json">(.*?)</script>', page, re.DOTALL)[1])


def frames_of(section, clip):
    """The frames that a strip holds, (T, H, W, 3)."""
    strip = np.asarray(
        Image.open(io.BytesIO(base64.b64decode(clip["strip"].partition(",")[2]))).convert("RGB")
    )
    height = -(-section["height"] // section["thin"])
    width = -(-section["width"] // section["thin"])
    places = (divmod(k, section["columns"]) for k in range(len(section["frames"])))
    return np.stack(
        [strip[r * height : (r + 1) * height, c * width : (c + 1) * width] for r, c in places]
    )


@pytest.mark.parametrize("frames", [2, 5, 8, 17])
def test_the_page_holds_every_frame_exactly_and_the_truth_beside_it(frames):
    source = source_of(ClipSpec().replace(frames=frames, height=16, width=24, place=0.3))
    (section,) = data_of(gallery_html({"small": source}, clips=5))
    assert sorted(clip["index"] for clip in section["clips"]) == [0, 1, 2, 3, 4]
    for clip in section["clips"]:
        truth = source[clip["index"]]
        assert np.array_equal(frames_of(section, clip), truth["video"].transpose(0, 2, 3, 1))
        assert clip["law"] == source.spec.laws[truth["label"]]
        for name in ("pixels", "radius", "depth"):
            assert np.abs(np.array(clip[name]) - truth[name]).max() <= 0.0006
        assert (clip["caption"], clip["equation"]) == (truth["caption"], truth["equation"])


def test_long_clips_are_thinned_out_and_keep_first_and_last_frame():
    source = source_of(ClipSpec().replace(frames=200, height=16, width=16))
    (section,) = data_of(gallery_html({"long": source}, clips=1))
    assert (len(section["frames"]), section["frames"][0], section["frames"][-1]) == (48, 0, 199)
    shown = source[0]["video"][section["frames"]].transpose(0, 2, 3, 1)
    assert np.array_equal(frames_of(section, section["clips"][0]), shown)


def test_all_presets_together_stay_below_three_megabytes_however_noisy():
    sources = {name: source_of(preset(name, difficulty=1)) for name in presets()}
    page = gallery_html(sources, clips=8)
    assert len(page.encode()) < 3_000_000
    assert [section["name"] for section in data_of(page)] == list(presets())


def test_pictures_get_as_small_as_they_must():
    source = source_of(ClipSpec().replace(frames=20, height=64, width=64, pixel_noise=100.0))
    (section,) = data_of(gallery_html({"noisy": source}, clips=4, most_bytes=20_000))
    assert section["thin"] > 1
    assert frames_of(section, section["clips"][0]).shape[0] == 20
    with pytest.raises(ValueError, match="clips: given 4; these do not fit into 100 bytes"):
        gallery_html({"noisy": source}, clips=4, most_bytes=100)


def test_the_page_loads_nothing_and_allows_no_script_but_its_own():
    page = gallery_html({"small": source_of(SMALL)}, clips=1)
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!data:|#)|url\(|@import|\bfetch\(""", page)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src 'sha256-" in policy


def test_no_name_can_break_out_of_the_page():
    source = source_of(SMALL)
    name = '</script><script>document.title="owned"</script>'
    page = gallery_html({name: source}, clips=1, note="<b>note</b>")
    assert page.count("<script") == 2
    assert "<b>note" not in page
    assert data_of(page)[0]["name"] == name


def test_a_gallery_is_one_file_in_a_folder_of_ones_choice(tmp_path):
    source = source_of(SMALL)
    file = write_gallery({"small": source}, tmp_path / "new" / "gallery", clips=2)
    assert file == tmp_path / "new" / "gallery" / "index.html"
    assert file.read_text("utf-8") == gallery_html({"small": source}, clips=2)
    assert list(file.parent.iterdir()) == [file]


def test_what_cannot_be_shown_is_refused_by_name():
    with pytest.raises(ValueError, match=r"source\.fields: .* needs depth, radius, caption"):
        gallery_html({"few": source_of(SMALL, PREVIEW_FIELDS)})
    with pytest.raises(ValueError, match="clips: given 0"):
        gallery_html({"none": source_of(SMALL)}, clips=0)
    with pytest.raises(ValueError, match="sources: given none"):
        gallery_html({})


def command(*words):
    return subprocess.run(
        [sys.executable, "-m", "trajdata", "gallery", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def test_the_command_shows_the_presets_that_were_named(tmp_path):
    done = command(
        *("--preset", "gray-32", "--preset", "magvit-32"),
        *("--out", tmp_path / "g", "--clips", 2, "--seed", 7, "--split", "val"),
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "g" / "index.html").read_text("utf-8")
    gray, colour = data_of(page)
    assert (gray["name"], colour["name"]) == ("gray-32", "magvit-32")
    assert "Seed 7, split val, difficulty 0." in page
    source = ClipSource(preset("magvit-32"), 7, "val", fields=GALLERY_FIELDS)
    for clip in colour["clips"]:
        assert clip["caption"] == source[clip["index"]]["caption"]


def test_a_preset_that_is_not_there_ends_with_2_and_writes_nothing(tmp_path):
    done = command("--preset", "no-such", "--out", tmp_path / "g")
    assert done.returncode == 2
    assert "no-such" in done.stderr
    assert list(tmp_path.iterdir()) == []
