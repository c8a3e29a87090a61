"""Clips for training: the only part of the house that imports torch."""
