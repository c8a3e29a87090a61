"""How the driver and a peer talk: one line of JSON each way; needs the standard library only.

A peer runs in an interpreter of its own, reads requests on standard input and answers each with one
line, so that the driver can alternate the repetitions of everything that it compares:

    {"do": "about"}                                      -> {"version": "1.0"}
    {"do": "open", "case": {...}}                        -> {"measures": ["write", ...]}
    {"do": "measure", "what": "write"}                   -> {"clips_per_second": 1000.0}

What goes wrong in a peer is answered as ``{"error": text}``; the traceback goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "FIRST_EPOCH",
    "LATER_EPOCHS",
    "LOCAL_EPOCH",
    "MEMCPY",
    "MEMSET",
    "READ",
    "READ_WORKERS",
    "SHUFFLED",
    "WRITE",
    "Case",
    "Measure",
    "serve",
]

WRITE = "write"
READ = "read, 0 workers"
READ_WORKERS = "read, 2 workers"
SHUFFLED = "read, shuffled"
FIRST_EPOCH = "first epoch"
LATER_EPOCHS = "later epochs"
LOCAL_EPOCH = "the same shards in a folder"
MEMSET = "memset"
MEMCPY = "memcpy"

Measure = Callable[[], float]
"""Runs once and returns clips per second."""


@dataclass(frozen=True)
class Case:
    """Clips of one size, as every peer gets them.

    Attributes:
        name: of the size, ``"8x32"``.
        preset: trajdata's name of the distribution that they are drawn from.
        video: a .npy file, uint8 (N, T, C, H, W).
        label: a .npy file, int64 (N,).
        folder: where this peer, and nobody else, may write.
        batch: clips in a batch.
        bucket: URL of a prefix at which what the peer reads lies, if it is measured from there.
    """

    name: str
    preset: str
    video: str
    label: str
    folder: str
    batch: int
    bucket: str = ""


def serve(version: str, open_case: Callable[[Case], Mapping[str, Measure]]) -> None:
    """Answer requests until standard input ends.

    Args:
        version: of what is measured, told when asked.
        open_case: prepares a case and returns what can be measured on it, by name.
    """
    # Libraries print as they like, and so do the processes that they start: none of it may get
    # between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    measures: Mapping[str, Measure] = {}

    def answer(request: Mapping[str, Any]) -> dict[str, Any]:
        nonlocal measures
        if request["do"] == "about":
            return {"version": version}
        if request["do"] == "open":
            measures = {}  # what the last case holds in memory goes first
            measures = open_case(Case(**request["case"]))
            return {"measures": list(measures)}
        if request["do"] == "measure":
            return {"clips_per_second": measures[request["what"]]()}
        raise ValueError(f"do: given {request['do']!r}; allowed are about, open, measure")

    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Exception as error:
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()
