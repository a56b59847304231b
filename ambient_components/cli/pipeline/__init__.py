"""`ambient pipeline`."""
