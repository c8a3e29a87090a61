"""What networks learn, as README and pages tell it: figures of the presets of today."""

import json

import pytest

from tests.docs.pages import PAGES, ROOT
from trajdata import preset

ROWS = json.loads((ROOT / "benchmarks/results/learnability.json").read_text("utf-8"))["rows"]
DEFAULTS = ("magvit-32", "magvit-64")
NETWORKS = ("cnn3d", "r2plus1d", "transformer")


def found(name, network, view):
    rows = [
        row
        for row in ROWS
        if (row["preset"], row["network"], row["view"], row["difficulty"])
        == (name, network, view, 0.0)
    ]
    assert len(rows) == 1, (name, network, view)
    return rows[0]


@pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: f"{row['preset']}-{row['network']}-{row['view']}"
)
def test_a_figure_is_of_the_preset_of_today_and_of_few_enough_clips(row):
    spec = preset(row["preset"], difficulty=row["difficulty"])
    assert row["fingerprint"] == spec.fingerprint, "the preset has changed: measure it again"
    assert row["training_clips"] <= 150_000
    assert row["test_clips"] >= 10_000
    assert row["parameters"] <= 1_000_000
    assert "-1 + 2 * byte / 255; nothing else" in row["input"]


@pytest.mark.parametrize("name", DEFAULTS)
def test_three_networks_learn_a_default_preset_and_one_frame_does_not_tell(name):
    for network in NETWORKS:
        assert found(name, network, "clip")["accuracy"] >= 0.97
        assert found(f"{name}-random", network, "clip"), "reported beside"
    for view in ("first", "middle", "last"):
        assert found(name, "cnn3d", view)["accuracy"] <= 0.35


def test_readme_and_pages_show_the_figures_of_the_file():
    quality, readme = (PAGES[page].read_text("utf-8") for page in ("docs/quality.md", "README.md"))
    for name in DEFAULTS:
        for network in NETWORKS:
            row = found(name, network, "clip")
            assert f"{row['accuracy']:.1%} ({row['training_clips']:,})" in quality
            assert f"{row['parameters']:,}" in quality
    assert "RGB in [-1, 1]" in readme
    for network in NETWORKS:
        row = found("magvit-32", network, "clip")
        words = f"{row['parameters']:,} parameters: **{row['accuracy']:.1%}** after"
        assert f"{words} {row['training_clips']:,} clips" in readme
