"""The source of a user's kernels: what of it is not bit-exact, and its digest.

Everything that a kernel names is followed: a kernel of the user's by its own source, a number by
its value. So what cannot be compared is refused, and what can be is in the digest. The digest
holds texts and values, never bytecode, and so is the same under every Python.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import inspect
import linecache
import textwrap
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

from trajdata._errors import ArgumentError
from trajdata._jit import kernel

__all__ = ["check_source", "source_digest"]

_EXACT = frozenset(
    {
        *("sqrt", "floor", "ceil", "trunc", "fabs", "abs", "absolute", "copysign", "sign"),
        *("minimum", "maximum", "isnan", "isfinite", "isinf", "empty", "zeros", "ones"),
        *("bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float64", "float32", "pi", "e", "inf", "nan"),
    }
)
"""What IEEE 754 prescribes to the last bit, or what computes nothing."""

_BUILTINS = frozenset({"abs", "bool", "float", "int", "len", "max", "min", "range"})
_OURS = "trajdata"
_PROMISE = "it may differ in the last bit from machine to machine"


@kernel
def _nothing():  # type: ignore[no-untyped-def]
    return 0


_OPTIONS = dict(_nothing.targetoptions)


def check_source(function: Any) -> None:
    """Refuse a function of a user's law, or a kernel that it calls, that is not bit-exact.

    Raises:
        ArgumentError: names the file and the line, quotes it, and says what is wrong with it.
    """
    for found in _functions(function):
        for node in ast.walk(_tree(found)):
            problem = _problem(node, found)
            if problem:
                raise ArgumentError(_placed(found, node, problem))


def source_digest(*parts: Any) -> str:
    """SHA-256 (hex) of functions, with all that they name, and of texts."""
    total = hashlib.sha256()
    for part in parts:
        for text in [part] if isinstance(part, str) else _contents(part):
            content = text.encode("utf-8")
            total.update(len(content).to_bytes(8, "little"))
            total.update(content)
    return total.hexdigest()


def _functions(function: Any) -> list[Any]:
    """A function and the user's kernels that it calls, directly or through others, each once."""
    found: list[Any] = []
    waiting = [function]
    while waiting:
        one = waiting.pop(0)
        if one not in found:
            found.append(one)
            values = (value for _, value in _named(one))
            waiting += [value.py_func for value in values if _is_users_kernel(value)]
    return found


def _is_users_kernel(value: Any) -> bool:
    return isinstance(value, Dispatcher) and not _is_ours(value.py_func)


def _is_ours(function: Any) -> bool:
    return str(function.__module__).partition(".")[0] == _OURS


def _named(function: Any) -> Iterator[tuple[str, Any]]:
    """(name, value) of the globals and closure cells that a function reads, in order of name."""
    code = function.__code__
    cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
    names = {node.id for node in ast.walk(_tree(function)) if isinstance(node, ast.Name)}
    for name in sorted(names):
        if name in cells:
            yield name, cells[name].cell_contents
        elif name in function.__globals__ and name not in code.co_varnames:
            yield name, function.__globals__[name]


def _lines(function: Any) -> tuple[str, int]:
    """The source of a function as it stands, and the number of its first line.

    Raises:
        ArgumentError: Python does not find it.
    """
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError) as error:
        raise ArgumentError(
            f"law: the source of {function.__qualname__} is not to be found; a law must stand in a "
            "file or a notebook's cell, since its digest is part of what a stream is known by"
        ) from error
    return textwrap.dedent("".join(lines)), first


def _tree(function: Any) -> ast.FunctionDef:
    try:
        found = ast.parse(_lines(function)[0]).body[0]
    except SyntaxError:
        found = None
    if not isinstance(found, ast.FunctionDef):
        raise ArgumentError(f"law: {function.__qualname__} must be a function written with def")
    # Decorators run where the function is defined, not where it is called.
    found.decorator_list = []
    return found


def _placed(function: Any, node: ast.AST, problem: str) -> str:
    """The problem with its file, its line and the line's text."""
    number = _lines(function)[1] + getattr(node, "lineno", 1) - 1
    file = inspect.getsourcefile(function) or inspect.getfile(function)
    line = linecache.getline(file, number).strip()
    return f"law: {file}:{number}: `{line}`: {problem}"


def _problem(node: ast.AST, function: Any) -> str:
    """What is not bit-exact about a piece of source; empty where nothing is."""
    if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, (ast.Pow, ast.MatMult)):
        sign = "**" if isinstance(node.op, ast.Pow) else "@"
        return f"`{sign}` is not bit-exact, {_PROMISE}; write a product"
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        home = function.__globals__.get(node.value.id)
        if isinstance(home, ModuleType):
            if home.__name__.partition(".")[0] != _OURS:
                return _of_module(home.__name__, node.attr)
            # Public names are loaded at their first use: from here on a kernel that names it is
            # made of the same things in every process.
            return _of_value(f"{home.__name__}.{node.attr}", getattr(home, node.attr, None))
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        named = dict(_named(function))
        if node.id in named:
            return _of_value(node.id, named[node.id])
        local = (*function.__code__.co_varnames, *function.__code__.co_freevars)
        if hasattr(builtins, node.id) and node.id not in (*_BUILTINS, *local):
            is_value = isinstance(getattr(builtins, node.id), bool)
            return "" if is_value else f"`{node.id}` is none of {', '.join(sorted(_BUILTINS))}"
    return ""


def _of_module(module: str, name: str) -> str:
    if name in _EXACT and module in ("math", "numpy"):
        return ""
    return (
        f"`{module}.{name}` is not known to be bit-exact, {_PROMISE}; allowed are + - * /, "
        "trajdata.cos_sin, trajdata.exp, and of math and numpy sqrt, floor, abs and the like"
    )


def _of_value(name: str, value: Any) -> str:
    """What is wrong with a global or a closure cell that a kernel names."""
    if isinstance(value, Dispatcher):
        if dict(value.targetoptions) != _OPTIONS:
            return (
                f"`{name}` is compiled with {dict(value.targetoptions)}; fastmath and the like are "
                f"not bit-exact, {_PROMISE}: use trajdata.kernel"
            )
        return ""
    if isinstance(value, (ModuleType, bool, int, float, str, tuple, np.dtype)):
        return ""
    if isinstance(value, (np.ndarray, np.generic)) and not value.dtype.hasobject:
        return ""
    home = getattr(value, "__module__", None)
    own = getattr(value, "__name__", "")
    if isinstance(value, np.ufunc) or home in ("math", "numpy"):
        return _of_module("math" if home == "math" else "numpy", own)
    if inspect.isfunction(value):
        return f"`{name}` is not compiled: decorate it with trajdata.kernel"
    return f"`{name}` is {value!r:.80}, which a digest cannot tell from another"


def _contents(function: Any) -> Iterator[str]:
    """The texts that stand for a function in a digest."""
    for found in _functions(function):
        yield found.__name__
        yield "\n".join(line.rstrip() for line in _lines(found)[0].splitlines())
        for name, value in _named(found):
            yield name
            yield _content(value)


def _content(value: Any) -> str:
    if isinstance(value, ModuleType):
        return f"module {value.__name__}"
    if isinstance(value, Dispatcher):
        # A user's own follows by its source.
        return f"kernel {value.py_func.__name__}"
    if isinstance(value, np.ndarray):
        return f"array {value.dtype.str} {value.shape} {value.tobytes().hex()}"
    return f"{type(value).__name__} {value!r}"
