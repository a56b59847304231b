"""Secrets of a workspace: who wins over a save in the platform's UI."""

from enum import StrEnum


class DriftPolicy(StrEnum):
    """Who wins when somebody saved a secret in the platform's UI, which replaces all of its values. Contract 10.12."""

    OVERWRITE = "overwrite"
    """The stack file: the next run writes its values back."""

    KEEP = "keep"
    """The UI's save stays until a value of the stack file changes."""
