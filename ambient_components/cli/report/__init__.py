"""`ambient report`."""
