"""The gallery in a real browser: it moves, stops, shows the truth, and fits a phone."""

import numpy as np
import pytest

from tests.docs.browser import DARK, LIGHT, Browser, served, starts
from trajdata import ClipSource, preset, presets
from trajdata._show.gallery import GALLERY_FIELDS, write_gallery

pytestmark = [
    pytest.mark.skipif(not starts(), reason="there is no chromium here to look at the page"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery")
    sources = {name: ClipSource(preset(name), fields=GALLERY_FIELDS) for name in presets()}
    write_gallery(sources, folder, clips=8, note="Seed 0.")
    return folder


@pytest.fixture
def browser(folder, tmp_path):
    with served(folder) as address:
        yield Browser(folder, address, tmp_path / "profile")


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_runs_out_of_the_window_with_all_truth_switched_on(browser, width):
    script = """
        page.querySelectorAll(".switch input").forEach((box) => box.checked || box.click());
        await wait(100);
        return page.documentElement.scrollWidth;
    """
    assert browser.measure("index.html", script, width=width) <= width
    assert browser.console == []


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_is_drawn_on_paper_of_the_readers_choice(browser, tmp_path, width, scheme):
    picture = browser.picture("index.html", tmp_path / "shot.png", width=width, scheme=scheme)
    assert picture.shape[1] == width
    assert tuple(picture[3, 3]) == {LIGHT: (252, 252, 250), DARK: (18, 20, 24)}[scheme]
    assert browser.console == []


def test_clips_move_until_they_are_paused(browser):
    script = """
        const bar = () => page.querySelector(".track i").style.transform;
        const look = async () => {
            const seen = new Set();
            for (let k = 0; k < 12; k++) { seen.add(bar()); await wait(100); }
            return seen.size;
        };
        const moving = await look();
        page.getElementById("play").click();
        return [moving, await look(), page.getElementById("play").textContent];
    """
    moving, paused, word = browser.measure("index.html", script)
    assert moving >= 3
    assert (paused, word) == (1, "Pause" if moving < 3 else "Play")


def test_the_pointer_goes_through_the_frames_and_the_frame_is_named(browser):
    script = """
        const stage = page.querySelector(".stage"), badge = page.querySelector(".badge");
        const box = stage.getBoundingClientRect(), said = [badge.hidden];
        for (const share of [0.01, 0.5, 0.99]) {
            stage.dispatchEvent(new PointerEvent(
                "pointermove", { clientX: box.left + share * box.width }));
            await wait(100);
            said.push(badge.textContent);
        }
        stage.dispatchEvent(new PointerEvent("pointerleave"));
        return [...said, badge.hidden];
    """
    assert browser.measure("index.html", script) == [
        True,
        "frame 0 of 8, 0.00 s",
        "frame 4 of 8, 1.14 s",
        "frame 7 of 8, 2.00 s",
        True,
    ]


def test_the_canvas_shows_the_clips_own_pixels_and_the_circle_where_the_truth_says(browser):
    """A pixel beside the object keeps its colour; one on the circle turns white."""
    script = """
        const stage = page.querySelector(".stage"), canvas = page.querySelector("canvas");
        const section = JSON.parse(page.getElementById("data").textContent)[0];
        const clip = section.clips[0];
        stage.dispatchEvent(new PointerEvent("pointermove", { clientX: 0 }));
        page.querySelector("[name=path]").click();
        const at = (x, y) => {
            const scale = canvas.width / section.width;
            const data = canvas.getContext("2d").getImageData(x * scale, y * scale, 1, 1).data;
            return [...data].slice(0, 3);
        };
        const [x, y] = clip.pixels[0], r = clip.radius[0];
        await wait(100);
        const plain = [at(1, 1), at(x, y), at(x + r, y)];
        page.querySelector("[name=circle]").click();
        await wait(100);
        return [clip.index, plain, [at(1, 1), at(x, y), at(x + r, y)]];
    """
    index, plain, circled = browser.measure("index.html", script)
    clip = ClipSource(preset(presets()[0]), fields=GALLERY_FIELDS)[index]
    x, y = clip["pixels"][0].astype(int)
    assert plain[0] == clip["video"][0, :, 1, 1].tolist()
    assert plain[1] == clip["video"][0, :, y, x].tolist()
    assert circled[:2] == plain[:2]
    assert np.min(circled[2]) > 200 > np.min(plain[2])


def test_numbers_caption_and_equation_are_shown_when_asked_for(browser):
    script = """
        const figure = page.querySelector("figure");
        const shown = () => ["numbers", "caption", "equation"].map(
            (name) => figure.querySelector("." + name).hidden ? "" :
                figure.querySelector("." + name).textContent);
        const before = shown();
        for (const name of ["numbers", "caption", "equation"])
            page.querySelector(`[name=${name}]`).click();
        await wait(100);
        return [before, shown()];
    """
    before, after = browser.measure("index.html", script)
    assert before == ["", "", ""]
    assert "radius" in after[0]
    assert "x(t)" in after[2]
    assert len(after[1]) > 20
