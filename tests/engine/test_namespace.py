"""Labels, annotations and the pod security level of a namespace: they come, change and go with their lines."""

from sandbox.backend import Backend
from tests.support import platform as ui
from tests.support.stacks import Stack

LEVEL = "pod-security.kubernetes.io/enforce"


def file_of(*lines: str) -> str:
    return "workspaces:\n  THIS:\n    protect: false\n" + "".join(f"    {line}\n" for line in lines)


def metadata(stack: Stack) -> dict[str, dict[str, str]]:
    found = stack.machine.get(f"/api/v1/namespaces/{stack.w}")["metadata"]
    return {notes: found.get(notes) or {} for notes in ("labels", "annotations")}


def takes_the_hosts_network(stack: Stack) -> bool:
    """Whether the API server takes a pod that the level baseline refuses."""
    spec = {"hostNetwork": True, "containers": [{"name": "x", "image": "x"}], "automountServiceAccountToken": False}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "x-"}, "spec": spec}
    token = stack.machine.cluster.token_of("sandbox-admin")
    status = stack.machine.request("POST", f"/api/v1/namespaces/{stack.w}/pods", token=token, body=body)
    assert status in (200, 403), status
    return status == 200


def test_labels_and_annotations_change_and_go_with_their_lines(stack: Stack, platform: Backend) -> None:
    stack.write(file_of())
    stack.up().ok()
    bare = metadata(stack)
    stack.write(file_of("labels: {team: payments, cost-center: '4711'}", "annotations: {example.com/contact: a, b: c}"))
    stack.up().ok()
    assert metadata(stack)["labels"] == {**bare["labels"], "team": "payments", "cost-center": "4711"}
    assert metadata(stack)["annotations"] == {**bare["annotations"], "example.com/contact": "a", "b": "c"}
    stack.write(file_of("labels: {team: risk}", "annotations: {b: d}"))
    plan = stack.preview().ok().text
    for change in ('~ team       : "payments" => "risk"', '- cost-center: "4711"', '~ b                  : "c" => "d"'):
        assert change in plan, plan
    stack.up().ok()
    assert metadata(stack)["labels"] == {**bare["labels"], "team": "risk"}
    assert metadata(stack)["annotations"] == {**bare["annotations"], "b": "d"}
    stack.write(file_of())
    stack.up().ok()
    assert metadata(stack) == bare
    assert stack.w in [one.name for one in ui.projects(platform, user="sandbox-admin", search=stack.w)]
    assert stack.preview("--expect-no-changes").unchanged
    assert stack.refresh().unchanged


def test_a_pod_security_level_ends_with_its_line(stack: Stack) -> None:
    stack.write(file_of())
    stack.up().ok()
    bare = metadata(stack)
    assert takes_the_hosts_network(stack)
    stack.write(file_of("podSecurity: baseline"))
    stack.up().ok()
    assert metadata(stack)["labels"][LEVEL] == "baseline"
    assert not takes_the_hosts_network(stack)
    stack.write(file_of("podSecurity: privileged"))
    stack.up().ok()
    assert takes_the_hosts_network(stack)
    stack.write(file_of())
    stack.up().ok()
    assert metadata(stack) == bare
    assert stack.preview("--expect-no-changes").unchanged
    assert stack.refresh().unchanged
