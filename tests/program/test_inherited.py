"""Options of a component that hold for what it makes: the engine gives them to its children."""

import pulumi
import pytest

from ambient_components import ApiKey, Bucket, ClusterProviders, Grant, Workspace
from tests.program.test_workspace import FULL
from tests.support.workspace_bucket import BUCKET

OWNED = {"owner": "project/fleet"}
PAYMENTS = {"namespace": "payments"}
COMPONENTS = {
    Workspace: {**OWNED, **FULL, "storage": {"bucket": BUCKET}},
    Grant: {**PAYMENTS, "user": "bob"},
    ApiKey: {**PAYMENTS, **OWNED, "id": "ci"},
    Bucket: {**OWNED, **BUCKET},
}


@pytest.mark.parametrize("component", COMPONENTS)
def test_aliases_parent_and_transforms_reach_all_children(record, component):
    def program():
        options = pulumi.ResourceOptions(providers=ClusterProviders.of("cluster", unguarded=True).both)
        outer = pulumi.ComponentResource("pkg:index:Outer", "outer", opts=options)
        former = pulumi.Alias(name="before", parent=pulumi.ROOT_STACK_RESOURCE)
        options = pulumi.ResourceOptions(parent=outer, aliases=[former], transforms=[lambda _: None])
        component("payments", **COMPONENTS[component], opts=options)

    recording = record(program)
    made = recording.named(component.__name__, "payments")
    outer = recording.named("Outer", "outer")
    children = recording.below(made)
    assert children
    assert len(made.transforms) == 1
    assert [child for child in children if outer.urn not in recording.ancestors(child)] == []
    for one in (made, *children):
        assert one.transforms == made.transforms
        former = one.urn.replace("pkg:index:Outer$", "").rsplit("::", 1)[0]
        assert f"{former}::{one.name.replace('payments', 'before', 1)}" in one.aliases, one.urn
