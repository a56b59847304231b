"""Outputs that showed a text of the cluster or the state as it is: one test each, in words that a person would try."""

import pytest

from ambient_components.access.entries import read_ledger
from ambient_components.access.ledger import refusals
from ambient_components.access.role_assignments import RoleAssignment
from ambient_components.cli.access.markdown import as_markdown
from ambient_components.cli.app import run
from ambient_components.stacks.access_report import Report
from tests.support.access_cli import FakePulumi

HOSTILE = "<img src=x onerror=alert(1)>\u202e\x1b[2J"


def report(undeclared: RoleAssignment) -> Report:
    return Report("dev", "state", requested=True, rows=(), undeclared=frozenset([undeclared]), missing=())


def test_show_prints_no_raw_name(pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]) -> None:
    pulumi.ledgers["dev"] = {
        f"pay{HOSTILE}": {
            "state": "active",
            "owners": [f"user:{HOSTILE}"],
            "grants": {f"group:{HOSTILE}": "edit"},
            "keys": {HOSTILE: {"role": "view", "generation": 1}},
        }
    }
    pulumi.given = {}
    for form in ("text", "json"):
        assert run(["show", "dev", "--format", form]) == 0
        shown = capsys.readouterr().out
        assert {char for char in shown if not char.isprintable()} == {"\n"}
    assert run(["show", "dev"]) == 0
    assert "user:<img src=x onerror=alert(1)>\\u202e\\x1b[2J" in capsys.readouterr().out


def test_a_role_of_the_cluster_is_code_in_markdown() -> None:
    """RBAC takes nearly every character in the name of a Role, which a workspace user may choose."""
    theirs = RoleAssignment("pay", "user:mallory", f"Role/{HOSTILE}", "RoleBinding x")
    page = as_markdown(report(theirs))
    assert "- `Role/<img` `src=x` `onerror=alert(1)>\\u202e\\x1b[2J` of `user:mallory`" in page
    plain = RoleAssignment("pay", "user:mallory", "edit", "grant")
    assert "- edit of `user:mallory`" in as_markdown(report(plain))


@pytest.mark.parametrize(
    "entry",
    [
        {"grants": {"user:bob": "owner"}},
        {"grants": {"bob": "edit"}},
        {"owners": ["nobody"]},
        {"owners": ["user:"]},
    ],
)
def test_a_state_with_an_unknown_role_or_subject_is_compared(entry: dict) -> None:
    """A newer version may have recorded it: the change is evaluated by what is known."""
    before = read_ledger({"pay": {"state": "active", "owners": ["user:alice"], "grants": {}, "keys": {}, **entry}})
    after = read_ledger({"pay": {"state": "active", "owners": ["user:alice"], "grants": {}, "keys": {}}})
    assert refusals(before, after) == []
