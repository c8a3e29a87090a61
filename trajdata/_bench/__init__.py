"""The benchmark of ``trajdata bench``: how fast this machine makes clips, and what limits it."""
