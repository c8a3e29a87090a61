"""A real Ray cluster on this machine, each node some processes, for as long as a block runs."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from tests.patience import until

__all__ = ["LocalCluster", "local_cluster"]

_STORE_BYTES = 80 * 2**20
"""Ray's least; only commit records travel through it."""


class LocalCluster:
    """A head without a processor, and nodes with one each.

    Attributes:
        address: HOST:PORT, as ``--address`` takes it.
        nodes: those that were added and not killed.
    """

    def __init__(self, folder: str) -> None:
        from ray._private.utils import get_ray_address_file
        from ray.cluster_utils import Cluster

        # Wherever its files are, Ray writes the address of a head here, and makes no folder for it.
        os.makedirs(os.path.dirname(get_ray_address_file(None)), exist_ok=True)
        small: dict[str, Any] = {"object_store_memory": _STORE_BYTES, "include_dashboard": False}
        self._cluster = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 0, "temp_dir": folder, **small}
        )
        self.address: str = self._cluster.address
        self.nodes: list[Any] = []

    def add(self, count: int = 1) -> list[Any]:
        """Start nodes."""
        added = [
            self._cluster.add_node(num_cpus=1, object_store_memory=_STORE_BYTES, wait=False)
            for _ in range(count)
        ]
        self.nodes += added
        return added

    def processes(self, node: Any) -> list[psutil.Process]:
        """The processes of a node that live: its raylet, and what that has started."""
        found = []
        for kept in node.all_processes.values():
            for info in kept:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process = psutil.Process(info.process.pid)
                    found += [process, *process.children(recursive=True)]
        return found

    def bakers(self, node: Any) -> list[psutil.Process]:
        """The processes of a node that bake a shard just now."""
        found = []
        for process in self.processes(node):
            with contextlib.suppress(psutil.Error):
                if "bake_on_node" in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def send(self, node: Any, number: signal.Signals) -> None:
        """Send a signal to all processes of a node at once."""
        for process in self.processes(node):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def kill(self, node: Any) -> None:
        """End a node as a power cut does."""
        dying = self.processes(node)
        self.send(node, signal.SIGKILL)
        self.nodes = [other for other in self.nodes if other is not node]
        self._cluster.remove_node(node, allow_graceful=False)
        until(lambda: not any(_lives(process) for process in dying), "the node has died")

    def end(self) -> None:
        """Kill every node, and the head; once is enough."""
        head = self._cluster.head_node
        if head is None:
            return
        for node in [*self.nodes, head]:
            self.send(node, signal.SIGKILL)
        with contextlib.suppress(Exception):  # some have gone already
            self._cluster.shutdown()


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def local_cluster(nodes: int) -> Iterator[LocalCluster]:
    """Start a cluster; its processes and its files go at the end.

    Args:
        nodes: how many there are beside the head.

    Raises:
        ImportError: Ray is not installed.
    """
    # Not where the tests' own files are: sockets lie there, whose paths must be short.
    folder = tempfile.mkdtemp(prefix="ray-")
    before = dict(os.environ)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        cluster = LocalCluster(folder)
        try:
            cluster.add(nodes)
            yield cluster
        finally:
            cluster.end()
    finally:
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(folder, ignore_errors=True)
