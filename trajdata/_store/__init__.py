"""Stores, where the bytes lie: their verbs, the system calls of a folder, and their contents."""
