"""Closing a workspace: what an insider does beforehand to stay inside."""

from typing import Any

from tests.support.attacks import CORE, MERGE, PLATFORM, RBAC, Bearer
from tests.support.insider import WITH_INSIDER, Insider
from tests.support.stacks import Stack

KEEP = ["example.com/keep"]
BOB = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "bob@example.com"}
ACCOUNT = "ambient-session-trigger"
JOBS = "/apis/batch/v1/namespaces"
OURS = "ambient-components/suspended-on-close"


def closed(insider: Insider, lines: str = "    onClose: {wait: 1s}\n") -> str:
    """Write the workspace as closed, deploy it, and return what the run said."""
    insider.stack.write(WITH_INSIDER + "    state: closed\n" + lines)
    return insider.stack.up("--refresh").ok().text


def opened(insider: Insider) -> None:
    insider.stack.write(WITH_INSIDER)
    insider.stack.up("--refresh").ok()


def binding(name: str, role: tuple[str, str], subject: dict[str, str], **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, **metadata},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role[0], "name": role[1]},
        "subjects": [subject],
    }


def own_role(insider: Insider, name: str) -> None:
    """A Role of the insider's own, with what edit gives and Kubernetes lets them pass on."""
    rules = [
        {"apiGroups": [""], "resources": ["serviceaccounts", "serviceaccounts/token"], "verbs": ["create"]},
        {"apiGroups": ["vteam.ambient-code"], "resources": ["agenticsessions"], "verbs": ["get", "list"]},
    ]
    body = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": name}, "rules": rules}
    assert insider.bearer.can("POST", f"{RBAC}/{insider.stack.w}/roles", body)


def gone(insider: Insider, path: str) -> bool:
    return insider.stack.machine.get(path) is None


def reads(bearer: Bearer, workspace: str) -> int:
    return bearer.send("GET", f"{PLATFORM}/{workspace}/agenticsessions")[0]


def shut_out(insider: Insider) -> None:
    insider.stack.machine.until(lambda: not insider.still_inside(), "the insider has lost access", seconds=15)


def test_a_finalizer_on_a_rolebinding(insider: Insider) -> None:
    """4: A finalizer does not keep a RoleBinding in a closed workspace"""
    insider.bind(binding("by-hand", ("ClusterRole", "ambient-project-edit"), BOB, finalizers=KEEP))
    closed(insider)
    assert gone(insider, f"{RBAC}/{insider.stack.w}/rolebindings/by-hand")
    shut_out(insider)


def test_a_role_of_their_own(insider: Insider) -> None:
    """4: A Role that the insider wrote gives nothing in a closed workspace"""
    own_role(insider, "harmless")
    insider.bind(binding("harmless", ("Role", "harmless"), BOB, finalizers=KEEP))
    closed(insider)
    assert gone(insider, f"{RBAC}/{insider.stack.w}/rolebindings/harmless")
    shut_out(insider)


def test_an_account_with_a_role_of_their_own(insider: Insider) -> None:
    """4: A token of an account that the insider made reads nothing in a closed workspace"""
    own_role(insider, "harmless")
    insider.create("serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "mine"}})
    subject = {"kind": "ServiceAccount", "name": "mine", "namespace": insider.stack.w}
    insider.bind(binding("mine", ("Role", "harmless"), subject))
    token = insider.bearer.mint(insider.stack.w, "mine")
    assert token is not None
    assert reads(token, insider.stack.w) == 200
    closed(insider)
    insider.stack.machine.until(lambda: reads(token, insider.stack.w) in (401, 403), "the token reads nothing")


def test_tokens_of_the_platforms_own_accounts(insider: Insider) -> None:
    """4: Tokens that the insider took of a session's and a schedule's account are dead after a closing"""
    workspace, tokens = insider.stack.w, []
    for account, role, name in (
        ("ambient-session-run-1", "ambient-session-run-1-role", "ambient-session-run-1-rb"),
        (ACCOUNT, ACCOUNT, ACCOUNT),
    ):
        # What the operator makes; here the insider does.
        own_role(insider, role)
        insider.create("serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}})
        subject = {"kind": "ServiceAccount", "name": account, "namespace": workspace}
        insider.bind(binding(name, ("Role", role), subject))
        token = insider.bearer.mint(workspace, account)
        assert token is not None
        assert reads(token, workspace) == 200
        tokens.append(token)
    closed(insider)
    for token in tokens:
        insider.stack.machine.until(lambda token=token: reads(token, workspace) in (401, 403), "the token is dead")
    opened(insider)
    assert {reads(token, workspace) for token in tokens} <= {401, 403}


def test_a_token_secret_of_a_keys_account(insider: Insider) -> None:
    """4: A token Secret with a finalizer does not keep a key's account alive in a closed workspace"""
    account = insider.account_of("ci", 1)
    notes = {"kubernetes.io/service-account.name": account}
    insider.create(
        "secrets",
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "mine", "annotations": notes, "finalizers": KEEP},
        },
    )
    insider.patch("serviceaccounts", account, {"metadata": {"finalizers": KEEP}})
    token = insider.stack.token("ci")
    closed(insider)
    assert gone(insider, f"{CORE}/{insider.stack.w}/secrets/mine")
    assert gone(insider, f"{CORE}/{insider.stack.w}/serviceaccounts/{account}")
    insider.stack.ended(token, "the key of a closed workspace")


def session(insider: Insider, name: str, **metadata: Any) -> None:
    body = {
        "apiVersion": "vteam.ambient-code/v1alpha1",
        "kind": "AgenticSession",
        "metadata": {"name": name, **metadata},
        "spec": {"initialPrompt": "Wait"},
    }
    assert insider.bearer.can("POST", f"{PLATFORM}/{insider.stack.w}/agenticsessions", body)


def pod_of(insider: Insider, name: str) -> str:
    """The pod of a session, as the operator makes it; without a node it runs nowhere."""
    labels = {"app": "ambient-code-runner", "agentic-session": name}
    containers = [{"name": "ambient-code-runner", "image": "example.com/runner"}]
    path, metadata = f"{CORE}/{insider.stack.w}/pods", {"name": f"{name}-runner", "labels": labels}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}}
    insider.stack.machine.create(path, body)
    return f"{path}/{name}-runner"


def desired(insider: Insider, name: str) -> str | None:
    found = insider.stack.machine.get(f"{PLATFORM}/{insider.stack.w}/agenticsessions/{name}")
    assert found is not None
    return (found["metadata"].get("annotations") or {}).get("ambient-code.io/desired-phase")


def test_a_running_session(insider: Insider) -> None:
    """M1: A session that the insider runs is asked to stop, named if it does not, and ended where the file says so"""
    session(insider, "run-1", annotations={"ambient-code.io/desired-phase": "Running"})
    pod = pod_of(insider, "run-1")
    reported = closed(insider)
    assert "run-1 did not stop within 1s" in reported
    assert "run-1-runner" in reported
    assert desired(insider, "run-1") == "Stopped"
    assert not gone(insider, pod)
    assert "run-1-runner" in closed(insider, "    onClose: {sessions: deletePods, wait: 1s}\n")
    assert gone(insider, pod)


def cronjob(insider: Insider, name: str, *, suspended: bool) -> str:
    """A scheduled session, as the platform's backend makes it: nobody else in a workspace may."""
    path = f"{JOBS}/{insider.stack.w}/cronjobs"
    pod = {"restartPolicy": "Never", "containers": [{"name": "trigger", "image": "example.com/operator"}]}
    body = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "labels": {"ambient-code.io/scheduled-session": "true"}},
        "spec": {
            "schedule": "* * * * *",
            "suspend": suspended,
            "jobTemplate": {"spec": {"template": {"spec": pod}}},
        },
    }
    insider.stack.machine.create(path, body)
    return f"{path}/{name}"


def suspended(stack: Stack, path: str) -> tuple[bool, str | None]:
    found = stack.machine.get(path)
    assert found is not None
    return found["spec"]["suspend"], (found["metadata"].get("annotations") or {}).get(OURS)


def test_a_schedule(insider: Insider) -> None:
    """M2: A schedule of a closed workspace starts no session, and one that was resumed is suspended again"""
    stack = insider.stack
    running, paused = cronjob(insider, "schedule-1", suspended=False), cronjob(insider, "schedule-2", suspended=True)
    assert "schedule-1" in closed(insider)
    assert (suspended(stack, running), suspended(stack, paused)) == ((True, "true"), (True, None))
    # The platform's backend resumes it for an owner.
    token = stack.machine.cluster.token_of("sandbox-admin")
    resume = {"spec": {"suspend": False}}
    assert Bearer(stack.machine, token).can("PATCH", running, resume, MERGE)
    assert "schedule-1" in stack.up("--refresh").ok().text
    assert suspended(stack, running) == (True, "true")
    opened(insider)
    assert (suspended(stack, running), suspended(stack, paused)) == ((False, None), (True, None))


def test_odd_sessions(insider: Insider) -> None:
    """M1: Sessions with odd annotations do not hold up a closing"""
    odd = ({"ambient-code.io/desired-phase": "\u001b[31m"}, {"ambient-code.io/stop-reason": ""}, {})
    for number, notes in enumerate(odd):
        session(insider, f"run-{number}", annotations=notes, labels={"agentic-session": "other"})
    closed(insider)
    shut_out(insider)
    assert {desired(insider, f"run-{number}") for number in range(len(odd))} == {"Stopped"}
