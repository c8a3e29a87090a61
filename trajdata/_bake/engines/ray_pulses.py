"""Ask every node of a cluster every few seconds whether it is there.

Ray notices at once that a node has died. That one has been frozen (a machine that is suspended, a
link that was cut) it notices after minutes, and until then the tasks that it was given stand still.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from trajdata._bake.engines.ray_node import Pulse

__all__ = ["Pulses"]

_LOOK_SECONDS = 3.0
_SILENT_SECONDS = 25.0
"""A node that does not answer for so long is taken to be frozen."""
_STARTING_SECONDS = 40.0
"""So long the first answer may take, for which a process has to start."""
_QUIET_SECONDS = 5.0
"""Nobody is asked before: the processes that answer would start when those that bake do."""


@dataclass
class _Asked:
    """A node and its answers.

    Attributes:
        actor: the process that answers.
        answer: the answer that is waited for; None: there was one, and nothing is asked.
        since: when it was asked.
        has_answered: whether it ever did.
    """

    actor: Any
    answer: Any = None
    since: float = field(default_factory=time.monotonic)
    has_answered: bool = False

    def is_silent(self, now: float) -> bool:
        limit = _SILENT_SECONDS if self.has_answered else _STARTING_SECONDS
        return self.answer is not None and now - self.since > limit


class Pulses:
    """The nodes of the cluster that this process is connected to.

    Attributes:
        cpus: processors of all nodes that live.
    """

    def __init__(self) -> None:
        self.cpus = 0
        self._names: dict[str, str] = {}
        self._asked: dict[str, _Asked] = {}
        self._looked = float("-inf")
        self._begun = time.monotonic()

    def look(self) -> None:
        """Find out which nodes there are, collect answers, and ask again; every few seconds."""
        now = time.monotonic()
        slept = now - self._looked
        if slept < _LOOK_SECONDS:
            return
        self._looked = now
        living = self._living()
        for node in self._asked.keys() - living:
            del self._asked[node]
        for node in living if now - self._begun > _QUIET_SECONDS else ():
            if node not in self._asked:
                self._asked[node] = _Asked(_answering(node))
        for node, asked in list(self._asked.items()):
            if slept > _SILENT_SECONDS / 2:
                asked.since = now  # it is this process that stood still
            try:
                self._collect(asked)
            except RayError:
                del self._asked[node]  # that process has died; the next look starts another

    def silent(self) -> str | None:
        """The name of a node that has not answered for too long; None where there is none."""
        now = time.monotonic()
        for node, asked in self._asked.items():
            if asked.is_silent(now):
                return self.name_of(node)
        return None

    def name_of(self, node: str) -> str:
        """The name of a node by its number, always the same one.

        A node that has just come may have baked a shard before the next look.
        """
        if node not in self._names:
            self._living()
        return self._names.setdefault(node, node[:6])

    def _living(self) -> set[str]:
        living, cpus = set(), 0.0
        for node in ray.nodes():
            number, has = node["NodeID"], node["Resources"].get("CPU", 0)
            if node["Alive"] and has:
                living.add(number)
                cpus += has
                self._names.setdefault(number, f"{node['NodeManagerHostname']}-{number[:6]}")
        self.cpus = int(cpus)
        return living

    def _collect(self, asked: _Asked) -> None:
        if asked.answer is not None:
            if not ray.wait([asked.answer], timeout=0)[0]:
                return
            ray.get(asked.answer)
            asked.has_answered = True
        asked.answer, asked.since = asked.actor.beat.remote(), time.monotonic()


def _answering(node: str) -> Any:
    pinned = NodeAffinitySchedulingStrategy(node, soft=False)
    return ray.remote(Pulse).options(num_cpus=0, scheduling_strategy=pinned).remote()
