"""The shapes of objects: a module for each, and the registry that finds them by name."""
