"""`ambient access --live`: what the cluster gives, beside what is declared."""

import html
import json
from pathlib import Path

import pytest

from ambient_components.cli.access.markdown import as_markdown
from ambient_components.cli.app import run
from ambient_components.stacks.access_report import Others, Report
from ambient_components.stacks.project import Project
from tests.support.access_cli import (
    ACCOUNTS,
    ALICE,
    BINDINGS,
    DECLARED,
    FILE,
    LEDGER,
    RBAC,
    FakePulumi,
    put,
)  # fmt: skip
from tests.support.access_objects import account, account_name, binding, grant
from tests.support.fake_api import PLATFORM, SYSTEM_UID, FakeApi

Shown = pytest.CaptureFixture[str]
FLOOR = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/ambient-guard-tokens-floor"


class TestLive:
    def test_all_is_as_declared(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
        assert run(["access", "dev", "--live"]) == 0
        own = "  3 accounts of the platform's own: see --format json\n"
        assert capsys.readouterr() == (DECLARED + own, "")
        assert run(["access", "dev", "--live", "--by", "subject"]) == 0
        assert capsys.readouterr().out.endswith("\n\n3 accounts of the platform's own: see --format json\n")

    def test_it_only_reads_and_the_whole_cluster_at_once(self, pulumi: FakePulumi, api: FakeApi) -> None:
        assert run(["access", "dev", "--live"]) == 0
        assert [str(request) for request in api.log] == [
            "GET /api/v1/namespaces/kube-system",
            f"GET {RBAC}/rolebindings",
            "GET /api/v1/serviceaccounts",
            f"GET {RBAC}/roles",
            f"GET {PLATFORM}/projectsettings",
            f"GET {PLATFORM}/agenticsessions",
            f"GET {FLOOR}",
            "GET /api/v1/namespaces",
        ]

    def test_owners_of_the_platforms_own_are_read_only_if_something_claims_to_be(
        self, pulumi: FakePulumi, api: FakeApi
    ) -> None:
        for path in [path for path in api.objects if "ambient-session-" in path]:
            del api.objects[path]
        assert run(["access", "dev", "--live"]) == 0
        assert api.seen("GET", "/(roles|projectsettings|agenticsessions)$") == []

    def test_chosen_workspaces_are_asked_one_by_one(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
        put(api, grant("billing", "user:mallory", "view"))
        assert run(["access", "dev", "--live", "-w", "payments"]) == 0
        place = "/namespaces/payments"
        assert [str(request) for request in api.log[1:]] == [
            f"GET {BINDINGS}",
            f"GET {ACCOUNTS}",
            f"GET {RBAC}{place}/roles",
            f"GET {PLATFORM}{place}/projectsettings",
            f"GET {PLATFORM}{place}/agenticsessions",
            f"GET {FLOOR}",
        ]
        assert "billing" not in capsys.readouterr().out

    def test_what_no_file_declares_and_what_is_not_there(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
        by_hand = "ambient-key-by-hand-12345678"
        who = f"serviceaccount:payments:{by_hand}"
        put(
            api,
            grant("payments", "user:mallory@example.com", "view"),
            binding("payments", "debug", "ClusterRole/admin", "group:ops"),
            binding("payments", "k", "admin", who, labels={"app": "ambient-access-key"}),
            accounts=[account("payments", by_hand), account("payments", "ambient-key-bare-87654321")],
        )
        del api.objects[f"{BINDINGS}/ambient-permission-edit-payments-devs-group"]
        del api.objects[f"/api/v1/namespaces/billing/serviceaccounts/{account_name('billing', 'ci')}"]
        assert run(["access", "dev", "--live"]) == 2
        shown = capsys.readouterr()
        assert shown.err == ""
        left = f"serviceaccount:billing:{account_name('billing', 'ci')}"
        name = account_name("billing", "ci").replace("ambient-key-", "ambient-key-view-")
        assert shown.out.split("\n\n") == [
            "billing\n"
            f"  admin  {ALICE:<46}  owner\n"
            f"  view   {left:<46}  RoleBinding {name}  ! in the cluster, and not declared",
            "payments\n"
            f"  admin              {who:<52}  key  ! in the cluster, and not declared\n"
            f"  admin              {ALICE:<52}  owner\n"
            f"  edit               {'key:ci':<52}  key\n"
            f"  view               {'user:bob@example.com':<52}  grant\n"
            f"  view               {'user:mallory@example.com':<52}  grant  ! in the cluster, and not declared\n"
            f"  ClusterRole/admin  {'group:ops':<52}  RoleBinding debug  ! in the cluster, and not declared\n"
            f"  none               {'serviceaccount:payments:ambient-key-bare-87654321':<52}  key  "
            "! in the cluster, and not declared\n"
            "  3 accounts of the platform's own: see --format json",
            "Declared, and not in the cluster:\n"
            "  view of key:ci in billing (key)\n"
            "  edit of group:payments-devs in payments (grant)",
            "What is declared and what is there differ: 5 not declared, 2 not in the cluster\n",
        ]

    def test_the_exit_code_is_of_what_is_shown(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
        put(api, grant("payments", "user:mallory", "view"))
        del api.objects[f"{BINDINGS}/ambient-permission-view-bob-example-com-user"]
        for arguments, code in (
            ([], 2),
            (["-w", "billing"], 0),
            (["--subject", ALICE], 0),
            (["--subject", "user:mallory"], 2),
            (["--subject", "user:bob@example.com"], 2),
            (["--who-can", "create secrets"], 0),
            (["--who-can", "get pods"], 2),
        ):
            assert run(["access", "dev", "--live", *arguments]) == code, arguments
        assert capsys.readouterr().err == ""

    def test_against_the_files(self, pulumi: FakePulumi, api: FakeApi, project: Path, capsys: Shown) -> None:
        assert run(["access", "dev", "--live", "--files"]) == 0
        (project / "stacks/dev.yaml").write_text(FILE.replace(", {user: bob@example.com}", ""))
        assert run(["access", "dev", "--live", "--files"]) == 2
        assert "view   user:bob@example.com    grant  ! in the cluster, and not declared\n" in capsys.readouterr().out
        assert pulumi.calls == []

    def test_a_released_workspace_is_nobodys_to_judge(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
        pulumi.ledgers["dev"] = {**LEDGER, "payments": {**LEDGER["payments"], "state": "released"}}
        put(api, grant("payments", "user:mallory", "view"))
        del api.objects[f"{BINDINGS}/ambient-permission-edit-payments-devs-group"]
        assert run(["access", "dev", "--live", "--format", "csv"]) == 0
        assert "payments,user:mallory,view,grant,released,\n" in capsys.readouterr().out

    def test_who_can_with_roles_that_nobody_knows(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
        put(api, binding("payments", "debug", "ClusterRole/admin", "group:ops", "user:bob@example.com"))
        assert run(["access", "dev", "--live", "--who-can", "get secrets", "-w", "payments"]) == 2
        assert capsys.readouterr().out == (
            "get secrets is a right of admin. An owner is an admin.\n\n"
            f"payments\n  admin  {ALICE}  owner\n  2 accounts of the platform's own: see --format json\n\n"
            "Perhaps these too, by roles with unread rules:\n\n"
            "payments\n"
            "  ClusterRole/admin  group:ops             RoleBinding debug  ! in the cluster, and not declared\n"
            "  ClusterRole/admin  user:bob@example.com  RoleBinding debug  ! in the cluster, and not declared\n\n"
            "What is declared and what is there differ: 2 not declared, 0 not in the cluster\n"
        )

    @pytest.mark.parametrize(
        ("trouble", "reported"),
        [
            ("none", "no cluster to talk to"),
            ("silent", "the cluster at http://127.0.0.1:1 does not answer"),
            ("other", "this is another cluster than the stack's"),
            (
                "forbidden",
                "403: no list for you\n  hint: --live needs the right to list rolebindings, roles, ",
            ),
            ("context", "elsewhere"),
        ],
    )
    def test_a_cluster_that_does_not_answer_is_an_error(
        self,
        pulumi: FakePulumi,
        api: FakeApi,
        project: Path,
        capsys: Shown,
        monkeypatch: pytest.MonkeyPatch,
        trouble: str,
        reported: str,
    ) -> None:
        config = project / "stacks/Pulumi.dev.yaml"
        match trouble:
            case "none":
                monkeypatch.setenv("KUBECONFIG", "nowhere")
            case "silent":
                text = (project / "kubeconfig").read_text().replace(api.url, "http://127.0.0.1:1")
                (project / "kubeconfig").write_text(text)
            case "other":
                config.write_text("config: {p:clusterUid: other}\n")
            case "forbidden":
                api.fail("GET", "rolebindings", 403, "no list for you")
            case _:
                config.write_text(f"config: {{p:clusterUid: {SYSTEM_UID}, p:context: elsewhere}}\n")
        assert run(["access", "dev", "--live"]) == 1
        shown = capsys.readouterr()
        assert shown.out == ""
        assert reported in shown.err
        assert len([line for line in shown.err.splitlines() if not line.startswith("  hint: ")]) == 1

    def test_names_from_outside_stay_in_their_line(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
        put(api, binding("payments", "x", "view", "user:\x1b[31mm\nalice"))
        assert run(["access", "dev", "--live", "-w", "payments"]) == 2
        shown = capsys.readouterr().out
        assert "\x1b" not in shown
        assert r"user:\x1b[31mm\nalice" in shown


MANAGED = {"ambient-code.io/managed": "true"}


def workspace(api: FakeApi, name: str, owner: str = "", **labels: str) -> None:
    notes = {"ambient-components/owner": owner} if owner else {}
    api.add("/api/v1/namespaces", name, labels={**MANAGED, **labels}, annotations=notes)


class TestUnmanaged:
    @pytest.fixture(autouse=True)
    def cluster(self, pulumi: FakePulumi, api: FakeApi) -> None:
        for name in ("payments", "billing"):
            workspace(api, name, "p/dev")
        workspace(api, "ambient-code")
        api.add("/api/v1/namespaces", "default")

    def test_workspaces_in_no_stack_and_of_other_stacks(self, api: FakeApi, capsys: Shown) -> None:
        workspace(api, "lab")
        workspace(api, "research", "other/prod")
        workspace(api, "closed", **{"ambient-code.io/managed": "false"})
        assert run(["access", "dev", "--live"]) == 0
        out = capsys.readouterr().out
        assert "\n\nWorkspaces in no stack:\n  lab\n\nWorkspaces of other stacks:\n  research  other/prod\n" in out
        assert run(["access", "dev", "--live", "--fail-on", "unmanaged"]) == 2
        capsys.readouterr()
        assert run(["access", "dev", "--live", "--format", "json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["unmanaged"] == ["lab"]
        assert document["elsewhere"] == [{"workspace": "research", "owner": "other/prod"}]

    def test_one_that_the_file_acknowledges(self, api: FakeApi, project: Path, capsys: Shown) -> None:
        workspace(api, "kube-team")
        workspace(api, "lost", "p/dev")
        file, command = project / "stacks" / "dev.yaml", ["access", "dev", "--live", "--fail-on", "unmanaged"]
        names = "workspaces: [kube-team, lost], reason: their names"

        def acknowledge(until: str) -> None:
            item = f"{{rule: unmanagedWorkspace, date: 2026-01-05, {names}{until}}}"
            file.write_text(f"acknowledge: [{item}]\n{FILE}")

        acknowledge("")
        # A lost entry is no choice: it stays loud.
        assert run([*command, "--format", "json"]) == 2
        document = json.loads(capsys.readouterr().out)
        assert (document["unmanaged"], document["acknowledged"]) == (["lost"], ["kube-team"])
        del api.objects["/api/v1/namespaces/lost"]
        assert run(command) == 0
        assert "1 acknowledged in no stack" in capsys.readouterr().out
        acknowledge(", until: 2026-01-06")
        assert run(command) == 2
        acknowledge("")
        file.write_text(f"{file.read_text()}nonsense: true\n")
        assert run(command) == 2

    @pytest.mark.parametrize("form", ["text", "json", "markdown", "html"])
    def test_one_that_this_stack_owns_and_does_not_declare(self, form: str, api: FakeApi, capsys: Shown) -> None:
        workspace(api, "lab")
        workspace(api, "lost", "p/dev")
        assert run(["access", "dev", "--live", "--fail-on", "unmanaged", "--format", form]) == 2
        out = capsys.readouterr().out
        reason = "has this stack's ownership annotation, and the stack does not declare it"
        if form == "json":
            assert [json.loads(out)[name] for name in ("unmanaged", "annotated")] == [["lab", "lost"], ["lost"]]
        else:
            shown = {"text": "  lab\n  lost  {}\n", "markdown": "- `lab`\n- `lost`: {}\n", "html": "in no stack: it {}"}
            assert shown[form].format(reason) in html.unescape(out)

    def test_one_that_is_declared_and_not_deployed_is_in_a_stack(self, api: FakeApi, project: Path) -> None:
        workspace(api, "lab")
        command = ["access", "dev", "--live", "--fail-on", "unmanaged", "--files"]
        assert run(command) == 2
        (project / "stacks" / "dev.yaml").write_text(f"{FILE}  lab: {{adopt: true, owners: [user:alice]}}\n")
        # Its owner is missing in the cluster; that differs, and is no unmanaged workspace.
        assert run([*command, "--format", "json"]) == 2

    def test_the_platforms_own_namespace_is_configured(self, api: FakeApi, project: Path, capsys: Shown) -> None:
        file = project / "stacks" / "Pulumi.dev.yaml"
        file.write_text(f"config: {{p:clusterUid: {SYSTEM_UID}, p:platformNamespace: acp}}\n")
        workspace(api, "acp")
        assert run(["access", "dev", "--live", "--format", "json"]) == 0
        assert json.loads(capsys.readouterr().out)["unmanaged"] == ["ambient-code"]

    def test_markdown(self, api: FakeApi, capsys: Shown) -> None:
        workspace(api, "lab")
        put(api, grant("payments", "user:mallory@example.com", "view"))
        assert run(["access", "dev", "--live", "--format", "markdown"]) == 2
        page = capsys.readouterr().out
        assert page.startswith(
            "### Access: `dev`\n\nFiles and cluster differ: 1 not declared. 1 workspace is in no stack.\n\n"
            "**Workspaces in no stack (1)**\n\n- `lab`\n\n"
            "**In the cluster, and not declared (1)**\n\n- view of `user:mallory@example.com` in `payments` (`grant`)\n"
        )
        assert "<details><summary><b>Access (" in page

    def test_a_page_is_bounded_and_its_totals_are_exact(self, api: FakeApi, capsys: Shown) -> None:
        for number in range(300):
            workspace(api, f"lab-{number:03}")
        assert run(["access", "dev", "--live"]) == 0
        assert "  lab-049\n  and 250 more: see --format json\n" in capsys.readouterr().out
        report = Report(
            "dev", "state", True, (), frozenset(), (), others=Others(tuple(f"{n:060}" for n in range(2000)))
        )
        page = as_markdown(report, 5_000)
        assert len(page) <= 5_000
        assert "**Workspaces in no stack (2000)**" in page
        assert "more, left out here" in page

    def test_without_the_right_to_list_namespaces(self, api: FakeApi, capsys: Shown) -> None:
        api.fail("GET", "/api/v1/namespaces$", 403, "forbidden")
        assert run(["access", "dev", "--live", "--format", "json"]) == 0
        out, err = capsys.readouterr()
        assert json.loads(out)["unmanaged"] is None
        assert "ambient: the workspaces in no stack are not known: this identity may not list namespaces" in err
        assert run(["access", "dev", "--live", "--fail-on", "unmanaged"]) == 1

    @pytest.mark.parametrize(
        "flags", [[], ["--live", "-w", "payments"], ["--live", "--subject", ALICE], ["--live", "--who-can", "get pods"]]
    )
    def test_it_is_a_question_about_the_whole_cluster(self, flags: list[str], capsys: Shown) -> None:
        assert run(["access", "dev", "--fail-on", "unmanaged", *flags]) == 64
        assert "add --live, and leave --workspace" in " ".join(capsys.readouterr().err.split())


def test_a_fleet_owns_the_workspaces_of_all_its_shards(pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
    stacks = Path("stacks")
    (stacks / "Pulumi.prod.yaml").write_text(f"config: {{p:shards: 2, p:clusterUid: {SYSTEM_UID}}}\n")
    (stacks / "prod.yaml").write_text("workspaces: {one: {owners: [user:alice]}, two: {owners: [user:alice]}}\n")
    project = Project.find()
    assert [project.owner(name) for name in ("prod", "prod-01", "org/prod", "dev")] == ["p/prod"] * 3 + ["p/dev"]
    for name in ("one", "two"):
        workspace(api, name, "p/prod")
    workspace(api, "lab")
    for name in ("prod", "prod-01"):
        # The owners' bindings are missing, which differs.
        assert run(["access", name, "--files", "--live", "--format", "json"]) == 2
        report = json.loads(capsys.readouterr().out)
        assert (report["unmanaged"], report["elsewhere"]) == (["lab"], [])
