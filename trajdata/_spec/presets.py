"""The presets: named specs, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trajdata._errors import ArgumentError

if TYPE_CHECKING:
    # Building a spec finds its laws, and so imports Numba; listing names must not.
    from trajdata._spec.model import ClipSpec

__all__ = ["nearest_preset", "preset", "presets"]

_FOUR_LAWS: dict[str, Any] = {
    "laws": ("linear", "circular", "helical", "parabolic"),
    "shapes": ("disc", "sphere"),
    "held_out_depth": (3.65, 3.95),
    "held_out_radius": (0.42, 0.5),
    "held_out_speed": (1.3, 1.45),
}

_SCENES: dict[str, Any] = {
    **_FOUR_LAWS,
    "shapes": ("disc", "sphere", "cube", "cylinder", "cone"),
    "radius": (0.3, 0.45),
    "held_out_radius": (0.47, 0.5),
    "spin": (0.5, 3.0),
}

_EVERY_LAW: dict[str, Any] = {
    **_FOUR_LAWS,
    "laws": (
        *("linear", "circular", "helical", "parabolic", "bounce", "drag", "lissajous", "orbit"),
        *("pendulum", "random_walk", "spiral", "spring", "stop_and_go", "u_turn", "zigzag"),
    ),
}

_PRESETS: dict[str, dict[str, Any]] = {
    "magvit-32": {**_FOUR_LAWS},
    "magvit-64": {**_FOUR_LAWS, "frames": 16, "height": 64, "width": 64},
    "gray-32": {**_FOUR_LAWS, "channels": 1},
    "magvit2-128": {**_FOUR_LAWS, "frames": 17, "height": 128, "width": 128},
    "magvit-32-random": {**_FOUR_LAWS, "background": "random"},
    "magvit-64-random": {
        **_FOUR_LAWS,
        **{"frames": 16, "height": 64, "width": 64, "background": "random"},
    },
    "scenes-32": {**_SCENES, "count": (1, 3)},
    "scenes-64": {**_SCENES, "count": (1, 3), "frames": 16, "height": 64, "width": 64},
    "scenes-128": {**_SCENES, "count": (3, 10), "frames": 17, "height": 128, "width": 128},
    "laws-32": {**_EVERY_LAW},
    "transients-32": {**_SCENES, "transients": (1, 3)},
    "combinations-32": {
        **_SCENES,
        # As many shapes as laws: each law lacks another shape.
        "shapes": ("sphere", "cube", "cylinder", "cone"),
        **{"count": (1, 3), "held_out_count": (4, 5)},
        **{"separate_shapes": True, "separate_colours": True},
    },
    "stereo-64": {
        **_SCENES,
        **{"count": (1, 3), "frames": 16, "height": 64, "width": 64},
        **{"views": 2, "baseline": 0.2, "place": 0.4},
    },
    "magvit2-32": {**_FOUR_LAWS, "frames": 9},
}
"""Name -> the settings that differ from the defaults. Each names its laws and shapes, so that a
law or shape that is added later changes none of them."""

_HARDEST = {
    "noise.jitter": 0.04,
    "noise.pixel_noise": 48.0,
    "looks.contrast": 0.08,
    "motion.least_path": 0.12,
    "parabolic.least_sagitta": 0.035,
    "helical.least_growth": 1.12,
    "circular.least_loop": 0.08,
    "helical.least_loop": 0.08,
}
"""What difficulty 1 sets; between, each goes in a straight line from the preset's own value."""


def presets() -> tuple[str, ...]:
    """The names that ``preset`` knows; the first is the default of the command line."""
    return tuple(_PRESETS)


def preset(name: str, *, difficulty: float = 0.0, **changes: Any) -> ClipSpec:
    """The spec of that name.

    Args:
        name: one of ``presets()``.
        difficulty: from 0 (clean) to 1; turns up jitter and pixel noise and turns down contrast
            and the least motion, all of them in step.
        changes: settings by name, as ``ClipSpec.replace`` takes them: ``frames=9``.

    Raises:
        ArgumentError: no preset has that name, a difficulty outside [0, 1], or a change that
            ``ClipSpec.replace`` refuses.
    """
    from trajdata._spec.model import ClipSpec

    if name not in _PRESETS:
        raise ArgumentError(f"preset: given {name!r:.80}; allowed are {', '.join(_PRESETS)}")
    if not 0 <= difficulty <= 1:
        raise ArgumentError(f"difficulty: given {difficulty!r}; allowed are numbers from 0 to 1")
    spec = ClipSpec().replace(_PRESETS[name], **changes)
    return _harder(spec, difficulty, changes) if difficulty else spec


def nearest_preset(spec: ClipSpec) -> tuple[str, dict[str, Any]]:
    """The preset from which the fewest changes lead to a spec, and those changes by name.

    ``preset(name).replace(changes)`` is the spec.
    """
    now = spec.settings()
    found = {}
    for name in presets():
        held = preset(name).settings()
        found[name] = {key: value for key, value in now.items() if held.get(key) != value}
    name = min(found, key=lambda name: len(found[name]))
    return name, found[name]


def _harder(spec: ClipSpec, difficulty: float, changes: dict[str, Any]) -> ClipSpec:
    """A spec's dials turned, but for those that were set by name."""
    now = spec.settings()
    asked = {name.rpartition(".")[2] for name in changes}
    turned = {
        name: now[name] + difficulty * (hardest - now[name])
        for name, hardest in _HARDEST.items()
        if name in now and name.rpartition(".")[2] not in asked
    }
    return spec.replace(turned)
