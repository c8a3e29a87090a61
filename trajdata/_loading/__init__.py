"""Datasets for training: the only room that imports torch."""
