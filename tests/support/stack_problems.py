"""Texts of stack files, and the problems of them as lines."""

import pytest

from ambient_components.errors import AmbientError
from ambient_components.stackfile import parse_stack


def problems_of(text):
    with pytest.raises(AmbientError) as caught:
        parse_stack(text, "x.yaml")
    return str(caught.value).split("\n")


def in_workspace(text):
    """Put fields into workspace `pay`; they begin on line 3, column 5."""
    return "workspaces:\n  pay:\n" + "".join(f"    {line}\n" for line in text.splitlines())
