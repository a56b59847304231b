"""Grants with dates on the real parts: absent before, there from its day to its last one, refused after it.

The clock of the program and of the plugin is moved; the file stays unchanged.
"""

from datetime import UTC, datetime, timedelta

from sandbox.credentials import ALICE, BOB
from tests.engine.test_access_follows import status
from tests.support.stacks import Result, Stack

# Far from midnight, so that a test which begins before it and ends after it still means these days.
SHIFT = 36 - datetime.now(UTC).hour
"""Hours from now to noon of the day after."""


def day(number: int) -> str:
    """The day that many days after the first one that this test knows."""
    return str((datetime.now(UTC) + timedelta(hours=SHIFT, days=number)).date())


def offset(number: int) -> str:
    """What moves the clock to about noon of that day."""
    return f"{SHIFT + 24 * number}h"


def file_of(*grants: str, state: str = "active", more: str = "") -> str:
    lines = "".join(f"      - {{{grant}}}\n" for grant in grants)
    return f"workspaces:\n  THIS:\n    protect: false\n    state: {state}\n{more}    grants:\n{lines}"


def quiet(result: Result) -> None:
    assert result.unchanged, result.text


def bindings(stack: Stack) -> list[str]:
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{stack.w}/rolebindings"
    return sorted(item["metadata"]["name"] for item in (stack.machine.get(path) or {})["items"])


def test_a_grant_begins_and_ends_by_its_dates(stack: Stack) -> None:
    stack.write(
        file_of("group: payments-devs, role: edit", f"user: alice@example.com, from: {day(3)}, until: {day(5)}")
    )
    stack.up(offset=offset(0)).ok()
    assert (status(stack, ALICE.name), status(stack, BOB.name)) == (403, 200)
    ahead = stack.preview("--expect-no-changes", offset=offset(2))
    quiet(ahead)
    assert f"the view grant of user:alice@example.com begins on {day(3)}" in ahead.text

    plan = stack.preview(offset=offset(3)).ok()
    assert '+ user:alice@example.com: "view"' in plan.text
    assert status(stack, ALICE.name) == 403
    stack.up(offset=offset(3)).ok()
    assert status(stack, ALICE.name) == 200
    ahead = stack.preview("--expect-no-changes", offset=offset(5))
    quiet(ahead)
    assert f"the view grant of user:alice@example.com ends after {day(5)}" in ahead.text
    stack.up(offset=offset(5)).ok()
    assert status(stack, ALICE.name) == 200

    plan = stack.preview(offset=offset(6)).ok()
    assert '- user:alice@example.com: "view"' in plan.text
    assert status(stack, ALICE.name) == 200  # a preview takes nothing away
    stack.up(offset=offset(6)).ok()
    assert (status(stack, ALICE.name), status(stack, BOB.name)) == (403, 200)
    after = stack.preview("--expect-no-changes", offset=offset(7))
    quiet(after)
    assert f"ended on {day(5)}: it gives nothing any more; remove the line" in after.flat
    # The line is removed: its dates leave the record, and nothing else.
    stack.write(file_of("group: payments-devs, role: edit"))
    gone = stack.up(offset=offset(7)).ok()
    assert "1 updated" in gone.text
    assert not [line for line in gone.text.splitlines() if line.strip().endswith(" deleted")]
    assert bindings(stack) == ["ambient-permission-edit-payments-devs-group"]


def test_a_role_changes_on_its_day_with_the_new_binding_first_and_whoever_could_mint_is_told(stack: Stack) -> None:
    grants = (
        f"user: alice@example.com, role: edit, until: {day(1)}",
        f"user: alice@example.com, role: view, from: {day(2)}",
    )
    stack.write(file_of(*grants, more="    keys: {ci: {role: view}}\n"))
    stack.up(offset=offset(0)).ok()
    account = stack.accounts()[0]
    stack.machine.mint(stack.w, account, user=ALICE.name)
    ahead = stack.preview("--expect-no-changes", offset=offset(1))
    quiet(ahead)
    assert f"the edit grant of user:alice@example.com ends after {day(1)}" in ahead.text
    assert ", and is then view" in ahead.text

    plan = stack.preview(offset=offset(2)).ok()
    assert '~ user:alice@example.com: "edit" => "view"' in plan.text
    assert (
        "edit of user:alice@example.com ends in this run, and people who had it could mint tokens of the keys ci"
        in plan.text
    )
    up = stack.up(offset=offset(2)).ok()
    assert 0 < up.text.index("created replacement") < up.text.index("deleting original")
    assert status(stack, ALICE.name) == 200
    minting = f"/api/v1/namespaces/{stack.w}/serviceaccounts/{account}/token"
    token = stack.machine.cluster.token_of(ALICE.name)
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    assert stack.machine.request("POST", minting, token=token, body=body) == 403
    quiet(stack.preview("--expect-no-changes", offset=offset(3)))


def test_dates_do_not_go_into_a_release_and_may_come_after_it(stack: Stack) -> None:
    dated, plain = f"user: alice@example.com, until: {day(2)}", "user: alice@example.com"
    stack.write(file_of(dated))
    stack.up(offset=offset(0)).ok()
    stack.write(file_of(dated, state="released"))
    stack.up(offset=offset(0)).refused("is a date in a released workspace", "remove from and until")
    stack.write(file_of(plain, state="released"))
    stack.up(offset=offset(0)).ok()
    # Its day comes and goes: it is nobody's.
    quiet(stack.preview("--expect-no-changes", offset=offset(3)))
    assert status(stack, ALICE.name) == 200
    stack.write(file_of(f"user: alice@example.com, until: {day(5)}"))
    stack.up(offset=offset(4)).ok()
    stack.up(offset=offset(6)).ok()
    assert status(stack, ALICE.name) == 403
    assert bindings(stack) == []
