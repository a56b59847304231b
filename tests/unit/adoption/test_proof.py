"""The proof of an adoption: which changes of a preview are ownership alone, and which are more."""

from typing import Any

import pytest

from ambient_components.adoption.proof import Difference, findings, lacking
from ambient_components.engine.steps import Step
from ambient_components.platform.contract import FEATURE_FLAGS_LABELS, OWNER_ANNOTATION

MOST = {"max": {"cpu": "2"}}
FLAGS = {"metadata": {"labels": FEATURE_FLAGS_LABELS}}
BINDING = "ambient:index:RoleBinding"


def step(op: str, kind: str, name: str, inputs: dict[str, Any], *, custom: bool = True) -> Step:
    urn = f"urn:pulumi:dev::p::ambient:index:Workspace${kind}::{name}"
    state = {"urn": urn, "type": kind, "custom": custom, "inputs": inputs}
    # As the engine prints them: a delete has no new state, a create no old one.
    states = {"create": ["newState"], "delete": ["oldState"]}.get(op, ["oldState", "newState"])
    return Step.of_preview({"op": op, "urn": urn, **dict.fromkeys(states, state)})


def live(**objects: Any) -> Any:
    return lambda kind, namespace, name: objects.get(kind) if namespace in ("", "pay") and name else None


def bound(subject: str) -> dict[str, Any]:
    return {"metadata": {"name": "b", "namespace": "pay", "labels": {"app": "x"}}, "subjects": [{"name": subject}]}


def test_an_object_as_declared_is_adopted() -> None:
    there = bound("bob")
    there["metadata"] |= {"uid": "1", "annotations": {"other": "kept"}}
    proof = findings([step("create", BINDING, "pay/grant/user:bob", bound("bob"))], live(RoleBinding=there), ["pay"])
    assert (proof.adopted, proof.differences, proof.others) == (1, (), 0)


def test_ownership_and_the_engines_own_annotations_are_no_differences() -> None:
    notes = {OWNER_ANNOTATION: "p/dev", "pulumi.com/patchForce": "true", "ambient-components/released-by": ""}
    inputs = {
        "apiVersion": "v1", "kind": "Namespace", "__defaults": [], "metadata": {"name": "pay", "annotations": notes},
    }  # fmt: skip
    steps = [step("create", "kubernetes:core/v1:Namespace", "pay/namespace", inputs)]
    assert findings(steps, live(Namespace={"metadata": {"name": "pay"}}), ["pay"]).differences == ()


def test_a_field_that_differs_and_an_object_that_is_missing_are_differences() -> None:
    steps = [
        step("create", BINDING, "pay/grant/user:bob", bound("bob")),
        step("create", "ambient:index:ServiceAccount", "pay/key/ci/g1", {"metadata": bound("")["metadata"]}),
    ]
    proof = findings(steps, live(RoleBinding=bound("mallory")), ["pay"])
    assert proof.differences == (
        Difference("pay", "RoleBinding b", "field", "subjects[0].name", "mallory", "bob"),
        Difference("pay", "ServiceAccount b", "create"),
    )
    assert proof.adopted == 1


@pytest.mark.parametrize(
    ("kind", "inputs", "there", "differs"),
    [
        ("ProjectSettings", {"inactivityTimeoutSeconds": 60}, {"spec": {"inactivityTimeoutSeconds": 60}}, False),
        ("ProjectSettings", {"inactivityTimeoutSeconds": 60}, {"spec": {"inactivityTimeoutSeconds": 61}}, True),
        ("FeatureFlags", {"flags": {"a": True}}, {"data": {"a": "true", "b": "false"}, **FLAGS}, False),
        ("FeatureFlags", {"flags": {"a": True}}, {"data": {"a": "false"}, **FLAGS}, True),
        ("FeatureFlags", {"flags": {"a": True}}, {"data": {"a": "true"}}, True),
        ("ContainerDefaults", MOST, {"spec": {"limits": [{"type": "Container", **MOST}]}}, False),
        ("ContainerDefaults", MOST, {"spec": {"limits": [{"type": "Pod", **MOST}]}}, True),
    ],
)  # fmt: skip
def test_settings_are_compared_as_they_are_written(
    kind: str, inputs: dict[str, Any], there: dict[str, Any], *, differs: bool
) -> None:
    steps = [step("create", f"ambient:index:{kind}", "pay/settings", {"namespace": "pay", **inputs})]
    proof = findings(steps, lambda *_: there, ["pay"])
    assert bool(proof.differences) is differs


def test_tokens_and_secrets_have_no_counterpart_to_adopt() -> None:
    steps = [step("create", "ambient:index:AccessToken", "pay/key/ci/g1", {"namespace": "pay"})]
    assert [str(difference) for difference in findings(steps, live(), ["pay"]).differences] == [
        "pay: AccessToken pay/key/ci/g1: does not exist, and the run creates it"
    ]


def test_every_other_operation_in_an_adopted_workspace_is_a_difference() -> None:
    ops = ("delete", "update", "replace", "create-replacement", "delete-replaced")
    for op in ops:
        proof = findings([step(op, BINDING, "pay/grant/user:eve", bound("eve"))], live(), ["pay"])
        assert [difference.workspace for difference in proof.differences] == ["pay"], op


def test_no_value_that_may_be_secret_is_shown() -> None:
    secret = "Bearer hunter2hunter2"
    server = {"mcpServers": {"custom": {"jira": {"headers": {"Authorization": "${JIRA}"}}}}}
    there = {"spec": {"mcpServers": {"custom": {"jira": {"headers": {"Authorization": secret}}}}}}
    proof = findings(
        [step("create", "ambient:index:ProjectSettings", "pay/settings", server)], lambda *_: there, ["pay"]
    )
    assert len(proof.differences) == 1
    assert "hunter2" not in repr(proof)
    inputs = {
        "metadata": {
            "name": "pay",
            "labels": {"a": "sk-ant-made-up-made-up"},
            "annotations": {"b": "hunter2"},
        }
    }
    steps = [step("create", "kubernetes:core/v1:Namespace", "pay/namespace", inputs)]
    proof = findings(steps, live(Namespace={"metadata": {"name": "pay"}}), ["pay"])
    assert len(proof.differences) == 2
    assert "hunter2" not in repr(proof)
    assert "made-up" not in repr(proof)


def test_what_a_run_removes_from_access_objects_is_a_difference() -> None:
    there = bound("bob")
    there["metadata"] |= {"finalizers": ["x/y"], "ownerReferences": [{"name": "z"}]}
    proof = findings([step("create", BINDING, "pay/grant/user:bob", bound("bob"))], live(RoleBinding=there), ["pay"])
    assert [difference.field for difference in proof.differences] == ["metadata.finalizers", "metadata.ownerReferences"]
    account = step("create", "ambient:index:ServiceAccount", "pay/key/ci/g1", {"metadata": bound("")["metadata"]})
    proof = findings([account], live(ServiceAccount=bound("")), ["pay"])
    assert [difference.field for difference in proof.differences] == ["metadata.annotations.ambient-code.io/created-at"]


def test_an_existing_secret_is_replaced_and_not_created() -> None:
    inputs = {"namespace": "pay", "secret": "ambient-runner-secrets", "values": {"A": "x"}}
    steps = [step("create", "ambient:index:WorkspaceSecret", "pay/secret/runner", inputs)]
    proof = findings(steps, live(Secret={"metadata": {"name": "ambient-runner-secrets"}}), ["pay"])
    assert [str(difference) for difference in proof.differences] == [
        "pay: Secret ambient-runner-secrets: data is as set in the UI, and the run writes the declared variables and "
        "no others"
    ]


def test_changes_elsewhere_are_counted_apart() -> None:
    steps = [
        step("create", BINDING, "other/grant/user:bob", bound("bob")),
        step("same", BINDING, "pay/grant/user:ann", bound("ann")),
        step("create", "ambient:index:Workspace", "pay", {}, custom=False),
        step("create", "ambient:index:AccessLedger", "access", {}),
    ]
    proof = findings(steps, live(), ["pay"])
    assert (proof.adopted, proof.differences, proof.others) == (0, (), 1)


def test_lists_and_missing_values_are_compared() -> None:
    assert list(lacking({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2, "x": 3}]})) == []
    assert list(lacking({"a": [1]}, {"a": [1, 2]})) == [("a", [1, 2], [1])]
    assert list(lacking({"a": {"b": 1}}, None)) == [("a.b", None, 1)]


def test_inputs_that_are_no_fields_of_the_object_are_no_differences() -> None:
    metadata = {"name": "ambient-key-ci-3f2a91bc", "namespace": "pay"}
    there = {**metadata, "annotations": {"ambient-code.io/created-at": "2026-03-01T10:00:00Z"}}
    for own in ("adopt", "ofPlatform"):
        account = step("create", "ambient:index:ServiceAccount", "pay/key/ci/g1", {"metadata": metadata, own: True})
        proof = findings([account], live(ServiceAccount={"metadata": there}), ["pay"])
        assert (proof.adopted, proof.differences) == (1, ())
