"""API keys: where their tokens are kept, and what goes together."""

from enum import StrEnum


class Retain(StrEnum):
    """Where a key's token is kept."""

    STATE = "state"
    """In the stack's state, encrypted, and in its outputs."""

    NONE = "none"
    """Only where it is delivered to."""
