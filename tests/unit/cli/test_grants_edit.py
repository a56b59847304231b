"""`ambient grants revoke`: what is written, what is refused, and what the subject keeps."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ambient_components import clock
from ambient_components.cli.app import run
from tests.support.keys_edit import FakePulumi, pulumi
from tests.support.projects import write_project

__all__ = ["pulumi"]

STACK = """\
# The stack.
include: [teams/*.yaml]
defaults:
  owners: [group:admins]
templates:
  audited:
    grants: [{group: auditors, role: view}]
workspaces:
  payments:
    owners: [user:carol, user:bob]
    reviewers: [user:bob]
    grants:
      # On call.
      - user: bob     # the one
        role: edit
        until: 2027-01-31
      - {user: bob, role: view, from: 2027-02-01}
      - {group: payments-devs, role: edit}  # all
  checked: {template: audited}
  empty: {}
  old: {state: released, grants: [{user: bob}]}
"""
TEAM = "workspaces:\r\n  lab:\r\n    grants: [{user: bob, role: admin}, {user: eve}]   # é\r\n"
FILES = {"stacks/dev.yaml": STACK, "stacks/teams/lab.yaml": TEAM}
BOB = """\
      # On call.
      - user: bob     # the one
        role: edit
        until: 2027-01-31
      - {user: bob, role: view, from: 2027-02-01}
"""
Shown = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pulumi: FakePulumi) -> Path:
    write_project(tmp_path, FILES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 25, tzinfo=UTC))
    return tmp_path


def texts() -> dict[str, str]:
    return {name: Path(name).read_bytes().decode() for name in FILES}


class TestRevoke:
    def test_in_every_workspace(self, capsys: Shown) -> None:
        assert run(["grants", "revoke", "dev", "user:bob", "--all"]) == 0
        assert texts() == {
            "stacks/dev.yaml": STACK.replace(BOB, ""),
            "stacks/teams/lab.yaml": TEAM.replace("{user: bob, role: admin}, ", ""),
        }
        assert capsys.readouterr().out == (
            "stacks/teams/lab.yaml:3: lab: grant admin user:bob: removed\n"
            "stacks/dev.yaml:14: payments: grant edit user:bob until 2027-01-31: removed\n"
            "stacks/dev.yaml:17: payments: grant view user:bob from 2027-02-01: removed\n"
            "\n"
            "user:bob keeps, by the files:\n"
            "  stacks/dev.yaml:10: payments: owner user:bob\n"
            "  stacks/dev.yaml:16: old: grant view user:bob\n"
            "  stacks/dev.yaml:11: payments: reviewer user:bob (no access)\n"
            "\n"
            "Members of groups are not known here. Is the person a member of one?\n"
            "  lab: group:admins (owner)\n"
            "  payments: group:payments-devs (edit)\n"
            "  checked: group:admins (owner), group:auditors (view)\n"
            "  empty: group:admins (owner)\n"
            "\n"
            "Next:\n"
            "  git diff stacks/teams/lab.yaml stacks/dev.yaml\n"
            "  git commit stacks/teams/lab.yaml stacks/dev.yaml\n"
            "  ambient up dev\n"
        )

    def test_of_an_owner(self, capsys: Shown) -> None:
        assert run(["grants", "revoke", "dev", "user:bob", "payments", "--owners"]) == 0
        after = STACK.replace(BOB, "").replace("[user:carol, user:bob]", "[user:carol]")
        assert texts()["stacks/dev.yaml"] == after
        assert "stacks/dev.yaml:10: payments: owner user:bob: removed\n" in capsys.readouterr().out

    def test_the_last_grant_leaves_an_empty_list(self) -> None:
        """Without it, the grants of the defaults would apply."""
        assert run(["grants", "revoke", "dev", "user:bob", "lab"]) == 0
        assert run(["grants", "revoke", "user:eve", "lab", "-s", "dev"]) == 0
        assert texts()["stacks/teams/lab.yaml"] == TEAM.replace("[{user: bob, role: admin}, {user: eve}]", "[]")

    def test_twice(self, capsys: Shown) -> None:
        assert run(["grants", "revoke", "dev", "user:bob", "lab"]) == 0
        capsys.readouterr()
        assert run(["grants", "revoke", "user:bob", "lab"]) == 0
        out = capsys.readouterr().out
        assert out.startswith("nothing to do: user:bob has no grant in lab\n\n")
        assert "Next:" not in out

    @pytest.mark.parametrize(
        ("subject", "workspaces", "problem"),
        [
            ("user:Bob", ["--all"], "did you mean user:bob?\n"),
            ("group:bob@example.com", ["lab"], "did you mean user:bob?\n"),
            (
                "user:zoe",
                ["lab"],
                "it names group:admins, group:auditors, group:payments-devs, ",
            ),
        ],
    )
    def test_a_misspelled_subject(self, subject: str, workspaces: list[str], problem: str, capsys: Shown) -> None:
        assert run(["grants", "revoke", "dev", subject, *workspaces]) == 1
        before = f"ambient: stacks/dev.yaml does not name {subject}, and nothing is deployed for it\n  hint: "
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.startswith(f"{before}{problem}")
        assert texts() == FILES

    def test_a_state_that_cannot_be_read(self, pulumi: FakePulumi, capsys: Shown) -> None:
        pulumi.broken = True
        assert run(["grants", "revoke", "dev", "user:eve", "payments"]) == 0
        shown = capsys.readouterr()
        assert shown.out.startswith("nothing to do: user:eve has no grant in payments\n")
        assert shown.err.endswith("ambient: warning: what is deployed is not known\n")
        assert run(["grants", "revoke", "dev", "user:zoe", "payments"]) == 1
        assert "\nambient: stacks/dev.yaml does not name user:zoe\n" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("subject", "workspace", "message"),
        [
            (
                "group:auditors",
                "checked",
                "stacks/dev.yaml:7:14: templates.audited.grants[0]: group:auditors has view in checked by template "
                "audited, which this command does not edit\n"
                "  hint: remove it there by hand: that ends it in checked\n"
                "  hint: or give checked its own list, without it: grants: []\n",
            ),
            (
                "group:admins",
                "lab",
                "stacks/dev.yaml:4:12: defaults.owners[0]: group:admins has admin in lab by defaults, which this "
                "command does not edit\n"
                "  hint: remove it there by hand: that ends it in checked, empty, lab, old\n"
                "  hint: or give lab its own list, without it: owners: []\n",
            ),
            ("user:bob", "old", "stacks/dev.yaml:21:3: workspaces.old: is released: this stack changes nothing in it"),
            ("user:bob", "labb", "stacks/dev.yaml has no workspace 'labb'\n  hint: did you mean 'lab'?"),
        ],
    )
    def test_what_is_refused(self, subject: str, workspace: str, message: str, capsys: Shown) -> None:
        assert run(["grants", "revoke", "dev", subject, workspace, "--owners"]) == 1
        assert message in capsys.readouterr().err
        assert texts() == FILES

    def test_an_alias(self, capsys: Shown) -> None:
        text = "workspaces:\n  lab: {grants: &g [{user: bob}]}\n  web: {grants: *g}\n"
        Path("stacks/teams/lab.yaml").write_text(text)
        assert run(["grants", "revoke", "dev", "user:bob", "lab", "web"]) == 1
        err = capsys.readouterr().err
        assert "ambient: stacks/teams/lab.yaml:2:21: workspaces.lab.grants: can't be edited by a program" in err
        assert "  hint: by hand: remove workspaces.web.grants[0]\n" in err
        assert Path("stacks/teams/lab.yaml").read_text() == text

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["dev", "user:bob"], "in which workspaces? Name them, or --all"),
            (["dev", "user:bob", "lab", "--all"], "name workspaces or --all, not both"),
            (["dev"], "which subject? Name it"),
            (["dev", "bob", "lab"], "'bob' is not a subject"),
        ],
    )
    def test_wrong_usage(self, arguments: list[str], message: str, capsys: Shown) -> None:
        assert run(["grants", "revoke", *arguments]) == 64
        assert message in " ".join(capsys.readouterr().err.split())


class TestList:
    def test_by_the_files(self, capsys: Shown) -> None:
        names = ("user:carol", "user:bob", "group:payments-devs")
        carol, bob, devs = (f"payments   {name:<19}" for name in names)
        assert run(["grants", "list", "dev", "payments", "--files"]) == 0
        assert capsys.readouterr().out == (
            "workspace  subject              role           dates         period    deployed  from\n"
            f"{carol}  admin (owner)  -             now       ?         entry  stacks/dev.yaml:10\n"
            f"{bob}  admin (owner)  -             now       ?         entry  stacks/dev.yaml:10\n"
            f"{bob}  edit           ..2027-01-31  now       ?         entry  stacks/dev.yaml:14\n"
            f"{bob}  view           2027-02-01..  upcoming  ?         entry  stacks/dev.yaml:17\n"
            f"{devs}  edit           -             now       ?         entry  stacks/dev.yaml:18\n"
        )
        assert run(["grants", "list", "dev", "--subject", "group:auditors", "--files"]) == 0
        assert capsys.readouterr().out.endswith("?         template audited  stacks/dev.yaml:7\n")
        assert run(["grants", "list", "dev", "--subject", "user:nobody", "--files"]) == 0
        assert capsys.readouterr().out == "There are no grants.\n"

    def test_csv_and_json(self, capsys: Shown) -> None:
        assert run(["grants", "list", "dev", "lab", "--subject", "user:eve", "--files", "--format", "csv"]) == 0
        assert capsys.readouterr().out == (
            "workspace,subject,kind,role,from,until,period,deployed,layer,file,line\n"
            "lab,user:eve,grant,view,,,now,,entry,stacks/teams/lab.yaml,3\n"
        )
        assert run(["grants", "list", "dev", "lab", "--subject", "user:eve", "--files", "--format", "json"]) == 0
        assert '"deployed": null' in capsys.readouterr().out
