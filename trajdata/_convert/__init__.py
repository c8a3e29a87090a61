"""Clips as other data sets and libraries have them; what only one of them needs is an extra."""
