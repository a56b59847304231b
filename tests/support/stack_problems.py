"""Texts of stack files, and the problems of them as lines."""

import pytest

from ambient_components.errors import AmbientError
from ambient_components.stackfile import parse_stack

LIFETIMES = (
    "allowed: never, or durations from 10m to 1y, a whole number and a unit of s, m, h, d or y (365 days), such as 30d"
)
SUBJECTS = "allowed: user:NAME, group:NAME or serviceaccount:NAMESPACE:NAME"
WORKSPACE_FIELDS = (
    "allowed: template, displayName, description, owners, reviewers, grants, keys, secrets, storage, settings, limits, "
    "schedules, labels, annotations, podSecurity, protect, state, onClose, adopt, exceptions, acknowledge, shard"
)


def problems_of(text):
    with pytest.raises(AmbientError) as caught:
        parse_stack(text, "x.yaml")
    return str(caught.value).split("\n")


def in_workspace(text):
    """Put fields into workspace `pay`; they begin on line 3, column 5."""
    return "workspaces:\n  pay:\n" + "".join(f"    {line}\n" for line in text.splitlines())
