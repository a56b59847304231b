"""`ambient validate`: guardrails that the files alone violate, as warnings at their lines."""

import json

import pytest

from ambient_components.cli.app import run
from ambient_components.platform.naming import key_account
from tests.support.validated import Write

ADMIN_KEY = "workspaces:\n  pay:\n    owners: [user:a]\n    keys: {deploy: {role: admin}}\n"
EXCEPTION = "    exceptions: [{guardrail: adminKey, reason: it deploys%s}]\n"


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict[str, object]]]:
    code = run(["validate", "--format", "json", *arguments])
    return code, json.loads(capsys.readouterr().out)["problems"]


def test_a_violation_has_its_rule_place_and_exception(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write(stacks__prod=ADMIN_KEY)
    code, (one,) = found(capsys)
    assert code == 0
    assert (one["severity"], one["rule"], one["workspaces"]) == ("warning", "adminKey", ["pay"])
    assert (one["path"], one["file"], one["line"], one["column"]) == (
        "workspaces.pay.keys.deploy.role",
        "stacks/prod.yaml",
        4,
        27,
    )
    assert "write role: edit or view" in one["hints"]  # type: ignore[operator]


def test_no_nightly_run_fails_as_the_violation_may_be_deployed(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(stacks__prod=ADMIN_KEY)
    assert run(["validate", "--strict"]) == 0
    assert capsys.readouterr().err == "OK with 1 warning: 1 workspace in 1 file\n"
    write(stacks__prod=ADMIN_KEY + EXCEPTION.replace("adminKey", "nonExpiringKey") % "")
    assert run(["validate", "--strict"]) == 1


@pytest.mark.parametrize(
    "silent",
    [
        ADMIN_KEY + EXCEPTION % "",
        ADMIN_KEY + EXCEPTION % ", until: 2999-12-31",
        "exceptions: [{guardrail: adminKey, reason: they deploy}]\n" + ADMIN_KEY,
        ADMIN_KEY.replace("admin}", "edit}"),
        ADMIN_KEY + "    state: closed\n",
        ADMIN_KEY + "    state: released\n",
    ],
    ids=["exception", "exception in force", "exception of the stack", "no violation", "closed", "released"],
)
def test_what_is_no_violation(silent: str, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write(stacks__prod=silent)
    assert found(capsys, "--strict") == (0, [])


def test_an_expired_exception_fails_no_run(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write(stacks__prod=ADMIN_KEY + EXCEPTION % ", until: 2020-01-31")
    code, (one,) = found(capsys, "--strict")
    assert code == 0
    assert one["path"] == "workspaces.pay.exceptions[0].until"


def test_a_later_grant_is_named_at_its_line(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    grants = "[{user: b, until: 2998-12-31}, {user: b, role: edit, from: 2999-01-01}]"
    write(stacks__prod=f"guardrails: {{groupsOnly: true}}\nworkspaces:\n  pay:\n    grants: {grants}\n")
    _, (one,) = found(capsys)
    assert (one["rule"], one["path"]) == ("individualGrant", "workspaces.pay.grants[1].user")


@pytest.mark.parametrize("spelling", ["serviceaccount:", "user:system:serviceaccount:"])
def test_a_keys_account_is_named_at_its_line(spelling: str, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    who = f"{spelling}pay:{key_account('pay', 'ci', 2)}"
    write(stacks__prod=f"workspaces:\n  pay:\n    keys: {{ci: {{}}}}\n    owners:\n      - user:a\n      - {who}\n")
    _, (one,) = found(capsys)
    assert (one["rule"], one["path"], one["line"]) == ("adminKey", "workspaces.pay.owners[1]", 6)


def test_an_account_beside_editors_is_named_where_the_stack_keeps_admin_keys_apart(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    start = "guardrails: {isolateAdminKeys: true}\nworkspaces:\n  pay:\n"
    grants = (
        "    grants:\n      - {group: devs, role: edit}\n      - {user: 'system:serviceaccount:pay:a', role: admin}\n"
    )
    write(stacks__prod=start + grants)
    _, (one,) = found(capsys)
    assert (one["rule"], one["path"], one["line"]) == ("adminKeyWithEditors", "workspaces.pay.grants[1].user", 6)
