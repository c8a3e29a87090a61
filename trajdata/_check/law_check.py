"""Whether a law keeps what it declares: tried on many motions, at many moments."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._check.audit.findings import Finding, at_most
from trajdata._checks import whole_number
from trajdata._clips.source import ClipSource
from trajdata._errors import ArgumentError
from trajdata._laws.registry import Law, find_law
from trajdata._spec.model import ClipSpec
from trajdata._spec.presets import preset
from trajdata._world.motion import motion_kernels

__all__ = ["LawReport", "check_law"]

_Array = NDArray[np.float64]

_MOMENTS = 501
"""At which a path is looked at: an odd number, and no divisor of the grid of framing."""

_ROUNDING = 1e-7
"""Metres, or metres a second: more than the decimal grid of numbers takes from a path."""

# What LLVM calls where arithmetic is not IEEE + - * / sqrt and floor alone.
_LIBRARY = re.compile(
    r"call[^@\n]*@(?:llvm\.)?"
    r"((?:a?sin|a?cos|a?tan|atan2|exp|exp2|expm1|log|log2|log10|log1p|pow|powi|sinh|cosh|tanh|cbrt|"
    r"hypot|fma|fmuladd|tgamma|lgamma|erf|erfc)f?)[.(]"
)
_FAST = re.compile(r"\b(?:fadd|fsub|fmul|fdiv)\s+(?:fast|reassoc|contract|afn|arcp)\b")


@dataclass(frozen=True)
class LawReport:
    """What ``check_law`` found.

    Attributes:
        law: name of the law.
        digest: of its source, SHA-256 (hex); empty for a law of ours.
        findings: figures beside their bounds.
    """

    law: str
    digest: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether every bound holds."""
        return all(finding.passed for finding in self.findings)

    def __str__(self) -> str:
        lines = [f"law {self.law}, {self.digest[:12] or 'ours'}"]
        for found in self.findings:
            verdict = "ok" if found.passed else "FAILS"
            lines.append(
                f"  {verdict}: {found.name}: {found.figure:.6g} "
                f"({found.relation} {found.bound:g} {found.unit}, {found.sample} motions)"
            )
        return "\n".join(lines)


def check_law(
    law: Law | str, *, spec: ClipSpec | None = None, motions: int = 1000, seed: int = 0
) -> LawReport:
    """Try whether a law keeps what it declares, on motions of a spec.

    Its bound or speed limit against its path at 501 moments, for motions that were accepted and for
    first proposals; its anchor and speed there; its numbers through a clip's text and back to the
    same path, to the bit; that motions fit without being slowed down; and that the compiled code
    calls nothing that is not bit-exact.

    Args:
        law: as ``trajdata.law`` returned it, or its name; ours can be checked too.
        spec: whose durations, places and speeds it is tried with; its laws are replaced. Default:
            ``preset("magvit-32")``.
        motions: how many.
        seed: of the stream.

    Returns:
        The figures.

    Raises:
        ArgumentError: the law breaks a bound; the message has all figures. Or an unknown law, or
            fewer motions than 1.
    """
    known = find_law(law) if isinstance(law, str) else law
    if not isinstance(known, Law) or not known.is_here:
        raise ArgumentError(f"law: given {law!r:.80}; allowed is a law, or the name of one")
    motions = whole_number("motions", motions, 1, 1_000_000)
    used = (spec or preset("magvit-32")).replace(laws=(known,))
    source = ClipSource(used, seed, fields=("trajectory", "params"))
    indices = np.arange(motions)
    sampled = source._stages.sample(indices)
    scenes, accepted = sampled.scenes[:, 0], sampled.numbers[:, 0]
    first = _first_proposals(source, known, indices)
    findings = [
        _code(source, known, motions),
        *_anchor(known, scenes, accepted),
        _bound(known, used, scenes, accepted, "accepted motions"),
        _bound(known, used, scenes, first, "first proposals"),
        _framing(known, used, scenes, accepted),
        _round_trip(source, known, indices, accepted),
        at_most(
            "law",
            "motions that had to be slowed down to fit",
            int((scenes["speed"] < used.motion.speed[0] - 1e-9).sum()),
            0,
            "motions",
            motions,
        ),
    ]
    report = LawReport(known.name, known.digest, tuple(findings))
    if not report.passed:
        raise ArgumentError(str(report))
    return report


def _first_proposals(source: ClipSource, law: Law, indices: NDArray[np.int64]) -> _Array:
    """Numbers as they are proposed first, kept or not: float64 (B, K)."""
    scenes = source.scenes(indices)
    numbers = np.zeros((indices.shape[0], 1, len(law.numbers)))
    motion_kernels((law,)).propose_motions(
        source._key, indices, source._settings, source._own, scenes, numbers
    )
    return numbers[:, 0]


def _paths(law: Law, numbers: _Array, times: _Array) -> _Array:
    """X(t), float64 (B, M, 3): from the law's own kernel, a motion at a time."""
    position: Callable[..., Any] = law.position
    return np.array([[position(n, t) for t in own] for n, own in zip(numbers, times, strict=True)])


def _times(spec: ClipSpec, scenes: NDArray[np.void]) -> _Array:
    """The moments of each motion's clip, float64 (B, M), seconds."""
    moments: _Array = scenes["start"][:, None] + spec.seconds * np.linspace(0, 1, _MOMENTS)
    return moments


def _code(source: ClipSource, law: Law, motions: int) -> Finding:
    """What the compiled code calls: of the kernels that contain all of the law's.

    Code that was loaded from the disk cannot be looked at, so these two are compiled here.
    """
    made = motion_kernels.__wrapped__((law,))
    found: set[str] = set()
    for own in (made.fit_motions, made.propose_motions):
        own._cache.disable()
        indices, numbers = np.zeros(1, np.int64), np.empty((1, 1, len(law.numbers)))
        scenes = source.scenes(indices)
        own(source._key, indices, source._settings, source._own, scenes, numbers)
        for text in own.inspect_llvm().values():
            found.update(_LIBRARY.findall(text))
            found.update(_FAST.findall(text))
    calls = f" ({', '.join(sorted(found))})" if found else ""
    name = f"calls of the compiled code that are not bit-exact{calls}"
    return at_most("law", name, len(found), 0, "calls", motions)


def _anchor(law: Law, scenes: NDArray[np.void], numbers: _Array) -> list[Finding]:
    """Where it is at time 0 and how fast, against its scene."""
    step = 1e-5
    path = _paths(law, numbers, np.tile([-step, 0.0, step], (scenes.shape[0], 1)))
    anchor = np.stack([scenes[axis] for axis in "xyz"], axis=-1)
    speed = np.linalg.norm(path[:, 2] - path[:, 0], axis=-1) / (2 * step)
    return [
        at_most("law", "distance from its anchor at time 0", np.abs(path[:, 1] - anchor).max(),
                1e-6, "m", scenes.shape[0]),
        at_most("law", "speed at time 0 against the scene's, relative, 99 of 100 motions",
                np.quantile(np.abs(speed / scenes["speed"] - 1), 0.99), 0.01, "1",
                scenes.shape[0]),
    ]  # fmt: skip


def _bound(
    law: Law, spec: ClipSpec, scenes: NDArray[np.void], numbers: _Array, which: str
) -> Finding:
    """By how much a path breaks the law's bound or speed limit at most."""
    times = _times(spec, scenes)
    path = _paths(law, numbers, times)
    ends = [(float(own[0]), float(own[-1])) for own in times]
    worst = -np.inf
    if law.least is None:
        speed = np.linalg.norm(np.diff(path, axis=1), axis=-1) / np.diff(times, axis=1)
        limits = [law.fastest(n, *end) for n, end in zip(numbers, ends, strict=True)]
        worst = float((speed.max(axis=1) - np.array(limits)).max())
        name = f"speed above its speed limit, {which}"
    else:
        # Forms as framing uses them, and some in any direction.
        rng = np.random.default_rng(0)
        forms = np.concatenate(
            [[[1, 0, 0.47], [-1, 0, 0.47], [0, 1, 0.47], [0, -1, 0.47], [0, 0, 1], [0, 0, -1]],
             rng.normal(size=(6, 3))]
        )  # fmt: skip
        for form in forms:
            bound = [law.least(n, *end, *form) for n, end in zip(numbers, ends, strict=True)]
            worst = max(worst, float((np.array(bound) - (path @ form).min(axis=1)).max()))
        name = f"lower bound above the path, {which}"
    # What is no number breaks every bound.
    figure = worst if np.isfinite(path).all() and not np.isnan(worst) else np.inf
    return at_most("law", name, figure, _ROUNDING, "m", scenes.shape[0])


def _framing(law: Law, spec: ClipSpec, scenes: NDArray[np.void], numbers: _Array) -> Finding:
    """How far the object sticks out of the frame at most, in shorter sides."""
    x, y, z = np.moveaxis(_paths(law, numbers, _times(spec, scenes)), -1, 0)
    shorter = min(spec.height, spec.width)
    reach = scenes["radius"][:, None] / z
    out = np.maximum(
        np.abs(x / z) + reach - 0.5 * spec.width / shorter,
        np.abs(y / z) + reach - 0.5 * spec.height / shorter,
    )
    name = "object outside of the frame at any moment"
    return at_most("law", name, max(float(out.max()), 0.0), 0, "shorter sides", scenes.shape[0])


def _round_trip(
    source: ClipSource, law: Law, indices: NDArray[np.int64], numbers: _Array
) -> Finding:
    """How many motions come back from their clip's text as other numbers."""
    texts = np.empty((indices.shape[0], source.metadata_bytes), np.uint8)
    source.metadata(indices, texts)
    read = np.array(
        [[json.loads(text.tobytes())["params"][name] for name in law.numbers] for text in texts]
    )
    other = int((read != numbers[:, : len(law.numbers)]).any(axis=1).sum())
    return at_most(
        "law", "motions whose numbers a clip's text does not give back", other, 0, "motions",
        indices.shape[0],
    )  # fmt: skip
