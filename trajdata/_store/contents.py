"""What a store holds: its recipe, its index, its commit records and the shards that these promise.

All code that needs to know this asks this module. It reads those small files and asks for the sizes
of the shards, and looks at nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from trajdata._errors import ShardError
from trajdata._shards.commit_range import range_file, range_with
from trajdata._shards.commit_record import Commit, commit_file
from trajdata._shards.commits import Commits
from trajdata._shards.index import INDEX, INDEX_BYTES, INDEX_END, Index, parse_index
from trajdata._shards.recipe import RECIPE_BYTES, Recipe, parse_recipe
from trajdata._shards.shard_sets import Promised, ShardSet
from trajdata._store.commit_records import CommitRecords
from trajdata._store.damage import Damage, DamageLog
from trajdata._store.names import COMMITS, RECIPE
from trajdata._store.protocol import ReadableStore
from trajdata._store.ranges import file_sha256, listed_names, read_whole

__all__ = ["Contents", "held_recipe", "listed_shards", "read_contents", "survey_contents"]

_REHASHED = 2
_READS = 20


@dataclass(frozen=True)
class Contents:
    """What a store holds.

    Attributes:
        recipe: the store's recipe.
        has_recipe_file: whether recipe.json is there and can be read.
        index: the index; None if there is none, or none that counts.
        commits: shard -> its commit record, for the commit records that can be read.
        single: the shards of these that have a commit record in a file of its own.
        folded: numbers of the ranges whose commit records are in one file.
        present: shards that are promised and whose file is there with its full size.
        damage: the damaged files, which were left out. Always empty from ``read_contents``, which
            raises instead.
        outgrown: shard -> a commit record for fewer clips than the shard must have now. It belongs
            to the short last shard from before the store grew, and does not count as committed.
        has_outgrown_index: whether index.json is from before the store grew. Such an index does not
            count.
    """

    recipe: Recipe
    has_recipe_file: bool
    index: Index | None
    commits: Commits
    single: ShardSet
    folded: frozenset[int]
    present: ShardSet
    damage: tuple[Damage, ...]
    outgrown: Mapping[int, Commit]
    has_outgrown_index: bool

    @property
    def promised(self) -> Promised:
        """Shard -> the SHA-256 that the index promises, or its commit record if no index does."""
        return Promised.by(self.index.hashes) if self.index else self.commits.promised

    @property
    def committed(self) -> Commits:
        """Shard -> commit record, for the shards whose file is there with its full size."""
        return self.commits.within(self.present)

    def records_of(self, shard: int) -> list[str]:
        """Names of the files that have a shard's commit record: its own, that of its range."""
        number = range_with(shard)
        names = [commit_file(shard)] if shard in self.single else []
        names += [range_file(number)] if number in self.folded else []
        return [f"{COMMITS}/{name}" for name in names]

    @property
    def pending(self) -> list[int]:
        """The shards that are not committed."""
        return list(self.committed.shards.others())

    @property
    def newest(self) -> list[int]:
        """The last shards that are there, which ``without_damaged_newest`` hashes."""
        return self.present.last(_REHASHED)

    @property
    def is_complete(self) -> bool:
        """Whether there is an index and every shard."""
        return self.index is not None and len(self.present) == self.recipe.shards

    def without_damaged_newest(self, store: ReadableStore) -> Contents:
        """Hash the newest shards, and leave out those without their promised SHA-256.

        These were written just before the last run ended, so they are the most likely to be damaged
        by what ended it.

        Raises:
            OSError: a shard cannot be read.
        """
        promised = self.promised
        wrong = {
            shard
            for shard in self.newest
            if file_sha256(store, self.recipe.shard_name(shard)) != promised[shard]
        }
        return replace(self, present=self.present.without(wrong))


def read_contents(store: ReadableStore) -> Contents | None:
    """What a store holds; None if it has neither an index nor a recipe.

    A store may grow while it is read. Then the files are read again, until all of them are from the
    same moment.

    Raises:
        ShardError: an index, recipe or commit record is damaged, or contradicts another.
    """
    for _ in range(_READS):
        before = _recipe_bytes(store)
        try:
            contents = _Reader(store).contents()
        except ShardError:
            if _recipe_bytes(store) == before:
                raise
            continue
        if contents is None or len(contents.present) == len(contents.promised):
            return contents
        if _recipe_bytes(store) == before:
            return contents
    raise ShardError(store.path(RECIPE), expected="a recipe that stays", found="one that changes")


def _recipe_bytes(store: ReadableStore) -> bytes | None:
    """The bytes of the recipe file, which change when the store grows."""
    return read_whole(store, RECIPE, RECIPE_BYTES)


def survey_contents(store: ReadableStore) -> Contents | None:
    """``read_contents`` for a store that may be damaged: damaged files are left out and listed.

    Raises:
        ShardError: neither the index nor the recipe can be read.
    """
    return _Reader(store, DamageLog(is_kept=True)).contents()


def _place(item: Damage) -> str:
    """Where damage stands in a list: records, which are listed in any order, by their names."""
    return item.name if item.kind == "commit record" else ""


def listed_shards(store: ReadableStore, recipe: Recipe) -> tuple[ShardSet, list[str]]:
    """The shards whose names are taken in a store, and the sorted names of strays.

    A stray is another tar, which a library that reads every tar of a folder would read too.
    """
    there, strays = np.zeros(recipe.shards, np.bool_), []
    for name in listed_names(store, ""):
        shard = recipe.shard_of(name)
        if shard is not None:
            there[shard] = True
        elif ".tar" in name:
            strays.append(name)
    return ShardSet(there), sorted(strays)


def held_recipe(store: ReadableStore) -> Recipe | None:
    """The recipe of a store, from recipe.json or else from the index; None if it has neither.

    Raises:
        ShardError: one of the two files is damaged, or they contradict each other.
    """
    found = _Reader(store).recipe_and_index()
    return found[0] if found else None


def _is_outgrown(before: Recipe, now: Recipe) -> bool:
    return before.clips < now.clips and replace(before, clips=now.clips) == now


class _Reader:
    """Reads one store."""

    def __init__(self, store: ReadableStore, log: DamageLog | None = None) -> None:
        self.store = store
        self.log = log or DamageLog(is_kept=False)

    def contents(self) -> Contents | None:
        found = self.recipe_and_index()
        if found is None:
            return None
        recipe, index, has_recipe_file, has_outgrown_index = found
        records = CommitRecords(self.store, recipe, self.log)
        records.look()
        commits = records.commits
        if index is not None:
            for shard in commits.promised.differing(Promised.by(index.hashes)):
                commit = commits[shard]
                expected = f"SHA-256 {commit.sha256} for {commit.url}, as its commit record has it"
                self._note("index", INDEX, expected, index.sha256[shard])
        promised = commits.shards if index is None else ShardSet.of_all(recipe.shards)
        return Contents(
            recipe=recipe,
            has_recipe_file=has_recipe_file,
            index=index,
            commits=commits,
            single=records.single,
            folded=frozenset(records.folded),
            present=self._present(recipe, promised),
            damage=tuple(sorted(self.log.damage, key=_place)),
            outgrown=records.outgrown,
            has_outgrown_index=has_outgrown_index,
        )

    def _present(self, recipe: Recipe, promised: ShardSet) -> ShardSet:
        """Those of the promised shards whose file is there with its full size."""
        present = np.zeros(recipe.shards, np.bool_)
        if not promised:
            return ShardSet(present)
        for page in self.store.list(""):
            for name, size in page:
                shard = recipe.shard_of(name)
                if shard is not None and promised.mask[shard]:
                    found = self._size(name) if size is None else size
                    present[shard] = found == recipe.shard_bytes(shard)
        return ShardSet(present)

    def _size(self, name: str) -> int | None:
        try:
            return self.store.size(name)
        except ShardError:
            return None  # a link, a folder or something else that is no file

    def recipe_and_index(self) -> tuple[Recipe, Index | None, bool, bool] | None:
        """The recipe, the index, whether the recipe has a file, and whether the index is from
        before the store grew."""
        # The index is read first: a store grows by writing the new recipe and then removing the
        # old index, so an index that is read after the recipe may be missing for no fault.
        index = self.log.guarded("index", INDEX, self._index)
        recipe = self.log.guarded("recipe", RECIPE, self._recipe)
        if index is not None and recipe is not None and _is_outgrown(index.recipe, recipe):
            return recipe, None, True, True
        if index is not None and recipe is not None and recipe != index.recipe:
            self._note("contradiction", INDEX, f"the recipe in {RECIPE}", "another")
        if index is not None:
            return index.recipe, index, recipe is not None, False
        if recipe is not None:
            return recipe, None, True, False
        if self.log.damage:
            raise ShardError(
                self.store.path(INDEX),
                expected="a readable index or recipe",
                found=str(self.log.damage[0].error),
            )
        return None

    def _index(self) -> Index | None:
        file = self.store.path(INDEX)
        if (size := self.store.size(INDEX) or 0) > INDEX_BYTES:
            raise ShardError(file, expected=f"at most {INDEX_BYTES} bytes", found=f"{size}")
        if size > RECIPE_BYTES:
            # A long file that is no index is not read whole.
            end = self.store.read(INDEX, size - len(INDEX_END), len(INDEX_END))
            if end is None:
                return None  # a store that grows has just removed it
            if end != INDEX_END:
                raise ShardError(file, expected=f"{INDEX_END!r} at its end", found=f"{end!r:.80}")
        data = read_whole(self.store, INDEX, INDEX_BYTES)
        return None if data is None else parse_index(data, file)

    def _recipe(self) -> Recipe | None:
        data = read_whole(self.store, RECIPE, RECIPE_BYTES)
        return None if data is None else parse_recipe(data, self.store.path(RECIPE))

    def _note(self, kind: str, name: str, expected: str, found: str) -> None:
        self.log.note(kind, name, ShardError(self.store.path(name), expected=expected, found=found))
