"""`ambient validate`."""
