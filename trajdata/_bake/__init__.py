"""The bake: how a store is written, verified and repaired, and how its progress is reported."""
