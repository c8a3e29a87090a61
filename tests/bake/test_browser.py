"""The page in a real browser: it looks as it should, and asks for nothing."""

import base64
import html as markup
import io
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from tests.bake.known import FOLDER, Page, page
from tests.patience import SECONDS
from trajdata import ClipSource, materialize, preset

CHROMIUM = shutil.which("chromium")
WIDTH, HEIGHT = 1000, 2600

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here to look at the page"),
]


class Browser:
    """Headless Chromium with a profile of its own, and what its console said so far."""

    def __init__(self, folder):
        self._folder = folder
        self.console = []

    def _run(self, html, *options):
        file = self._folder / "page.html"
        file.write_text(html, "utf-8")
        run = subprocess.run(
            [
                *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
                *("--no-first-run", "--disable-background-networking", "--disable-sync"),
                *("--disable-component-update", f"--user-data-dir={self._folder / 'profile'}"),
                *("--enable-logging=stderr", "--v=0", "--hide-scrollbars"),
                *("--virtual-time-budget=300", *options, file.as_uri()),
            ],
            capture_output=True,
            timeout=SECONDS,
            check=True,
        )
        said = run.stderr.decode("utf-8", "replace").splitlines()
        self.console += [line for line in said if ":CONSOLE" in line]
        return run.stdout.decode("utf-8")

    def document(self, html):
        """The page as the browser understood it, serialized again."""
        return self._run(html, "--dump-dom")

    def measure(self, html, expression, width=WIDTH):
        """The value of a JavaScript expression on ``page``, shown in a frame of that width.

        The script is the frame's; the page itself runs none.
        """
        document = self.document(
            f"<!DOCTYPE html><iframe id=frame width={width} height={HEIGHT} frameborder=0 "
            f'srcdoc="{markup.escape(html)}"></iframe><pre id=answer></pre><script>'
            "frame.onload = () => { const page = frame.contentDocument; "
            f"answer.textContent = JSON.stringify({expression}) }}</script>"
        )
        return json.loads(re.search(r"<pre [^>]*>(.*?)</pre>\s*<script", document)[1])

    def picture(self, html, *options, width=WIDTH):
        """A screenshot, uint8 (H, W, 3)."""
        file = self._folder / "screenshot.png"
        size = f"--window-size={width},{HEIGHT}"
        self._run(html, f"--screenshot={file}", size, *options)
        return np.asarray(Image.open(io.BytesIO(file.read_bytes())).convert("RGB"))


@pytest.fixture
def browser(tmp_path):
    version = subprocess.run([CHROMIUM, "--version"], capture_output=True, timeout=SECONDS)
    if version.returncode:
        pytest.skip("the chromium that is here does not start")
    return Browser(tmp_path)


@pytest.fixture(scope="module")
def baked(tmp_path_factory):
    """The page of a real bake."""
    folder = tmp_path_factory.mktemp("baked") / "out"
    materialize(ClipSource(preset("magvit-32")), folder, clips=400, shard_clips=40)
    return (folder / "report.html").read_text("utf-8")


def where(picture, colour, tolerance=3):
    """Rows and columns of the pixels of a colour."""
    return np.nonzero((np.abs(picture.astype(int) - colour) <= tolerance).all(axis=2))


def longest_run(columns):
    """Length of the longest run of neighbouring columns."""
    breaks = np.flatnonzero(np.diff(columns) > 1)
    edges = np.concatenate(([-1], breaks, [len(columns) - 1]))
    return int(np.diff(edges).max())


FILL, FLIGHT, TRACK = (37, 99, 168), (157, 191, 227), (228, 231, 235)
DARK_FILL, DARK_PAPER = (91, 155, 216), (20, 23, 26)
BODY = 952
"""Pixels between the page's margins in a window of 1000."""


def bar(picture, *, fill, flight):
    """Widths of the two parts of the progress bar, which is the first that has these colours."""
    rows, _ = where(picture, flight)
    row = picture[rows.min() + (rows.max() - rows.min()) // 2][None]
    return tuple(longest_run(where(row, colour)[1]) for colour in (fill, flight))


def test_the_progress_bar_is_as_long_as_the_share_that_is_done(browser):
    picture = browser.picture(page(clips_done=40, clips_in_flight=10, clips_total=100))
    done, flight = bar(picture, fill=FILL, flight=FLIGHT)
    assert done == pytest.approx(0.4 * BODY, abs=6)
    assert flight == pytest.approx(0.1 * BODY, abs=6)
    assert browser.console == []


@pytest.mark.slow
def test_the_page_of_a_real_bake_shows_its_newest_clips(browser, baked):
    """Each clip's own pixels are on the screen, enlarged without smoothing."""
    picture = browser.picture(baked)
    assert browser.console == []
    stills = [tag["srcset"] for tag in Page(baked).named("source")]
    assert len(stills) == 8
    for still in stills:
        data = base64.b64decode(still.partition(",")[2])
        corner = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))[0, 0]
        rows, columns = where(picture, corner, tolerance=1)
        assert len(rows) > 1500  # of about 100 x 100, of which the background is the most
        assert np.ptp(columns) < BODY


def test_the_pictures_are_decoded_and_have_the_size_that_is_written(browser, baked):
    measured = browser.measure(baked, "[...page.images].map(i => [i.complete, i.naturalWidth])")
    assert measured == [[True, 32]] * 8
    assert browser.console == []


def test_a_page_is_dark_where_the_reader_wants_it_dark(browser):
    html = page(clips_done=40, clips_in_flight=10, clips_total=100)
    dark = browser.picture(html, "--blink-settings=preferredColorScheme=0")
    assert tuple(dark[5, 5]) == DARK_PAPER
    rows, _ = where(dark, DARK_FILL)
    assert len(rows) > 0.3 * BODY * 10
    light = browser.picture(html, "--blink-settings=preferredColorScheme=1")
    assert tuple(light[5, 5]) == (255, 255, 255)


@pytest.mark.parametrize("width", [320, 400, 1000])
def test_nothing_runs_out_of_the_window_of_a_phone(browser, width):
    html = page(FOLDER + "/a-very-long-name-without-a-blank" * 6, message="x" * 300)
    assert browser.measure(html, "page.documentElement.scrollWidth", width=width) == width
    text = "Math.min(...[...page.querySelectorAll('text')].map(t => t.getBoundingClientRect().x))"
    assert browser.measure(html, text, width=width) >= 0


HOSTILE = """</title></style><script>document.title="owned"</script><img src="http://example.invalid/x">"""


def test_a_hostile_name_is_shown_and_neither_executed_nor_loaded(browser):
    html = page(HOSTILE, message=HOSTILE, host=HOSTILE, resume_command=HOSTILE)
    document = browser.document(html)
    parsed = re.sub(r"\s+", " ", document)
    assert "<script" not in parsed
    assert "<img" not in parsed
    assert HOSTILE.replace("<", "&lt;").replace(">", "&gt;") in parsed
    assert browser.console == []


def test_the_policy_of_the_page_holds_back_what_should_ever_get_into_it(browser):
    html = page().replace("<main>", '<main><script>document.title="owned"</script>')
    html = html.replace("<main>", '<main><img src="http://example.invalid/x.png">')
    document = browser.document(html)
    assert "owned</title>" not in document
    said = "\n".join(browser.console)
    assert "Executing inline script violates" in said
    assert "Loading the image 'http://example.invalid/x.png' violates" in said
