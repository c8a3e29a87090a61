"""The bake: run, commit, lock, verify, repair, and what it tells of itself."""
