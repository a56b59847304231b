"""The attributes of components and resources are Python's, and the properties keep their names."""

import pulumi
import pytest

import ambient_components
from ambient_components import ClusterProviders, Workspace, components, resources
from tests.program.test_schedules import SCHEDULE
from tests.program.test_workspace import FULL
from tests.support.workspace_bucket import EVERYTHING

PACKAGES = (ambient_components, components, resources)
PUBLIC = {name: getattr(package, name) for package in PACKAGES for name in package.__all__}
CLASSES = [
    public
    for name, public in sorted(PUBLIC.items())
    if isinstance(public, type) and issubclass(public, pulumi.Resource)
]


def others(shown: object) -> list[str]:
    """Names that are not snake_case."""
    return [name for name in dir(shown) if not name.startswith("_") and not name.islower()]


@pytest.mark.parametrize("public", CLASSES)
def test_classes_have_attributes_in_snake_case(public):
    assert others(public) == []
    assert [name for name in public.__annotations__ if not name.islower()] == []


def test_objects_have_attributes_in_snake_case_and_properties_keep_their_names(record):
    made: list[pulumi.Resource] = []

    def program() -> None:
        pulumi.runtime.register_stack_transformation(lambda args: made.append(args.resource))
        both = ClusterProviders.of("cluster", unguarded=True).both
        args = {
            **FULL,
            "storage": {"bucket": {**EVERYTHING, "tags": {"object_lock": "a tag"}}},
            "schedules": {"review": SCHEDULE},
            "limits": {"containers": {"default": {"cpu": "1"}}},
            "settings": {"idle_timeout": "1h"},
        }
        Workspace("payments", owner="project/fleet", opts=pulumi.ResourceOptions(providers=both), **args)

    recording = record(program)
    assert {type(resource).__name__ for resource in made} >= {"ApiKey", "Provider", "RoleBinding", "WorkspaceSecret"}
    assert {type(resource).__name__: others(resource) for resource in made if others(resource)} == {}
    assert all(hasattr(binding, "role_ref") for binding in made if isinstance(binding, resources.RoleBinding))
    (bucket,) = recording.of("S3Bucket")
    assert bucket.inputs["objectLock"] is True
    assert bucket.inputs["tags"] == {"object_lock": "a tag"}
