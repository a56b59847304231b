"""What counts as the platform's own access: only what the operator writes, as a whole."""

import copy
from typing import Any

import pytest

from ambient_components.access.platform_own import PlatformOwn, claims_to_be_own

NS = "payments"
SETTINGS = {"metadata": {"namespace": NS, "name": "projectsettings", "uid": "u-settings"}}
SESSION = {"metadata": {"namespace": NS, "name": "run-1", "uid": "u-session"}}
OWNED_BY_SETTINGS = {"apiVersion": "vteam.ambient-code/v1alpha1", "kind": "ProjectSettings", "name": "projectsettings"}
OWNED_BY_SESSION = {"apiVersion": "vteam.ambient-code/v1alpha1", "kind": "AgenticSession", "name": "run-1"}
TRIGGER = "ambient-session-trigger"
RUN = "ambient-session-run-1"


def _meta(name: str, owner: dict[str, Any], uid: str) -> dict[str, Any]:
    return {"namespace": NS, "name": name, "ownerReferences": [owner | {"uid": uid, "controller": True}]}


def _binding(name: str, role: str, account: str, metadata: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": metadata | {"name": name},
        "roleRef": {"kind": "Role", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": NS}],
    }


def _rule(groups: str, resources: str, verbs: str) -> dict[str, Any]:
    return {"apiGroups": [groups], "resources": [resources], "verbs": verbs.split()}


def trigger() -> tuple[dict[str, Any], dict[str, Any]]:
    meta = _meta(TRIGGER, OWNED_BY_SETTINGS, "u-settings")
    rules = [_rule("vteam.ambient-code", "agenticsessions", "create get list update")]
    return {"metadata": meta, "rules": rules}, _binding(TRIGGER, TRIGGER, TRIGGER, meta)


def session() -> tuple[dict[str, Any], dict[str, Any]]:
    meta = _meta(f"{RUN}-role", OWNED_BY_SESSION, "u-session")
    rules = [
        _rule("vteam.ambient-code", "agenticsessions", "get list watch create update patch"),
        _rule("authorization.k8s.io", "selfsubjectaccessreviews", "create"),
        _rule("", "secrets", "get"),
        _rule("mlflow.kubeflow.org", "experiments", "get list update"),
    ]
    return {"metadata": meta, "rules": rules}, _binding(f"{RUN}-rb", f"{RUN}-role", RUN, meta)


MADE = [trigger, session]


def own(role: Any) -> PlatformOwn:
    return PlatformOwn.of([role], [SETTINGS], [SESSION])


@pytest.mark.parametrize("made", MADE)
def test_what_the_operator_writes_is_its_own(made: Any) -> None:
    role, binding = made()
    account = {"metadata": role["metadata"] | {"name": binding["subjects"][0]["name"]}}
    assert claims_to_be_own(binding)
    assert (own(role).has_role(role), own(role).has_binding(binding), own(role).has_account(account)) == (True,) * 3


@pytest.mark.parametrize("made", MADE)
def test_fewer_rights_than_the_operator_writes_are_its_own(made: Any) -> None:
    role, binding = made()
    role["rules"] = role["rules"][:1]
    role["rules"][0]["verbs"] = ["get"]
    assert own(role).has_binding(binding)


def _widened(role: Any, _: Any) -> None:
    role["rules"].append(_rule("", "serviceaccounts/token", "create"))


def _star(role: Any, _: Any) -> None:
    role["rules"][0]["verbs"] = ["*"]


def _second_subject(_: Any, binding: Any) -> None:
    binding["subjects"].append({"kind": "User", "name": "bob@example.com"})


def _other_account(_: Any, binding: Any) -> None:
    binding["subjects"][0]["namespace"] = "elsewhere"


def _cluster_role(_: Any, binding: Any) -> None:
    binding["roleRef"]["kind"] = "ClusterRole"


def _no_owner(_: Any, binding: Any) -> None:
    binding["metadata"] = {"namespace": NS, "name": binding["metadata"]["name"]}


def _invented_owner(role: Any, binding: Any) -> None:
    for item in (role, binding):
        item["metadata"]["ownerReferences"][0]["uid"] = "u-invented"


def _second_owner(_: Any, binding: Any) -> None:
    owners = binding["metadata"]["ownerReferences"]
    binding["metadata"]["ownerReferences"] = [*owners, {"kind": "ConfigMap", "name": "mine", "uid": "u-mine"}]


def _other_name(_: Any, binding: Any) -> None:
    binding["metadata"] = binding["metadata"] | {"name": f"{binding['metadata']['name']}-2"}


def _odd(role: Any, binding: Any) -> None:
    role["rules"] = "all"
    binding["metadata"]["ownerReferences"] = "none"


CHANGES = [
    _widened,
    _star,
    _second_subject,
    _other_account,
    _cluster_role,
    _no_owner,
    _invented_owner,
    _second_owner,
    _other_name,
    _odd,
]


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("change", CHANGES)
def test_anything_else_under_its_name_is_not(made: Any, change: Any) -> None:
    role, binding = map(copy.deepcopy, made())
    change(role, binding)
    assert not own(role).has_binding(binding)


@pytest.mark.parametrize("made", MADE)
def test_nothing_is_its_own_without_the_role_or_the_owner(made: Any) -> None:
    role, binding = made()
    assert not PlatformOwn.of([], [SETTINGS], [SESSION]).has_binding(binding)
    assert not PlatformOwn.of([role], [], []).has_binding(binding)


@pytest.mark.parametrize(
    ("name", "role", "subject", "is_own"),
    [
        ("system:deployers", "system:deployer", {"kind": "ServiceAccount", "name": "deployer", "namespace": NS}, True),
        ("system:deployers", "system:deployer", {"kind": "User", "name": "bob@example.com"}, False),
        ("system:deployers", "system:image-builder", {"kind": "ServiceAccount", "name": "deployer"}, False),
        (
            "system:deployers",
            "system:deployer",
            {"kind": "ServiceAccount", "name": "deployer", "namespace": "b"},
            False,
        ),
        ("mine", "system:deployer", {"kind": "ServiceAccount", "name": "deployer", "namespace": NS}, False),
        (
            "system:image-pullers",
            "system:image-puller",
            {"kind": "Group", "name": f"system:serviceaccounts:{NS}"},
            True,
        ),
        ("system:image-pullers", "system:image-puller", {"kind": "Group", "name": "system:serviceaccounts"}, False),
    ],
)
def test_openshifts_own_bindings(name: str, role: str, subject: dict[str, str], *, is_own: bool) -> None:
    binding = {
        "metadata": {"namespace": NS, "name": name},
        "roleRef": {"kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }
    assert PlatformOwn().has_binding(binding) is is_own
