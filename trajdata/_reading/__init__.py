"""Sources that read clips from a store, all of them or those that are committed."""
