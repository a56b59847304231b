"""`ambient access --unused` and `--members`, and `ambient grants list --gone`."""

import gzip
import io
import json
import sys
from pathlib import Path

import pytest

from ambient_components.cli.app import run
from ambient_components.cli.people import read_members
from ambient_components.errors import AmbientError
from ambient_components.platform.naming import key_account
from tests.support.access_cli import FakePulumi
from tests.support.audit_events import account, event, log_of

Shown = pytest.CaptureFixture[str]

DEVS = event("patch agenticsessions@payments", "carol", "payments-devs", at="2026-11-24T09:00:00Z")
CI = event("list pods@payments", account("payments", key_account("payments", "ci", 1)), at="2026-11-26T09:00:00Z")
OTHER = event("get pods@billing", "someone", at="2026-11-25T09:00:00Z")
REPORT = """\
Audit log: 2026-11-24T09:00:00Z to 2026-11-26T09:00:00Z, 3 events
  in the stack's workspaces: get 1, list 1, patch 1; levels: Metadata
  ! no watch, create, update, delete in the stack's workspaces: none was made, or the audit policy leaves it out
  ! calls to other API servers of the cluster: each has a log of its own

billing
  view   key:ci                  key
  admin  user:alice@example.com  owner

payments
  admin  user:alice@example.com  owner
  view   user:bob@example.com    grant

4 of 6 without use, 4 of them proven
"""


class TestUnused:
    def test_as_text(self, pulumi: FakePulumi, project: Path, capsys: Shown) -> None:
        Path("audit.log").write_bytes(log_of(DEVS, OTHER))
        Path("audit-1.log.gz").write_bytes(gzip.compress(log_of(CI)))
        arguments = ["access", "dev", "--unused", "audit.log", "--unused", "audit-1.log.gz"]
        assert run(arguments) == 0
        assert capsys.readouterr() == (REPORT, "")
        assert run([*arguments, "--fail-on", "unused"]) == 2
        assert run([*arguments, "--fail-on", "unused", "--subject", "key:ci", "-w", "payments"]) == 0

    def test_as_json_from_standard_input(
        self, pulumi: FakePulumi, capsys: Shown, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = io.BufferedReader(io.BytesIO(log_of(DEVS, CI) + b"{\n"))
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(log))
        assert run(["access", "dev", "--files", "--unused", "-", "--format", "json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["coverage"]["brokenLines"] == 1
        assert document["coverage"]["gaps"] == [{"first": "2026-11-25", "last": "2026-11-25"}]
        assert document["coverage"]["workspacesWithoutEvents"] == ["billing"]
        assert document["used"] == [
            {"workspace": "payments", "subject": "group:payments-devs", "role": "edit", "reason": "grant",
             "last": "2026-11-24T09:00:00Z", "calls": 1},
            {"workspace": "payments", "subject": "key:ci", "role": "edit", "reason": "key",
             "last": "2026-11-26T09:00:00Z", "calls": 1},
        ]  # fmt: skip
        proven = {(each["workspace"], each["subject"]): each["unproven"] for each in document["unused"]}
        assert proven["payments", "user:bob@example.com"] is None
        assert proven["billing", "key:ci"].startswith("the log has nothing of billing: ")

    def test_nothing_is_proven(self, pulumi: FakePulumi, project: Path, capsys: Shown) -> None:
        Path("audit.log").write_bytes(log_of(OTHER))
        assert run(["access", "dev", "--unused", "audit.log", "-w", "payments", "--fail-on", "unused"]) == 0
        shown = capsys.readouterr().out
        assert "! not proven: the log has nothing of payments" in shown
        assert shown.endswith("4 of 4 without use, 0 of them proven\n")

    def test_a_log_that_is_cut_off(self, pulumi: FakePulumi, project: Path, capsys: Shown) -> None:
        Path("audit.log.gz").write_bytes(gzip.compress(log_of(*[DEVS] * 3000), mtime=0)[:-30])
        assert run(["access", "dev", "--unused", "audit.log.gz"]) == 0
        assert "! lines that could not be read: 1" in capsys.readouterr().out

    def test_no_log(self, pulumi: FakePulumi, project: Path, capsys: Shown) -> None:
        Path("audit.log").write_text("hello\n")
        assert run(["access", "dev", "--unused", "audit.log"]) == 1
        assert "audit.log has no event of audit.k8s.io/v1 (1 other line)" in capsys.readouterr().err
        assert run(["access", "dev", "--unused", "no.log"]) == 1
        assert "no.log can't be read: No such file or directory" in capsys.readouterr().err

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--unused", "a", "--live"],
            ["--unused", "a", "--format", "html"],
            ["--unused", "a", "--fail-on", "unmanaged"],
            ["--fail-on", "unused"],
            ["--members", "a", "--format", "csv"],
        ],
    )
    def test_wrong_usage(self, pulumi: FakePulumi, arguments: list[str]) -> None:
        assert run(["access", "dev", *arguments]) == 64


OPENSHIFT = {
    "kind": "List",
    "items": [
        {"kind": "Group", "metadata": {"name": "payments-devs"}, "users": ["bob@example.com", "carol"]},
        {"kind": "Group", "metadata": {"name": "empty"}, "users": None},
    ],
}
LDIF = """\
version: 1
# A group of names, and one of distinguished names
dn: cn=payments-devs,ou=groups,dc=example
objectClass: posixGroup
cn: payments-devs
memberUid: bob@example
 .com
memberUid:: Y2Fyb2w=

dn: cn=leads,ou=groups
member: uid=d\\,an,ou=people
uniqueMember: CN=erin+uid=e,ou=people

dn: uid=bob,ou=people
cn: Bob
"""


class TestMembers:
    def test_in_the_text_and_of_a_subject(self, pulumi: FakePulumi, project: Path, capsys: Shown) -> None:
        Path("groups.json").write_text(json.dumps(OPENSHIFT))
        assert run(["access", "dev", "--members", "groups.json", "-w", "payments"]) == 0
        shown = capsys.readouterr().out
        assert "  edit   group:payments-devs     grant: bob@example.com, carol\n" in shown
        bob = ["access", "dev", "--members", "groups.json", "--subject", "user:bob@example.com"]
        assert run(bob) == 0
        assert capsys.readouterr().out == (
            "payments\n"
            "  edit  group:payments-devs   grant: bob@example.com, carol\n"
            "  view  user:bob@example.com  grant\n"
        )
        assert run([*bob, "--format", "json"]) == 0
        rows = json.loads(capsys.readouterr().out)["access"]
        assert [row.get("members", "-") for row in rows] == [["bob@example.com", "carol"], "-"]

    def test_access_tests_look_at_members(self, project: Path, capsys: Shown) -> None:
        file = Path("stacks/dev.yaml")
        file.write_text('accessTests: {never: [{who: "user:carol", role: edit}]}\n' + file.read_text())
        Path("groups.json").write_text(json.dumps(OPENSHIFT))
        assert run(["access", "dev", "--files"]) == 0
        assert "  holds " in capsys.readouterr().out
        assert run(["access", "dev", "--files", "--members", "groups.json"]) == 0
        assert ": group:payments-devs: edit in payments" in capsys.readouterr().out

    def test_groups_that_the_file_does_not_have(self, pulumi: FakePulumi, project: Path, capsys: Shown) -> None:
        Path("groups.csv").write_text("other,bob\n")
        assert run(["access", "dev", "--members", "groups.csv"]) == 0
        assert "group:payments-devs     grant: members unknown\n" in capsys.readouterr().out

    @pytest.mark.parametrize(
        "text",
        [
            json.dumps(OPENSHIFT),
            json.dumps(OPENSHIFT["items"]),
            "kind: Group\nmetadata: {name: payments-devs}\nusers: [bob@example.com, carol]\n---\n",
            "user,group\nbob@example.com,payments-devs\ncarol,payments-devs\n",
            "payments-devs,bob@example.com\n\n# more\npayments-devs, carol\n",
            LDIF,
            LDIF.replace("\n", "\r\n"),
        ],
    )
    def test_forms(self, tmp_path: Path, text: str) -> None:
        file = tmp_path / "members"
        file.write_bytes(b"\xef\xbb\xbf" + text.encode())
        members = read_members(str(file))
        assert members["payments-devs"] == {"bob@example.com", "carol"}
        assert members.get("leads", {"d,an", "erin"}) == {"d,an", "erin"}
        assert "Bob" not in members

    @pytest.mark.parametrize("text", ["", "{", '{"kind": "Group"}', "devs\n", "kind: [", "dn: x\nmember:: !\n", "[1]"])
    def test_no_members(self, tmp_path: Path, text: str) -> None:
        file = tmp_path / "members"
        file.write_text(text)
        with pytest.raises(AmbientError):
            read_members(str(file))


class TestGone:
    def test_lines_that_name_them(self, project: Path, capsys: Shown) -> None:
        Path("left.csv").write_text("user,left on\nBOB@example.com,2026-11-01\ncarol,2026-11-02\n")
        arguments = ["grants", "list", "dev", "--files", "--gone", "left.csv"]
        assert run([*arguments, "--format", "csv"]) == 2
        assert capsys.readouterr().out == (
            "workspace,subject,kind,role,from,until,period,deployed,layer,file,line\n"
            "payments,user:bob@example.com,grant,view,,,now,,entry,stacks/dev.yaml,8\n"
        )
        Path("left.csv").write_text("alice@example.com\n")
        assert run(arguments) == 2
        assert capsys.readouterr().out.count("entry  stacks/dev.yaml:") == 2
        Path("left.csv").write_text("payments-devs\nerin\n")
        assert run(arguments) == 0
        assert capsys.readouterr().out == "There are no grants.\n"

    def test_the_prefix_of_a_login_is_no_part_of_a_name(self, project: Path, capsys: Shown) -> None:
        file = Path("stacks/dev.yaml")
        file.write_text(file.read_text().replace("{user: bob@", "{user: 'oidc:bob@").replace(".com}]", ".com'}]"))
        Path("left.txt").write_text("bob@example.com\n")
        assert run(["grants", "list", "dev", "--files", "--gone", "left.txt"]) == 2
        assert "user:oidc:bob@example.com" in capsys.readouterr().out

    def test_an_empty_list(self, project: Path, capsys: Shown) -> None:
        Path("left.txt").write_text("user\n")
        assert run(["grants", "list", "dev", "--files", "--gone", "left.txt"]) == 1
        assert "left.txt names no people" in capsys.readouterr().err
