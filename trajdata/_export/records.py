"""The records of an export: which files of a part are there, and of which export they are."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trajdata._errors import ArgumentError, ShardError
from trajdata._export.plan import EXPORT, ExportPlan
from trajdata._shards.strict_json import SEAL, canonical, check_spelling, expect, parse, sealed
from trajdata._store.folder import FolderStore
from trajdata._store.names import COMMITS, HIDDEN, RECIPE
from trajdata._store.ranges import listed_names, put_bytes, read_whole

__all__ = ["PartRecord", "check_folder", "read_record", "write_record"]

_MOST_BYTES = 2**26
_EXPORT_BYTES = 2**20


@dataclass(frozen=True)
class PartRecord:
    """The files of a part that were written whole.

    Attributes:
        files: name -> (bytes, SHA-256 in hex).
    """

    files: Mapping[str, tuple[int, str]]


def check_folder(store: FolderStore, plan: ExportPlan) -> bool:
    """Check that a folder is new or empty, or holds this export. Nothing is written.

    Returns:
        Whether it holds the export.

    Raises:
        SpecMismatchError: it holds another export.
        ArgumentError: it holds something else.
        ShardError: a link or a folder is in the place of a file.
    """
    held = read_whole(store, EXPORT, _EXPORT_BYTES)
    if held is not None:
        plan.check_same(held, store.path(EXPORT))
        return True
    names = sorted(listed_names(store, ""))
    others = [name for name in names if name != HIDDEN]
    if HIDDEN in names and (store.size(RECIPE) is not None or any(listed_names(store, COMMITS))):
        others.append(HIDDEN)
    if others:
        raise ArgumentError(
            f"out: given {store.where!r}, which holds {others[0]!r:.80} and is no export; allowed "
            "is a folder that is new, empty or an export"
        )
    return False


def read_record(
    store: FolderStore, plan: ExportPlan, part: int, let_go: Callable[[str], None]
) -> PartRecord | None:
    """The record of a part; None: it has none, or a file that it names is missing or cut short.

    Args:
        store: the folder of the export.
        plan: of the export.
        part: its number.
        let_go: called with each folder that was looked into.

    Raises:
        ShardError: the record is damaged, or is another export's.
    """
    name = _name(part)
    data = read_whole(store, name, _MOST_BYTES)
    if data is None:
        return None
    file = store.path(name)
    value = parse(data, file, _MOST_BYTES)
    value.pop(SEAL, None)
    check_spelling(data, sealed(value), file)
    if (found := expect(value, "export", str, file)) != plan.digest:
        raise ShardError(file, expected=f"export {plan.digest}", found=f"{found:.80}")
    files: dict[str, tuple[int, str]] = {}
    for own, told in expect(value, "files", dict, file).items():
        if not isinstance(told, list) or [type(part) for part in told] != [int, str]:
            raise ShardError(file, expected="bytes and SHA-256 of a file", found=f"{told!r:.80}")
        files[own] = (told[0], told[1])
    return PartRecord(files) if _are_there(store, files, let_go) else None


def _are_there(
    store: FolderStore, files: Mapping[str, tuple[int, str]], let_go: Callable[[str], None]
) -> bool:
    for folder, names in itertools.groupby(files, key=os.path.dirname):
        is_whole = all(store.size(name) == files[name][0] for name in names)
        let_go(folder)
        if not is_whole:
            return False
    return True


def write_record(store: FolderStore, plan: ExportPlan, part: int, record: PartRecord) -> None:
    """Write the record of a part whose files are all on the medium."""
    files = {name: list(told) for name, told in record.files.items()}
    put_bytes(store, _name(part), canonical(sealed({"export": plan.digest, "files": files})))


def _name(part: int) -> str:
    return f"{COMMITS}/{part:06d}.json"
