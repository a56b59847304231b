"""Edits of a stack's files and their immediate deployment, for `ambient keys` and `ambient grants`."""
