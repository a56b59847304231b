"""`ambient plan`."""
