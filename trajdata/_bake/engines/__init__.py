"""Who bakes the shards: each engine maps the function that bakes one shard over tasks."""
