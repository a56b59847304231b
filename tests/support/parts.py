"""What the tests of `shared_object` have in common: the objects, what is declared of them, and a look at them."""

import pytest
from pulumi.runtime import proto

from tests.support.fake_plugin import CONTAINERS, FLAGS, SETTINGS

NAMESPACE = "/api/v1/namespaces/pay"
PROJECTS = "/apis/vteam.ambient-code/v1alpha1/namespaces/pay/projectsettings"
PROJECT = f"{PROJECTS}/projectsettings"
RANGES = f"{NAMESPACE}/limitranges"
RANGE = f"{RANGES}/ambient-default-limits"
MAPS = f"{NAMESPACE}/configmaps"
MAP = f"{MAPS}/feature-flag-overrides"
KIND = proto.PropertyDiff
SOME, NONE = proto.DiffResponse.DIFF_SOME, proto.DiffResponse.DIFF_NONE

SEARCH = {"type": "http", "url": "https://search"}
SERVERS = {"custom": {"search": SEARCH}, "disabled": ["webfetch"]}
WANTED = {"namespace": "pay", "inactivityTimeoutSeconds": 43_200, "mcpServers": SERVERS}
OPERATORS_LIMITS = {
    "type": "Container",
    "default": {"cpu": "2", "memory": "4Gi"},
    "defaultRequest": {"cpu": "250m", "memory": "256Mi"},
}
PODS = {"type": "Pod", "max": {"cpu": "16"}}
LIMITS = {
    "namespace": "pay",
    "default": {"cpu": "4", "memory": "8Gi"},
    "defaultRequest": {"cpu": "500m", "memory": "256Mi"},
    "max": {"cpu": "8"},
}

EACH = pytest.mark.parametrize(
    ("urn", "desired", "path", "name"),
    [
        pytest.param(SETTINGS, WANTED, PROJECT, "projectsettings", id="settings"),
        pytest.param(CONTAINERS, LIMITS, RANGE, "ambient-default-limits", id="containers"),
        pytest.param(
            FLAGS, {"namespace": "pay", "flags": {"jira-write": True}}, MAP, "feature-flag-overrides", id="flags"
        ),
    ],
)


def operator(world, **spec):
    """The operator was there first."""
    world.api.add(PROJECTS, "projectsettings", spec={"groupAccess": [], **spec})


def spec(world, path=PROJECT):
    return world.api.objects[path]["spec"]
