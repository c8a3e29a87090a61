"""Randomness by address, and the few functions that reach a byte: + - * / sqrt and no other."""
