"""Moves workspaces from one stack of a fleet to another without touching the cluster."""
