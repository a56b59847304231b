"""Which access a stack's audit log shows as used, and what the log can't prove."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ambient_components.access.audit import AuditLog, lost, total
from ambient_components.access.cluster_access import expected
from ambient_components.access.effective import RoleRight
from ambient_components.platform.contract import RUNNER_SECRET
from ambient_components.platform.naming import key_account
from tests.support.audit_events import BY_CLUSTER, REFUSED, account, event, log_of
from tests.support.ledgers import ledger

CI = account("pay", key_account("pay", "ci", 2))
PIPELINE = "pipeline:github:acme/pay:123456@main"
LEDGER = ledger(
    {
        "pay": {
            "owners": ["user:alice"],
            "grants": {"user:bob": "view", "group:devs": "edit", "serviceaccount:tools:bot": "view", PIPELINE: "edit"},
            "keys": {
                "ci": {"role": "edit", "generation": 2, "overlapping": 1},
                "acting": {"role": "view", "generation": 1, "actsAs": "carol"},
            },
        },
        "lab": {"grants": {"user:bob": "admin"}},
    }
)


def read(*events: dict[str, Any]) -> AuditLog:
    log = AuditLog(LEDGER)
    log.read(log_of(*events).splitlines(keepends=True))
    return log


def used(*events: dict[str, Any]) -> set[tuple[str, str, int]]:
    return {*read(*events).uses}


def test_all_access_of_the_ledger_is_watched() -> None:
    assert AuditLog(LEDGER).assignments.keys() == expected(LEDGER)


@pytest.mark.parametrize(
    ("call", "identities"),
    [
        (event("list pods@pay", "bob"), {("pay", "user:bob", 0)}),
        (event("list pods@lab", "bob"), {("lab", "user:bob", 0)}),
        (event("list pods@elsewhere", "bob", "devs"), set()),
        (event("list pods@pay", "BOB"), set()),
        (event("list pods@pay", "bob", "devs"), {("pay", "user:bob", 0), ("pay", "group:devs", 0)}),
        # The backend acts for its caller, or is the caller.
        (
            event("list pods@pay", account("ambient-code", "backend-api"), impersonates=("eve", ["devs"])),
            {("pay", "group:devs", 0)},
        ),
        (event("list pods@pay", account("tools", "bot")), {("pay", "serviceaccount:tools:bot", 0)}),
        (event("list pods@pay", PIPELINE.removeprefix("pipeline:")), {("pay", PIPELINE, 0)}),
        # A call that needs no access of the stack.
        (event("list pods@pay", "bob", annotations=BY_CLUSTER), set()),
        (event("list pods@pay", "bob", "devs", annotations=REFUSED), set()),
        (event("list pods@pay", "bob", annotations={}, responseStatus={"code": 403}), set()),
        (event("list pods@pay", "bob", stage="RequestReceived"), set()),
        # A key's token was presented, whatever came of it.
        (event("list pods@pay", CI), {("pay", "key:ci", 2)}),
        (event("create selfsubjectaccessreviews", CI), {("pay", "key:ci", 2)}),
        (event("delete secrets@pay", CI, annotations=REFUSED), {("pay", "key:ci", 2)}),
        (event("list pods@pay", account("pay", key_account("pay", "ci", 1))), {("pay", "key:ci", 1)}),
        # Checks of keys: the token is asked who it is, or someone else asks.
        (event("create selfsubjectreviews", CI), set()),
        (event("create tokenreviews", account("ambient-code", "backend-api")), set()),
        (event("get serviceaccounts:x@pay", "deployer"), set()),
        # With single sign-on a key that acts for a user has that name, and the groups of its account.
        (
            event("list pods@lab", "backend", impersonates=("carol", ["system:serviceaccounts:pay"])),
            {("pay", "key:acting", 1)},
        ),
        (event("list pods@lab", "backend", impersonates=("carol", ["pay"])), set()),
    ],
    ids=lambda value: value["verb"] if isinstance(value, dict) else "",
)
def test_uses(call: dict[str, Any], identities: set[tuple[str, str, int]]) -> None:
    assert used(call) == identities


def test_calls_are_counted_with_the_last_one() -> None:
    log = read(
        event("list pods@pay", "bob", at="2026-11-24T09:00:00Z"),
        event("list pods@pay", "bob", at="2026-11-23T09:00:00+02:00"),
        event("watch pods@pay", "bob", stage="ResponseStarted", at="2026-11-25T09:00:00Z"),
        event("get secrets:other@pay", "bob"),
        event(f"get secrets:{RUNNER_SECRET}@pay", "bob"),
    )
    use = log.uses["pay", "user:bob", 0]
    assert {str(right): calls.count for right, calls in use.items()} == {
        "list pods": 2, "watch pods": 0, "get secrets": 1, f"get secrets {RUNNER_SECRET}": 1,
    }  # fmt: skip
    assert (total(use).count, total(use).last) == (4, datetime(2026, 11, 25, 9, tzinfo=UTC))
    # Of an admin who becomes edit, reading the runner's Secret stays.
    assert lost(use, "admin", "edit").keys() == {RoleRight("get", "secrets")}
    assert lost(use, "admin", "none") == use
    assert lost(use, "ClusterRole/x", "view") == use


def test_broken_lines_are_counted_and_stop_nothing() -> None:
    log = AuditLog(LEDGER)
    good = log_of(event("list pods@pay", "bob"))
    deep = b"[" * 100_000 + b"\n"
    log.read([b"\n", b"nonsense\n", b"{}\n", b'{"stage": 1}\n', deep, good[:-9], b"node-1 " + good])
    coverage = log.coverage
    assert (coverage.events, coverage.broken) == (1, 5)
    assert {*log.uses} == {("pay", "user:bob", 0)}


def test_what_a_log_covers() -> None:
    days = ("2026-11-20", "2026-11-22", "2026-11-25")
    log = read(*(event("list pods@pay", "someone", at=f"{day}T12:00:00Z") for day in days), event("get pods@x", "y"))
    coverage = log.coverage
    assert coverage.verbs == {"list": 3}
    assert coverage.levels == ("Metadata",)
    assert coverage.quiet == {"lab"}
    assert [*coverage.limits()] == [
        "days without any event: 2026-11-21, 2026-11-23",
        "no get, watch, create, update, patch, delete in the stack's workspaces: none was made, or the audit policy "
        "leaves it out",
        "calls to other API servers of the cluster: each has a log of its own",
    ]
    unproven = {(each.assignment.workspace, each.assignment.subject): each.unproven for each in log.unused()}
    assert unproven["pay", "user:bob"] == ""
    assert unproven["lab", "user:bob"] == "the log has nothing of lab: its audit policy may leave the workspace out"
    writes = "the log has no create, update, patch, delete: its audit policy may leave them out"
    assert unproven["pay", "user:alice"] == unproven["pay", "group:devs"] == writes


def test_a_policy_that_drops_reads_proves_nothing_about_readers() -> None:
    log = read(event("patch pods@pay", "someone"), event("create pods@lab", "someone"))
    assert {each.unproven for each in log.unused()} == {
        "the log has no get, list, watch: its audit policy may leave them out"
    }
