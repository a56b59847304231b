"""Adoption of existing workspaces: objects of a cluster as entries of a stack file, and the proof that nothing changes."""
