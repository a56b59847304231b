"""The use of access by the real API server's audit log: each figure against what the server answered."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ambient_components.access.audit import AuditLog, total
from ambient_components.platform.contract import Role
from tests.support.attacks import CORE, PLATFORM, World
from tests.support.callers import ADMINISTRATOR, Caller, Callers
from tests.support.ledgers import ledger
from tests.support.machine import Machine


@dataclass
class Audited:
    machine: Machine
    log: Path

    def read(self, plain: object) -> AuditLog:
        read = AuditLog(ledger(plain))
        read.read(self.log.read_bytes().splitlines())
        return read


@pytest.fixture
def audited(machine: Machine) -> Iterator[Audited]:
    """The API server with an audit log of metadata, and nothing of Secrets."""
    folder = machine.directory / "audit-log"
    folder.mkdir(mode=0o700)
    rules = [
        {"level": "None", "resources": [{"group": "", "resources": ["secrets"]}]},
        {"level": "Metadata"},
    ]
    policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}
    (folder / "policy.json").write_text(json.dumps(policy))
    flags = [f"--audit-policy-file={folder / 'policy.json'}", f"--audit-log-path={folder / 'log'}"]
    machine.cluster.restart_api_server(flags)
    yield Audited(machine, folder / "log")
    machine.cluster.restart_api_server([])
    shutil.rmtree(folder)


def test_what_was_used_is_what_the_api_server_answered(audited: Audited, world: World) -> None:
    work, quiet = world.namespace("work"), f"quiet-{world.digits}"
    for role, subject in ((Role.EDIT, "group:devs"), (Role.VIEW, "user:bob"), (Role.VIEW, "group:idle")):
        world.grant(work, role, subject)
    ci, nightly = (world.key(work, key_id, Role.EDIT) for key_id in ("ci", "nightly"))
    callers = Callers(audited.machine.cluster)
    carol, bob = Caller("carol", ("devs",)), Caller("bob")
    sessions = f"{PLATFORM}/{work}/agenticsessions"
    session = {
        "apiVersion": "vteam.ambient-code/v1alpha1",
        "kind": "AgenticSession",
        "metadata": {"name": "s1"},
        "spec": {"initialPrompt": "x"},
    }

    def lists() -> int:
        return callers.send(carol, "GET", sessions, None, "application/json").status

    # A started API server serves the platform's resources in its own time, with 429 until then: an allowed call.
    audited.machine.until(lambda: lists() == 200, "the platform's resources are served")
    waited = audited.read({work: {"grants": {"group:devs": "edit"}}}).uses[work, "group:devs", 0]
    answers = {
        "carol lists": lists(),
        "carol starts": callers.send(carol, "POST", f"{sessions}?dryRun=All", session, "application/json").status,
        "bob is refused": callers.send(bob, "POST", f"{sessions}?dryRun=All", session, "application/json").status,
        "an admin lists": callers.send(ADMINISTRATOR, "GET", sessions, None, "application/json").status,
    }
    assert answers == {"carol lists": 200, "carol starts": 201, "bob is refused": 403, "an admin lists": 200}
    assert world.bearer(f"serviceaccount:{work}:{ci}").can("GET", f"{CORE}/{work}/pods")
    # A check of a key asks who it is, and uses none of its rights.
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    assert world.bearer(f"serviceaccount:{work}:{nightly}").can("POST", path, review)

    keys = {"ci": {"role": "edit", "generation": 1}, "nightly": {"role": "edit", "generation": 1}}
    grants = {"group:devs": "edit", "user:bob": "view", "group:idle": "view"}
    log = audited.read({work: {"grants": grants, "keys": keys}, quiet: {"grants": {"user:bob": "view"}}})
    assert log.coverage.broken == 0
    assert log.coverage.levels == ("Metadata",)
    assert log.coverage.quiet == {quiet}
    assert {*log.uses} == {(work, "group:devs", 0), (work, "key:ci", 1)}
    devs = log.uses[work, "group:devs", 0]
    assert {str(right): calls.count for right, calls in devs.items()} == {
        "list agenticsessions": total(waited).count + 1,
        "create agenticsessions": 1,
    }
    assert {str(right): calls.count for right, calls in log.uses[work, "key:ci", 1].items()} == {"list pods": 1}
    assert log.coverage.first is not None
    assert log.coverage.first <= total(devs).last
    unused = {(each.assignment.workspace, each.assignment.subject): each.unproven for each in log.unused()}
    assert unused.keys() == {
        (work, "user:bob"), (work, "group:idle"), (work, "key:nightly"), (quiet, "user:bob"),
    }  # fmt: skip
    assert unused[work, "user:bob"] == ""
    assert unused[quiet, "user:bob"].startswith("the log has nothing of")
    # A key whose token is used is in use, also where the server refuses the call.
    assert not world.bearer(f"serviceaccount:{work}:{nightly}").can("GET", f"{CORE}/{work}/secrets")
    assert not world.bearer(f"serviceaccount:{work}:{nightly}").can("GET", f"{CORE}/{work}/nodes")
    again = audited.read({work: {"grants": grants, "keys": keys}})
    assert (work, "key:nightly", 1) in again.uses
