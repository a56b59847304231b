"""`ambient:index:Closure` over real gRPC, with a real HTTP server for a cluster."""

import pytest
from pulumi.runtime import proto

from tests.support.fake_api import Answer
from tests.support.fake_plugin import CLOSURE, UNKNOWN, RefusedError, plain

NAMESPACE = "/api/v1/namespaces/pay"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces/pay/rolebindings"
ROLES = BINDINGS.replace("rolebindings", "roles")
SETTINGS = "/apis/vteam.ambient-code/v1alpha1/namespaces/pay/projectsettings"
ACCOUNTS = f"{NAMESPACE}/serviceaccounts"
SECRETS = f"{NAMESPACE}/secrets"
PODS = f"{NAMESPACE}/pods"
SESSIONS = "/apis/vteam.ambient-code/v1alpha1/namespaces/pay/agenticsessions"
CRONJOBS = "/apis/batch/v1/namespaces/pay/cronjobs"
KIND = proto.PropertyDiff
OWNERS = ["ambient-admin-alice", "ambient-admin-ops"]
WANTED = {"namespace": "pay", "staying": ["user:alice", "user:ops"]}
GRANT = {"app": "ambient-permission"}
KEY = {"app": "ambient-access-key"}
TRIGGER = "ambient-session-trigger"


def binding(world, name, role="ambient-project-edit", labels=None, kind="ClusterRole", subject="bob", path=BINDINGS):
    subjects = [{"kind": "User", "name": subject}] if subject else []
    world.api.add(path, name, labels=labels, roleRef={"kind": kind, "name": role}, subjects=subjects)


def operators(world, verbs=("create", "get", "list", "update")):
    """What the operator makes for schedules, owned by ProjectSettings."""
    uid = world.api.add(SETTINGS, "projectsettings", spec={})["uid"]
    rules = [{"apiGroups": ["vteam.ambient-code"], "resources": ["agenticsessions"], "verbs": list(verbs)}]
    owned(world, TRIGGER, TRIGGER, TRIGGER, rules, {"kind": "ProjectSettings", "name": "projectsettings", "uid": uid})


def operators_session(world):
    """What the operator makes for a session, owned by it."""
    uid = world.api.add(SESSIONS, "run-1", status={"phase": "Stopped"})["uid"]
    account, owner = "ambient-session-run-1", {"kind": "AgenticSession", "name": "run-1", "uid": uid}
    owned(world, f"{account}-rb", f"{account}-role", account, [], owner)
    world.api.add(ACCOUNTS, account)


def owned(world, name, role, account, rules, owner):
    world.api.add(ROLES, role, rules=rules)
    account_binding(world, name, role, account)
    for path in (f"{ROLES}/{role}", f"{BINDINGS}/{name}"):
        world.api.change(path, {"metadata": {"ownerReferences": [owner]}})


def account_binding(world, name, role, account, space="pay", kind="Role"):
    subject = {"kind": "ServiceAccount", "name": account, "namespace": space}
    world.api.add(BINDINGS, name, roleRef={"kind": kind, "name": role}, subjects=[subject])


def token_secret(world, name, account):
    notes = {"kubernetes.io/service-account.name": account}
    world.api.add(SECRETS, name, annotations=notes, type="kubernetes.io/service-account-token")


def shared(world):
    """A workspace as it is after a while: what ends, and what is nobody's business here."""
    binding(world, "ambient-admin-alice", "ambient-project-admin", {"ambient-code.io/role": "admin"}, subject="alice")
    binding(world, "ambient-admin-ops", "ambient-project-admin", {"ambient-code.io/role": "admin"}, subject="ops")
    # Ends.
    binding(world, "ambient-admin-creator", "ambient-project-admin", {"ambient-code.io/role": "admin"})
    binding(world, "ambient-permission-view-bob-user", "ambient-project-view", GRANT)
    binding(world, "by-hand", "ambient-project-admin")
    binding(world, "devs-edit", "ambient-project-edit", {"ambient-code.io/managed": "true"})
    binding(world, "legacy", "custom", {"app": "ambient-group-access"}, kind="Role")
    binding(world, "ambient-key-edit-ci-1", "ambient-project-edit", KEY)
    binding(world, "to-nobody", "ambient-project-view", subject="")
    binding(world, "admin-of-kubernetes", "admin", subject="maker")
    world.api.add(ACCOUNTS, "ambient-key-ci-1", labels=KEY)
    world.api.add(SECRETS, "ambient-runner-secrets")
    world.api.add(SECRETS, "ambient-non-vertex-integrations")
    world.api.add(SECRETS, "handle-1", labels={"ambient-components/handle": "true"})
    token_secret(world, "static-of-a-key", "ambient-key-ci-1")
    # Ends too: whoever may edit the workspace may write a Role of any name.
    binding(world, "view-of-kubernetes", "view")
    binding(world, "a-role-of-the-same-name", "ambient-project-edit", kind="Role")
    account_binding(world, "to-an-account", "mine", "default")
    # What a session had.
    operators_session(world)
    world.api.add(SECRETS, "ambient-runner-token-run-1", labels={"app": "ambient-runner-token"})
    token_secret(world, "static-of-a-session", "ambient-session-run-1")
    # A Role gives nothing alone, and may be bound again.
    world.api.add(ROLES, "mine", rules=[])
    # The account had access; Kubernetes makes it again.
    world.api.add(ACCOUNTS, "default")
    token_secret(world, "default-token", "default")
    # A role of the cluster may give anything, and a name proves nothing.
    binding(world, "cleaner", "system:controller:legacy-service-account-token-cleaner")
    binding(world, "system:image-pullers", "system:image-puller")
    # Its tokens end with it; the operator makes another.
    world.api.add(ACCOUNTS, TRIGGER)
    # Stays.
    operators(world)
    account_binding(world, "system:deployers", "system:deployer", "deployer", kind="ClusterRole")
    world.api.add(ACCOUNTS, "other")
    world.api.add(SECRETS, "trusted")
    elsewhere = BINDINGS.replace("/pay/", "/other/")
    binding(world, "ambient-permission-edit-bob-user", labels=GRANT, path=elsewhere)
    world.api.add(ACCOUNTS.replace("/pay/", "/other/"), "ambient-key-ci-1", labels=KEY)


STAYS = {
    BINDINGS: ["ambient-admin-alice", "ambient-admin-ops", TRIGGER, "system:deployers"],
    ROLES: [TRIGGER],
    ACCOUNTS: [TRIGGER, "other"],
    SECRETS: ["trusted"],
    BINDINGS.replace("/pay/", "/other/"): ["ambient-permission-edit-bob-user"],
    ACCOUNTS.replace("/pay/", "/other/"): ["ambient-key-ci-1"],
}


def left(world):
    return {collection: world.api.names(collection) for collection in STAYS}


def notes(world):
    return sorted(world.engine.texts("info"))


def refreshed(world, state):
    answer = world.plugin.read(WANTED, state, urn=CLOSURE, identity="pay")
    assert plain(answer.inputs) == WANTED
    return plain(answer.properties)


def test_all_access_ends_but_the_owners(world):
    shared(world)
    identity, state = world.plugin.create(WANTED, urn=CLOSURE)
    assert (identity, state) == ("pay", {**WANTED, "found": []})
    assert left(world) == STAYS


def test_what_ended_is_told_by_whose_it_was(world):
    shared(world)
    world.plugin.create(WANTED, urn=CLOSURE)
    begin = "pay is closed: ended "
    assert all(note.startswith(begin) for note in notes(world))
    assert [note.removeprefix(begin) for note in notes(world)] == [
        "ClusterRole admin of user:maker (RoleBinding admin-of-kubernetes)",
        "ClusterRole system:controller:legacy-service-account-token-cleaner of user:bob (RoleBinding cleaner)",
        "ClusterRole system:image-puller of user:bob (RoleBinding system:image-pullers)",
        "ClusterRole view of user:bob (RoleBinding view-of-kubernetes)",
        "Role ambient-project-edit of user:bob (RoleBinding a-role-of-the-same-name)",
        "Role ambient-session-run-1-role",
        "Role ambient-session-run-1-role of serviceaccount:pay:ambient-session-run-1 (RoleBinding "
        "ambient-session-run-1-rb)",
        "Role custom of user:bob (RoleBinding legacy)",
        "Role mine",
        "Role mine of serviceaccount:pay:default (RoleBinding to-an-account)",
        "Secret ambient-non-vertex-integrations",
        "Secret ambient-runner-secrets",
        "Secret ambient-runner-token-run-1",
        "Secret default-token",
        "Secret handle-1",
        "Secret static-of-a-key",
        "Secret static-of-a-session",
        "account default (ServiceAccount default)",
        "admin of user:bob (RoleBinding ambient-admin-creator)",
        "admin of user:bob (RoleBinding by-hand)",
        "edit of user:bob (RoleBinding ambient-key-edit-ci-1)",
        "edit of user:bob (RoleBinding devs-edit)",
        "key ambient-key-ci-1 (ServiceAccount ambient-key-ci-1)",
        "session ambient-session-run-1 (ServiceAccount ambient-session-run-1)",
        "view of none (RoleBinding to-nobody)",
        "view of user:bob (RoleBinding ambient-permission-view-bob-user)",
    ]


def test_access_ends_before_the_secrets_and_before_what_sessions_have(world):
    shared(world)
    world.plugin.create(WANTED, urn=CLOSURE)
    deleted = [
        request.path.removeprefix(f"{NAMESPACE}/").replace(f"{BINDINGS}/", "") for request in world.api.seen("DELETE")
    ]
    first, then = deleted.index("secrets/ambient-runner-secrets"), deleted.index("ambient-session-run-1-rb")
    assert deleted.index("serviceaccounts/ambient-key-ci-1") < first < then
    assert deleted[-1] == f"serviceaccounts/{TRIGGER}"


def test_the_account_of_schedules_is_replaced_as_the_operator_makes_it(world):
    uid = world.api.add(SETTINGS, "projectsettings", spec={})["uid"]
    before = world.api.add(ACCOUNTS, TRIGGER, labels={"app": "mine"}, annotations={"mine": "too"})["uid"]
    world.plugin.create(WANTED, urn=CLOSURE)
    (made,) = world.api.seen("POST", "/serviceaccounts$")
    owner = made.body["metadata"].pop("ownerReferences")
    assert made.body["metadata"] == {"name": TRIGGER, "labels": {"ambient-code.io/managed": "true"}}
    assert [(one["kind"], one["uid"], one["controller"]) for one in owner] == [("ProjectSettings", uid, True)]
    assert world.api.objects[f"{ACCOUNTS}/{TRIGGER}"]["metadata"]["uid"] != before


def test_what_took_a_name_meanwhile_is_ended_by_its_own_uid(world):
    binding(world, "by-hand")
    swaps = iter([lambda: binding(world, "by-hand", subject="eve")])
    world.api.rule("DELETE", "by-hand$", lambda _: next(swaps, lambda: None)())
    world.plugin.create(WANTED, urn=CLOSURE)
    assert world.api.names(BINDINGS) == OWNERS
    assert "pay is closed: ended edit of user:eve (RoleBinding by-hand)" in notes(world)


def test_access_that_is_made_again_each_time_fails_the_step(world):
    binding(world, "by-hand")
    world.api.rule("DELETE", "by-hand$", lambda _: binding(world, "by-hand", subject="eve"))
    world.api.add(SECRETS, "ambient-runner-secrets")
    with pytest.raises(RefusedError, match=r"could not end edit of user:eve .*: it was made again each time"):
        world.plugin.create(WANTED, urn=CLOSURE)
    assert world.api.names(SECRETS) == []


def test_an_owner_whose_binding_is_missing_gets_it_back(world):
    world.plugin.create(WANTED, urn=CLOSURE)
    assert world.api.names(BINDINGS) == OWNERS


def test_creations_are_refused_while_access_ends(world):
    shared(world)
    quota = f"{NAMESPACE}/resourcequotas/ambient-components-closing"
    world.plugin.create(WANTED, urn=CLOSURE)
    writes = world.writes()
    made, gone = writes.index(f"POST {NAMESPACE}/resourcequotas"), writes.index(f"DELETE {quota}")
    ended = [at for at, line in enumerate(writes) if line.startswith("DELETE ") and "resourcequotas" not in line]
    assert made < min(ended)
    assert writes[gone + 1 :] == [f"GET {quota}"] or max(ended[:-1]) < gone
    assert quota not in world.api.objects


def test_a_quota_that_an_interrupted_run_left_is_used_and_removed(world):
    world.api.add(f"{NAMESPACE}/resourcequotas", "ambient-components-closing")
    binding(world, "by-hand")
    world.plugin.create(WANTED, urn=CLOSURE)
    assert world.api.names(f"{NAMESPACE}/resourcequotas") == []
    world.api.add(f"{NAMESPACE}/resourcequotas", "ambient-components-closing")
    world.plugin.delete({**WANTED, "found": []}, urn=CLOSURE)
    assert world.api.names(f"{NAMESPACE}/resourcequotas") == []


def test_groups_that_the_operator_would_bind_again_are_removed_from_the_settings(world):
    lines = [{"groupName": "devs", "role": "edit"}]
    world.api.add(SETTINGS, "projectsettings", spec={"groupAccess": lines})
    state = {**WANTED, "found": []}
    assert refreshed(world, state)["found"] == ["groupAccess of devs in ProjectSettings"]
    world.plugin.create(WANTED, urn=CLOSURE)
    assert world.api.objects[f"{SETTINGS}/projectsettings"]["spec"]["groupAccess"] == []
    assert "pay is closed: ended groupAccess of devs in ProjectSettings" in notes(world)


def test_thousands_of_objects_take_a_hundred_lines(world):
    for number in range(120):
        binding(world, f"by-hand-{number}")
    world.plugin.create(WANTED, urn=CLOSURE, preview=True)
    assert sum("closing pay ends" in note for note in notes(world)) == 101
    world.plugin.create(WANTED, urn=CLOSURE)
    assert world.api.names(BINDINGS) == OWNERS
    assert "pay is closed: ended 20 more objects with access" in notes(world)


def test_malformed_objects_are_skipped_with_a_warning(world):
    shared(world)
    kinds = {BINDINGS, ACCOUNTS, SECRETS, SESSIONS, PODS, CRONJOBS}
    hostile = [{"metadata": {"name": 7, "labels": "x"}}, {"metadata": None}, "text"]
    world.api.rule("GET", "/(pods|cronjobs|agenticsessions)$", Answer(200, {"items": hostile}))
    world.plugin.create(WANTED, urn=CLOSURE)
    assert left(world) == STAYS
    warned = {kind for kind in kinds if any(kind in text for text in world.engine.texts("warning"))}
    assert warned == {SESSIONS, PODS, CRONJOBS}


@pytest.mark.parametrize("pattern", ["by-hand$", "ambient-key-ci-1$", "ambient-runner-secrets$"])
def test_what_cant_be_ended_is_told_and_keeps_nothing_else_alive(world, pattern):
    shared(world)
    world.api.fail("DELETE", pattern, 403, "a policy says no")
    with pytest.raises(RefusedError, match=r"could not end .*: DELETE .*: 403: a policy says no"):
        world.plugin.create(WANTED, urn=CLOSURE)
    before = {collection: set(names) for collection, names in STAYS.items()}
    more = {name for collection, names in left(world).items() for name in set(names) - before[collection]}
    assert more == {pattern.rstrip("$")}


def test_a_preview_changes_nothing(world):
    shared(world)
    before = dict(world.api.objects)
    assert world.plugin.create(WANTED, urn=CLOSURE, preview=True)[1] == {**WANTED, "found": []}
    world.plugin.update({**WANTED, "found": ["x"]}, WANTED, urn=CLOSURE, preview=True)
    assert world.api.objects == before
    assert world.writes() == []


# What comes back.


def test_a_refresh_finds_what_came_back_and_the_next_update_ends_it(world):
    shared(world)
    _, state = world.plugin.create(WANTED, urn=CLOSURE)
    assert refreshed(world, state) == state
    binding(world, "by-hand", subject="eve")
    world.api.add(ACCOUNTS, "ambient-key-cd-1", labels=KEY)
    world.api.add(SECRETS, "ambient-runner-secrets")
    world.api.log.clear()
    outputs = refreshed(world, state)
    assert outputs["found"] == ["key ambient-key-cd-1", "edit of user:eve", "Secret ambient-runner-secrets"]
    assert world.writes() == []
    answer = world.plugin.diff(WANTED, outputs, WANTED, urn=CLOSURE)
    assert set(answer.detailedDiff) == {"found"}
    assert world.plugin.update(outputs, WANTED, urn=CLOSURE) == {**WANTED, "found": []}
    assert left(world) == STAYS


def test_without_its_namespace_there_is_nothing_to_close(world):
    del world.api.objects[NAMESPACE]
    assert not world.plugin.read(WANTED, WANTED, urn=CLOSURE).id


# Diff, delete, check.


def test_an_owner_who_leaves_is_a_change_and_ends(world):
    shared(world)
    _, state = world.plugin.create(WANTED, urn=CLOSURE)
    news = {**WANTED, "staying": ["user:ops"]}
    answer = world.plugin.diff(WANTED, state, news, urn=CLOSURE)
    assert {path: one.kind for path, one in answer.detailedDiff.items()} == {"staying": KIND.UPDATE}
    assert not answer.replaces
    world.plugin.update(state, news, urn=CLOSURE)
    assert "ambient-admin-alice" not in world.api.names(BINDINGS)
    assert "ambient-admin-ops" in world.api.names(BINDINGS)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"namespace": UNKNOWN}, "namespace and staying must be known before the update"),
        ({"staying": UNKNOWN}, "namespace and staying must be known before the update"),
        ({"namespace": None}, "namespace: is missing; add it"),
        ({"namespace": ""}, "namespace: is empty; allowed: text"),
        ({"staying": None}, "staying: is missing; add it"),
        ({"staying": "ambient-admin-alice"}, "staying: a list is expected"),
        (
            {"staying": ["ambient-admin-alice"]},
            "staying[0]: 'ambient-admin-alice' is not a subject; allowed: user:NAME, group:NAME or "
            "serviceaccount:NAMESPACE:NAME",
        ),
        ({"staying": [UNKNOWN]}, "namespace and staying must be known before the update"),
        (
            {"sessions": "deletePod"},
            "sessions: 'deletePod' is not a way to end sessions; allowed: stop, deletePods; did you mean 'deletePods'?",
        ),
        (
            {"waitSeconds": 0},
            "waitSeconds: '0' is not a duration; allowed: durations up to 1h, a whole number and a unit of s, m or h, "
            "such as 30s",
        ),
        ({"waitSeconds": "2m"}, "waitSeconds: a whole number is expected"),
    ],
)
def test_without_its_inputs_nothing_is_closed(world, wrong, text):
    answer = world.plugin.check({**WANTED, **wrong}, urn=CLOSURE)
    assert [failure.reason for failure in answer.failures] == [text]
