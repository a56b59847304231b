"""`ambient grants` on the real engine and API server: listed, and revoked so that the person is refused."""

import csv
import io

from tests.support.stacks import Stack

BOB = "bob@example.com"
FILE = """\
# What the payments team has.
workspaces:
  THIS:
    protect: false
    owners: [user:carol@example.com, group:admins]
    grants:
      # On call.
      - user: bob@example.com
        role: edit
      - {group: auditors, role: view}  # all of them
"""


def text(stack: Stack) -> str:
    return (stack.folder / "stacks" / f"{stack.name}.yaml").read_text().replace(stack.w, "THIS")


def can(stack: Stack, user: str) -> bool:
    """The API server's own answer to a request of a person."""
    path = f"/apis/vteam.ambient-code/v1alpha1/namespaces/{stack.w}/agenticsessions"
    status = stack.machine.request("GET", path, token=stack.machine.cluster.token_of(user))
    assert status in (200, 403)
    return status == 200


def listed(stack: Stack, *flags: str) -> list[tuple[str, str, str]]:
    shown = stack.ambient("grants", "list", stack.name, "--format", "csv", *flags).ok().text
    return [(row["subject"], row["role"], row["deployed"]) for row in csv.DictReader(io.StringIO(shown))]


def test_a_grant_is_revoked_now_and_only_that(stack: Stack) -> None:
    stack.write(FILE)
    stack.up().ok()
    bob = f"user:{BOB}"
    assert can(stack, BOB)

    assert listed(stack) == [
        ("user:carol@example.com", "admin", "True"),
        ("group:admins", "admin", "True"),
        (bob, "edit", "True"),
        ("group:auditors", "view", "True"),
    ]

    # Another pending change is never deployed along.
    before = text(stack)
    stack.write(before.replace("role: view}  # all", "role: edit}  # all"))
    stack.ambient("grants", "revoke", stack.name, bob, stack.w, "--now").refused(
        "holds more than this, so nothing is deployed", "grant/group:auditors", "kubectl delete rolebinding"
    )
    assert can(stack, BOB)
    assert f"user: {BOB}" not in text(stack)
    stack.write(text(stack).replace("role: edit}  # all", "role: view}  # all"))
    assert listed(stack, "--subject", bob) == [(bob, "edit", "True")]

    # The file has no such grant any more, and the state does.
    ended = stack.ambient("grants", "revoke", stack.name, bob, stack.w, "--now").ok()
    assert f"{stack.w}: removed from the files already, and still deployed" in ended.text
    assert f"{stack.w}: the RoleBinding ambient-permission-edit-bob-example-com-user is gone" in ended.text
    assert "for up to 30 s" in ended.text
    assert not can(stack, BOB)
    assert text(stack) == FILE.replace(f"      # On call.\n      - user: {BOB}\n        role: edit\n", "")
    again = stack.ambient("grants", "revoke", stack.name, bob, stack.w, "--now").ok()
    assert f"does not name {bob}, and nothing is deployed for it" in again.text
    assert stack.preview().ok().unchanged


def test_a_pipeline_takes_the_place_of_a_key_and_is_revoked_by_its_name(stack: Stack) -> None:
    key, name = "keys: {ci: {role: edit}}", "pipeline:github:acme/payments:123456@main"
    grant = "grants: [{pipeline: {github: {repository: acme/payments, id: 123456, branch: main}}, role: edit}]"
    file = f"workspaces:\n  THIS:\n    protect: false\n    owners: [user:{BOB}]\n    {key}\n"
    stack.write(file)
    stack.up().ok()
    stack.write(file.replace(key, grant))
    assert "1 key revoked, access by identity instead" in stack.ambient("plan", stack.name).text
    stack.up().ok()
    assert stack.preview().ok().unchanged
    live = stack.ambient("access", stack.name, "--live", "--subject", name).ok().text
    assert "edit" in live
    assert "undeclared" not in live
    ended = stack.ambient("grants", "revoke", stack.name, name, stack.w, "--now").ok()
    binding = "ambient-permission-edit-github-acme-payments-123456-main-user"
    assert f"{stack.w}: the RoleBinding {binding} is gone" in ended.text
    assert stack.preview().ok().unchanged
