"""``trajdata.law``: a class becomes a law."""

from __future__ import annotations

import inspect
import re
from typing import Any

from trajdata._errors import ArgumentError
from trajdata._jit import kernel
from trajdata._laws.registry import Law, LawText, register
from trajdata._user_laws.sources import check_source, source_digest

__all__ = ["law"]

_KERNELS = {
    "propose": ("scene", "settings", "own", "w", "v", "speed", "n"),
    "position": ("n", "t"),
    "distinct": ("scene", "settings", "own", "n", "t0", "t1"),
    "least": ("n", "t0", "t1", "a", "b", "c"),
    "fastest": ("n", "t0", "t1"),
}
_TEXTS = ("numbers", "phrase", "equation")
_NEEDED = (*_TEXTS, "propose", "position")


@kernel
def _always(scene, settings, own, n, t0, t1):  # type: ignore[no-untyped-def]
    return True


def law(described: type) -> Law:
    """Make a law of motion of a class, and register it by its name: ``TwoSteps`` is ``two_steps``.

    The class is a description and is never instantiated. Its functions are compiled as this
    package's own kernels are: cached on disk, IEEE arithmetic as written. Lengths are in metres,
    times in seconds; time 0 is when the object passes its anchor. It has

    - ``numbers``: the names of the law's numbers, a tuple of str; they lie in ``n``, float64 (K,);
    - ``phrase`` and ``equation``: texts with slots such as ``{period_s:.3f}`` for numbers;
    - ``propose(scene, settings, own, w, v, speed, n)``: fill ``n`` from the random words ``w`` and
      ``v`` (four each; ``trajdata.unit(w[0])`` is a float64 in (0, 1)), so that the object is at
      ``scene.x, scene.y, scene.z`` at time 0 with this speed, in m/s. The clip lasts from
      ``scene.start`` for ``settings.seconds``;
    - ``position(n, t)``: (x, y, z) at time t;
    - one of ``least(n, t0, t1, a, b, c)``, a lower bound of a x + b y + c z over [t0, t1], and
      ``fastest(n, t0, t1)``, an upper bound of the speed over [t0, t1];
    - if it wants, ``distinct(scene, settings, own, n, t0, t1)``: whether what makes the law can be
      seen. That the path on the picture is long enough is seen to anyway.

    The digest of all their source, and of what it names, is in the fingerprint of every spec that
    uses the law. ``trajdata.check_law`` tries whether the law keeps what it says.

    Args:
        described: the class.

    Returns:
        The law. A spec takes it by name or as it is: ``preset("magvit-32", laws=(made,))``.

    Raises:
        ArgumentError: something is missing or not allowed, a name that one of our laws has, or
            arithmetic that is not bit-exact, with its line.
    """
    if not inspect.isclass(described):
        raise ArgumentError(f"law: given {described!r:.80}; allowed is a class")
    parts = {name: value for name, value in vars(described).items() if not name.startswith("_")}
    _check_parts(described.__name__, parts)
    functions = {name: parts[name] for name in _KERNELS if name in parts}
    for function in functions.values():
        check_source(function)
    texts = {name: parts[name] for name in _TEXTS}
    digest = source_digest(
        *(f"{name} {value!r}" for name, value in texts.items()),
        *(part for name, function in functions.items() for part in (name, function)),
    )
    checked = LawText(digest=digest, **texts)
    compiled = {name: kernel(function) for name, function in functions.items()}
    made = Law(
        name=re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", described.__name__).lower(),
        version=0,
        numbers=checked.numbers,
        phrase=checked.phrase,
        equation=checked.equation,
        propose=compiled["propose"],
        position=compiled["position"],
        distinct=compiled.get("distinct", _always),
        least=compiled.get("least"),
        fastest=compiled.get("fastest"),
        digest=digest,
        home=described.__module__,
    )
    register(made)
    return made


def _check_parts(name: str, parts: dict[str, Any]) -> None:
    """Raise an ArgumentError where a description lacks something or has too much."""
    allowed = (*_TEXTS, *_KERNELS)
    missing = [part for part in _NEEDED if part not in parts]
    unknown = [part for part in parts if part not in allowed]
    if missing or unknown:
        raise ArgumentError(
            f"law {name}: given {', '.join(parts)}; "
            + (f"{', '.join(missing)} is missing" if missing else f"{unknown[0]} is not known")
            + f"; allowed are {', '.join(allowed)}"
        )
    for part, arguments in _KERNELS.items():
        if part not in parts:
            continue
        if not inspect.isfunction(parts[part]):
            raise ArgumentError(f"law {name}: {part} must be a function written with def")
        given = tuple(inspect.signature(parts[part]).parameters)
        if len(given) != len(arguments):
            raise ArgumentError(
                f"law {name}: {part} has the arguments {given}; it must have {arguments}"
            )
