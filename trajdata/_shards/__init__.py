"""A bake on disk: record bytes, index, commit records, lock, reading, verifying."""
