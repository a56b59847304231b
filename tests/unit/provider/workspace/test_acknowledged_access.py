"""Undeclared access that the files acknowledge: exactly that, and nothing that a user makes of it later."""

import pytest

from ambient_components.rules.warnings import names_of
from tests.support.fake_plugin import LEDGER, running

OWNER = "app/dev"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces/pay/rolebindings"
ENTRY = {"state": "active", "owners": ["user:alice"], "grants": {}, "keys": {}}
BOB = {"kind": "User", "name": "bob@example.com"}
MALLORY = {"kind": "User", "name": "mallory@example.com"}
KNOWN = "edit of user:bob@example.com"
PLATFORM = {"view", "edit", "admin"}


@pytest.fixture
def world(monkeypatch):
    with running(monkeypatch) as all_of_it:
        all_of_it.api.add("/api/v1/namespaces", "pay", annotations={"ambient-components/owner": OWNER})
        alice = {"kind": "User", "name": "alice"}
        binding(all_of_it, "ambient-admin-alice", "admin", alice, labels={"ambient-code.io/role": "admin"})
        yield all_of_it


def binding(world, name, role, *subjects, labels=None, kind="ClusterRole"):
    """A RoleBinding, of the UI unless it has other labels; `=edit` is the role of exactly that name."""
    ref = {"kind": kind, "name": f"ambient-project-{role}" if role in PLATFORM else role.removeprefix("=")}
    labels = {"app": "ambient-permission"} if labels is None else labels
    world.api.add(BINDINGS, name, labels=labels, roleRef=ref, subjects=[*subjects])


def shown(world, *objects):
    """The warnings about undeclared access so far, and of a check that acknowledges these objects."""
    names = names_of("undeclaredAccess", objects)
    news = {"owner": OWNER, "workspaces": {"pay": ENTRY}, "acknowledged": {"pay": names}}
    assert not world.plugin.check(news, None, urn=LEDGER).failures
    return [text for text in world.engine.texts("warning") if "in the cluster, and in no file" in text]


def test_what_is_named_is_hidden(world):
    binding(world, "by-the-ui", "edit", BOB)
    assert shown(world, KNOWN) == []


def test_without_a_name_nothing_is_hidden(world):
    binding(world, "by-the-ui", "edit", BOB)
    assert KNOWN in shown(world, "view of user:bob@example.com")[0]
    news = {"owner": OWNER, "workspaces": {"pay": ENTRY}, "acknowledged": {"*": ["undeclaredAccess"]}}
    world.plugin.check(news, None, urn=LEDGER)
    assert len(shown(world, KNOWN)) == 2


NAMED_LIKE_TWO = {"kind": "User", "name": "bob@example.com, user:mallory@example.com"}
LATER = {
    "another admin": ("later", "admin", MALLORY),
    "another editor": ("later", "edit", MALLORY),
    "another subject in the same binding": ("by-the-ui", "edit", BOB, MALLORY),
    "another role under the same name": ("by-the-ui", "admin", BOB),
    "a subject with the name of two": ("by-the-ui", "edit", NAMED_LIKE_TWO),
    "the role of Kubernetes with the same name": ("by-the-ui", "=edit", BOB),
}


@pytest.mark.parametrize("name", LATER)
@pytest.mark.parametrize("labels", [None, {}], ids=["of the UI", "by kubectl"])
def test_what_a_user_makes_later_is_shown(world, name, labels):
    binding(world, "by-the-ui", "edit", BOB)
    assert shown(world, KNOWN) == []
    binding(world, *LATER[name], labels=labels)
    assert len(shown(world, KNOWN)) == 1


def test_a_role_of_the_workspace_is_never_hidden(world):
    """Its rules can change later, and its name can be the platform's."""
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
    world.api.add(BINDINGS.replace("rolebindings", "roles"), "ambient-project-edit", rules=rules)
    binding(world, "by-the-ui", "edit", BOB, kind="Role")
    assert len(shown(world, KNOWN, f"Role/{KNOWN}")) == 1


def test_two_subjects_are_not_one_with_the_name_of_two(world):
    binding(world, "by-the-ui", "edit", BOB, MALLORY)
    assert shown(world, f"{KNOWN}, user:mallory@example.com") == []
    binding(world, "by-the-ui", "edit", NAMED_LIKE_TWO)
    assert len(shown(world, f"{KNOWN}, user:mallory@example.com")) == 1


@pytest.mark.parametrize("role", ["admin", "=admin", "=cluster-admin"])
@pytest.mark.parametrize("labels", [None, {}], ids=["of the UI", "by kubectl"])
def test_admin_is_never_hidden(world, role, labels):
    binding(world, "by-the-ui", role, BOB, labels=labels)
    text = f"{role.removeprefix('=')} of user:bob@example.com"
    assert len(shown(world, text, f"{text} (RoleBinding by-the-ui)")) == 1


def test_a_list_that_is_shortened_is_never_hidden(world):
    binding(world, "by-the-ui", "edit", *({"kind": "User", "name": f"u{number}"} for number in range(11)))
    (text,) = shown(world)
    listed = text.removeprefix("workspace 'pay': ").partition(": in the cluster")[0]
    assert listed.endswith(" and 1 more")
    assert len(shown(world, listed)) == 2


def test_admin_comes_first_among_many(world):
    for number in range(30):
        binding(world, f"a-{number:02}", "view", {"kind": "User", "name": f"u{number}"})
    binding(world, "z-last", "admin", MALLORY)
    (text,) = shown(world, *(f"view of user:u{number}" for number in range(30)))
    assert text.startswith("workspace 'pay': admin of user:mallory@example.com, view of user:u0, ")
