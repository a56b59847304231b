"""`ambient reviewers`."""
