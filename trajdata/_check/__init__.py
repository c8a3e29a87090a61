"""Checks of quality: audit the clips of a spec, and evaluate the tracks that a model predicts."""
