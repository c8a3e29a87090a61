"""The audit measures whether a spec's clips are what they claim to be. Each group of figures has
its module."""
