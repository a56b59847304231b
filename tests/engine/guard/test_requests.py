"""Writes in every form that the Kubernetes API takes: by each rule what it refuses, and what it must let through.

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
    cron_job,
    delete,
    job,
    json_patch,
    key_bound,
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
KEEP = ["example.com/keep"]
MARK = {"ambient-components/key": "ci"}
BYPASS = {"apiGroups": ["guard.ambient-components"], "resources": ["*"], "verbs": ["bypass"]}
OWNERS = "?fieldSelector=metadata.name={owner}"
YEARS = 2 * 365 * 86400

REFUSED = {
    "tokens": [
        post("edit", "serviceaccounts/default/token", token()),
        post("edit", "serviceaccounts/ambient-session-run-1/token", token()),
        post("edit", "serviceaccounts/{ci}/token", token()),
        post("admin", "serviceaccounts/{ci}/token", token(audiences=["https://example.com"])),
        post("kubernetes-admin", "serviceaccounts/{ci}/token", token()),
        post("key", "serviceaccounts/{ci}/token", token()),
        post("admin", "serviceaccounts/{ui}/token", token()),
        post("edit", "serviceaccounts/{ui}/token", token(YEARS)),
    ],
    "keysShare": [
        post("key", "serviceaccounts", account("{new}")),
        post("key", "rolebindings", shared()),
    ],
    "accounts": [
        post("edit", "serviceaccounts", account("mine")),
        post("edit", "serviceaccounts", account("{new}", labels={})),
        post("edit", "serviceaccounts", account("", generateName="ambient-key-new-")),
        post("edit", "serviceaccounts", account("ambient-key-ci-0a1b2c3d")),
        post("edit", "serviceaccounts", account("ambient-session-run-2")),
        apply("edit", "serviceaccounts/mine", account("mine")),
        apply("edit", "serviceaccounts/{ci}", account("{ci}", annotations=noted("alice"))),
        merge("edit", "serviceaccounts/{ci}", {"metadata": {"annotations": noted("alice")}}),
        merge("edit", "serviceaccounts/{ui}", {"metadata": {"labels": {"app": None}}}),
        merge("edit", "serviceaccounts/default", {"imagePullSecrets": [{"name": "x"}]}),
    ],
    "creatorNote": [
        post("edit", "serviceaccounts", account("{new}", annotations=noted("alice"))),
        merge("edit", "serviceaccounts/{ui}", {"metadata": {"annotations": noted("alice")}}),
        strategic("edit", "serviceaccounts/{ui}", {"metadata": {"annotations": noted("")}}),
        json_patch("edit", "serviceaccounts/{ui}", "replace", "/metadata/annotations", noted("alice")),
    ],
    "ties": [
        post("edit", "serviceaccounts", account("{new}", ownerReferences=[TIE])),
        post("edit", "serviceaccounts", account("{new}", finalizers=KEEP)),
        post("edit", "rolebindings", shared(finalizers=KEEP)),
        post("edit", "rolebindings", shared(ownerReferences=[TIE])),
        post("key", "secrets", secret("mine", ownerReferences=[TIE])),
    ],
    "marks": [
        post("edit", "secrets", secret("mine", labels=MARK)),
        merge("edit", "serviceaccounts/{ui}", {"metadata": {"annotations": MARK}}),
    ],
    "roles": [
        post("edit", "roles", role()),
        put("edit", "roles/mine", role()),
        apply("edit", "roles/mine", role()),
        post("kubernetes-admin", "roles", role()),
        delete("admin", "roles/ambient-session-run-1-role"),
        delete("kubernetes-admin", "roles"),
    ],
    "bindings": [
        post("edit", "rolebindings", bound("mine", subject("User", "bob"))),
        put("edit", "rolebindings/mine", bound("mine", subject("User", "bob"))),
        apply("edit", "rolebindings/mine", bound("mine", subject("User", "bob"))),
        post("edit", "rolebindings", bound("", subject("User", "bob"), generateName="ambient-permission-edit-")),
        post("edit", "rolebindings", shared(user="system:masters")),
        post("edit", "rolebindings", {**shared(), "subjects": []}),
        post("edit", "rolebindings", shared(subject("User", "eve"))),
        post("edit", "rolebindings", shared(subject("User", "bob"), subject("User", "eve"))),
        post("edit", "rolebindings", shared(subject("User", "system:anonymous"))),
        post("edit", "rolebindings", shared(subject("User", "system:serviceaccount:{workspace}:default"))),
        post("edit", "rolebindings", shared(subject("Group", "system:authenticated"))),
        post("edit", "rolebindings", shared(subject("Group", "system:unauthenticated"))),
        post("edit", "rolebindings", shared(subject("Group", "system:serviceaccounts:{workspace}"))),
        post("edit", "rolebindings", shared(subject("ServiceAccount", "default"))),
        post("edit", "rolebindings", key_bound("{ci}")),
        merge("admin", "rolebindings/{owner}", {"subjects": [subject("User", "bob")]}),
        merge("admin", "rolebindings/{owner}", {"metadata": {"labels": {"app": "ambient-permission"}}}),
        json_patch("admin", "rolebindings/{owner}", "add", "/subjects/-", subject("User", "bob")),
    ],
    "removesAccess": [
        delete("edit", "rolebindings/{owner}"),
        delete("admin", "rolebindings/{owner}"),
        delete("kubernetes-admin", f"rolebindings{OWNERS}"),
    ],
    "legacyTokens": [
        post("edit", "secrets", legacy("mine")),
        post("edit", "secrets", legacy("", generateName="mine-")),
        apply("admin", "secrets/mine", legacy("mine")),
    ],
    "sessionObjects": [
        post("edit", "secrets", secret("ambient-runner-token-run-2")),
        post("edit", "secrets", secret("", generateName="ambient-runner-token-")),
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
        delete("admin", "secrets/marked"),
        delete("kubernetes-admin", "secrets?labelSelector=ambient-components/key"),
    ],
    "sessionUser": [
        post("edit", "agenticsessions", session("alice")),
        post("edit", "agenticsessions", session("\u0430lice")),
        post("edit", "agenticsessions", session("{edith}\u200b")),
        post("edit", "agenticsessions", session(" ")),
        post("edit", "agenticsessions", session("alice", "", generateName="mine-")),
        apply("edit", "agenticsessions/mine", session("alice")),
        merge("edit", "agenticsessions/nobodys", {"spec": {"userContext": {"userId": "alice"}}}),
        merge("edit", "agenticsessions/alices", {"spec": {"userContext": None}}),
        json_patch("edit", "agenticsessions/alices", "replace", "/spec/userContext/userId", "{edith}"),
        post("key", "agenticsessions", session("alice")),
        post("session", "agenticsessions", session("bob")),
    ],
    "jobs": [
        post("admin", "jobs", job("{ci}")),
        post("admin", "jobs", job("ambient-session-run-1", "serviceAccount")),
        apply("admin", "jobs/mine", job("{ci}")),
        post("kubernetes-admin", "pods", pod("{ci}")),
        post("kubernetes-admin", "pods", pod("{ci}", "serviceAccount", generateName="mine-")),
        post("kubernetes-admin", "deployments", workload("Deployment", "{ci}")),
        post("kubernetes-admin", "statefulsets", workload("StatefulSet", "{ci}")),
        post("kubernetes-admin", "replicasets", workload("ReplicaSet", "{ci}")),
        post("kubernetes-admin", "daemonsets", workload("DaemonSet", "{ci}")),
        post("kubernetes-admin", "cronjobs", cron_job("{ci}")),
    ],
    "limits": [
        post("kubernetes-admin", "networkpolicies", {"metadata": {"name": "mine"}, "spec": {"podSelector": {}}}),
    ],
    "workspaces": [
        merge("backend", "", {"metadata": {"labels": {"ambient-code.io/managed": None}}}),
        merge("backend", "", {"metadata": {"labels": {"ambient-components/guard": None}}}),
        strategic("backend", "", {"metadata": {"labels": {"ambient-components/guard": "audit"}}}),
        merge("backend", "", {"metadata": {"annotations": {"ambient-components/guard-off": "tokens"}}}),
        json_patch("backend", "", "remove", "/metadata/annotations"),
        json_patch("backend", "", "replace", "/metadata/labels", {}),
    ],
}

ALLOWED = [
    # The Keys and Sharing pages
    post("edit", "serviceaccounts", account("{new}", annotations=noted("{edith}") | of_platform(role="edit"))),
    post("edit", "rolebindings", key_bound("{new}")),
    post("edit", "serviceaccounts/{new}/token", token(31536000)),
    post("edit", "rolebindings", shared()),
    post("admin", "rolebindings", shared(user="eve", role="admin")),
    delete("admin", "rolebindings/ambient-permission-edit-bob-user"),
    # Secrets, also of a controller that owns what it writes
    post("edit", "secrets", secret("plain")),
    post("elsewhere", "secrets", secret("synced", ownerReferences=[TIE])),
    # Sessions: one's own, those of an account, and others' to be stopped
    post("edit", "agenticsessions", session("{edith}", "own")),
    post("edit", "agenticsessions", session(None, "without")),
    post("key", "agenticsessions", session("{robin}", "robins")),
    post("session", "agenticsessions", session("alice", "child")),
    merge("edit", "agenticsessions/alices", annotated(desired_phase="Stopped")),
    delete("admin", "agenticsessions/alices"),
    post("admin", "jobs", job("default")),
    merge("backend", "", {"metadata": {"annotations": {"openshift.io/description": "x"}}}),
]


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


def test_allowed(cast: Cast) -> None:
    """In a row, for each builds on those before; after all attacks, of which nothing is left."""
    answers = [(str(one), cast.send(one)[0]) for one in ALLOWED]
    assert [answer for answer in answers if answer[1] != 200] == []
