"""`ambient keys`."""
