"""Checks of a whole stack file, one module for each kind of thing."""
