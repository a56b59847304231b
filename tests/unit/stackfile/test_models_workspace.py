"""Models of workspaces and defaults: what each field becomes, what is left out, and what the namespace may have."""

import pytest

from ambient_components.model.stack import Included
from ambient_components.stackfile import (
    Defaults,
    KeyDefaults,
    StackFile,
    Workspace,
)
from tests.support.stack_models import in_workspace


def test_defaults_say_what_they_say_and_no_more():
    file = StackFile.model_validate(
        {"include": ["a.yaml"], "defaults": {"keys": {"lifetime": "30d"}}, "templates": {"team": {"protect": False}}}
    )
    assert file.defaults == Defaults(keys=KeyDefaults(lifetime="30d"))
    assert (file.defaults.keys.lifetime, file.defaults.keys.role, file.defaults.protect) == (2_592_000, None, None)
    assert (file.include, file.templates["team"].protect, file.workspaces) == ([Included(path="a.yaml")], False, {})


def test_defaults_know_every_other_field_of_a_workspace():
    assert set(Workspace.model_fields) - set(Defaults.model_fields) == {
        "template",
        "display_name",
        "description",
        "state",
        "adopt",
        "storage",
        "schedules",
        "exceptions",
        "acknowledge",
        "shard",
    }


@pytest.mark.parametrize(
    ("given", "path", "problem", "remedy"),
    [
        ("deletePods", "onClose", "is text", "allowed: a mapping, such as {sessions: deletePods}"),
        (
            {"sessions": "delete"}, "onClose.sessions",
            "'delete' is not a way to end sessions", "allowed: stop, deletePods; did you mean 'deletePods'?",
        ),
        (
            {"wait": "2h"}, "onClose.wait",
            "2h is too long", "allowed: durations up to 1h, a whole number and a unit of s, m or h, such as 30s",
        ),
        (
            {"wait": 30}, "onClose.wait",
            "30 has no unit", "allowed: durations up to 1h, a whole number and a unit of s, m or h, such as 30s",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_of_the_end_of_sessions(given, path, problem, remedy):
    assert in_workspace(onClose=given) == [(path, problem, remedy)]
