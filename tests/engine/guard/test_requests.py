"""Writes in the rarer forms that the Kubernetes API takes, by the rule that refuses each; test_rules.py has the others.

They go to one guarded workspace with everybody in it: people with view, edit and admin, and with Kubernetes' own role
admin; `{ci}`, a key of the stack file, and `{ui}`, Edith's key of the Keys page; a session of Alice; the backend.
"""

from collections.abc import Iterator

import pytest

from tests.support.guard_cast import (
    Cast,
    Request,
    account,
    annotated,
    apply,
    bound,
    delete,
    job,
    json_patch,
    legacy,
    merge,
    noted,
    of_platform,
    pod,
    post,
    put,
    role,
    secret,
    session,
    shared,
    strategic,
    subject,
    token,
    workload,
)
from tests.support.guarded import GuardedWorld, Watch
from tests.support.machine import Machine

TIE = {"apiVersion": "v1", "kind": "ServiceAccount", "name": "default", "uid": "0b5b2b3c-0000-0000-0000-000000000000"}

REFUSED = {
    "tokens": [
        post("admin", "serviceaccounts/{ci}/token", token(audiences=["https://example.com"])),
        post("kubernetes-admin", "serviceaccounts/{ci}/token", token()),
        post("key", "serviceaccounts/{ci}/token", token()),
    ],
    "accounts": [
        post("edit", "serviceaccounts", account("", generateName="ambient-key-new-")),
        apply("edit", "serviceaccounts/mine", account("mine")),
        apply("edit", "serviceaccounts/{ci}", account("{ci}", annotations=noted("alice"))),
        merge("edit", "serviceaccounts/default", {"imagePullSecrets": [{"name": "x"}]}),
    ],
    "creatorNote": [
        strategic("edit", "serviceaccounts/{ui}", {"metadata": {"annotations": noted("")}}),
        json_patch("edit", "serviceaccounts/{ui}", "replace", "/metadata/annotations", noted("alice")),
    ],
    "ties": [
        post("edit", "serviceaccounts", account("{new}", ownerReferences=[TIE])),
        post("edit", "serviceaccounts", account("{new}", finalizers=["example.com/keep"])),
        post("edit", "rolebindings", shared(ownerReferences=[TIE])),
        post("key", "secrets", secret("mine", ownerReferences=[TIE])),
    ],
    "roles": [
        put("edit", "roles/mine", role()),
        apply("edit", "roles/mine", role()),
        delete("kubernetes-admin", "roles"),
    ],
    "bindings": [
        put("edit", "rolebindings/mine", bound("mine", subject("User", "bob"))),
        apply("edit", "rolebindings/mine", bound("mine", subject("User", "bob"))),
        post("edit", "rolebindings", bound("", subject("User", "bob"), generateName="ambient-permission-edit-")),
        post("edit", "rolebindings", shared(user="system:masters")),
        post("edit", "rolebindings", shared(subject("User", "bob"), subject("User", "eve"))),
        post("edit", "rolebindings", shared(subject("User", "system:anonymous"))),
        post("edit", "rolebindings", shared(subject("Group", "system:unauthenticated"))),
        json_patch("admin", "rolebindings/{owner}", "add", "/subjects/-", subject("User", "bob")),
    ],
    "removesAccess": [delete("kubernetes-admin", "rolebindings?fieldSelector=metadata.name={owner}")],
    "legacyTokens": [
        post("edit", "secrets", legacy("", generateName="mine-")),
        apply("admin", "secrets/mine", legacy("mine")),
    ],
    "sessionObjects": [
        post("edit", "secrets", secret("", generateName="ambient-runner-token-")),
        # All data of these two are variables of every session.
        post("edit", "secrets", secret("ambient-non-vertex-integrations", data={"NODE_OPTIONS": "eA=="})),
        post("edit", "secrets", secret("ambient-runner-secrets", data={"ANTHROPIC_BASE_URL": "eA=="})),
        # The operator renews the token of the account that is noted on a session, into the Secret that is noted there.
        post("edit", "agenticsessions", session(None, annotations=of_platform(runner_sa="{ci}"))),
        post("edit", "agenticsessions", session(None, annotations=of_platform(runner_token_secret="mine"))),
        merge("edit", "agenticsessions/alices", annotated(runner_sa="ambient-session-run-1")),
        merge("session", "agenticsessions/alices", annotated(runner_token_secret="mine")),
        json_patch("edit", "agenticsessions/alices", "add", "/metadata/annotations", of_platform(runner_sa="{ci}")),
    ],
    "keySecrets": [
        merge("admin", "secrets/marked", {"metadata": {"labels": {"ambient-components/key": None}}}),
        json_patch("admin", "secrets/marked", "add", "/data", {"token": "eA=="}),
        delete("kubernetes-admin", "secrets?labelSelector=ambient-components/key"),
    ],
    "sessionUser": [
        post("edit", "agenticsessions", session("\u0430lice")),
        post("edit", "agenticsessions", session("{edith}\u200b")),
        post("edit", "agenticsessions", session(" ")),
        post("edit", "agenticsessions", session("alice", "", generateName="mine-")),
        apply("edit", "agenticsessions/mine", session("alice")),
        json_patch("edit", "agenticsessions/alices", "replace", "/spec/userContext/userId", "{edith}"),
    ],
    "jobs": [
        apply("admin", "jobs/mine", job("{ci}")),
        # The backend sends the token of whoever writes to a session to the pods with its labels.
        post("admin", "jobs", job("default", **{"agentic-session": "alices", "app": "ambient-code-runner"})),
        post("kubernetes-admin", "pods", pod("{ci}", "serviceAccount", generateName="mine-")),
        post("kubernetes-admin", "statefulsets", workload("StatefulSet", "{ci}")),
        post("kubernetes-admin", "replicasets", workload("ReplicaSet", "{ci}")),
        post("kubernetes-admin", "daemonsets", workload("DaemonSet", "{ci}")),
    ],
    "workspaces": [
        strategic("backend", "", {"metadata": {"labels": {"ambient-components/guard": "audit"}}}),
        json_patch("backend", "", "remove", "/metadata/annotations"),
        json_patch("backend", "", "replace", "/metadata/labels", {}),
    ],
}


@pytest.fixture(scope="module")
def cast(guard: None, machine: Machine) -> Iterator[Cast]:
    world = GuardedWorld(machine)
    yield Cast(world)
    world.remove()


@pytest.mark.parametrize(
    ("rule", "attack"), [(rule, one) for rule, several in REFUSED.items() for one in several], ids=str
)
def test_refused(cast: Cast, watch: Watch, rule: str, attack: Request) -> None:
    refused = watch.first(lambda: cast.send(attack))
    assert refused is not None, f"taken: {watch.taken}"
    assert refused.rule == rule, refused
