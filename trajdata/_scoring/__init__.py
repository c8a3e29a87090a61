"""What a model has kept of a clip's motion, read back from pixels."""
