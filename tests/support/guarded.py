"""The guard in the sandbox's API server, and what it refuses of the requests that tests send as attackers."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from ambient_components.guard.manifest import GuardOptions, objects
from ambient_components.platform.contract import GUARD_KEYS_ANNOTATION, GUARD_LABEL, MANAGED, MANAGED_LABEL, Role
from ambient_components.rules.guard import GuardMode, policy_name
from sandbox.api import Api, ApiError
from sandbox.credentials import ADMIN, DEPLOYER
from tests.support.attacks import CORE, MERGE, PLATFORM, RBAC, World, binding
from tests.support.machine import Machine
from tests.support.stacks import Result, Stack

POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
_SENTENCE = re.compile(r"denied request: guard (\w+): (.+?\.) Change ")
_NO_WRITES = ("/apis/authorization.k8s.io/", "/apis/authentication.k8s.io/")


class Refused(Exception):  # noqa: N818 - what the guard does
    """The guard refused a write: which rule, with which sentence, and what was asked for."""

    def __init__(self, rule: str, sentence: str, request: str) -> None:
        super().__init__(f"{request}: guard {rule}: {sentence}")
        self.rule = rule
        self.sentence = sentence
        self.request = request


@contextmanager
def installed(machine: Machine, floor: GuardMode | None = None, *, username_prefix: str = "") -> Iterator[None]:
    """The guard is in force, and gone afterwards; nothing is done where the whole session has it."""
    if machine.get(f"{POLICIES}/{policy_name('tokens')}") is not None:
        yield
        return
    printed = objects(GuardOptions(floor=floor, username_prefix=username_prefix))
    for one in printed:
        machine.admin().apply(one)
    in_force(machine)
    yield
    for one in reversed(printed):
        plural = one["kind"].lower().removesuffix("y") + ("ies" if one["kind"].endswith("y") else "s")
        machine.delete(f"/apis/{one['apiVersion']}/{plural}/{one['metadata']['name']}")


def in_force(machine: Machine) -> None:
    """Wait until the API server, which learns of policies in its own time, refuses what an editor must not write."""
    world = GuardedWorld(machine)
    workspace = world.namespace("guard-probe")
    editor, _ = world.person(workspace, Role.EDIT)
    session = {"apiVersion": "vteam.ambient-code/v1alpha1", "kind": "AgenticSession", "metadata": {"name": "probe"}}
    session["spec"] = {"userContext": {"userId": "alice"}}
    secret = {"metadata": {"name": "probe"}, "type": "kubernetes.io/service-account-token"}
    secret["metadata"]["annotations"] = {"kubernetes.io/service-account.name": "default"}
    writes = [
        (f"{CORE}/{workspace}/serviceaccounts", {"metadata": {"name": "probe"}}),
        (f"{CORE}/{workspace}/serviceaccounts/default/token", {"spec": {}}),
        (f"{CORE}/{workspace}/secrets", secret),
        (f"{RBAC}/{workspace}/roles", {"metadata": {"name": "probe"}, "rules": []}),
        (f"{RBAC}/{workspace}/rolebindings", binding("probe", Role.EDIT, "user:probe")),
        (f"{PLATFORM}/{workspace}/agenticsessions", session),
    ]

    def refused(path: str, body: dict[str, Any]) -> bool:
        return editor.send("POST", f"{path}?dryRun=All", body)[0] == 403

    machine.until(lambda: all(refused(path, body) for path, body in writes), "the guard is in force")
    world.remove()


class GuardedWorld(World):
    """Workspaces that are guarded as a run of the stack guards them: by a label, and the names of their keys."""

    def namespace(self, name: str) -> str:
        full = super().namespace(name)
        if name != "people":
            self.mark(full, {"labels": {MANAGED_LABEL: MANAGED, GUARD_LABEL: "deny"}})
        return full

    def mark(self, workspace: str, metadata: dict[str, Any]) -> None:
        assert self.admin.can("PATCH", f"{CORE}/{workspace}", {"metadata": metadata}, MERGE)

    def key(self, workspace: str, key_id: str, role: Role, generation: int = 1) -> str:
        known = (
            (self.machine.get(f"{CORE}/{workspace}") or {})["metadata"]
            .get("annotations", {})
            .get(GUARD_KEYS_ANNOTATION, "")
        )
        self.mark(
            workspace,
            {"annotations": {GUARD_KEYS_ANNOTATION: ",".join(sorted({*filter(None, known.split(",")), key_id}))}},
        )
        return super().key(workspace, key_id, role, generation)


class GuardedStack(Stack):
    """A stack whose workspaces are guarded."""

    touched = False
    """Whether a test wrote its file, or ran a command that may write."""

    def write(self, text: str) -> None:
        super().write(f"defaults: {{guard: {{mode: deny}}}}\n{text}")
        self.touched = True

    def up(self, *flags: str, offset: str = "", plain: bool = False) -> Result:
        self.touched = True
        return super().up(*flags, offset=offset, plain=plain)

    def ambient(self, *words: str) -> Result:
        self.touched = True
        return super().ambient(*words)


@dataclass
class Watch:
    """Every write that a test sends as whoever is neither the cluster's administrator nor the deployer."""

    taken: list[str] = field(default_factory=list)
    """Those that the API server took before the guard's first refusal."""
    refusals: list[Refused] = field(default_factory=list)
    trusted: bool = False
    """Whether the administrator or the deployer wrote something beside them."""

    def first(self, attack: Callable[[], object]) -> Refused | None:
        """Run an attack until the guard refuses something, in whichever thread; what it refused."""
        try:
            attack()
        except (Refused, AssertionError):
            if not self.refusals:
                raise
        return self.refusals[0] if self.refusals else None


def watched(monkeypatch: pytest.MonkeyPatch, machine: Machine) -> Watch:
    """Watch all requests of a test. From the guard's first refusal on, the test goes no further."""
    watch, trusted = Watch(), {machine.cluster.token_of(user.name) for user in (ADMIN, DEPLOYER)}
    request, until = Api.request, Machine.until

    def send(api: Api, method: str, path: str, *rest: Any) -> Any:
        if method == "GET" or path.startswith(_NO_WRITES):
            return request(api, method, path, *rest)
        if api.token in trusted:
            watch.trusted = True
            return request(api, method, path, *rest)
        try:
            answer = request(api, method, path, *rest)
        except ApiError as error:
            said = _SENTENCE.search(str(error))
            if said is None:
                raise
            watch.refusals.append(Refused(said[1], said[2], f"{method} {path}"))
            raise watch.refusals[-1] from error
        if not watch.refusals:
            watch.taken.append(f"{method} {path}")
        return answer

    def wait(machine: Machine, done: Callable[[], bool], *rest: Any, **named: Any) -> None:
        def over() -> bool:
            if watch.refusals:  # perhaps in a thread of the attack
                raise watch.refusals[0]
            return done()

        until(machine, over, *rest, **named)

    monkeypatch.setattr(Api, "request", send)
    monkeypatch.setattr(Machine, "until", wait)
    return watch
