"""What tests read out of a folder of shards, and write into it as a stranger would."""

from trajdata._bake import progress
from trajdata._shards.commit_record import parse_commit
from trajdata._store.contents import held_recipe, read_contents
from trajdata._store.disk import Disk
from trajdata._store.folder import FolderStore
from trajdata._store.names import COMMITS, RECIPE
from trajdata._store.ranges import listed_names, put_bytes


def names_in(store, prefix):
    """Sorted names of what lies directly below a prefix."""
    return sorted(listed_names(store, prefix))


def store_of(folder):
    return FolderStore(Disk(folder))


def recipe_of(folder):
    return held_recipe(store_of(folder))


def index_of(folder):
    return read_contents(store_of(folder)).index


def progress_of(folder):
    return progress.read_progress(store_of(folder))


def commit_of(folder, shard):
    path = folder / COMMITS / f"{shard:06d}.json"
    return parse_commit(path.read_bytes(), str(path), recipe_of(folder), shard)


def write_recipe(folder, recipe):
    put_bytes(store_of(folder), RECIPE, recipe.to_bytes())
