"""Sources of clips that are stored: read back, or read where there is something."""
