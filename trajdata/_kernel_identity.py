"""The identity of a kernel: a digest of all that it is made of, the same in every process.

A compiled kernel contains more than its own function: it contains the kernels that it calls, and
the values of globals and closure cells, which Numba reads once and keeps. So its identity is a
digest of

- the function itself: bytecode, constants, defaults;
- every global and closure cell that the function names, by content: a kernel by its own identity; a
  number, text, tuple or small array by its value;
- the sources: the function's own file, and every module of the package that this file imports,
  directly or through other modules. If the two rules above miss nothing, this one is redundant; if
  they miss something, it still notices an edit.

The first two rules look at the function in memory and not at its file. If a file is edited after it
was imported, the old function in memory together with the new file gives an identity that no other
process has. So the old code is never stored under the identity of the new file.

Some values have no content that can be compared, such as an object of a foreign class or a module
of another package. They make a kernel unidentifiable: each process compiles it, because a slow
start is better than wrong code.
"""

from __future__ import annotations

import dis
import functools
import hashlib
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import numpy as np
from numba.core import types
from numba.core.caching import FunctionCache
from numba.core.dispatcher import Dispatcher

__all__ = ["Unidentifiable", "digest", "identity_of", "identity_of_type", "sources_of"]

_ROOT = Path(__file__).parent
_PACKAGE = __name__.partition(".")[0]
_DECORATOR = f"{_PACKAGE}._jit"
_LARGEST_ARRAY = 1 << 20
"""Bytes. Numba copies a global array into the code, which nobody wants for a larger one."""

# An import statement. The groups: the module after `from`, the names after its `import`, and the
# modules after a plain `import`. Parsing the sources would take a hundredth of a program's start.
# The pattern finds every import that parsing finds (a test compares the two), and sometimes more:
# an example in a docstring, or the name after `as`.
_IMPORT = re.compile(
    r"(?:^|[;:])[ \t\f]*(?:lazy[ \t]+)?"
    r"(?:from[ \t]+([.\w]+)[ \t]+import[ \t]*(\((?:[^)#]|#.*)*\)|[^\n;]*)"
    r"|import[ \t]+([^\n;]*))",
    re.MULTILINE,
)
_NAME = re.compile(r"[\w.]+")

# Packages whose functions are identified by name: the cache's key has the packages' versions.
_VERSIONED = frozenset({"builtins", "cmath", "math", "numba", "numpy", "operator"})

# Types of arguments that are fully described by their name. Other names, such as that of a function
# type, hold an address, at which another process may have another function.
_PLAIN_TYPES = (
    *(types.Boolean, types.Complex, types.Float, types.Integer, types.NoneType),
    *(types.SliceType, types.UnicodeType),
)


class Unidentifiable(Exception):
    """A part of a kernel has no content that can be compared, so the kernel has no identity."""


def digest(*parts: bytes | str) -> bytes:
    """SHA-256 of a sequence of parts. The length of each part is hashed too, so that two different
    sequences never give the same bytes to hash."""
    total = hashlib.sha256()
    for part in parts:
        content = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        total.update(len(content).to_bytes(8, "little"))
        total.update(content)
    return total.digest()


def identity_of(kernel: Any) -> bytes:
    """The identity of a kernel (a Numba dispatcher), 32 bytes.

    Globals may be rebound between two compilations. So nothing is remembered from one call to the
    next except the contents of files.

    Raises:
        Unidentifiable: the kernel must not be cached.
    """
    return _Walk().kernel(kernel)


def identity_of_type(kind: Any) -> str:
    """The identity of a Numba type, as text.

    Raises:
        Unidentifiable: the text of the type may mean another type in another process.
    """
    if isinstance(kind, types.Array):
        identity_of_type(kind.dtype)
    elif isinstance(kind, types.Record):
        for _, field in kind.members:
            identity_of_type(field)
    elif isinstance(kind, types.NestedArray):
        identity_of_type(kind.dtype)
    elif isinstance(kind, (types.UniTuple, types.Tuple)):
        return f"({', '.join(identity_of_type(item) for item in kind.types)})"
    elif isinstance(kind, (types.Literal, types.Omitted)):
        value = kind.literal_value if isinstance(kind, types.Literal) else kind.value
        if type(value) not in (bool, int, float, str, type(None)):
            raise Unidentifiable(f"a value of {type(value)}")
        return f"{type(kind).__name__} {type(value).__name__} {value!r}"
    elif not isinstance(kind, _PLAIN_TYPES):
        raise Unidentifiable(f"an argument of type {kind}")
    return f"{type(kind).__name__} {kind}"


class _Walk:
    """One pass over a kernel and all kernels that it calls; each of them is looked at once."""

    def __init__(self) -> None:
        self._known: dict[int, bytes | Unidentifiable] = {}
        self._open: list[Any] = []

    def kernel(self, kernel: Any) -> bytes:
        if self._open and kernel is self._open[-1]:
            return digest("calls itself")
        known = self._known.get(id(kernel))
        if known is None:
            if any(kernel is caller for caller in self._open):
                raise Unidentifiable(f"{kernel} and its callers call each other")
            self._open.append(kernel)
            try:
                known = self._function(kernel)
            except Unidentifiable as reason:
                known = reason
            finally:
                self._open.pop()
            self._known[id(kernel)] = known
        if isinstance(known, Unidentifiable):
            raise known
        return known

    def _function(self, kernel: Any) -> bytes:
        function = kernel.py_func
        code = function.__code__
        if kernel.locals:
            raise Unidentifiable(f"{kernel} has declared locals")
        if isinstance(kernel._cache, FunctionCache):
            raise Unidentifiable(f"{kernel} has a cache that does not see its parts")
        cells = []
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            try:
                value = cell.cell_contents
            except ValueError as error:
                raise Unidentifiable(f"{name} of {kernel} has no value yet") from error
            cells.append(digest(name, self._value(value, sorted(_names(code)))))
        return digest(
            # The dispatcher's qualname: the cache changes the function's own before it compiles.
            f"{function.__module__}.{kernel.__qualname__}",
            repr(sorted(kernel.targetoptions.items())),
            sources_of(inspect.getfile(function)),
            self._code(code),
            self._value(function.__defaults__, ()),
            self._value(tuple(sorted((function.__kwdefaults__ or {}).items())), ()),
            *cells,
            "globals",
            *self._globals(function),
        )

    def _code(self, code: CodeType) -> bytes:
        return digest(
            code.co_code,
            repr((code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)),
            repr((code.co_flags, code.co_names, code.co_varnames, code.co_cellvars)),
            repr(code.co_freevars),
            *(
                self._code(item) if isinstance(item, CodeType) else self._value(item, ())
                for item in code.co_consts
            ),
        )

    def _globals(self, function: Any) -> list[bytes]:
        space = function.__globals__
        names = sorted(_names(function.__code__))
        try:
            # `names` also has attributes (`shape` of an array). These are more names than needed,
            # but they are found without disassembling the bytecode.
            here = (name for name in names if name in space)
            return [digest(name, self._value(space[name], names)) for name in here]
        except Unidentifiable:
            pass
        found = {}
        for code in _codes(function.__code__):
            for path in _paths(code):
                if path[0] in space:
                    value, rest = space[path[0]], list(path[1:])
                    while rest and _ours(value) and rest[0] in vars(value):
                        value = vars(value)[rest.pop(0)]
                    found[".".join(path)] = digest(".".join(path), self._value(value, ()))
        return [found[path] for path in sorted(found)]

    def _value(self, value: Any, names: Iterable[str]) -> bytes:
        """The identity of a value. For a module of this package it covers what the module has
        under each of ``names``."""
        kind = type(value)
        if isinstance(value, Dispatcher):
            return digest("kernel", self.kernel(value))
        if value is None or value is Ellipsis or kind in (bool, int, float, complex, str, bytes):
            return digest(kind.__name__, repr(value))
        if kind is tuple:
            return digest("tuple", *(self._value(item, names) for item in value))
        if kind is frozenset:
            return digest("frozenset", *sorted(self._value(item, names) for item in value))
        if isinstance(value, (np.ndarray, np.generic)):
            return _array(value)
        if isinstance(value, np.dtype):
            return _dtype(value)
        if isinstance(value, types.Type):
            return digest("type", identity_of_type(value))
        if isinstance(value, ModuleType):
            return self._module(value, names)
        home = getattr(value, "__module__", None) or "numpy"
        name = getattr(value, "__name__", "")
        known = home.partition(".")[0] in _VERSIONED
        if known and getattr(sys.modules.get(home), name, None) is value:
            return digest("known", home, name)
        raise Unidentifiable(f"a value of {kind}")

    def _module(self, module: ModuleType, names: Iterable[str]) -> bytes:
        if module.__name__.partition(".")[0] in _VERSIONED:
            return digest("module", module.__name__)
        if not _ours(module):
            raise Unidentifiable(f"module {module.__name__}")
        return digest(
            "module",
            module.__name__,
            *(
                digest(name, self._value(vars(module)[name], names))
                for name in names
                if name in vars(module) and vars(module)[name] is not module
            ),
        )


def _ours(value: Any) -> bool:
    return isinstance(value, ModuleType) and value.__name__.partition(".")[0] == _PACKAGE


def _array(value: np.ndarray[Any, Any] | np.generic) -> bytes:
    if value.dtype.hasobject or value.nbytes > _LARGEST_ARRAY:
        raise Unidentifiable(f"an array of {value.dtype}, {value.nbytes} bytes")
    flags = f"{value.flags.c_contiguous} {value.flags.f_contiguous} {value.flags.aligned}"
    shape = f"{type(value).__name__} {value.shape} {flags}"
    return digest("array", shape, _dtype(value.dtype), value.tobytes())


def _dtype(value: np.dtype[Any]) -> bytes:
    if value.metadata:
        raise Unidentifiable("a dtype with metadata")
    return digest("dtype", repr(value), repr(value.itemsize), repr(value.fields))


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code of a function and of the functions and comprehensions inside it."""
    yield code
    for item in code.co_consts:
        if isinstance(item, CodeType):
            yield from _codes(item)


def _names(code: CodeType) -> set[str]:
    """The globals and attributes that a function reads."""
    return {name for part in _codes(code) for name in part.co_names}


def _paths(code: CodeType) -> Iterator[tuple[str, ...]]:
    """The globals that code reads, each with the attributes that are read directly from it:
    ("math", "sin")."""
    path: tuple[str, ...] = ()
    for instruction in dis.get_instructions(code):
        if path and instruction.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            path = (*path, instruction.argval)
            continue
        if path:
            yield path
        path = (instruction.argval,) if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME") else ()
    if path:
        yield path


@functools.cache
def sources_of(file: str) -> bytes:
    """A digest of the contents of a source file and of all sources of the package that it imports.

    Each file is read once in a process.

    Raises:
        Unidentifiable: a source cannot be read.
    """
    own = Path(file)
    found = {"": _source(own)}
    waiting = {_DECORATOR, *found[""][1]}
    while waiting:
        module = waiting.pop()
        path = _file_of(module)
        if path is not None and module not in found:
            found[module] = _source(path)
            waiting |= found[module][1]
    return digest(*(part for module in sorted(found) for part in (module, found[module][0])))


@functools.cache
def _file_of(module: str) -> Path | None:
    """The file of a module of the package; None if there is no such module, since the last part is
    a name inside a module."""
    package, *rest = module.split(".")
    if package != _PACKAGE:
        return None
    place = _ROOT.joinpath(*rest)
    files = (place / "__init__.py", place.with_suffix(".py") if rest else place)
    return next((file for file in files if file.is_file()), None)


@functools.cache
def _source(path: Path) -> tuple[bytes, frozenset[str]]:
    """The digest of a source, and the names of the package that it imports, at any place in it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Unidentifiable(f"{path} cannot be read") from error
    ours: set[str] = set()
    text = content.decode("utf-8", "replace").replace("\\\n", " ")
    for home, names, plain in _IMPORT.findall(text):
        if home:
            home = _absolute(home, path)
            ours.update([home, *(f"{home}.{name}" for name in _NAME.findall(names))])
        else:
            ours.update(_NAME.findall(plain))
            # `import trajdata.x` binds `trajdata`, through which everything can be reached.
            ours.update(name.partition(".")[0] for name in _NAME.findall(plain))
    ours = {name for name in ours if name.partition(".")[0] == _PACKAGE}
    for name in tuple(ours):
        # Importing a.b.c runs the __init__ of a.b too. That of the package itself counts only if
        # the package is imported by its own name.
        parts = name.split(".")
        ours.update(".".join(parts[:end]) for end in range(2, len(parts)))
    return hashlib.sha256(content).digest(), frozenset(ours)


def _absolute(home: str, path: Path) -> str:
    """The full name of the module after `from`, which may be relative to a file of the package."""
    name = home.lstrip(".")
    if name == home or not path.is_relative_to(_ROOT):
        return name if name == home else ""
    folder = [_PACKAGE, *path.parent.relative_to(_ROOT).parts]
    folder = folder[: len(folder) - (len(home) - len(name) - 1)]
    return ".".join([*folder, name] if name else folder)
