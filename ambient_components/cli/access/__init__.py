"""`ambient access`."""
