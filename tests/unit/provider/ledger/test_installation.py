"""What the ledger's check says of the platform that is installed, and of V2's control plane."""

import pytest

from ambient_components.problem_json import AS_JSON, VARIABLE, decode
from tests.support.access_ledger import MINE, entry, ledger, reasons
from tests.support.fake_api import CLUSTER_ROLES, Answer

NAMESPACES = "/api/v1/namespaces"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
OURS = [f"ambient-project-{role}" for role in ("view", "edit", "admin")]
KNOWN = ("noPlatform", "unsupportedPlatform", "secondPlatform", "missingRoles", "controlPlane", "notChecked")
V2 = {"ambient-code.io/managed-by": "ambient-control-plane", "ambient-code.io/project-id": "of-v2"}


@pytest.fixture(autouse=True)
def deployed(world, monkeypatch):
    """The workspace of the ledger exists, so that nothing else is said."""
    monkeypatch.setenv(VARIABLE, AS_JSON)
    world.api.add(NAMESPACES, "pay", annotations=MINE)


def roles(world, *names):
    """The ClusterRoles that exist, for a deployer who may read them."""
    world.api.fail("GET", f"^{CLUSTER_ROLES}", 404)
    for name in names:
        world.api.rule("GET", f"^{CLUSTER_ROLES}{name}$", Answer(200, {"kind": "ClusterRole"}))


def warned(world, acknowledged=None, **workspaces):
    """The warnings about the platform: the name of each, with its text."""
    news = ledger(**(workspaces or {"pay": entry(owners=())}))
    before = len(world.engine.texts("warning"))
    assert reasons(world, news | {"acknowledged": acknowledged or {}}, news) == []
    assert world.writes() == []
    problems = [problem for text in world.engine.texts("warning")[before:] for problem in decode(text)]
    return [(one.rule, one.problem) for one in problems if one.rule in KNOWN]


def test_no_platform(world):
    world.api.kinds -= {"projectsettings"}
    ((rule, text),) = warned(world)
    assert rule == "noPlatform"
    assert "no installation of the platform was found" in text
    assert "(the platform's ClusterRoles: unknown)" in text
    roles(world)
    ((rule, text),) = warned(world)
    assert "(the platform's ClusterRoles: none)" in text
    roles(world, OURS[0])
    ((rule, text),) = warned(world)
    assert "(the platform's ClusterRoles: ambient-project-view)" in text


def test_v2_alone_by_a_namespace_of_its_control_plane(world):
    world.api.kinds -= {"projectsettings"}
    world.api.add(NAMESPACES, "of-v2", labels=V2)
    ((rule, text),) = warned(world)
    assert rule == "unsupportedPlatform"
    assert "only V2 of the platform was found" in text


def test_v2_alone_by_its_clusterrole(world):
    world.api.kinds -= {"projectsettings"}
    roles(world, *OURS, "ambient-control-plane")
    ((rule, text),) = warned(world)
    assert rule == "unsupportedPlatform"
    assert "only V2 of the platform was found" in text


@pytest.mark.parametrize("by", ["namespace", "role"])
def test_v1_beside_v2(world, by):
    if by == "role":
        roles(world, *OURS, "ambient-control-plane")
    else:
        world.api.add(NAMESPACES, "of-v2", labels=V2)
    ((rule, text),) = warned(world)
    assert rule == "secondPlatform"
    assert "V2's UI and acpctl do not show the workspaces of this stack" in text


def test_missing_roles(world):
    roles(world, OURS[0])
    ((rule, text),) = warned(world)
    assert rule == "missingRoles"
    assert "ClusterRoles ambient-project-edit, ambient-project-admin do not exist" in text


@pytest.mark.parametrize("sign", ["label", "id", "binding"])
def test_a_workspace_that_v2s_control_plane_knows(world, sign):
    """It labels namespaces that it makes, and binds itself in those that were there (contract 6)."""
    labels = {"label": dict([*V2.items()][:1]), "id": dict([*V2.items()][1:]), "binding": {}}[sign]
    world.api.objects[f"{NAMESPACES}/pay"]["metadata"]["labels"] = labels
    if sign == "binding":
        for place in ("pay", "of-others"):
            world.api.add(f"{RBAC}/namespaces/{place}/rolebindings", "ambient-control-plane-project-manager")
    *_, (rule, text) = warned(world)
    assert rule == "controlPlane"
    assert "workspace 'pay': V2's control plane has a project for this namespace" in text
    assert "it deletes the namespace with all that is in it" in text


def test_a_binding_that_users_can_write_is_no_sign_of_v2_in_the_cluster(world):
    world.api.add(f"{RBAC}/namespaces/of-others/rolebindings", "ambient-control-plane-project-manager")
    assert warned(world) == []


def test_a_closed_workspace_counts_and_a_released_one_does_not(world):
    world.api.kinds -= {"projectsettings"}
    assert [rule for rule, _ in warned(world, pay=entry("closed"))] == ["noPlatform"]
    assert warned(world, pay=entry("released")) == []


@pytest.mark.parametrize("code", [403, 500])
def test_what_cannot_be_read_is_said(world, code):
    world.api.fail("GET", "^/apis/vteam.ambient-code/v1alpha1$", code)
    ((rule, text),) = warned(world)
    assert "it is unknown which installation of the platform the cluster has" in text
    assert rule == "notChecked"


def test_no_request_needs_a_right_that_the_deployer_lacks(world):
    """Discovery, a list of RoleBindings, and one ClusterRole that may be refused."""
    warned(world)
    paths = [
        request.path
        for request in world.api.seen("GET")
        if "/v1alpha1" in request.path or CLUSTER_ROLES in request.path
    ]
    assert paths == [f"{CLUSTER_ROLES}ambient-project-view", "/apis/vteam.ambient-code/v1alpha1"]
