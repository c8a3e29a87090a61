"""What a kernel is made of, as a digest that is the same in every process.

A compiled kernel contains more than its own function: the kernels that it calls, and the values of
globals and closure cells, which Numba reads once and keeps. So its identity is a digest of

- the function itself: bytecode, constants, defaults;
- every global and closure cell that it names, by content: a kernel by its own identity, a number,
  text, tuple or small array by its value;
- the sources: its own file, and every module of the package that this file imports, directly or
  through other modules. They are redundant as long as the rules above are complete, and cover
  what those cannot see.

The function counts as it is in memory, not as it stands in its file: a file that was edited
after it was imported then gives an identity that no other process ever has, instead of the old
code under the new file's name.

What has no content that can be compared (an object of a foreign class, a module of somebody else)
makes a kernel unidentifiable: it is compiled by each process, because a wrong hit is worse.
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
"""Bytes. Numba copies a global array into the code; nobody means to do that with a larger one."""

# An import statement: what stands after `from` and after its `import`, or after a plain `import`.
# Parsing the sources would take a hundredth of a program's start; this finds no less (a test
# compares the two), and sometimes more: an example in a docstring, or the name after `as`.
_IMPORT = re.compile(
    r"(?:^|[;:])[ \t\f]*(?:lazy[ \t]+)?"
    r"(?:from[ \t]+([.\w]+)[ \t]+import[ \t]*(\((?:[^)#]|#.*)*\)|[^\n;]*)"
    r"|import[ \t]+([^\n;]*))",
    re.MULTILINE,
)
_NAME = re.compile(r"[\w.]+")

# Packages whose functions are known by their name: their versions stand in the cache's key.
_VERSIONED = frozenset({"builtins", "cmath", "math", "numba", "numpy", "operator"})

# Types of arguments whose name says everything about them. Not so those whose name holds an
# address, as that of a function: another process may have another function at that address.
_PLAIN_TYPES = (
    *(types.Boolean, types.Complex, types.Float, types.Integer, types.NoneType),
    *(types.SliceType, types.UnicodeType),
)


class Unidentifiable(Exception):
    """Something that a kernel is made of cannot be told apart from something else."""


def digest(*parts: bytes | str) -> bytes:
    """SHA-256 of a sequence of parts: their lengths count, so no two sequences run together."""
    total = hashlib.sha256()
    for part in parts:
        content = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        total.update(len(content).to_bytes(8, "little"))
        total.update(content)
    return total.digest()


def identity_of(kernel: Any) -> bytes:
    """The identity of a kernel (a Numba dispatcher), 32 bytes.

    Globals may be rebound between two compilations, so nothing is remembered from one call to
    the next but what files contain.

    Raises:
        Unidentifiable: the kernel must not be cached.
    """
    return _Walk().kernel(kernel)


def identity_of_type(kind: Any) -> str:
    """A Numba type as text.

    Raises:
        Unidentifiable: a type whose text may mean another type in another process.
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
    """One pass over a kernel and all that it calls, each of them looked at once."""

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
            # The function's own qualname is that under which it was compiled last.
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
            # The names hold attributes too (`shape` of an array): more than is needed, and
            # found without taking the bytecode apart.
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
        """A value's identity; of a module of ours, also that of what is read from it by name."""
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
    """A function's code and that of the functions and comprehensions inside it."""
    yield code
    for item in code.co_consts:
        if isinstance(item, CodeType):
            yield from _codes(item)


def _names(code: CodeType) -> set[str]:
    """The globals and attributes that a function reads."""
    return {name for part in _codes(code) for name in part.co_names}


def _paths(code: CodeType) -> Iterator[tuple[str, ...]]:
    """The globals that code reads, each with the attributes that are read off it at once."""
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
    """A digest of a source file and of all the package's sources that it imports, by content.

    Each file is read once in a process.

    Raises:
        Unidentifiable: a source that cannot be read.
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
    """The file of a module of the package; None where it is none (a name inside a module)."""
    package, *rest = module.split(".")
    if package != _PACKAGE:
        return None
    place = _ROOT.joinpath(*rest)
    files = (place / "__init__.py", place.with_suffix(".py") if rest else place)
    return next((file for file in files if file.is_file()), None)


@functools.cache
def _source(path: Path) -> tuple[bytes, frozenset[str]]:
    """The digest of a source, and the names in the package that it imports, anywhere in it."""
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
            # `import trajdata.x` gives the name `trajdata`, from which all the rest can be had.
            ours.update(name.partition(".")[0] for name in _NAME.findall(plain))
    ours = {name for name in ours if name.partition(".")[0] == _PACKAGE}
    for name in tuple(ours):
        # Importing a.b.c runs b's __init__ too. The package's own is counted where it is named.
        parts = name.split(".")
        ours.update(".".join(parts[:end]) for end in range(2, len(parts)))
    return hashlib.sha256(content).digest(), frozenset(ours)


def _absolute(home: str, path: Path) -> str:
    """The module after `from`; relative names count from a file of the package."""
    name = home.lstrip(".")
    if name == home or not path.is_relative_to(_ROOT):
        return name if name == home else ""
    folder = [_PACKAGE, *path.parent.relative_to(_ROOT).parts]
    folder = folder[: len(folder) - (len(home) - len(name) - 1)]
    return ".".join([*folder, name] if name else folder)
