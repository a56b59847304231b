"""A session of a workspace, as a pod that runs: what it gets, what it reaches, and what stops it.

Where the platform's programs are at hand, its operator makes the pod; otherwise the test makes the same one.
"""

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from sandbox.api import ApiError
from sandbox.backend import Backend, available
from sandbox.nodes import network
from sandbox.nodes.nodes import Nodes
from sandbox.store import Store
from tests.support import platform as ui
from tests.support.buckets import put, sweep
from tests.support.machine import Machine
from tests.support.pods import CORE, SESSION_IMAGE, Pods
from tests.support.stacks import Stack

FILE = """\
workspaces:
  THIS:
    protect: false
    owners: [user:alice@example.com]
    podSecurity: baseline
    secrets: {runner: {ANTHROPIC_API_KEY: {config: anthropic}}}
    storage: {bucket: {name: THIS-own, protect: false, onDelete: delete}}
    keys: {ci: {role: edit, lifetime: 30d}}
    limits:
      quota: {pods: 50}
      containers: {max: {memory: 8Gi}}
  THIS-other:
    protect: false
    secrets: {runner: {GOOGLE_API_KEY: {config: other}}}
    storage: {bucket: {name: THIS-other, protect: false, onDelete: delete}}
"""
CLOSED = FILE.replace("    limits:\n", "    state: closed\n    limits:\n", 1)

BUCKETS = """
import json, os, sys, boto3
from botocore.exceptions import ClientError
store = boto3.client("s3", endpoint_url=os.environ["S3_ENDPOINT"], region_name="us-east-1")
answers = []
for bucket in sys.argv[1:]:
    for call, arguments in (("put_object", {"Key": "a", "Body": b"x"}), ("get_object", {"Key": "a"}),
                            ("list_objects_v2", {}), ("delete_object", {"Key": "a"})):
        try:
            getattr(store, call)(Bucket=bucket, **arguments)
            answers.append("OK")
        except ClientError as error:
            answers.append(error.response["Error"]["Code"])
print(json.dumps(answers))
"""
REQUESTS = """
import json, ssl, sys, urllib.request, urllib.error
context = ssl.create_default_context(cadata=sys.argv[2])
answers = []
for path in sys.argv[3:]:
    request = urllib.request.Request("https://kubernetes.default.svc" + path)
    request.add_header("Authorization", "Bearer " + sys.argv[1])
    try:
        answers.append(urllib.request.urlopen(request, context=context, timeout=20).status)
    except urllib.error.HTTPError as error:
        answers.append(error.code)
print(json.dumps(answers))
"""


@dataclass(frozen=True)
class Running:
    """A stack whose two workspaces are deployed, and a session's pod that runs in the first."""

    stack: Stack
    pod: str
    secrets: dict[str, str]


@pytest.fixture(scope="module")
def running(
    machine: Machine, store: Store, nodes: Nodes, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    stack = Stack(machine, f"session-{secrets.token_hex(2)}", tmp_path_factory.mktemp("session"))
    s3, iam = (f"http://{network.MACHINE}:{port}" for port in store.ports)
    for field, value in {"endpoint": s3, "iamEndpoint": iam, "accessKey": store.access_key}.items():
        stack.config(f"objectStore.{field}", value, "--path")
    stack.config("objectStore.secretKey", store.secret_key, "--path", secret=True)
    values = {name: stack.secret(name) for name in ("anthropic", "other")}
    stack.write(FILE)
    stack.up().ok()
    pods = Pods(machine, nodes)
    patch = pytest.MonkeyPatch()
    for variable in ("AMBIENT_CODE_RUNNER_IMAGE", "STATE_SYNC_IMAGE"):
        patch.setenv(variable, SESSION_IMAGE)
    patch.setenv("IMAGE_PULL_POLICY", "IfNotPresent")
    if available():
        pods.make_session(stack.w, "session-runner")
        pods.running(stack.w, "session-runner")
        yield Running(stack, "session-runner", values)
    else:
        with Backend(machine.cluster, operator=True) as backend:
            pod = f"{ui.create_session(backend, stack.w, 'Tidy up')}-runner"
            machine.until(lambda: machine.get(f"{CORE}/{stack.w}/pods/{pod}") is not None, "the operator makes the pod")
            pods.running(stack.w, pod)
            yield Running(stack, pod, values)
    patch.undo()
    sweep(store, stack)
    stack.remove()


def test_it_gets_the_runners_secrets_of_its_workspace_and_no_others(running: Running, pods: Pods) -> None:
    w = running.stack.w
    variables = pods.run(w, running.pod, "env", container="ambient-code-runner")
    assert f"ANTHROPIC_API_KEY={running.secrets['anthropic']}" in variables
    assert "GOOGLE_API_KEY" not in variables
    helper = pods.run(w, running.pod, "env", container="state-sync")
    assert not any(value in helper for value in running.secrets.values())
    # A pod has Secrets of its own namespace alone, by whatever name.
    pods.make(f"{w}-other", "same-names", container={"envFrom": [{"secretRef": {"name": "ambient-runner-secrets"}}]})
    variables = pods.run(f"{w}-other", "same-names", "env")
    assert f"GOOGLE_API_KEY={running.secrets['other']}" in variables
    assert running.secrets["anthropic"] not in variables


def test_its_storage_credentials_open_its_bucket_and_no_other(running: Running, pods: Pods, store: Store) -> None:
    w = running.stack.w
    put(store, f"{w}-other", "a")
    answers = pods.run(w, running.pod, "/opt/ambient/bin/python", "-c", BUCKETS, f"{w}-own", f"{w}-other",
                       container="state-sync")  # fmt: skip
    assert json.loads(answers) == ["OK"] * 4 + ["AccessDenied"] * 4


def test_a_keys_token_works_from_inside(running: Running, pods: Pods, machine: Machine) -> None:
    w, token = running.stack.w, running.stack.token("ci")
    sessions = "/apis/vteam.ambient-code/v1alpha1/namespaces/{}/agenticsessions"
    paths = [
        sessions.format(w),
        sessions.format(f"{w}-other"),
        f"/api/v1/namespaces/{w}-other/secrets",
        "/api/v1/nodes",
    ]
    ca = machine.cluster.ca_file.read_text()
    assert pods.python(w, running.pod, REQUESTS, token, ca, *paths) == [200, 403, 403, 403]
    # The session itself has no account's token.
    assert "token" not in pods.run(
        w, running.pod, "sh", "-c", "ls /var/run/secrets/kubernetes.io/serviceaccount || true"
    )


def test_a_privileged_pod_is_refused(running: Running, pods: Pods) -> None:
    for spec in ({"container": {"securityContext": {"privileged": True}}}, {"hostNetwork": True}, {"hostPID": True}):
        with pytest.raises(ApiError, match="violates PodSecurity"):
            pods.make(running.stack.w, "privileged", **spec)


def test_the_limits_of_containers_hold(running: Running, pods: Pods) -> None:
    w = running.stack.w
    with pytest.raises(ApiError, match="maximum memory usage per Container is 8Gi, but limit is 9Gi"):
        pods.make(w, "large", container={"resources": {"limits": {"memory": "9Gi"}}})
    pods.make(w, "usual")
    pod = pods.running(w, "usual")
    assert pod["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "2", "memory": "4Gi"},
        "requests": {"cpu": "250m", "memory": "256Mi"},
    }
    # The kernel has them too.
    limit = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null"
    assert pods.run(w, "usual", "sh", "-c", f"{limit} || true").strip() == str(4 << 30)


def test_the_51st_pod_is_refused(running: Running, pods: Pods, machine: Machine) -> None:
    w = running.stack.w
    there = len(machine.admin().request("GET", f"{CORE}/{w}/pods")["items"])
    for number in range(50 - there):
        # They count while they wait for a node, too.
        pods.make(w, f"many-{number}", nodeSelector={"of": "none"})
    with pytest.raises(ApiError, match="exceeded quota: workspace-quota, requested: pods=1, used: pods=50"):
        pods.make(w, "one-more")
    for number in range(50 - there):
        machine.delete(f"{CORE}/{w}/pods/many-{number}")


def test_closing_stops_it(running: Running, pods: Pods, machine: Machine) -> None:
    """The last of this file: the workspace is closed after it."""
    stack = running.stack
    node = pods.node_of(pods.get(stack.w, running.pod))
    uid = pods.get(stack.w, running.pod)["metadata"]["uid"]
    text = (
        CLOSED
        if not available()
        else CLOSED.replace("state: closed", "state: closed\n    onClose: {sessions: deletePods, wait: 1m}")
    )
    stack.write(text)
    begun = time.monotonic()
    result = stack.up().ok()
    machine.until(lambda: machine.get(f"{CORE}/{stack.w}/pods/{running.pod}") is None, "the pod is gone", 60)
    # The promise is two minutes, or the wait that the file sets.
    assert time.monotonic() - begun < 120
    assert "did not stop" not in result.text
    assert uid not in node.run("sh", "-c", "cat /proc/*/cgroup")
