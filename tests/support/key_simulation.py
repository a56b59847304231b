"""Years of one key in seconds: the engine around the real executor, over `key_cluster`.

What must never happen is in `key_evaluator`, which sees every step.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from ambient_components.cluster.client import core
from ambient_components.cluster.objects import annotations
from ambient_components.errors import AmbientError, StepError
from ambient_components.platform.contract import APP_LABEL, KEY_APP, LAST_USED_AT_ANNOTATION
from ambient_components.platform.naming import key_account
from ambient_components.provider.protocol.resource import Context
from ambient_components.provider.protocol.wire import Secret
from ambient_components.provider.tokens.access_token import AccessToken
from ambient_components.provider.workspace.closure import Closure
from ambient_components.rotation import TokenState
from ambient_components.rotation.machine import confirmed_use
from ambient_components.rotation.state import format_time
from ambient_components.rules.lifetimes import Policy
from ambient_components.rules.rest_days import WEEKDAYS
from ambient_components.rules.workspaces import ACTIVE, CLOSED, RELEASED
from tests.support.key_cluster import DELIVERY, SPACE, Crash, SimulatedCluster, moment


class BrokenError(AssertionError):
    """An invariant does not hold; the text begins with its name."""


def hold(name, truth, *scene):
    """Raises where it does not, with what there was to see."""
    if not truth:
        msg = f"{name}: {', '.join(map(str, scene))}"
        raise BrokenError(msg)


class SimulatedEngine:
    """What the executor uses of `Engine`."""

    def __init__(self):
        self.warnings: list[str] = []

    def require(self, urn):
        """It lives: a dead engine is a run that crashed."""

    def warning(self, urn, message):
        """See `Engine.warning`."""
        self.warnings.append(str(message))

    def info(self, urn, message):
        """See `Engine.info`."""


KINDS = {
    "kept": {},
    "delivered": {"deliver": DELIVERY},
    "only there": {"deliver": DELIVERY, "retain": "none"},
}
"""What a key's tokens are: in the state, and read from a Secret instead or in nothing else."""


def key(policy: Policy, **rest):
    """What a program asks for."""
    if policy.never:
        return {"never": True, **rest}
    requested = {"lifetimeSeconds": policy.lifetime, "rotateBeforeSeconds": policy.rotate_before}
    weekdays = [WEEKDAYS[number] for number in sorted(policy.rest.weekdays)]
    requested["rotateNotOn"] = [*weekdays, *(f"{first}/{last}" for first, last in policy.rest.spans)]
    return {**requested, "overlapSeconds": policy.overlap, "runEverySeconds": policy.run_every, **rest}


@dataclass
class Resource:
    """An AccessToken as the state has it."""

    inputs: dict[str, Any]
    state: dict[str, Any]

    @property
    def tokens(self):
        """What is on record."""
        return TokenState.from_wire(self.state)


@dataclass
class Run:
    """What became of a run."""

    start: int
    end: int = 0
    crashed: bool = False
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    """What was done: ``create g1``, ``update g1``, ``delete g1``."""
    calls: int = 0
    rotate_before: int = 0
    """As the key's policy has it in this run."""
    overlap: int = 0
    """The same."""
    rests: bool = False
    """Whether it is on a day of rest."""
    waits: bool = False
    """Whether the key is one that nobody renews."""
    serving: bool = True
    """Whether the file has the key in an active workspace."""
    refreshed: bool = False
    """Whether it looked for what others did; what is released has no owner."""

    @property
    def completed(self):
        """Whether it came to its end, and nothing in it failed."""
        return not self.crashed and not self.problems


class Stack:
    """The engine's part in one key: check, diff, then create, update or nothing; what is recorded, and what is lost.

    Args:
        evaluator: Checks each step (`key_evaluator.Evaluator`).
        key: What the program asks for, as `ApiKeyArgs`; `overlap_until` apart, which is its date.
    """

    def __init__(self, evaluator, key):
        self.cluster, self.engine, self.executor = SimulatedCluster(), SimulatedEngine(), AccessToken()
        self.key = {"namespace": SPACE, "id": "ci", "owner": "app/dev", "generation": 1, **key}
        self.overlap_until = 0
        self.accounts: dict[int, str] = {}
        """Uids of the ServiceAccounts on record, by generation."""
        self.tokens: dict[int, Resource] = {}
        """The AccessTokens on record, by generation."""
        self.adopted: set[int] = set()
        """Generations whose accounts the file adopts by name."""
        self.marks: dict[int, str] = {}
        """When the last refresh found that an identity was used, by generation."""
        self.uses: dict[int, list[int]] = {}
        """When a user really used an identity, by generation."""
        self.marked: dict[int, list[tuple[int, str]]] = {}
        """Every mark of an identity, with the time of its writing, by generation."""
        self.replaces_account = False
        """Whether the next run makes the ServiceAccount anew."""
        self.life = ACTIVE
        """Of the workspace in the file; None: it is not in it."""
        self.closure: dict[str, Any] | None = None
        """The Closure on record."""
        self.runs: list[Run] = []
        self.evaluator = evaluator
        evaluator.stack = self
        self.cluster.on_mint = evaluator.minted

    # What happens between the runs.

    def close(self):
        """`state: closed`. What it ends has no overlap any more."""
        self.life, self.overlap_until = CLOSED, 0
        self.evaluator.promises.clear()

    def open(self):
        """`state: active`, also of what is being released."""
        self.life = ACTIVE

    def release(self):
        """`state: released`: nothing of it is made again."""
        self.life, self.replaces_account = RELEASED, False

    @property
    def is_released(self):
        """Whether a run has released it as a whole."""
        return bool(self.tokens) and all(token.inputs.get("released") for token in self.tokens.values())

    def leave_file(self):
        """It leaves the file after its release: all of it stays in the cluster."""
        assert self.life == RELEASED
        assert self.is_released
        self.evaluator.promises.clear()
        self.life = None
        self.lose_state()

    def adopt(self):
        """The file has it again, and names its accounts."""
        self.life, self.overlap_until = ACTIVE, 0

    def lose_state(self):
        """The state file is gone, and with it the tokens that only it held; the file then adopts the accounts."""
        self.evaluator.forgotten |= {*map(self.account, self.accounts)}
        self.adopted |= {*self.accounts}
        self.accounts.clear()
        self.tokens.clear()
        self.closure = None

    def bump(self, overlap_until=0):
        """`ambient keys rotate`: another generation, the one before beside it until then."""
        self.key["generation"] += 1
        self.overlap_until = overlap_until
        self.evaluator.bumped(overlap_until)

    def change(self, **policy):
        """Another line in the file."""
        self.key |= policy
        self.evaluator.policy_changed()

    def use(self, at, generation, mark=""):
        """A user's request to the platform, which marks its account; where a mark is given, it is no user's."""
        if account := self.cluster.objects.get(self._account_path(generation)):
            written = mark or format_time(moment(at))
            account["metadata"]["annotations"] = {LAST_USED_AT_ANNOTATION: written}
            self.marked.setdefault(generation, []).append((at, written))
            if not mark:
                self.uses.setdefault(generation, []).append(at)

    def account(self, generation):
        """Name of an identity's ServiceAccount."""
        return _account(generation)

    def _account_path(self, generation):
        return core("namespaces", SPACE, "serviceaccounts", self.account(generation))

    def living(self, now):
        """The generations that a program declares at this time."""
        if self.life in (CLOSED, None):
            return []
        generation = self.key["generation"]
        return [generation - 1, generation] if generation > 1 and now < self.overlap_until else [generation]

    # A run.

    def run(self, start, faults=None, *, late=0, refresh=False, newest_first=False):
        """`pulumi up`.

        Args:
            start: When its process reads the clock.
            faults: Of the cluster, by number of the call.
            late: Seconds after that until it gets to the key.
            refresh: ``--refresh``.
            newest_first: Of two identities, which comes first is not said.
        """
        run = Run(start, serving=self.life == ACTIVE, refreshed=refresh and not self.is_released)
        self.runs.append(run)
        self.engine.warnings = run.warnings
        self.cluster.begin(start + late, faults)
        self.evaluator.begins(run)
        try:
            self._run(run, refresh=refresh, newest_first=newest_first)
        except Crash:
            run.crashed = True
        run.end, run.calls = self.cluster.now, self.cluster.calls
        self.evaluator.ended(run)
        return run

    def run_twice(self, start, faults=None, **how):
        """Two processes that read the clock at the same second; the second waits for the first."""
        first = self.run(start, faults, **how)
        settled = self.evaluator.is_settled(first)
        second = self.run(start)
        hold("a second run does nothing", not settled or not (second.steps or second.calls), second)
        return first

    def _run(self, run, *, refresh, newest_first):
        if refresh:
            try:
                self._refresh(run)
            except StepError as error:
                run.problems.append(str(error))
                return  # a refresh that fails ends the run
            # What it was refused, it has not seen.
            run.refreshed &= not any(
                isinstance(fault, int) and fault <= self.cluster.calls for fault in self.cluster.faults
            )
        living = self.living(run.start)
        unmade = set()
        for generation in reversed(living) if newest_first else living:
            try:
                self._account_there(generation, anew=self.replaces_account and generation == living[-1])
                self._token_there(run, generation)
            except StepError as error:
                run.problems.append(str(error))
                if generation not in self.tokens:
                    unmade.add(generation)
        # Without its successor a generation that the successor is an alias of is not replaced.
        for generation in [each for each in sorted({*self.tokens, *self.accounts}) if each not in living]:
            if not (unmade and generation < min(unmade)):
                self._gone(run, generation)

        try:
            self._closed(run)
        except (AmbientError, StepError) as error:
            run.problems.append(str(error))

    def _closed(self, run):
        """The real end of all access of a closed workspace, and what opening undoes of it."""
        if self.life == CLOSED and self.closure is None and not run.problems:
            desired = {"namespace": SPACE, "staying": [], "sessions": "stop", "waitSeconds": 1}
            Closure().create(self._context(run), desired)
            self.closure = desired
            run.steps.append("close")
        elif self.life == ACTIVE and self.closure is not None:
            Closure().delete(self._context(run), SPACE, self.closure)
            self.closure = None
            run.steps.append("open")

    def _context(self, run, *, preview=False):
        return Context("urn", self.engine, SimpleNamespace(cluster=self.cluster), None, moment(run.start), preview)

    def refresh(self, at):
        """`ambient refresh`."""
        self.cluster.begin(at)
        self._refresh(Run(at))

    def _refresh(self, run):
        for resource in self.tokens.values():
            found = self.executor.read(self._context(run), "id", resource.inputs, resource.state)
            resource.state = {**resource.inputs, **_plain(found.outputs)}
        for generation in self.accounts:
            account = self.cluster.objects.get(self._account_path(generation))
            self.marks[generation] = annotations(account).get(LAST_USED_AT_ANNOTATION)

    def _account_there(self, generation, *, anew):
        name = self.account(generation)
        accounts = core("namespaces", SPACE, "serviceaccounts")
        if anew:
            self.cluster.delete(f"{accounts}/{name}")
            self.accounts.pop(generation, None)
        if generation not in self.accounts:
            there = self.cluster.get(f"{accounts}/{name}") or self.cluster.create(
                accounts, {"metadata": {"name": name, "labels": {APP_LABEL: KEY_APP}}}
            )
            self.accounts[generation] = there["metadata"]["uid"]
            self.replaces_account = self.replaces_account and not anew

    def inputs(self, generation, now):
        """What the component asks for, as `ApiKey._identity` does. The policy is in the plugin's words already."""
        policy = {name: value for name, value in self.key.items() if name not in ("id", "untilUsed")}
        desired = {
            **policy,
            "key": self.key["id"],
            "generation": generation,
            "serviceAccount": self.account(generation),
            "serviceAccountUid": self.accounts[generation],
        }
        living = self.living(now)
        if self.life == RELEASED:
            desired["released"] = True
        if generation in self.adopted:
            desired["adopt"] = True
        if generation != max(living):
            desired["former"] = True
            if self.key.get("untilUsed") and (token := self.tokens.get(max(living))):
                marks = self.marks.get(max(living)), self.marks.get(generation)
                desired["successorUsed"] = confirmed_use(token.state["deliveredAt"], *marks, moment(now))
        elif len(living) > 1:
            desired["overlapping"] = True
        return desired

    def _token_there(self, run, generation):
        at, before = self._context(run), self.tokens.get(generation)
        news = self.inputs(generation, run.start)
        checked = self.executor.check(at, before.inputs if before else {}, news)
        assert not checked.failures, checked.failures
        news |= checked.defaults
        if before and not self.executor.diff(at, before.inputs, before.state, news):
            return
        self._preview(run, before, news)
        with self.evaluator.step(run, generation, before, news) as step:
            if before:
                outputs = self.executor.update(at, "id", before.state, news)
            else:
                _, outputs = self.executor.create(at, news)
            run.steps.append(f"{'update' if before else 'create'} g{generation}")
            self.tokens[generation] = step.after = Resource(news, {**news, **_plain(outputs)})
        self.cluster.hands_over(step.after.state["token"])

    def _preview(self, run, before, news):
        calls, at = self.cluster.calls, self._context(run, preview=True)
        if before:
            self.executor.update(at, "id", before.state, news)
        else:
            self.executor.create(at, news)
        assert self.cluster.calls == calls, "a preview talks to nobody"

    def _gone(self, run, generation):
        try:
            if before := self.tokens.get(generation):
                self.evaluator.goes(generation)
                self.executor.delete(self._context(run), "id", before.state)
                del self.tokens[generation]
            if generation in self.accounts:
                self.cluster.delete(core("namespaces", SPACE, "serviceaccounts", self.account(generation)))
                del self.accounts[generation]
        except StepError as error:
            run.problems.append(str(error))
        run.steps.append(f"delete g{generation}")


@cache
def _account(generation):
    return key_account(SPACE, "ci", generation)


def _plain(outputs):
    """As the engine hands them back."""
    return {name: value.value if isinstance(value, Secret) else value for name, value in outputs.items()}


@contextmanager
def simulated_time() -> Iterator[pytest.MonkeyPatch]:
    """The executor's own clocks stand still, and chance is a count."""
    serial = count(1)
    with pytest.MonkeyPatch.context() as patch:
        minting = "ambient_components.provider.tokens.minting"
        patch.setattr(f"{minting}.clock", SimpleNamespace(offset=timedelta))
        patch.setattr(f"{minting}.secrets", SimpleNamespace(token_hex=lambda _: f"{next(serial):08x}"))
        for waiting in ("tokens.minting", "tokens.token_secrets", "workspace.sweep", "workspace.sessions"):
            patch.setattr(
                f"ambient_components.provider.{waiting}.time",
                SimpleNamespace(sleep=lambda _: None, monotonic=lambda: 0.0),
            )
        yield patch
