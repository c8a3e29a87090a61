"""What memory can do: one batch's bytes filled or copied again and again in the same place."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
from protocol import MEMCPY, MEMSET, Case, Measure, serve
from stored import load

SECONDS = 0.3


def open_case(case: Case) -> Mapping[str, Measure]:
    """``memset`` and ``memcpy`` of the bytes of a batch."""
    model = np.array(load(case).videos[: case.batch])
    place = np.empty_like(model)

    def repeated(step: Callable[[], object]) -> Measure:
        def measure() -> float:
            step()
            steps, start = 0, time.perf_counter()
            while (spent := time.perf_counter() - start) < SECONDS:
                step()
                steps += 1
            return steps * case.batch / spent

        return measure

    return {
        MEMSET: repeated(lambda: place.fill(7)),
        MEMCPY: repeated(lambda: np.copyto(place, model)),
    }


if __name__ == "__main__":
    serve(np.__version__, open_case)
