"""The stack file as frozen models."""
