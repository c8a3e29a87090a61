"""Measure whether a spec's clips are what they claim to be: one module a group of figures."""
