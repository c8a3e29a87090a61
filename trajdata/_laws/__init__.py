"""The laws of motion: a module for each, and the registry that finds them by name."""
