"""Engines: each of them calls the function that bakes one shard for every task of a list."""
