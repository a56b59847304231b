"""Projects that tests of several verbs share."""

from tests.support.access_cli import api, project, pulumi
from tests.support.keys_now import stack
from tests.support.validated import write

__all__ = ["api", "project", "pulumi", "stack", "write"]
