"""A release builds, installs and runs outside of the checkout, on every Python that it names."""

import json
import re
import tarfile
import zipfile

import pytest

import trajdata
from tests.release import ROOT, built, environment, install, interpreter, ran

VERSIONS = ("3.10", "3.11", "3.12", "3.13")
CASE = "gray-32"
GOLDEN = json.loads((ROOT / "tests" / "golden.json").read_text("ascii"))
PROJECT = (ROOT / "pyproject.toml").read_text("utf-8")


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return built(tmp_path_factory.mktemp("release"))


def check_runs(own, folder):
    """The command and the clips of what is installed."""
    home = {"HOME": str(folder), "PATH": str(own.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    version = ran(own, "-m", "trajdata", "--version", cwd=folder, env=home)
    assert version == f"trajdata {trajdata.__version__}\n"
    told = json.loads(
        ran(
            *(own, "-I", ROOT / "tests" / "release_program.py"),
            *(ROOT / "tools" / "golden.py", CASE),
            cwd=folder,
            env=home,
        )
    )
    assert told["digest"] == GOLDEN["cases"][CASE]["clips"]["train"]
    assert str(ROOT) not in told["file"]
    assert not told["torch"]
    bake = ["materialize", "--preset", CASE, "--clips", "20", "--out", "out"]
    ran(own.with_name("trajdata"), *bake, cwd=folder, env=home)
    ran(own.with_name("trajdata"), "export", "png", "--to", "png", "--from", "out", cwd=folder,
        env=home)  # fmt: skip
    assert len(list((folder / "png" / "clips").glob("*/*.npz"))) == 20


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_release_runs_outside_of_the_checkout(version, release, tmp_path):
    """On the oldest Python with the lowest versions that pyproject.toml allows, on the others with
    those that the tests have."""
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    own = environment(tmp_path / "env", python, lowest=version == VERSIONS[0])
    sdist, wheel = release
    # The sdist is installed once, the wheel that was made of it everywhere else.
    install(own, sdist if version == VERSIONS[1] else wheel)
    check_runs(own, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_wheel_and_sdist_hold_what_they_should(release):
    sdist, wheel = release
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "trajdata").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if ".dist-info/" not in name} == sources
    assert any(name.endswith("licenses/LICENSE") for name in names)
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert {*sources, "pyproject.toml", "README.md", "LICENSE"} <= held


def test_the_metadata_names_every_python_that_is_tested():
    named = re.findall(r"Programming Language :: Python :: (3\.\d+)", PROJECT)
    assert tuple(named) == VERSIONS
    assert f'requires-python = ">={VERSIONS[0]}"' in PROJECT


def test_the_citation_is_of_this_release_and_has_the_keys_of_the_format():
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    yaml = pytest.importorskip("yaml")
    held = yaml.safe_load(text)
    assert held["cff-version"] == "1.2.0"
    assert held["type"] == "software"
    # Of the format's keys those that are used; all that it demands are among them.
    allowed = {
        *("abstract", "authors", "cff-version", "keywords", "license", "message", "title"),
        *("type", "version"),
    }
    assert {"authors", "cff-version", "message", "title"} <= set(held) <= allowed
    assert held["version"] == trajdata.__version__
    assert held["license"] == re.search(r'^license = "(.+)"', PROJECT, re.M)[1]
    assert held["title"].startswith("trajdata-video")
    assert held["authors"]
    for author in held["authors"]:
        assert set(author) <= {"name", "website"}, "an entity"
