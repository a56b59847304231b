"""`ambient show`."""
