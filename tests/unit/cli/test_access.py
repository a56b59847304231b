"""`ambient access`: what is declared, out of state and files, and the forms for programs."""

import csv
import io
import json
from pathlib import Path

import pytest

from ambient_components._version import VERSION
from ambient_components.access.effective import RIGHTS_OF
from ambient_components.cli.access.command import COLUMNS, EPILOG
from ambient_components.cli.app import run
from ambient_components.guard.manifest import GuardOptions
from ambient_components.guard.manifest import objects as guard_objects
from ambient_components.platform.contract import Role
from ambient_components.rules.guard import GuardMode
from tests.support.access_cli import ALICE, BINDINGS, DECLARED, FILE, LEDGER, FakePulumi, put
from tests.support.access_objects import binding
from tests.support.fake_api import FakeApi

Shown = pytest.CaptureFixture[str]

PENDING = """\
payments
  admin  user:alice@example.com  owner
  admin  user:carol@example.com  grant  ! not declared any more, and still given: ambient up
  edit   key:ci                  key

Declared by the last run, and not given yet (ambient up):
  view of key:ci in billing (key)
  admin of user:alice@example.com in billing (owner)
  edit of group:payments-devs in payments (grant)
  view of user:bob@example.com in payments (grant)
"""


class TestDeclared:
    def test_as_the_last_run_declared_it(self, pulumi: FakePulumi, capsys: Shown) -> None:
        assert run(["access", "dev"]) == 0
        assert capsys.readouterr() == (DECLARED, "")
        assert pulumi.calls == [("stack", "export", "--stack", "dev")]

    def test_what_an_interrupted_run_did_not_give_is_pending(self, pulumi: FakePulumi, capsys: Shown) -> None:
        pulumi.given = {"payments": {**LEDGER["payments"], "grants": {"user:carol@example.com": "admin"}}}
        assert run(["access", "dev"]) == 0
        assert capsys.readouterr().out == PENDING
        assert run(["access", "dev", "--format", "json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert {row["workspace"] for row in document["access"]} == {"payments"}
        (left,) = [row for row in document["access"] if row["subject"] == "user:carol@example.com"]
        assert left["because"] == [{"role": "admin", "reason": "grant", "status": "left"}]
        assert ["billing", "user:alice@example.com", "admin", "owner"] in [
            list(assignment.values()) for assignment in document["pending"]
        ]
        assert run(["access", "dev", "--format", "csv", "--subject", "user:bob@example.com"]) == 0
        assert "payments,user:bob@example.com,view,grant,pending," in capsys.readouterr().out

    def test_a_released_workspace_is_not_pending(self, pulumi: FakePulumi, capsys: Shown) -> None:
        pulumi.ledgers["dev"] = {name: {**entry, "state": "released"} for name, entry in LEDGER.items()}
        pulumi.given = {}
        assert run(["access", "dev"]) == 0
        assert capsys.readouterr().out == DECLARED

    @pytest.mark.parametrize("arguments", [["-s", "dev"], ["dev", "--stack", "dev"]])
    def test_ways_to_say_it(self, pulumi: FakePulumi, capsys: Shown, arguments: list[str]) -> None:
        assert run(["access", *arguments]) == 0
        assert capsys.readouterr().out == DECLARED

    def test_as_the_files_have_it_without_an_engine(self, pulumi: FakePulumi, project: Path, capsys: Shown) -> None:
        assert run(["access", "dev", "--files"]) == 0
        assert capsys.readouterr() == (DECLARED, "")
        (project / "stacks/dev.yaml").write_text(FILE + "    state: closed\n")
        assert run(["access", "dev", "--files", "-w", "payments"]) == 0
        assert capsys.readouterr() == ("payments\n  admin  user:alice@example.com  owner\n", "")
        assert pulumi.calls == []

    def test_files_that_are_wrong(self, pulumi: FakePulumi, project: Path, capsys: Shown) -> None:
        (project / "stacks/dev.yaml").write_text("workspaces: {payments: {grants: [{user: bob, role: editor}]}}\n")
        assert run(["access", "dev", "--files"]) == 1
        shown = capsys.readouterr()
        assert shown.out == ""
        assert "stacks/dev.yaml:1:" in shown.err
        assert run(["access", "stage", "--files"]) == 1
        assert "there is no such stack file" in capsys.readouterr().err

    def test_by_subject(self, pulumi: FakePulumi, capsys: Shown) -> None:
        assert run(["access", "dev", "--by", "subject"]) == 0
        assert capsys.readouterr().out == (
            "group:payments-devs\n  edit  payments  grant\n\n"
            "key:ci of billing\n  view  billing  key\n\n"
            "key:ci of payments\n  edit  payments  key\n\n"
            "user:alice@example.com\n  admin  billing   owner\n  admin  payments  owner\n\n"
            "user:bob@example.com\n  view  payments  grant\n"
        )

    def test_one_subject(self, pulumi: FakePulumi, capsys: Shown) -> None:
        assert run(["access", "dev", "--subject", ALICE]) == 0
        assert capsys.readouterr() == (
            f"billing\n  admin  {ALICE}  owner\n\npayments\n  admin  {ALICE}  owner\n",
            "",
        )
        assert run(["access", "dev", "--subject", "key:ci", "--workspace", "billing"]) == 0
        assert capsys.readouterr() == ("billing\n  view  key:ci  key\n", "")

    def test_a_subject_without_access(self, pulumi: FakePulumi, capsys: Shown) -> None:
        assert run(["access", "dev", "--subject", "user:alice@example.org"]) == 0
        assert capsys.readouterr() == (
            "No subject has access.\n",
            "ambient: no access of user:alice@example.org is known\n  hint: did you mean 'user:alice@example.com'?\n",
        )
        # One that has some, and not what is asked for, is no slip of the hand.
        assert run(["access", "dev", "--subject", "user:bob@example.com", "--who-can", "create secrets"]) == 0
        assert capsys.readouterr() == (
            "create secrets is a right of edit and admin. An owner is an admin.\n\nNo subject may create secrets.\n",
            "",
        )

    def test_some_workspaces(self, pulumi: FakePulumi, capsys: Shown) -> None:
        assert run(["access", "dev", "-w", "payments", "--workspace", "billing", "-w", "payments"]) == 0
        assert capsys.readouterr().out == DECLARED
        assert run(["access", "dev", "-w", "billing"]) == 0
        assert capsys.readouterr().out == DECLARED.split("\n\n", maxsplit=1)[0] + "\n"
        assert run(["access", "dev", "-w", "paymens"]) == 1
        assert capsys.readouterr() == (
            "",
            "ambient: stack 'dev' has no workspace 'paymens'\n  hint: did you mean 'payments'?\n",
        )

    def test_who_can(self, pulumi: FakePulumi, capsys: Shown) -> None:
        assert run(["access", "dev", "--who-can", "create serviceaccounts/token"]) == 0
        assert capsys.readouterr().out == (
            "create serviceaccounts/token is a right of edit and admin. An owner is an admin.\n\n"
            f"billing\n  admin  {ALICE}  owner\n\n"
            f"payments\n  admin  {ALICE}  owner\n  edit   group:payments-devs     grant\n"
            "  edit   key:ci                  key\n"
        )

    def test_a_stack_that_is_not_there_or_has_nothing(self, pulumi: FakePulumi, capsys: Shown) -> None:
        assert run(["access", "stage"]) == 1
        assert capsys.readouterr().err.endswith("no stack named 'stage' found\n")
        pulumi.ledgers["dev"] = {}
        assert run(["access", "dev"]) == 1
        assert capsys.readouterr() == (
            "",
            "ambient: stack 'dev' has deployed nothing yet\n  hint: ambient up dev, or look at --files\n",
        )

    def test_a_stack_without_workspaces(self, pulumi: FakePulumi, project: Path, capsys: Shown) -> None:
        (project / "stacks/dev.yaml").write_text("workspaces: {}\n")
        assert run(["access", "dev", "--files"]) == 0
        assert capsys.readouterr() == ("No subject has access.\n", "")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["dev", "-s", "prod"], "two stacks are named, 'dev' and 'prod'"),
            (["bad name!"], "can't name a stack"),
            (["dev", "--by", "role"], "'role' is none of them hint: allowed: workspace, subject"),
            (["dev", "--format", "yaml"], "'yaml' is none of them hint: allowed: text, json, csv"),
            (
                ["dev", "--subject", "alice"],
                "group:NAME or serviceaccount:NAMESPACE:NAME, or key:ID for a key",
            ),
            (["dev", "--subject", "users:alice"], "'users:alice' is not a subject"),
            (["dev", "--subject", "user:"], "the name is empty"),
            (["dev", "--who-can", "get secret"], "did you mean 'get secrets'?"),
            (["dev", "--who-can", "everything"], "'everything' is no right hint: allowed: VERB RESOURCE"),
        ],
    )
    def test_wrong_usage_asks_nobody(
        self, pulumi: FakePulumi, capsys: Shown, arguments: list[str], message: str
    ) -> None:
        assert run(["access", *arguments]) == 64
        shown = capsys.readouterr()
        assert shown.out == ""
        assert message in " ".join(shown.err.split())
        assert pulumi.calls == []


class TestForPrograms:
    def test_json(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
        assert run(["access", "dev", "--format", "json", "-w", "payments", "--subject", "user:bob@example.com"]) == 0
        assert json.loads(capsys.readouterr().out) == {
            "stack": "dev",
            "source": "state",
            "selected": {"workspaces": ["payments"], "subject": "user:bob@example.com"},
            "live": False,
            "right": None,
            "access": [
                {
                    "workspace": "payments",
                    "subject": "user:bob@example.com",
                    "roles": ["view"],
                    "because": [{"role": "view", "reason": "grant", "status": "declared"}],
                    "rights": [str(right) for right in sorted(RIGHTS_OF[Role.VIEW])],
                    "complete": True,
                }
            ],
            "acknowledged": None,
            "perhaps": [],
            "missing": [],
            "pending": [],
            "unmanaged": None,
            "elsewhere": None,
            "annotated": None,
            "guard": None,
            "tests": [],
        }

    def test_json_of_a_cluster(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
        put(api, binding("payments", "debug", "Role/x", "user:bob@example.com"))
        del api.objects[f"{BINDINGS}/ambient-permission-edit-payments-devs-group"]
        assert run(["access", "dev", "--files", "--live", "--format", "json", "--who-can", "get pods"]) == 2
        document = json.loads(capsys.readouterr().out)
        assert (document["source"], document["live"], document["right"]) == ("files", True, "get pods")
        who = {(row["workspace"], row["subject"]): row["because"] for row in document["access"]}
        assert who["payments", "user:bob@example.com"] == [{"role": "view", "reason": "grant", "status": "declared"}]
        assert document["perhaps"] == []
        assert document["missing"] == [
            {"workspace": "payments", "subject": "group:payments-devs", "role": "edit", "reason": "grant"}
        ]
        assert run(["access", "dev", "--live", "--format", "json"]) == 2
        document = json.loads(capsys.readouterr().out)
        (bob,) = (row for row in document["access"] if row["subject"] == "user:bob@example.com")
        assert (bob["roles"], bob["complete"]) == (["view", "Role/x"], False)
        own = [row["because"][0]["status"] for row in document["access"] if "ambient-session" in row["subject"]]
        assert own == ["platform"] * 3

    def test_csv(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
        assert run(["access", "dev", "--format", "csv"]) == 0
        table = list(csv.reader(io.StringIO(capsys.readouterr().out)))
        assert tuple(table[0]) == COLUMNS
        assert table[1] == ["billing", ALICE, "admin", "owner", "declared", ""]
        assert len(table) == 7
        put(api, binding("payments", "debug", "ClusterRole/admin", "group:ops"))
        del api.objects[f"{BINDINGS}/ambient-permission-edit-payments-devs-group"]
        assert run(["access", "dev", "--live", "--format", "csv", "--who-can", "create secrets"]) == 2
        assert capsys.readouterr().out.splitlines()[1:] == [
            f"billing,{ALICE},admin,owner,declared,yes",
            f"payments,{ALICE},admin,owner,declared,yes",
            "payments,key:ci,edit,key,declared,yes",
            "payments,group:ops,ClusterRole/admin,RoleBinding debug,undeclared,perhaps",
            "payments,group:payments-devs,edit,grant,missing,",
        ]

    def test_the_help_names_every_field(self, pulumi: FakePulumi, capsys: Shown) -> None:
        assert run(["access", "dev", "--format", "json"]) == 0
        document = json.loads(capsys.readouterr().out)
        names = {*document, *document["access"][0], *document["access"][0]["because"][0], *COLUMNS}
        assert [name for name in sorted(names) if name not in EPILOG] == []


def install_guard(api: FakeApi, floor: GuardMode | None = None) -> None:
    for item in guard_objects(GuardOptions(floor=floor)):
        kind, metadata = item["kind"], item["metadata"]
        if "spec" in item:
            plural = "policies" if kind.endswith("Policy") else "policybindings"
            collection = f"/apis/admissionregistration.k8s.io/v1/validatingadmission{plural}"
            notes = {"labels": metadata["labels"], "annotations": metadata["annotations"]}
            api.add(collection, metadata["name"], **notes, spec=item["spec"])


def test_the_floor_of_a_cluster(pulumi: FakePulumi, project: Path, api: FakeApi, capsys: Shown) -> None:
    (project / "stacks/dev.yaml").write_text(
        FILE.replace("workspaces:", "defaults: {guard: {mode: deny}}\nworkspaces:")
    )
    for floor in (None, *reversed(GuardMode)):  # also one that is left of an earlier installation
        install_guard(api, floor)
        run(["report", "dev", "--files", "--live"])
        shown = f"floor {floor}, " if floor else ""
        assert f"the guard of version {VERSION}, {shown}as installed\n" in capsys.readouterr().out


def test_a_floor_closes_paths_of_workspaces_without_the_field(
    pulumi: FakePulumi, project: Path, api: FakeApi, capsys: Shown
) -> None:
    (project / "stacks/dev.yaml").write_text(FILE)

    def closed() -> set[str | None]:
        run(["report", "dev", "--files", "--live", "--format", "json"])
        document = json.loads(capsys.readouterr().out)
        guards = (document["guard"] or {"workspaces": []})["workspaces"]
        assert {(guard["mode"], *guard["off"]) for guard in guards} <= {("deny",)}
        return {finding["closedBy"] for finding in document["findings"]}

    install_guard(api)
    assert closed() == {None}
    install_guard(api, GuardMode.DENY)
    assert "tokens" in closed()
    api.objects.pop("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/ambient-guard-tokens")
    assert closed() == {None}


def test_cluster_role_bindings_that_exempt_are_listed(
    pulumi: FakePulumi, project: Path, api: FakeApi, capsys: Shown
) -> None:
    (project / "stacks/dev.yaml").write_text(
        FILE.replace("workspaces:", "defaults: {guard: {mode: deny}}\nworkspaces:")
    )
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    every = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    api.add(f"{rbac}/clusterroles", "cluster-admin", rules=every)
    for item in guard_objects():
        if "Role" in item["kind"]:
            notes = item["metadata"]["annotations"]
            parts = {part: item[part] for part in ("rules", "roleRef", "subjects") if part in item}
            api.add(f"{rbac}/{item['kind'].lower()}s", item["metadata"]["name"], annotations=notes, **parts)
    bound = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    people = [{"kind": "Group", "name": name} for name in ("system:masters", "ops")]
    api.add(f"{rbac}/clusterrolebindings", "root", roleRef=bound, subjects=people)
    run(["access", "dev", "--files", "--live"])
    line = "  ! not bound by it: {} in every workspace: ClusterRole/{} exempts from it\n"
    shown = capsys.readouterr().out
    assert [text for text in shown.splitlines(keepends=True) if "in every workspace" in text] == [
        line.format("group:ops", "cluster-admin")
    ]
    # Those of the manifest are as it was printed, and told of if they are not.
    path = f"{rbac}/clusterrolebindings/ambient-guard-bypass"
    api.change(path, {"subjects": [{"kind": "User", "name": "mallory"}]})
    run(["access", "dev", "--files", "--live"])
    assert line.format("user:mallory", "ambient-guard-bypass") in capsys.readouterr().out
    api.fail("GET", "/clusterrolebindings", 403)
    run(["access", "dev", "--files", "--live"])
    assert "  ? ClusterRoleBindings that exempt from it are not known" in capsys.readouterr().out


def rule(group: str, resource: str, verb: str) -> list[dict[str, list[str]]]:
    return [{"apiGroups": [group], "resources": [resource], "verbs": [verb]}]


OTHER_ROLES = {
    "root": ("ClusterRole/cluster-admin", rule("*", "*", "*")),
    "all": ("Role/all", rule("*", "*", "*")),
    "some": ("ClusterRole/some", rule("guard.ambient-components", "tokens", "bypass")),
    "pods": ("ClusterRole/pods", rule("", "pods", "*")),
}


def test_the_guard_of_a_cluster(pulumi: FakePulumi, project: Path, api: FakeApi, capsys: Shown) -> None:
    (project / "stacks/dev.yaml").write_text(
        FILE.replace("workspaces:", "defaults: {guard: {mode: deny}}\nworkspaces:")
    )
    put(api, binding("payments", "debug", "ClusterRole/admin", "group:ops"))
    for name, (role, rules) in OTHER_ROLES.items():
        put(api, binding("payments", name, role, f"user:{name}"))
        kind, _, own = role.partition("/")
        place = "clusterroles" if kind == "ClusterRole" else "namespaces/payments/roles"
        api.add(f"/apis/rbac.authorization.k8s.io/v1/{place}", own, rules=rules)
    assert run(["access", "dev", "--files", "--live", "-w", "payments"]) == 2
    shown = capsys.readouterr().out
    assert (
        "  ! not bound by it: user:all in payments: Role/all exempts from it\n"
        "  ! not bound by it: user:root in payments: ClusterRole/cluster-admin exempts from it\n"
        "  ! not bound by it: user:some in payments: ClusterRole/some exempts from it\n"
    ) in shown
    assert "user:pods in payments: ClusterRole/pods exempts" not in shown
    for name in OTHER_ROLES:
        del api.objects[f"{BINDINGS}/{name}"]
    assert run(["access", "dev", "--files", "--live", "-w", "payments"]) == 2
    assert (
        "the cluster has no guard: no rule applies\n"
        "  payments  deny, sharing own, off: removesKeys\n"
        "  ! not bound by it: group:ops in payments: ClusterRole/admin may impersonate service accounts\n"
    ) in capsys.readouterr().out
    install_guard(api)
    assert run(["access", "dev", "--files", "--live", "-w", "payments"]) == 2
    assert f"the guard of version {VERSION}, as installed\n" in capsys.readouterr().out
    assert run(["access", "dev", "--files", "--live", "-w", "payments", "--format", "json"]) == 2
    assert json.loads(capsys.readouterr().out)["guard"] == {
        "versions": [VERSION],
        "floor": None,
        "missing": [],
        "changed": [],
        "workspaces": [{"workspace": "payments", "mode": "deny", "sharing": "own", "off": ["removesKeys"]}],
        "unbound": [
            {
                "workspace": "payments",
                "subject": "group:ops",
                "role": "ClusterRole/admin",
                "reason": "RoleBinding debug",
            }
        ],
        "everywhere": [],
    }
    assert run(["report", "dev", "--files", "--live", "--format", "json"]) == 0
    assert {finding["closedBy"] for finding in json.loads(capsys.readouterr().out)["findings"]} > {"tokens"}
    api.objects.pop("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/ambient-guard-tokens")
    assert run(["report", "dev", "--files", "--live", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["guard"]["missing"] == ["ambient-guard-tokens"]
    assert {finding["closedBy"] for finding in document["findings"]} == {None}
