"""The site: it builds without a warning, loads nothing, and fits a phone and a desk."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.browser import DARK, LIGHT, Browser, served, starts
from tests.docs.pages import PAGES, ROOT
from tests.patience import SECONDS

pytest.importorskip("mkdocs", reason="the site needs the `docs` extra")

needs_chromium = pytest.mark.skipif(
    not starts(), reason="there is no chromium here to look at the site"
)


@pytest.fixture(scope="module")
def site(once):
    return once("site", build) / "site"


def build(folder):
    run = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder / "site")],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4000:]


@pytest.fixture
def browser(site, tmp_path):
    with served(site) as address:
        yield Browser(site, address, tmp_path / "profile")


@pytest.mark.slow
def test_every_page_is_built_and_filled_in(site):
    for name in PAGES:
        if name.startswith("docs/"):
            page = site / Path(name).relative_to("docs").with_suffix(".html")
            text = page.read_text("utf-8")
            assert "&lt;!-- generated" not in text and "<!-- generated" not in text
    assert "0.1.0" in (site / "changelog.html").read_text("utf-8")
    assert (site / "gallery" / "index.html").stat().st_size < 3_000_000


def test_every_public_name_is_in_the_api_reference(site):
    import trajdata
    import trajdata.convert
    import trajdata.scoring

    text = (site / "reference" / "api.html").read_text("utf-8")
    named = set(re.findall(r'id="trajdata\.(?:[\w.]+\.)?(\w+)"', text))
    public = {*trajdata.__all__, *trajdata.convert.__all__, *trajdata.scoring.__all__}
    assert public - {"__version__"} <= named


def test_every_command_is_in_the_command_reference(site):
    text = (site / "reference" / "cli.html").read_text("utf-8")
    commands = {"materialize", "status", "watch", "verify", "repair", "preview", "gallery", "audit"}
    assert commands <= set(re.findall(r'<h2 id="([\w-]+)"', text))


def test_no_page_loads_anything_from_elsewhere(site):
    loads = re.compile(
        r"""<(?:script|img|iframe|source|video)[^>]*\ssrc=["']?(https?:|//)[^"' >]*"""
        r"""|<link(?![^>]*rel=["']?canonical)[^>]*\shref=["']?(https?:|//)[^"' >]*"""
        r"""|@import\s+(?:url\()?["']?(?:https?:|//)|url\(["']?(?:https?:|//)"""
    )
    for page in [*site.rglob("*.html"), *site.rglob("*.css")]:
        found = loads.search(page.read_text("utf-8"))
        assert found is None, f"{page.relative_to(site)}: {found[0]}"


@pytest.mark.slow
@needs_chromium
def test_nothing_runs_out_of_the_window_of_a_phone_or_a_desk(browser, site):
    script = """
        const wide = page.documentElement.clientWidth;
        const broken = [...page.images].filter((image) => image.offsetParent
            && image.loading !== "lazy" && !image.naturalWidth).map((image) => image.src);
        return [page.documentElement.scrollWidth - wide, broken, page.title.length > 3];
    """
    pages = [str(page.relative_to(site)) for page in sorted(site.rglob("*.html"))]
    assert len(pages) >= len(PAGES)
    found = browser.measure_all(pages, script, widths=[390, 1280])
    assert {where: told for where, told in found.items() if told != [0, [], True]} == {}
    assert browser.console == []


@needs_chromium
@pytest.mark.parametrize("scheme", [LIGHT, DARK])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_site_is_light_or_dark_as_the_reader_wants_it(browser, tmp_path, width, scheme):
    for page in ("index.html", "guide/train.html"):
        picture = browser.picture(page, tmp_path / "shot.png", width=width, scheme=scheme)
        assert picture.shape[1] == width
        # Below the bar on top, at the very edge.
        assert tuple(picture[300, 2]) == {LIGHT: (252, 252, 250), DARK: (18, 20, 24)}[scheme]
    assert browser.console == []
