"""The process that talks to Ray: hand out tasks in a bounded window, and watch the nodes.

It is a process of its own because Ray ends its driver when it loses the node that this is connected
to, and because a call to a cluster whose head is frozen does not return. The bake can then end it,
say what happened, and leave everything in order.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from trajdata._bake.engines.ray_messages import (
    Baked,
    Done,
    Failed,
    Job,
    Lost,
    News,
    Refused,
    StillThere,
    Work,
)
from trajdata._bake.engines.ray_node import bake_on_node
from trajdata._bake.engines.ray_pulses import Pulses

__all__ = ["serve"]

_WINDOW = 2
"""Tasks for each processor that Ray has at once: each costs memory here, and the next of them must
be there when one ends."""

_LOST_TIMES = 20
"""How often Ray starts a task again whose process or node has died."""

_ATTEMPTS = 3
"""How often a shard is tried that a node could not write: another one may."""

_NEWS_SECONDS = 1.0
_WAIT_SECONDS = 0.25
_NOBODY_SECONDS = 60.0
"""So long a cluster may have no node with a processor before the bake ends."""

_KNOCK_SECONDS = 10.0
_CANCEL_SECONDS = 5.0


def serve(ends: tuple[int, int]) -> None:
    """Do one job. The process ends when nobody is there any more who wants it done.

    Args:
        ends: the pipes to read from and to write to.
    """
    orders, news = Connection(ends[0], writable=False), Connection(ends[1], readable=False)
    job: Job = orders.recv()
    stop = threading.Event()
    threading.Thread(target=_obey, args=(orders, stop), daemon=True).start()
    try:
        news.send(_end_of(job, news.send, stop))
    except BrokenPipeError:
        return
    ray.shutdown()


def _end_of(job: Job, tell: Callable[[News], None], stop: threading.Event) -> News:
    """Do a job, and return how it ended."""
    try:
        _knock(job.address)
        ray.init(address=job.address, log_to_driver=False, logging_level=logging.ERROR)
    except OSError as error:  # a ConnectionError, where "auto" finds no cluster
        return _lost(f"no Ray cluster answers at {job.address!r}", error)
    try:
        return _Jobber(job, tell, stop).do()
    except RayTaskError as error:  # none of the errors that a task returns
        return Failed(f"on a node of the cluster: {error.cause!r:.500}")
    except RayError as error:
        return _lost("the Ray cluster lost a shard too often", error)


def _knock(address: str) -> None:
    """Find out whether somebody listens at HOST:PORT. Ray itself would try for minutes.

    Raises:
        OSError: nobody does.
    """
    host, colon, port = address.rpartition(":")
    if colon:
        socket.create_connection((host.strip("[]"), int(port)), _KNOCK_SECONDS).close()


def _lost(text: str, error: Exception) -> Lost:
    return Lost(errno.EAGAIN, f"{text}: {str(error).strip():.300}")


def _obey(orders: Connection, stop: threading.Event) -> None:
    """Wait for the order to stop. If the bake has died, end at once, whatever Ray is doing: it then
    ends what runs on the nodes."""
    try:
        orders.recv()
        stop.set()
        orders.recv()
    except EOFError:
        os._exit(1)


class _Jobber:
    """One job.

    Args:
        job: what is to be done.
        tell: takes the news.
        stop: is set when the bake is to end early.
    """

    def __init__(self, job: Job, tell: Callable[[News], None], stop: threading.Event) -> None:
        self._site, self._tell, self._stop = job.site, tell, stop
        self._waiting = deque((work, 1) for work in job.works)
        self._running: dict[Any, tuple[Work, int]] = {}
        self._pulses = Pulses()
        self._told = self._had_processors = time.monotonic()
        self._bake = ray.remote(bake_on_node).options(
            num_cpus=1, max_retries=_LOST_TIMES, scheduling_strategy="SPREAD"
        )

    def do(self) -> News:
        """Hand out tasks until all are done, and return how it ended.

        Raises:
            RayError: a task was lost too often.
        """
        try:
            while (self._waiting or self._running) and not self._stop.is_set():
                end = self._looked() or self._collected()
                if end is not None:
                    return end
                self._hand_out()
        finally:
            self._cancel()
        return Done()

    def _looked(self) -> Lost | None:
        """Look at the nodes. Returns why the bake cannot go on, if it cannot."""
        self._pulses.look()
        if (name := self._pulses.silent()) is not None:
            text = f"node {name} of the cluster is frozen or cut off: it does not answer"
            return Lost(errno.ETIMEDOUT, text)
        now = time.monotonic()
        if self._pulses.cpus:
            self._had_processors = now
        elif now - self._had_processors > _NOBODY_SECONDS:
            return Lost(errno.EAGAIN, "no node of the cluster has a processor")
        if now - self._told > _NEWS_SECONDS:
            self._told = now
            self._tell(StillThere())
        return None

    def _hand_out(self) -> None:
        while self._waiting and len(self._running) < _WINDOW * self._pulses.cpus:
            work, attempt = self._waiting.popleft()
            self._running[self._bake.remote(self._site, *work)] = work, attempt

    def _collected(self) -> Refused | None:
        """Wait for tasks for a moment. Returns an error that ends the bake, if there is one."""
        if not self._running:
            self._stop.wait(_WAIT_SECONDS if self._pulses.cpus == 0 else 0)
            return None
        refs = list(self._running)
        done, _ = ray.wait(refs, timeout=_WAIT_SECONDS)
        if done:
            done, _ = ray.wait(refs, num_returns=len(refs), timeout=0)
        for ref in done:
            work, attempt = self._running.pop(ref)
            node, what, pickled = ray.get(ref)
            if what == "commit":
                self._tell(Baked(self._pulses.name_of(node), pickled))
            elif what == "medium" and attempt < _ATTEMPTS:
                self._waiting.append((work, attempt + 1))
            else:
                return Refused(pickled)
        return None

    def _cancel(self) -> None:
        """End the tasks that still run, so that they leave no temp."""
        running = list(self._running)
        if running and self._pulses.silent() is None:
            for ref in running:
                ray.cancel(ref)
            ray.wait(running, num_returns=len(running), timeout=_CANCEL_SECONDS)
