"""What clips may look like: the spec, its presets and splits, and what it is known by."""
