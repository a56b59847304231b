"""`ambient init`."""
