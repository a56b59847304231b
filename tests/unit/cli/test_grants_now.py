"""`ambient grants revoke --now` and `add --now`: what must be in the plan, and what is proved at the cluster."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ambient_components.cli.app import run
from ambient_components.cli.edits import deployment
from ambient_components.cli.edits.pending import of_grants
from ambient_components.engine.steps import Preview
from ambient_components.stacks import pulumi as cli_engine
from tests.support.fake_api import Answer, FakeApi, Request, status
from tests.support.keys_edit import STORE
from tests.support.keys_now import EXPORT, PREVIEW, UP, Deployed, W, step, urn, write_project

STACK = """\
workspaces:
  payments:
    owners: [user:carol]
    grants:
      - {user: bob, role: edit}
      - {group: devs, role: view}
"""
BINDINGS = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{W}/rolebindings"
REVIEW = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
BOB = "ambient-permission-edit-bob-user"
LEDGER = "ambient:index:AccessLedger"
ASKED = "list agenticsessions, create agenticsessions, get secrets, create serviceaccounts/token, create rolebindings"
REVOKE = ("grants", "revoke", "dev", "user:bob", "payments", "--now")
Shown = pytest.CaptureFixture[str]


def binding(name: str, role: str, user: str, *, cluster: bool = False) -> dict[str, Any]:
    body = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}],
    }
    return body if cluster else {key: value for key, value in body.items() if key != "metadata"}


def granted(logical: str, name: str, role: str) -> dict[str, Any]:
    """A grant's RoleBinding in the state."""
    kind = "ambient:index:RoleBinding"
    return {"urn": urn(kind, logical), "type": kind, "inputs": binding(name, role, "bob", cluster=True), "outputs": {}}


def ledger(*paths: str, old: dict[str, Any] | None = None, new: dict[str, Any] | None = None) -> dict[str, Any]:
    states = {"oldState": {"inputs": {"workspaces": old or {}}}, "newState": {"inputs": {"workspaces": new or {}}}}
    return step("update", LEDGER, "access", detailedDiff={path: {} for path in paths}, **states)


def deleted(logical: str) -> dict[str, Any]:
    return step("delete", "ambient:index:RoleBinding", logical)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    """Bob's grant is deployed; its end is planned, and works."""
    with FakeApi() as api:
        write_project(api, STACK, tmp_path, monkeypatch)
        monkeypatch.setattr(deployment, "PATIENCE", 0.0)
        fake = Deployed(api)
        monkeypatch.setattr(cli_engine, "PulumiEngine", lambda _folder, _environ=None: fake)
        monkeypatch.setattr(deployment, "carry_out", fake.carry_out)
        fake.resources = [granted("payments/grant/user:bob", BOB, "ambient-project-edit")]
        api.add(BINDINGS, BOB, **binding(BOB, "ambient-project-edit", "bob"))
        fake.steps = [ledger('workspaces.payments.grants["user:bob"]'), deleted("payments/grant/user:bob")]

        def ended() -> None:
            fake.resources = []
            fake.steps = []
            api.objects.pop(f"{BINDINGS}/{BOB}", None)

        def review(request: Request) -> Answer:
            user = request.body["spec"].get("user")
            named = [one for path, one in api.objects.items() if path.startswith(f"{BINDINGS}/")]
            bound = any(one["subjects"][0]["name"] == user for one in named if one.get("subjects"))
            return Answer(201, {"status": {"allowed": bound}})

        fake.on_up = ended
        api.rule("POST", REVIEW, review)
        yield fake


class TestRevoke:
    def test_it_is_over(self, stack: Deployed, capsys: Shown) -> None:
        assert run(REVOKE) == 0
        assert stack.calls == [EXPORT, EXPORT, PREVIEW, UP]
        out = capsys.readouterr().out
        assert out.startswith("stacks/dev.yaml:5: payments: grant edit user:bob: removed\n")
        assert out.endswith(
            "\nVerified at the cluster of dev:\n"
            f"  payments: the RoleBinding {BOB} is gone\n"
            f"  payments: the API server refuses user:bob, without its other groups: {ASKED}\n"
            "  the platform's backend caches answers: its API may accept requests for up to 30 s\n"
            "Deployed dev in 9.5 s: 2 objects created, 1 deleted.\n\n"
            f"{STORE.format('payments')}\n"
            "Next:\n  git diff stacks/dev.yaml\n  git commit stacks/dev.yaml\n"
        )

    def test_again(self, stack: Deployed, capsys: Shown) -> None:
        """The clusters have no access of it, and a name that is like no other is not misspelled."""
        assert run(REVOKE) == 0
        stack.calls.clear()
        capsys.readouterr()
        assert run((*REVOKE[:3], "user:karol", *REVOKE[4:])) == 1
        assert "did you mean user:carol?" in capsys.readouterr().err
        stack.calls.clear()
        assert run(REVOKE) == 0
        assert capsys.readouterr() == (
            "",
            "ambient: stacks/dev.yaml does not name user:bob, and nothing is deployed for it\n"
            "  hint: it names group:devs, user:carol\n"
            "  hint: if this stack gave it access that was revoked before, that has ended\n",
        )
        assert stack.calls == [EXPORT]
        assert run((*REVOKE, "--renew-accounts", "--yes")) == 0
        assert capsys.readouterr().err.startswith("ambient: stacks/dev.yaml does not name user:bob, and")

    def test_a_grant_that_the_file_lost_before(self, stack: Deployed, capsys: Shown) -> None:
        assert run(REVOKE[:-1]) == 0
        assert stack.calls == []
        capsys.readouterr()
        assert run(REVOKE[:-1]) == 0
        assert capsys.readouterr().out == (
            "payments: removed from the files already, and still deployed\n\n"
            "Members of groups are not known here. Is the person a member of one?\n  payments: group:devs (view)\n"
            "\nNext:\n  ambient up dev\n"
        )
        assert run(REVOKE) == 0
        assert capsys.readouterr().out.startswith("payments: removed from the files already, and still deployed\n")
        assert f"{BINDINGS}/{BOB}" not in stack.api.objects

    def test_more_is_pending(self, stack: Deployed, capsys: Shown) -> None:
        stack.steps.append(deleted("payments/grant/group:devs"))
        assert run(REVOKE) == 1
        assert UP not in stack.calls
        assert capsys.readouterr().err == (
            "ambient: the plan for dev holds more than this, so nothing is deployed:\n"
            "  delete  payments/grant/group:devs\n"
            "stacks/dev.yaml is edited. To deploy all of it: ambient up dev\n"
            f"to end the access at once: kubectl delete rolebinding -n payments {BOB}\n"
        )

    def test_a_plan_without_its_deletion(self, stack: Deployed, capsys: Shown) -> None:
        stack.steps.pop()
        assert run(REVOKE) == 1
        assert UP not in stack.calls
        assert (
            "the plan for dev is not enough: payments: the grant edit of user:bob is not deleted\n  hint: see why"
            in capsys.readouterr().err
        )

    def test_a_deployment_that_fails_leaves_no_access(self, stack: Deployed, capsys: Shown) -> None:
        stack.on_up = lambda: None
        stack.broken[UP] = "exit code 255"
        assert run(REVOKE) == 1
        assert f"{BINDINGS}/{BOB}" not in stack.api.objects
        shown = capsys.readouterr()
        assert f"the RoleBinding {BOB} is gone" in shown.out
        assert "stacks/dev.yaml is edited, and not all of it is deployed\n  hint: ambient up dev" in shown.err

    def test_a_binding_that_can_not_be_deleted(self, stack: Deployed, capsys: Shown) -> None:
        stack.on_up = lambda: None
        for method in ("PATCH", "DELETE"):
            stack.api.fail(method, "rolebindings", 403)
        assert run(REVOKE) == 1
        assert (
            f"payments: the RoleBinding {BOB} of user:bob is still there\n"
            f"  hint: kubectl delete rolebinding -n payments {BOB}\n"
        ) in capsys.readouterr().err

    def test_access_that_no_file_declares(self, stack: Deployed, capsys: Shown) -> None:
        stack.api.add(BINDINGS, "debug$(x)", **binding("", "view", "bob"))
        assert run(REVOKE) == 1
        shown = capsys.readouterr()
        assert shown.err == (
            "ambient: payments: the RoleBinding debug$(x) gives ClusterRole/view to user:bob: no file declares it\n"
            "  hint: kubectl delete rolebinding -n payments 'debug$(x)'\n"
        )
        assert f"payments: user:bob may still {ASKED}, by the other access\n" in shown.out

    def test_access_from_elsewhere(self, stack: Deployed, capsys: Shown) -> None:
        stack.api.rule("POST", REVIEW, Answer(201, {"status": {"allowed": True}}))
        assert run(REVOKE) == 1
        assert (
            f"payments: user:bob may still {ASKED}, by access that is not known\n"
            "  hint: look for it: kubectl get clusterrolebindings,rolebindings -n payments -o wide\n"
        ) in capsys.readouterr().err

    def test_without_the_right_to_ask_for_others(self, stack: Deployed, capsys: Shown) -> None:
        stack.api.rule("POST", REVIEW, Answer(403, status(403, "no")))
        assert run(REVOKE) == 0
        out = capsys.readouterr().out
        assert f"the RoleBinding {BOB} is gone" in out
        assert "not asked for an access review: this identity may not create subjectaccessreviews" in out

    def test_an_owner(self, stack: Deployed, capsys: Shown) -> None:
        stack.resources = [granted("payments/owner/user:carol", "ambient-admin-carol", "ambient-project-admin")]
        stack.api.add(BINDINGS, "ambient-admin-carol", **binding("", "ambient-project-admin", "carol"))
        one, none = ({"payments": {"owners": owners}} for owners in (["user:carol"], []))
        stack.steps = [ledger("workspaces.payments.owners", old=one, new=none), deleted("payments/owner/user:carol")]
        stack.on_up = lambda: stack.api.objects.pop(f"{BINDINGS}/ambient-admin-carol")
        assert run(("grants", "revoke", "dev", "user:carol", "--all", "--owners", "--now")) == 0
        assert "payments: the RoleBinding ambient-admin-carol is gone" in capsys.readouterr().out


def test_only_undeclared_access(stack: Deployed, capsys: Shown) -> None:
    """A grant of the UI: there is nothing to remove from the files, and the person is not without access."""
    stack.api.add(BINDINGS, "ambient-permission-view-eve-user", **binding("", "ambient-project-view", "eve"))
    assert run(("grants", "revoke", "dev", "user:eve", "--all", "--now")) == 1
    shown = capsys.readouterr()
    assert "ambient: stacks/dev.yaml does not name user:eve, and nothing is deployed for it\n" in shown.err
    assert "  hint: kubectl delete rolebinding -n payments ambient-permission-view-eve-user\n" in shown.err
    assert stack.calls == [EXPORT]


def test_the_list_says_what_is_deployed(stack: Deployed, capsys: Shown) -> None:
    stack.resources.append(
        granted("payments/grant/user:eve", "ambient-permission-view-eve-user", "ambient-project-view")
    )
    assert run(("grants", "list", "dev")) == 0
    assert [line.split()[1:] for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["user:carol", "admin", "(owner)", "-", "now", "no", "entry", "stacks/dev.yaml:3"],
        ["user:bob", "edit", "-", "now", "yes", "entry", "stacks/dev.yaml:5"],
        ["group:devs", "view", "-", "now", "no", "entry", "stacks/dev.yaml:6"],
        ["user:eve", "view", "-", "-", "yes", "no", "file:", "the", "next", "run", "ends", "it"],
    ]


ENTRY = {"dates": {"user:bob": [{"role": "edit", "until": "2027-01-01"}]}, "owners": ["user:bob", "user:carol"]}
OTHER = {"dates": {"user:eve": [{"role": "edit", "until": "2027-01-01"}]}, "owners": ["user:eve"]}


@pytest.mark.parametrize(
    ("item", "others"),
    [
        (ledger('workspaces.payments.grants["user:bob"]', "record"), []),
        (ledger('workspaces.payments.dates["user:bob"]'), []),
        (ledger("workspaces.payments.dates", old={W: ENTRY}), []),
        (ledger("workspaces.payments.owners", old={W: ENTRY}, new={W: {"owners": ["user:carol"]}}), []),
        (deleted("payments/owner/user:bob"), []),
        (ledger("workspaces.payments.dates", old={W: ENTRY}, new={W: OTHER}), ["access workspaces.payments.dates"]),
        (ledger("workspaces.payments.owners", old={W: ENTRY}), ["access workspaces.payments.owners"]),
        (ledger("workspaces.lab.dates"), ["access workspaces.lab.dates"]),
        (ledger("workspaces.payments.state"), ["access workspaces.payments.state"]),
        (ledger('workspaces.payments.grants["user:eve"]'), ['access workspaces.payments.grants["user:eve"]']),
        (ledger(), ["access"]),
        (deleted("payments/grant/user:eve"), ["payments/grant/user:eve"]),
        (deleted("lab/grant/user:bob"), ["lab/grant/user:bob"]),
        (step("delete", "ambient:index:Secret", "payments/grant/user:bob"), ["payments/grant/user:bob"]),
    ],
)
def test_what_is_the_subjects_own(item: dict[str, Any], others: list[str]) -> None:
    pending = of_grants(Preview.of({"steps": [item]}), "user:bob", [W], ("grant", "owner"))
    name = item["urn"].rpartition("::")[2]
    assert [step.name for step in pending.own] == ([] if others else [name])
    assert pending.others == tuple(f"{item['op']}  {other}" for other in others)
