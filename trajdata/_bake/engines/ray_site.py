"""A bake as a process of a node sees it: the store, the recipe, and memory to render in."""

from __future__ import annotations

import errno
import hashlib
import pickle
from dataclasses import dataclass
from functools import cached_property, lru_cache

from trajdata._bake.rerender import spread
from trajdata._bake.task import ShardTask, bake_shard, shard_builder
from trajdata._errors import ShardError
from trajdata._shards.commit_record import Commit
from trajdata._shards.recipe import Recipe
from trajdata._shards.records import RecordBuilder
from trajdata._store.names import RECIPE
from trajdata._store.protocol import Store

__all__ = ["Site", "opened_site", "sample_sha256"]

_SAMPLE_CLIPS = 4


@dataclass(frozen=True)
class Site:
    """What all shards of a bake have in common.

    Attributes:
        store: the store to write to, which every node must see.
        recipe: the store's recipe.
        sample: the ``sample_sha256`` of the process that began the bake.
    """

    store: Store
    recipe: Recipe
    sample: str

    @cached_property
    def _builder(self) -> RecordBuilder:
        return shard_builder(self.recipe)

    @cached_property
    def _recipe_bytes(self) -> bytes:
        return self.recipe.to_bytes()

    def bake(self, shard: int, promised: str | None, outgrown: str | None) -> Commit:
        """Bake a shard; the arguments are as of a ``ShardTask``.

        Raises:
            ShardError, OSError: as ``bake_shard``; also ESTALE, if the store is another one.
        """
        task = ShardTask(self.recipe, shard, promised, outgrown)
        self.check_store()
        return bake_shard(task, self.store, builder=self._builder, on_clips=self._on_clips)

    def _on_clips(self, clips: int) -> None:
        if clips > 0:
            self.check_store()

    def check_store(self) -> None:
        """Check that the store has this recipe. A node may see another folder under the same path;
        and one that was frozen may wake up when the store has grown, or is another one.

        Raises:
            OSError: ESTALE, if it has not.
        """
        found = self.store.read(RECIPE, 0, len(self._recipe_bytes) + 1)
        if found != self._recipe_bytes:
            what = "no store" if found is None else "another recipe"
            raise OSError(
                errno.ESTALE,
                f"a node of the cluster finds {what} there; all nodes must see the same store",
                self.store.path(RECIPE),
            )


@lru_cache(maxsize=1)
def opened_site(pickled: bytes) -> Site:
    """The site, made once in each process of a node.

    Raises:
        ShardError: this node does not render the clips as the process that began the bake.
        OSError: as ``check_store``.
    """
    site: Site = pickle.loads(pickled)
    site.check_store()
    found = sample_sha256(site.recipe)
    if found != site.sample:
        raise ShardError(
            site.store.where,
            expected=f"SHA-256 {site.sample} of a sample of clips, as where the bake was begun",
            found=f"{found} on a node of the cluster",
        )
    return site


def sample_sha256(recipe: Recipe) -> str:
    """The SHA-256 of a few records of a store, as this machine renders them; hex."""
    builder, digest = RecordBuilder(recipe, 0), hashlib.sha256()
    for clip in spread(recipe.clips, _SAMPLE_CLIPS):
        digest.update(builder.build(range(clip, clip + 1))[0].tobytes())
    return digest.hexdigest()
