"""Wheel and sdist as a release has them, and environments in which nothing but a release is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import SECONDS

ROOT = Path(__file__).parents[1]
NOT_OF_A_CLONE = shutil.ignore_patterns(
    *(".git", ".venv*", "__pycache__", "*.egg-info", "build", "dist", "site", "*-out"),
    *(".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "results"),
)
WITHOUT = ("torch",)
"""Left out of the environments: it is large, and nothing but the datasets needs it."""
LOOK = "import json, sys; print(json.dumps([sys.version_info[:2], sys.executable]))"


UNREACHABLE = ("error sending request", "Failed to fetch", "dns error", "timed out")
"""What uv says where there is no registry to install from."""


def ran(*words, cwd, fetches=False, **options):
    """What a process printed; it must end well, unless it fetches and nothing is to be had."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        **options,
    )
    if fetches and done.returncode and any(sign in done.stderr for sign in UNREACHABLE):
        pytest.skip(f"no registry of packages can be reached: {done.stderr[-300:]}")
    assert done.returncode == 0, f"{done.args}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout


def built(folder):
    """The sdist of the checkout, and the wheel that is made of that sdist alone."""
    clone = folder / "clone"
    shutil.copytree(ROOT, clone, ignore=NOT_OF_A_CLONE)
    ran(*uv(), "build", "--out-dir", folder / "dist", clone, cwd=folder, fetches=True)
    (sdist,) = (folder / "dist").glob("*.tar.gz")
    (wheel,) = (folder / "dist").glob("*.whl")
    return sdist, wheel


def interpreter(version):
    """The Python of a version, such as "3.12", if this machine has one."""
    candidates = [sys.executable, shutil.which(f"python{version}")]
    if shutil.which("pyenv"):
        held = subprocess.run(
            ["pyenv", "root"], capture_output=True, text=True, timeout=SECONDS, check=False
        )
        candidates += sorted(Path(held.stdout.strip()).glob(f"versions/{version}.*/bin/python"))
    for candidate in filter(None, candidates):
        found = subprocess.run(
            [candidate, "-c", LOOK], capture_output=True, text=True, timeout=SECONDS, check=False
        )
        # pyenv has a command of every version, which fails where the version is not chosen.
        if found.returncode == 0:
            told, executable = json.loads(found.stdout)
            if told == [int(part) for part in version.split(".")]:
                return Path(executable)
    return None


def uv():
    """How uv is called, which fills an environment in seconds."""
    pytest.importorskip("uv", reason="uv is not installed")
    # The certificates of the system, as pip has them set here.
    return [sys.executable, "-m", "uv", "--quiet", "--native-tls"]


def requirements():
    """What the package itself needs, as pyproject.toml has it, but what is left out."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    block = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.M | re.S)[1]
    found = re.findall(r'"([^"]+)"', block)
    assert len(found) > 5
    return [line for line in found if re.match(r"[\w-]+", line)[0] not in WITHOUT]


def environment(folder, python, *, lowest=False):
    """A new environment with what the package needs: its Python."""
    ran(*uv(), "venv", "--python", python, folder, cwd=folder.parent)
    own = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    how = ["--resolution", "lowest-direct"] if lowest else ["-c", ROOT / "constraints.txt"]
    words = ("pip", "install", "--python", own, *how, *requirements())
    ran(*uv(), *words, cwd=folder.parent, fetches=True)
    return own


def install(own, archive):
    """Install a wheel or sdist, and nothing that it needs."""
    ran(*uv(), "pip", "install", "--python", own, "--no-deps", archive, cwd=archive.parent)
