"""`ambient access --live`: what the cluster gives, beside what is declared."""

from pathlib import Path

import pytest

from ambient_components.cli.app import run
from tests.support.access_cli import (
    ACCOUNTS,
    ALICE,
    BINDINGS,
    DECLARED,
    FILE,
    LEDGER,
    RBAC,
    FakePulumi,
    api,
    project,
    pulumi,
    put,
)  # fmt: skip
from tests.support.access_objects import account, account_name, binding, grant
from tests.support.fake_api import SYSTEM_UID, FakeApi

__all__ = ["api", "project", "pulumi"]

Shown = pytest.CaptureFixture[str]


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
        ]
        assert api.log[-1].query["labelSelector"] == "app=ambient-access-key"

    def test_chosen_workspaces_are_asked_one_by_one(self, pulumi: FakePulumi, api: FakeApi, capsys: Shown) -> None:
        put(api, grant("billing", "user:mallory", "view"))
        assert run(["access", "dev", "--live", "-w", "payments"]) == 0
        assert [str(request) for request in api.log[1:]] == [f"GET {BINDINGS}", f"GET {ACCOUNTS}"]
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
                "403: no list for you\n  hint: --live needs the right to list rolebindings and serviceaccounts",
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
