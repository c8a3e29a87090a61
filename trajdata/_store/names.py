"""Where things lie in a store, beside the shards, the index and the card."""

__all__ = ["ASIDE", "COMMITS", "HIDDEN", "LOCK", "LOG", "PREVIEW", "RECIPE", "TEMPS"]

HIDDEN = ".trajdata"
"""All that is neither data nor meant for people."""
RECIPE = f"{HIDDEN}/recipe.json"
COMMITS = f"{HIDDEN}/commits"
"""The commit records, one file a shard."""
TEMPS = f"{HIDDEN}/tmp"
"""Files that are being written. Nothing here counts."""
ASIDE = f"{HIDDEN}/aside"
"""Where a file goes that is not what its name says: it is moved, never deleted."""
LOCK = f"{HIDDEN}/lock"
LOG = f"{HIDDEN}/bake.log"
"""What a bake in the background prints."""
PREVIEW = "preview.png"
