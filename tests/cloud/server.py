"""A real S3 server on this machine's loopback, for as long as a block runs."""

from __future__ import annotations

import json
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.patience import SECONDS

KEY, SECRET = "the-tests-key", "the-tests-secret"
BUCKET = "clips"
_GRPC = 10_000
"""The server takes the port that is so much higher, too."""
_ROLES = ("master", "volume", "filer", "s3")


def weed() -> str | None:
    """Path of the server's program, or None where it is not installed."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """Start a server that keeps its data in a folder.

    Args:
        folder: an empty one.

    Yields:
        The address of its S3 endpoint.
    """
    program = weed()
    if program is None:
        raise FileNotFoundError("weed is not installed: pip install -r tests/cloud/server.txt")
    (folder / "data").mkdir(parents=True)
    keys = {"accessKey": KEY, "secretKey": SECRET}
    rights = ["Admin", "Read", "Write", "List", "Tagging"]
    who = {"identities": [{"name": "tests", "credentials": [keys], "actions": rights}]}
    (folder / "s3.json").write_text(json.dumps(who))
    ports = dict(zip(_ROLES, _free_ports(len(_ROLES)), strict=True))
    command = [program, "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    command += [f"-{role}.port={port}" for role, port in ports.items()]
    command += ["-s3", f"-s3.config={folder / 's3.json'}", "-volume.max=0"]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false"]
    command += ["-master.volumeSizeLimitMB=64", "-master.telemetry=false"]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        endpoint = f"http://127.0.0.1:{ports['s3']}"
        _wait_until_it_stores(endpoint, process, folder / "log")
        yield endpoint
    finally:
        process.kill()
        process.wait(SECONDS)


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, neither they nor those of the roles' other protocol."""
    found: list[int] = []
    while len(found) < count:
        # Below the ports that systems hand out by themselves, the other protocol's too.
        port = random.randrange(11_000, 22_000)
        if port not in found and _is_free(port) and _is_free(port + _GRPC):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _wait_until_it_stores(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """It answers before it has a place to store anything."""
    from obstore.store import S3Store

    probe = S3Store(
        BUCKET,
        endpoint=endpoint,
        region="us-east-1",
        access_key_id=KEY,
        secret_access_key=SECRET,
        client_options={"allow_http": True, "timeout": "5s"},
        retry_config={"max_retries": 0},
    )
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            probe.put("probe", b"x", use_multipart=False)
            probe.delete("probe")
            return
        except Exception as error:
            tail = log.read_text(errors="replace")[-2000:]
            assert process.poll() is None, f"the S3 server has ended:\n{tail}"
            assert time.monotonic() < deadline, f"the S3 server stores nothing: {error}\n{tail}"
            time.sleep(0.1)
