"""What an insider names an object stays inert where an administrator reads it: on a terminal, in a log, in a table."""

import csv
import io

import pytest

from ambient_components.platform.contract import APP_LABEL, GRANT_APP, RBAC_API_GROUP, Role, cluster_role
from tests.support.insider import Insider

EVIL = "\x1b[2J\x1b]0;owned\x07\n::error title=hacked::gone\n##[error]gone \u202e\u2028=1"
RAW = ("\x1b", "\x07", "\u202e", "\u2028", "##[")


@pytest.fixture
def attacked(insider: Insider) -> Insider:
    """Bob gives his own role to a user with an evil name, as the platform's Sharing page would."""
    insider.bind(
        {
            "apiVersion": f"{RBAC_API_GROUP}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "evil", "labels": {APP_LABEL: GRANT_APP}},
            "roleRef": {"apiGroup": RBAC_API_GROUP, "kind": "ClusterRole", "name": cluster_role(Role.EDIT)},
            "subjects": [{"kind": "User", "apiGroup": RBAC_API_GROUP, "name": EVIL}],
        }
    )
    return insider


def inert(text: str) -> None:
    assert "title=hacked" in text, f"nothing is said of it: {text}"
    assert not [raw for raw in RAW if raw in text]
    assert not [line for line in text.splitlines() if line.lstrip().startswith("::")]


def test_plain_pulumi(attacked: Insider) -> None:
    """13: A subject named with an escape sequence and a log command does not reach pulumi's output raw"""
    inert(attacked.stack.preview().ok().text)
    inert(attacked.stack.up("--refresh", plain=True).ok().text)


def test_closing(attacked: Insider) -> None:
    """13: Neither does it when closing names the access that it ends"""
    attacked.stack.write("workspaces:\n  THIS: {protect: false, state: closed, owners: ['user:alice@example.com']}\n")
    inert(attacked.stack.preview().ok().text)
    inert(attacked.stack.up().ok().text)


@pytest.mark.parametrize("form", ["text", "csv", "json"])
def test_access_live(attacked: Insider, form: str) -> None:
    """13: Nor does ambient access --live print it raw, in text, CSV or JSON"""
    shown = attacked.stack.ambient("access", attacked.stack.name, "--live", "--format", form)
    assert shown.code == 2, shown.text
    inert(shown.text)
    if form == "csv":
        rows = list(csv.reader(io.StringIO(shown.text, newline="")))
        assert len({len(row) for row in rows}) == 1
