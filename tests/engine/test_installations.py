"""Which installation of the platform a run recognises on a real API server, with the deployer's rights."""

from tests.support.stacks import Stack

V2_LABELS = {"ambient-code.io/managed-by": "ambient-control-plane", "ambient-code.io/project-id": "of-v2"}
MANAGER = "ambient-control-plane-project-manager"
BESIDE = "V2 of the platform is installed beside V1"
KNOWN = "V2's control plane has a project for this namespace"


def test_v1_alone_is_no_news_and_v2s_control_plane_is(stack: Stack) -> None:
    """As the control plane leaves it: a labelled namespace of its own, and a RoleBinding in one that was there."""
    machine = stack.machine
    stack.write("workspaces:\n  THIS: {protect: false, grants: [{group: devs, role: edit}]}\n")
    quiet = stack.up().ok().text
    assert [text for text in ("platform was found", "ClusterRoles", BESIDE, KNOWN) if text in quiet] == []

    theirs = f"{stack.w}-of-v2"
    machine.create("/api/v1/namespaces", {"metadata": {"name": theirs, "labels": V2_LABELS}})
    try:
        beside = stack.preview("--expect-no-changes")
        assert beside.unchanged
        assert (BESIDE in beside.text, KNOWN in beside.text) == (True, False)

        account = {"kind": "ServiceAccount", "namespace": theirs, "name": "ambient-control-plane"}
        binding = {
            "metadata": {"name": MANAGER},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": MANAGER},
            "subjects": [account],
        }
        machine.create(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{stack.w}/rolebindings", binding)
        for shown in (stack.preview("--expect-no-changes"), stack.up("--expect-no-changes")):
            assert f"workspace '{stack.w}': {KNOWN}" in shown.text
            assert f"workspace '{theirs}'" not in shown.text
    finally:
        machine.delete(f"/api/v1/namespaces/{theirs}")
