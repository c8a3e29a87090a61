"""From an index to a scene: addressed randomness, the deal of classes, looks, motion, camera."""
