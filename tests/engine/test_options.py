"""Options of `Workspaces` on the real engine: labels by a parent's transform, an output as a dependency, timeouts."""

from tests.support.drift import edit
from tests.support.stacks import Stack

PROGRAM = """
import pulumi
from ambient_components import AccessLedger, ClusterProviders, Workspace, Workspaces

LABELS = {}
owner = f"{pulumi.get_project()}/{pulumi.get_stack()}"
cluster = ClusterProviders.of("cluster", cluster_uid=pulumi.Config().require("clusterUid"))

def labelled(args):
    if args.type_ == "kubernetes:core/v1:Namespace" and LABELS:
        args.props["metadata"]["labels"] = LABELS
        return pulumi.ResourceTransformResult(args.props, args.opts)

options = pulumi.ResourceOptions(providers=cluster.both, transforms=[labelled])
outer = pulumi.ComponentResource("pkg:index:Outer", "outer", opts=options)
timeouts = pulumi.CustomTimeouts(delete="20m")
entry = {"labels": {"cost-center": "4711"}, "protect": False, "adopt": True}
options = pulumi.ResourceOptions(parent=outer, custom_timeouts=timeouts)
Workspaces({"THIS": entry}, opts=options)
"""


def run(stack: Stack, labels: dict[str, str]) -> dict[str, str]:
    """Deploy with labels of the transform; all labels of the namespace that are of anyone's own."""
    text = PROGRAM.replace("THIS", stack.w).replace("LABELS = {}", f"LABELS = {labels}")
    (stack.folder / "__main__.py").write_text(text)
    stack.up().ok()
    assert stack.preview("--expect-no-changes").unchanged
    live = stack.machine.get(f"/api/v1/namespaces/{stack.w}")["metadata"]["labels"]
    return {name: value for name, value in live.items() if "/" not in name}


def test_labels_of_a_transform_are_the_namespaces_own_and_no_other_is_touched(stack: Stack) -> None:
    theirs = {"team": "data"}
    stack.machine.create("/api/v1/namespaces", {"metadata": {"name": stack.w, "labels": theirs}})
    others = {**theirs, "cost-center": "4711"}
    for labels in ({}, {"a": "1"}, {"a": "2"}, {"a": "2", "b": "1"}, {"b": "1"}, {}):
        assert run(stack, labels) == {**others, **labels}
    edit(stack, f"/api/v1/namespaces/{stack.w}", lambda item: item["metadata"]["labels"].update(hand="made"))
    stack.refresh().ok()
    assert run(stack, {}) == {**others, "hand": "made"}
    timeouts = {item["type"]: item.get("customTimeouts", {}).get("delete") for item in stack.export()}
    assert timeouts["kubernetes:core/v1:Namespace"] == 1200
    stack.destroy().ok()
