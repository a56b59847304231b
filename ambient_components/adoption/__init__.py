"""Existing workspaces of a cluster as entries of a stack file, with notes on what an entry cannot say."""
