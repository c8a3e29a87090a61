"""How fast clips come on this machine, each way they can come, beside what bounds it."""
