"""Names of the files and folders of a store, except the shards, the index and the card."""

__all__ = ["ASIDE", "COMMITS", "HIDDEN", "LOCK", "LOG", "PREVIEW", "RECIPE", "TEMPS"]

HIDDEN = ".trajdata"
"""The folder for everything that is neither data nor meant for people."""
RECIPE = f"{HIDDEN}/recipe.json"
COMMITS = f"{HIDDEN}/commits"
"""The commit records, one file for each shard, or for a range of shards."""
TEMPS = f"{HIDDEN}/tmp"
"""Temps, the files that are being written. No reader looks at them."""
ASIDE = f"{HIDDEN}/aside"
"""Files that were not what their name says: they are moved here, never deleted."""
LOCK = f"{HIDDEN}/lock"
LOG = f"{HIDDEN}/bake.log"
"""The output of a bake that runs in the background."""
PREVIEW = "preview.png"
