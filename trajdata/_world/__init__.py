"""From an index to a scene and its positions: class, looks, motion, camera."""
