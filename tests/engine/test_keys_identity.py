"""A key's identity is made anew: beside the one before, in its place, never at the cost of locking anybody out."""

import json
import re
import time
from datetime import UTC, datetime, timedelta

from sandbox.backend import Backend
from sandbox.credentials import BOB
from tests.support import platform as ui
from tests.support.stacks import Stack

TODAY = datetime.now(UTC).date()
SOON, LATER, OVER = (TODAY + timedelta(days=days) for days in (2, 40, -1))


def file_of(key: str, **others: str) -> str:
    keys = "".join(f"      {key_id}: {{{text}}}\n" for key_id, text in {"ci": key, **others}.items())
    return f"workspaces:\n  THIS:\n    protect: false\n    owners: [user:alice@example.com]\n    keys:\n{keys}"


def flat(text: str) -> str:
    """The engine's columns, with one space between words."""
    return re.sub(r" +:? ?", lambda match: ": " if ":" in match[0] else " ", text)


def ids(stack: Stack, platform: Backend) -> list[str]:
    """The Keys page: the keys' ServiceAccounts."""
    return sorted(key.id for key in ui.keys(platform, stack.w))


def test_the_identity_before_lives_beside_the_new_one_until_the_day(stack: Stack, platform: Backend) -> None:
    stack.write(file_of("role: view, lifetime: 30d"))
    stack.up().ok()
    old, before = stack.token("ci"), (stack.accounts(), stack.token_secrets())
    assert ids(stack, platform) == stack.accounts()

    stack.write(file_of(f"role: view, lifetime: 30d, generation: 2, overlapUntil: {LATER}"))
    plan = flat(stack.preview().ok().text)
    for change in ("~ generation: 1 => 2", "+ overlapping: 1", f'+ overlapUntil: "{LATER}"'):
        assert change in plan, f"missing: {change}\n{plan}"
    assert (stack.accounts(), stack.token_secrets()) == before
    stack.up().ok()
    new = stack.token("ci")
    assert new != old
    assert (stack.sessions(old), stack.sessions(new)) == (200, 200)
    assert len(ids(stack, platform)) == 2
    assert ids(stack, platform) == stack.accounts()
    assert [key.role for key in ui.keys(platform, stack.w)] == ["view", "view"]
    assert stack.up("--expect-no-changes").unchanged
    assert stack.refresh().unchanged

    # Both are in the window now. The former one never mints; with the new one's two there are three tokens, the most.
    stack.up(offset="23d").ok()
    renewed = stack.token("ci")
    assert renewed != new
    assert [stack.sessions(token) for token in (old, new, renewed)] == [200, 200, 200]
    assert len(stack.token_secrets()) == 3
    assert len(stack.tokens("ci", 1)["retiring"]) == 0
    assert len(stack.tokens("ci", 2)["retiring"]) == 1

    # The day after.
    assert "- overlapping: 1" in flat(stack.preview(offset="41d").ok().text)
    stack.up(offset="41d").ok()
    stack.ended(old, "the identity before, after its last day")
    stack.ended(new, "the token before, after its overlap")
    assert stack.sessions(renewed) == 200
    assert ids(stack, platform) == stack.accounts() != before[0]
    assert (len(stack.accounts()), len(stack.token_secrets())) == (1, 1)
    assert stack.preview("--expect-no-changes", offset="41d").unchanged


QUIET = f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"


def test_the_identity_before_ends_when_the_platform_sees_the_new_one(stack: Stack, platform: Backend) -> None:
    def use(token: str) -> None:
        time.sleep(1.1)  # marks have whole seconds
        platform.call("GET", f"/api/projects/{stack.w}/agentic-sessions", token=token)
        time.sleep(0.5)

    def quiet_for_two_days() -> None:
        (account,) = before
        body = {"metadata": {"annotations": {"ambient-code.io/last-used-at": QUIET}}}
        path = f"/api/v1/namespaces/{stack.w}/serviceaccounts/{account}"
        stack.machine.admin().request("PATCH", path, json.dumps(body).encode(), "application/merge-patch+json")

    stack.write(file_of("role: view, lifetime: 30d"))
    stack.up().ok()
    old, before = stack.token("ci"), stack.accounts()
    stack.write(file_of(f"role: view, lifetime: 30d, generation: 2, overlapUntil: {LATER}, untilUsed: true"))
    stack.up().ok()
    new = stack.token("ci")
    use(new)  # before any mark of the old one
    assert stack.up("--refresh", "--expect-no-changes").unchanged
    use(old)
    use(new)  # one request, seconds after the old one
    assert stack.up("--refresh", "--expect-no-changes").unchanged

    quiet_for_two_days()
    stack.refresh().ok()
    use(old)  # its user went back since that refresh
    assert "stay: the platform saw their use on" in stack.up().ok().text
    assert (stack.sessions(old), stack.sessions(new)) == (200, 200)

    assert stack.up("--expect-no-changes").unchanged
    quiet_for_two_days()
    use(new)
    assert "the next generation was used on" in stack.preview("--refresh").ok().text
    stack.up("--refresh").ok()
    stack.ended(old, "the identity before, after a use of the new one")
    use(old)  # refused, and marked all the same
    assert stack.sessions(new) == 200
    assert len(stack.accounts()) == 2
    assert stack.up("--refresh", "--expect-no-changes").unchanged


FULL = {"": ("secrets", 2), "-b": ("serviceaccounts", 3), "-c": ("rolebindings.rbac.authorization.k8s.io", 2)}
"""By workspace: what there is no more room for once two keys are there. The third account is `default`."""


def test_a_new_identity_that_cannot_be_made_leaves_the_one_before_alone_while_they_overlap(stack: Stack) -> None:
    def write(over: str = "", gap: str = "") -> None:
        keys = f"keys: {{over: {{role: view{over}}}, gap: {{role: view{gap}}}}}"
        stack.write("workspaces:\n" + "".join(f"  THIS{end}: {{protect: false, {keys}}}\n" for end in FULL))

    def sessions(end: str, token: str) -> int:
        return stack.status(f"apis/vteam.ambient-code/v1alpha1/namespaces/{stack.w}{end}/agenticsessions", token)

    write()
    stack.up().ok()
    tokens = {(end, key): stack.token(key, f"{stack.w}{end}") for end in FULL for key in ("over", "gap")}
    full = [stack.machine.fill(f"{stack.w}{end}", *room) for end, room in FULL.items()]
    write(f", generation: 2, overlapUntil: {SOON}", ", generation: 2")
    # It fails every night. What ends without an overlap has ended before anything new was made.
    for offset in ("", "1d"):
        stack.up(offset=offset).refused("can't create the token Secret", "exceeded quota")
        assert [sessions(end, tokens[end, "over"]) for end in FULL] == [200, 200, 200], offset
    for end in FULL:
        token = tokens[end, "gap"]
        stack.machine.until(lambda: sessions(end, token) == 401, "what had no overlap has ended", seconds=15)  # noqa: B023
    for path in full:
        stack.machine.delete(path)
    stack.up(offset="4d").ok()
    for (end, key), token in tokens.items():
        assert sessions(end, stack.token(key, f"{stack.w}{end}")) == 200
        stack.machine.until(lambda: sessions(end, token) == 401, f"the identity before, {key}", seconds=15)  # noqa: B023
    assert stack.preview("--expect-no-changes", offset="4d").unchanged


def test_what_cannot_be_kept_is_refused_and_an_overlap_that_is_over_is_none(stack: Stack) -> None:
    stack.write(file_of("role: view", edit="role: view", high="role: view, generation: 2"))
    stack.up().ok()
    old, before = stack.token("ci"), (stack.accounts(), stack.token_secrets())
    new = f"overlapUntil: {SOON}"
    text = file_of(
        f"role: view, generation: 3, {new}", edit=f"role: edit, generation: 2, {new}", high="role: view, generation: 1"
    )
    stack.write(f"{text}  THIS-b: {{protect: false, keys: {{new: {{generation: 2, {new}}}}}}}\n")
    for result in (stack.preview(), stack.up()):
        result.refused(
            "key 'ci': overlapUntil keeps the identity of generation 2, and the last deployment had none: it had "
            "generation 1; remove overlapUntil, or write generation: 2",
            "key 'edit': its role changes from view to edit in the run that makes generation 2",
            "key 'high': generation 1 is behind the deployed 2, and generations only go up; write 3",
            f"workspace '{stack.w}-b': key 'new': overlapUntil keeps the identity of generation 1, and the workspace "
            "is made in this run: there is none",
        )
        assert (stack.accounts(), stack.token_secrets()) == before
    assert stack.machine.get(f"/api/v1/namespaces/{stack.w}-b") is None
    stack.write(file_of(f"role: view, generation: 2, overlapUntil: {OVER}", high="role: view, generation: 2"))
    stack.up().ok()
    stack.ended(old, "the identity before, whose last day is over")
    assert stack.sessions(stack.token("ci")) == 200
    assert len(stack.accounts()) == 2


def test_neither_a_killed_run_nor_a_lost_state_locks_anybody_out(stack: Stack) -> None:
    stack.write(file_of("role: view"))
    stack.up().ok()
    old = stack.token("ci")
    stack.write(file_of(f"role: view, generation: 2, overlapUntil: {SOON}"))
    stack.kill_up(lambda: len(stack.token_secrets()) == 2, "the new identity's first handle is there")
    assert stack.sessions(old) == 200
    stack.up().ok()
    new = stack.token("ci")
    assert (stack.sessions(old), stack.sessions(new)) == (200, 200)
    assert stack.preview("--expect-no-changes").unchanged

    stack.lose_state()
    accounts = ", ".join(stack.accounts())
    stack.write(file_of(f"role: view, generation: 2, overlapUntil: {SOON}, adopt: [{accounts}]"))
    assert "without a record" in stack.up().ok().text
    found = stack.token("ci")
    assert len({old, new, found}) == 3
    assert [stack.sessions(token) for token in (old, new, found)] == [200, 200, 200]
    assert len(stack.accounts()) == 2
    assert stack.preview("--expect-no-changes").unchanged
    stack.up(offset="9d").ok()
    stack.ended(old, "the identity before, after its last day")
    stack.ended(new, "the token of before the loss, after its overlap")
    assert stack.sessions(found) == 200
    assert (len(stack.accounts()), len(stack.token_secrets())) == (1, 1)


def test_what_somebody_could_mint_outlives_his_grant_and_ends_with_the_identity(stack: Stack) -> None:
    text = file_of("role: view", boss="role: admin, description: never handed out")
    text += "    exceptions: [{guardrail: adminKey, reason: it is what bob takes}]\n"
    stack.write(f"{text}    grants: [{{user: bob@example.com, role: edit}}]\n")
    stack.up().ok()
    machine = stack.machine
    own = machine.cluster.token_of(BOB.name)
    machine.until(lambda: stack.sessions(own) == 200, "bob's grant works")
    (boss,) = [account for account in stack.accounts() if "boss" in account]
    minted = machine.mint(stack.w, boss, user=BOB.name)
    stack.write(text)
    for result in (stack.preview().ok(), stack.up().ok()):
        reported = re.search(
            rf"workspace '{stack.w}': edit of user:bob@example.com ends in this run, and people who had it could mint "
            r"tokens of the keys boss, ci and the accounts (?P<accounts>[^:]+), and those outlive it; if that may have "
            rf"happened, rotate them: ambient (?P<words>keys rotate {stack.name} --workspace {stack.w} --leaked)",
            result.flat.replace("\n", " "),
        )
        assert reported, result.text
        assert "default" in reported["accounts"]
    machine.until(lambda: stack.sessions(own) == 403, "bob's grant has ended")
    # An admin's rights, which bob never had.
    secrets = f"api/v1/namespaces/{stack.w}/secrets"
    assert stack.status(secrets, minted) == 200

    stack.ambient(*reported["words"].split()).ok()
    assert stack.status(secrets, minted) == 200
    stack.up().ok()
    stack.ended(minted, "what somebody else minted of the old identity")
    assert [stack.sessions(stack.token(key)) for key in ("ci", "boss")] == [200, 200]
    assert stack.preview("--expect-no-changes").unchanged
