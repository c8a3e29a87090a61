"""A model of what a power loss leaves: only what was synced is sure, the rest may be there or not.

The bake writes down what it asks of the disk. From that log, cut anywhere, crash states are made:
an unsynced write may be lost, short or zeros, and of the changes of names in a folder since its
last sync any may have been lost, each name for itself.
"""

import random
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.torture.fault_disk import Killed
from trajdata._store.disk import Disk


class RecordingDisk(Disk):
    """Does what it is asked, and writes it down.

    Args:
        root: as ``Disk``.
        log: of a run before this one, to go on with.
        dies_at: at that length of the log the process is killed.
    """

    def __init__(self, root, log=(), dies_at=None):
        super().__init__(root)
        self.log = list(log)
        self._dies_at = dies_at
        self._taking = threading.RLock()
        self._nodes = {}
        self._next = sum(event[0] == "open" for event in self.log)

    @contextmanager
    def _alive(self):
        with self._taking:
            if self._dies_at is not None and len(self.log) >= self._dies_at:
                raise Killed
            yield

    def claim(self, report):
        """What the bake says is safe: so many shards, or all of it."""
        with self._taking:
            self.log.append(("claim", report.shards_done, report.status == "done"))

    def make_folder(self, name):
        with self._alive():
            parts = name.split("/")
            for depth in range(len(parts) + 1):
                folder = "/".join(parts[:depth])
                if not self.path(folder).is_dir():
                    self.log.append(("mkdir", folder))
            super().make_folder(name)

    def open_new(self, name):
        with self._alive():
            file = super().open_new(name)
            self._next += 1
            self._nodes[file] = self._next
            self.log.append(("open", self._next, name))
            return file

    def write(self, file, data):
        with self._alive():
            count = super().write(file, data)
            self.log.append(("write", self._nodes[file], bytes(data[:count])))
            return count

    def written(self, file):
        with self._taking:
            if file in self._nodes:
                self.log.append(("check", self._nodes[file]))
            return super().written(file)

    def sync(self, file):
        with self._alive():
            super().sync(file)
            self.log.append(("sync", self._nodes[file]))

    def close(self, file):
        with self._taking:
            if file in self._nodes:  # others were opened for reading
                self.log.append(("close", self._nodes.pop(file)))
            super().close(file)

    def rename(self, name, new_name):
        with self._alive():
            super().rename(name, new_name)
            self.log.append(("rename", name, new_name))

    def link(self, name, new_name):
        with self._alive():
            super().link(name, new_name)
            self.log.append(("link", name, new_name))

    def remove(self, name):
        with self._alive():
            super().remove(name)
            self.log.append(("remove", name))

    def sync_folder(self, name):
        with self._alive():
            super().sync_folder(name)
            self.log.append(("sync folder", name))


@dataclass
class _Node:
    data: bytes = b""
    synced: int = 0


@dataclass
class _Folder:
    """Names -> what they stood for, oldest first; the first is what is surely on the medium."""

    names: dict = field(default_factory=dict)

    def put(self, name, what):
        self.names.setdefault(name, [None]).append(what)

    def now(self, name):
        return self.names.get(name, [None])[-1]

    def sync(self):
        self.names = {name: versions[-1:] for name, versions in self.names.items()}


FOLDER = "folder"


class Medium:
    """Replays a log, and makes the states that a power loss could leave."""

    def __init__(self, initial=None):
        self.nodes = {}
        self.folders = {"..": _Folder()}
        self.moves = []
        self.claimed, self.claimed_done = 0, False
        if initial:
            for folder in ("", ".trajdata", ".trajdata/tmp"):
                self._make_folder(folder)
        for path, data in (initial or {}).items():
            parts = path.split("/")
            for depth in range(len(parts)):
                self._make_folder("/".join(parts[:depth]))
            self.nodes[path] = _Node(data, len(data))
            self._folder_of(path).put(parts[-1], path)
        for folder in self.folders.values():
            folder.sync()

    def _make_folder(self, name):
        if name not in self.folders:
            self.folders[name] = _Folder()
            parent, own = (name.rpartition("/")[0], name.rpartition("/")[2]) if name else ("..", "")
            self.folders[parent].put(own, FOLDER)

    def _folder_of(self, path):
        return self.folders[path.rpartition("/")[0]]

    def step(self, event):
        kind, *rest = event
        if kind == "claim":
            self.claimed, self.claimed_done = rest
        elif kind == "mkdir":
            self._make_folder(rest[0])
        elif kind == "open":
            node, name = rest
            self.nodes[node] = _Node()
            self._folder_of(name).put(name.rpartition("/")[2], node)
        elif kind == "write":
            self.nodes[rest[0]].data += rest[1]
        elif kind == "sync":
            self.nodes[rest[0]].synced = len(self.nodes[rest[0]].data)
        elif kind == "rename":
            old, new = rest
            node = self._folder_of(old).now(old.rpartition("/")[2])
            self._folder_of(new).put(new.rpartition("/")[2], node)
            self._folder_of(old).put(old.rpartition("/")[2], None)
            self.moves.append((old, node))
        elif kind == "link":
            old, new = rest
            node = self._folder_of(old).now(old.rpartition("/")[2])
            self._folder_of(new).put(new.rpartition("/")[2], node)
        elif kind == "remove":
            self._folder_of(rest[0]).put(rest[0].rpartition("/")[2], None)
        elif kind == "sync folder" and rest[0] in self.folders:
            self.folders[rest[0]].sync()

    def crash(self, chance, mode):
        """What is there after a power loss now: path -> bytes.

        Args:
            chance: a ``random.Random``.
            mode: "least" loses all that may be lost, "names" keeps all names and no data,
                "most" loses nothing, "any" throws dice.
        """
        chosen = {
            (folder, name): self._choose(versions, chance, mode)
            for folder, held in self.folders.items()
            for name, versions in held.names.items()
        }
        # A rename that was lost leaves the old name: filesystems do it at one stroke.
        kept = set(chosen.values())
        for path, node in self.moves:
            folder, _, name = path.rpartition("/")
            if node not in kept and node in self.folders[folder].names[name]:
                chosen[folder, name] = node
        found = {}
        for (folder, name), what in chosen.items():
            if what not in (None, FOLDER) and self._is_there(folder, chosen):
                path = f"{folder}/{name}" if folder else name
                found[path] = self._content(self.nodes[what], chance, mode)
        return found

    def _choose(self, versions, chance, mode):
        if len(versions) == 1 or mode == "least":
            return versions[0]
        return chance.choice(versions) if mode == "any" else versions[-1]

    def _is_there(self, folder, chosen):
        parent, _, own = folder.rpartition("/")
        if folder == "":
            return chosen["..", ""] is not None
        return chosen[parent, own] is not None and self._is_there(parent, chosen)

    def _content(self, node, chance, mode):
        unsure = len(node.data) - node.synced
        if mode == "most" or not unsure:
            return node.data
        sure = node.data[: node.synced]
        if mode == "any":
            fate = chance.randrange(4)
            if fate == 0:
                return node.data
            if fate == 1:
                return sure + bytes(unsure)
            if fate == 2:
                return node.data[: node.synced + chance.randrange(unsure + 1)]
        return sure


def crash_states(log, initial, number, seed, first=0):
    """``number`` crash states of a log, at every point of it from ``first`` on:
    (point, medium, path -> bytes)."""
    chance = random.Random(seed)
    modes = ("least", "names", "most")
    rounds = max(1, -(-number // (len(log) + 1 - first)))
    medium = Medium(initial)
    for point in range(len(log) + 1):
        if point:
            medium.step(log[point - 1])
        for turn in range(rounds if point >= first else 0):
            mode = modes[turn] if turn < len(modes) else "any"
            yield point, medium, medium.crash(chance, mode)
