"""What the ledger's check says of access that others gave or took. It only warns."""

import pytest

from ambient_components.platform import naming
from ambient_components.platform.contract import Role
from ambient_components.platform.subjects import parse_subject
from tests.support.access_cli import put
from tests.support.access_objects import by_platform
from tests.support.fake_plugin import LEDGER, running

OWNER = "app/dev"
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"
SUFFIX = naming.key_suffix("pay", "ci", 1)
ACCOUNT = naming.key_service_account("ci", SUFFIX)
CI = {"ci": {"role": "edit", "lifetimeSeconds": 86_400, "generation": 1}}


def entry(state="active", owners=("user:alice",), grants=None, keys=None):
    return {"state": state, "owners": list(owners), "grants": grants or {}, "keys": keys or {}}


@pytest.fixture
def world(monkeypatch):
    with running(monkeypatch) as all_of_it:
        namespace(all_of_it, "pay")
        owner(all_of_it)
        yield all_of_it


def namespace(world, name):
    world.api.add("/api/v1/namespaces", name, annotations={"ambient-components/owner": OWNER})


def binding(world, name, role="view", subject=None, labels=None, space="pay"):
    subject = subject or {"kind": "User", "name": "eve"}
    ref = {"kind": "ClusterRole", "name": f"ambient-project-{role}"}
    labels = {"app": "ambient-permission"} if labels is None else labels
    world.api.add(f"{RBAC}/{space}/rolebindings", name, labels=labels, roleRef=ref, subjects=[subject])


def owner(world, name="ambient-admin-alice", space="pay"):
    alice = {"kind": "User", "name": name.removeprefix("ambient-admin-")}
    binding(world, name, "admin", alice, {"ambient-code.io/role": "admin"}, space)


def key(world, account=ACCOUNT, space="pay"):
    labels = {"app": "ambient-access-key"}
    world.api.add(f"/api/v1/namespaces/{space}/serviceaccounts", account, labels=labels)
    subject = {"kind": "ServiceAccount", "name": account, "namespace": space}
    binding(world, account.replace("-key-", "-key-edit-", 1), "edit", subject, labels, space)


def warnings(world, after, before=None):
    olds = {"owner": OWNER, "workspaces": before} if before is not None else None
    answer = world.plugin.check({"owner": OWNER, "workspaces": after}, olds, urn=LEDGER)
    assert not answer.failures
    assert world.writes() == []
    return world.engine.texts("warning")


def test_what_is_declared_is_not_undeclared(world):
    key(world)
    binding(world, naming.grant_binding(Role.VIEW, parse_subject("user:eve")))
    adopted = {"ci": {**CI["ci"], "adopt": [ACCOUNT]}}
    assert warnings(world, {"pay": entry(grants={"user:eve": "view"}, keys=adopted)}) == []


def test_accounts_that_no_state_knows_refuse_a_stack_without_a_state(world):
    key(world)
    answer = world.plugin.check({"owner": OWNER, "workspaces": {"pay": entry(keys=CI)}}, urn=LEDGER)
    (failure,) = answer.failures
    assert failure.reason.startswith(
        "workspace 'pay': the cluster has ServiceAccounts of its keys that are in no state"
    )
    assert f"ci: {{adopt: [{ACCOUNT}]}}" in failure.reason
    assert f"ambient adopt {OWNER.rpartition('/')[2]} --keys names" in failure.reason


def test_what_this_run_removes_is_not_undeclared(world):
    key(world)
    binding(world, "ambient-permission-view-eve-user")
    binding(world, "ambient-permission-edit-bob-user", "edit")
    before = {"pay": entry(owners=["user:alice", "user:zoe"], grants={"user:eve": "view", "user:bob": "edit"}, keys=CI)}
    owner(world, "ambient-admin-zoe")
    assert warnings(world, {"pay": entry(grants={"user:bob": "admin"})}, before) == []


def test_each_kind_of_undeclared_access_is_named_in_one_warning_a_workspace(world):
    binding(world, "ambient-permission-view-eve-user")
    binding(world, "old", "edit", {"kind": "Group", "name": "devs"}, {"app": "ambient-group-access"})
    owner(world, "ambient-admin-creator")
    key(world, "ambient-key-cd-1")
    namespace(world, "zoo")
    owner(world, space="zoo")
    binding(world, "ambient-permission-admin-ivy-user", "admin", {"kind": "User", "name": "ivy"}, space="zoo")
    first, second = warnings(world, {"pay": entry(), "zoo": entry()})
    assert first.startswith("workspace 'pay': ")
    assert "in the cluster, and in no file: it stays unchanged; declare it, or remove it: a grant on" in first
    listed = first.removeprefix("workspace 'pay': ").split(": in the cluster")[0].split(", ")
    assert sorted(listed) == [
        "admin of user:creator",
        "edit of group:devs",
        "edit of serviceaccount:pay:ambient-key-cd-1",
        "key ambient-key-cd-1",
        "view of user:eve",
    ]
    assert second.startswith("workspace 'zoo': admin of user:ivy: in the cluster, and in no file")


def test_a_second_binding_of_a_declared_subject_is_not_called_undeclared(world):
    bob, carol = ({"kind": "User", "name": name} for name in ("bob", "carol"))
    binding(world, "ambient-permission-view-bob-user", subject=bob)
    binding(world, "quick", "admin", bob, labels={})
    binding(world, "later", "edit", carol)
    binding(world, "both", "edit", bob, labels={})
    world.api.objects[f"{RBAC}/pay/rolebindings/both"]["subjects"].append({"kind": "User", "name": "eve"})
    dated = {"user:carol": [{"role": "edit", "from": "2999-01-01"}]}
    found = warnings(world, {"pay": {**entry(grants={"user:bob": "view"}), "dates": dated}})
    told = [text.removeprefix("workspace 'pay': ").partition("; ")[0] for text in found]
    stays = "it stays, also when the declared line is removed"
    assert sorted(told) == [
        f"admin of user:bob (RoleBinding quick): made by others, beside the declared view: {stays}",
        "edit of user:bob, user:eve (RoleBinding both): in the cluster, and in no file: it stays unchanged",
        f"edit of user:carol: made by others, beside the declared edit: {stays}",
    ]


def role(world, name, *rules):
    """A Role, and a RoleBinding to it for an account of the workspace."""
    body = [dict(zip(("apiGroups", "resources", "verbs"), ([g], [r], v.split()), strict=True)) for g, r, v in rules]
    world.api.add(f"{RBAC}/pay/roles", name, rules=body)
    subject = {"kind": "ServiceAccount", "name": name, "namespace": "pay"}
    ref = {"kind": "Role", "name": name}
    world.api.add(f"{RBAC}/pay/rolebindings", name, roleRef=ref, subjects=[subject])


def test_what_gives_nothing_of_a_workspace_is_no_warning(world):
    role(world, "monitoring", ("", "services", "get list watch"), ("", "endpoints", "get list watch"))
    role(world, "elector", ("coordination.k8s.io", "leases", "get create update"), ("", "events", "create"))
    ref = {"kind": "ClusterRole", "name": "reader-of-events"}
    rules = [{"apiGroups": [""], "resources": ["events"], "verbs": ["list"]}]
    world.api.add("/apis/rbac.authorization.k8s.io/v1/clusterroles", "reader-of-events", rules=rules)
    world.api.add(f"{RBAC}/pay/rolebindings", "r", roleRef=ref, subjects=[{"kind": "User", "name": "eve"}])
    world.api.add(f"{RBAC}/pay/rolebindings", "nobody", roleRef={"kind": "ClusterRole", "name": "admin"}, subjects=[])
    assert warnings(world, {"pay": entry()}) == []


@pytest.mark.parametrize(
    "rule",
    [
        ("", "pods", "get"),
        ("", "serviceaccounts/token", "create"),
        ("", "secrets", "get"),
        ("rbac.authorization.k8s.io", "rolebindings", "create"),
        ("vteam.ambient-code", "agenticsessions", "list"),
        ("", "services", "patch"),
        ("*", "services", "get"),
        ("", "*", "get"),
        ("", "events", "*"),
        ("batch", "jobs", "create"),
    ],
)
def test_a_role_of_the_workspace_that_gives_something_of_it_is_named(world, rule):
    role(world, "bot", ("", "services", "get"), rule)
    (warning,) = warnings(world, {"pay": entry()})
    assert warning.startswith("workspace 'pay': Role/bot of serviceaccount:pay:bot (RoleBinding bot): in the cluster")


def test_a_role_that_is_not_known_counts_as_access(world):
    for number, ref in enumerate(({"kind": "Role", "name": "gone"}, {"kind": "ClusterRole", "name": "gone"})):
        world.api.add(f"{RBAC}/pay/rolebindings", f"b{number}", roleRef=ref, subjects=[{"kind": "User", "name": "eve"}])
    (warning,) = warnings(world, {"pay": entry()})
    assert "Role/gone of user:eve (RoleBinding b0), gone of user:eve (RoleBinding b1)" in warning


EVERYONE = {"kind": "Group", "name": "system:authenticated"}


@pytest.mark.parametrize("labels", [{}, {"app": "ambient-permission"}])
@pytest.mark.parametrize("name", ["system:authenticated", "system:serviceaccounts", "system:serviceaccounts:pay"])
def test_a_binding_to_everyone_is_loud(world, labels, name):
    binding(world, "public", "view", {"kind": "Group", "name": name}, labels)
    public = [text for text in warnings(world, {"pay": entry()}) if f"gives access to group:{name} (every" in text]
    assert len(public) == 1
    assert "kubectl delete rolebinding -n pay public" in public[0]
    news = {"owner": OWNER, "workspaces": {"pay": entry()}, "acknowledged": {"*": ["undeclaredAccess"]}}
    world.plugin.check(news, None, urn=LEDGER)
    # The same warnings again: neither can be acknowledged.
    assert [text for text in world.engine.texts("warning") if "in no file" not in text] == public * 2
    assert len(world.engine.texts("warning")) == 4


def test_a_role_without_rights_for_everyone_is_loud_too(world):
    role(world, "reader", ("", "services", "get"))
    world.api.objects[f"{RBAC}/pay/rolebindings/reader"]["subjects"] = [EVERYONE]
    assert any(
        "RoleBinding reader gives access to group:system:authenticated" in text
        for text in warnings(world, {"pay": entry()})
    )


def test_everyone_in_a_declared_binding_is_loud(world):
    world.api.objects[f"{RBAC}/pay/rolebindings/ambient-admin-alice"]["subjects"].append(EVERYONE)
    texts = warnings(world, {"pay": entry()}, {"pay": entry()})
    assert any("RoleBinding ambient-admin-alice gives access to group:system:authenticated" in text for text in texts)


def test_a_declared_grant_to_everyone_is_not_loud(world):
    grants = {"group:system:authenticated": "view"}
    name = naming.grant_binding(Role.VIEW, parse_subject("group:system:authenticated"))
    binding(world, name, "view", EVERYONE)
    assert [
        text
        for text in warnings(world, {"pay": entry(grants=grants)}, {"pay": entry(grants=grants)})
        if "gives access" in text
    ] == []


def test_the_lists_are_one_of_each_kind_and_only_if_needed(world):
    for name in ("pay", "zoo"):
        put(world.api, *by_platform(name, "s1"))
    namespace(world, "zoo")
    owner(world, space="zoo")
    after = {"pay": entry(), "zoo": entry()}
    assert warnings(world, after, after) == []
    for kind in ("rolebindings", "roles", "agenticsessions"):
        assert (
            len([request for request in world.api.seen("GET", f"/{kind}$") if "fieldSelector" not in request.query])
            == 1
        )
    assert len(world.api.seen("GET", "v1alpha1/projectsettings$")) == 1
    assert world.api.seen("GET", "/clusterroles$") == []
    world.api.log.clear()
    for path in [path for path in world.api.objects if "ambient-session" in path]:
        del world.api.objects[path]
    assert warnings(world, after, after) == []
    assert world.api.seen("GET", "/(roles|clusterroles|agenticsessions|projectsettings)$") == []


def test_access_that_came_back_in_a_closed_workspace_is_named(world):
    binding(world, "ambient-permission-view-eve-user")
    assert warnings(world, {"pay": entry("closed")}, {"pay": entry("closed")}) == [
        "workspace 'pay': view of user:eve: in the cluster, and the workspace is closed; ambient up --refresh ends it"
    ]


def test_access_that_closing_ends_is_no_warning(world):
    binding(world, "ambient-permission-view-eve-user")
    assert warnings(world, {"pay": entry("closed")}, {"pay": entry()}) == []


def test_a_released_workspace_is_looked_at_without_a_warning(world):
    binding(world, "ambient-permission-view-eve-user")
    assert warnings(world, {"pay": entry("released")}, {"pay": entry("released")}) == []
    # A run must not give again what others have ended. The control plane's own bindings are looked for by their name.
    lists = [request for request in world.api.seen("GET") if request.path.endswith("/rolebindings")]
    assert [request for request in lists if "fieldSelector" not in request.query]


def test_an_adopted_workspace_says_what_comes_with_it(world):
    world.api.add("/api/v1/namespaces", "old")
    binding(world, "ambient-permission-view-eve-user", space="old")
    (warning,) = warnings(world, {"old": {**entry(), "adopt": True}, "pay": entry()})
    assert warning.startswith("workspace 'old': view of user:eve: in the cluster, and in no file")


@pytest.mark.parametrize(("count", "more"), [(10, ""), (11, " and 1 more"), (23, " and 13 more")])
def test_ten_are_named_and_the_rest_is_counted(world, count, more):
    for number in range(count):
        binding(world, f"ambient-permission-view-u{number:02}-user", subject={"kind": "User", "name": f"u{number:02}"})
    (warning,) = warnings(world, {"pay": entry()})
    assert [name for name in (f"u{n:02}" for n in range(count)) if name in warning] == [f"u{n:02}" for n in range(10)]
    assert f"view of user:u09{more}: in the cluster" in warning


# What others took.


def test_what_is_new_in_this_run_is_not_missing(world):
    assert warnings(world, {"pay": entry(grants={"user:eve": "view"}, keys=CI)}, {"pay": entry()}) == []


@pytest.mark.parametrize("state", ["closed", "released"])
def test_what_a_closed_or_released_workspace_had_is_not_missing(world, state):
    del world.api.objects[f"{RBAC}/pay/rolebindings/ambient-admin-alice"]
    assert warnings(world, {"pay": entry()}, {"pay": entry(state)}) == []
