"""Years of one key in seconds: a cluster in memory and in simulated time, the engine around the real executor.

Time is whole seconds since `START`. What must never happen is in `key_judge`, which sees every step.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from ambient_components.cluster import ApiError, core
from ambient_components.components.api_key import token_args
from ambient_components.failure import StepError
from ambient_components.keys import TokenState
from ambient_components.keys.state import format_time
from ambient_components.naming import key_service_account, key_suffix
from ambient_components.provider.access_token import AccessToken
from ambient_components.provider.resource import Context
from ambient_components.provider.wire import Secret

DAY = 86_400
START = datetime(2026, 1, 1, tzinfo=UTC)
SPACE, ELSEWHERE = "pay", "ci-system"
DELIVERY = {"namespace": ELSEWHERE, "name": "the-key", "key": "token"}
SECRETS = core("namespaces", SPACE, "secrets")
DELIVERED = core("namespaces", ELSEWHERE, "secrets", DELIVERY["name"])

CRASHES = ("crash before", "crash after")
FAILURES = ("refused", "lost")
"""A call that the cluster refuses; one that it carries out, and whose answer gets lost."""


class Crash(BaseException):  # noqa: N818  # no error of the program: its process is gone
    """The run is killed: nothing of it is done any more."""


def moment(seconds):
    """Simulated time as the executor has it."""
    return START + timedelta(seconds=seconds)


def seconds(moment_):
    """The way back."""
    return round((moment_ - START).total_seconds())


class BrokenError(AssertionError):
    """An invariant does not hold; the text begins with its name."""


def hold(name, truth, *scene):
    """Raises where it does not, with what there was to see."""
    if not truth:
        msg = f"{name}: {', '.join(map(str, scene))}"
        raise BrokenError(msg)


@dataclass(eq=False)
class Token:
    """One token that was ever minted."""

    handle: str
    uid: str
    account: str
    account_uid: str
    text: str
    issued: int
    expires: int
    ended: int | None = None
    """Since when it is revoked, or its ServiceAccount gone."""
    had: int | None = None
    """Since when its user has it: it is in the state, or in the Secret that it is delivered to."""
    excused: str | None = None
    """Why it does not count among those that may be valid at once."""
    account_gone: bool = False

    @property
    def end(self):
        """The second from which it is refused."""
        return self.expires if self.ended is None else min(self.expires, self.ended)

    def valid(self, now):
        """Whether a request with it is answered."""
        return self.issued <= now < self.end


class SimulatedCluster:
    """What the executor uses of `Cluster`, without HTTP. Every call takes a second."""

    def __init__(self):
        self.now = 0
        self.objects: dict[str, dict] = {}
        self.tokens: list[Token] = []
        self._by_uid: dict[str, Token] = {}
        self._by_text: dict[str, Token] = {}
        self._live: list[Token] = []
        self.calls = 0
        """Of the run under way."""
        self.faults: Mapping[int | str, str] = {}
        """By number of the call, from 1; or by its verb and what its path ends with: ``create /token``."""
        self.refusing = False
        """Whether it deletes no handle."""
        self.refusing_delivery = False
        """Whether it lets nobody write to the Secret that the key is delivered to."""
        self.revocations = 0
        """Deletions of handles that were asked for."""
        self.on_mint: Callable[[Token], None] = lambda token: None
        self._down = False
        self._count = count(1)
        for name in (SPACE, ELSEWHERE):
            self.objects[core("namespaces", name)] = {"metadata": {"name": name, "uid": name}}

    def begin(self, now, faults=None):
        """Another process, hence other faults."""
        self.now, self.faults = max(self.now, now), faults or {}
        self.calls, self._down = 0, False

    def token_of(self, uid) -> Token:
        """The token that is bound to a handle."""
        return self._by_uid[uid]

    def token(self, text) -> Token | None:
        """The one that a bearer sends."""
        return self._by_text.get(text)

    @property
    def valid(self) -> list[Token]:
        """Those that work now."""
        self._live = [token for token in self._live if token.valid(self.now)]
        return self._live

    def get(self, path):
        """See `Cluster.get`."""
        return self._answer(f"get {path}", lambda: self.objects.get(path))

    def list(self, path, selector=None):
        """See `Cluster.list`."""
        wanted = [pair.split("=") for pair in (selector or "").split(",") if pair]

        def found():
            return [
                one
                for where, one in self.objects.items()
                if where.rpartition("/")[0] == path
                and all((one["metadata"].get("labels") or {}).get(key) == value for key, value in wanted)
            ]

        return self._answer(f"list {path}", found)

    def create(self, path, body):
        """See `Cluster.create`."""
        make = self._mint if path.endswith("/token") else self._made
        return self._answer(f"create {path}", lambda: make(path, body))

    def patch(self, path, body):
        """See `Cluster.patch`: of metadata.annotations and data, where null removes."""

        def change():
            if path not in self.objects:
                raise ApiError(404, "not found")
            one = self.objects[path]
            notes, data = one["metadata"].get("annotations") or {}, one.get("data") or {}
            metadata = {**one["metadata"], "annotations": _merged(notes, body["metadata"].get("annotations") or {})}
            self.objects[path] = {**one, "metadata": metadata, "data": _merged(data, body.get("data") or {})}
            self._delivered(path)
            return self.objects[path]

        return self._answer(f"patch {path}", change)

    def delete(self, path, uid=None):
        """See `Cluster.delete`. A handle takes its token along, a ServiceAccount all of its tokens."""

        self.revocations += path.startswith(f"{SECRETS}/")

        def remove():
            one = self.objects.get(path)
            if one is None or (uid and one["metadata"]["uid"] != uid):
                return False
            if self.refusing and path.startswith(SECRETS):
                self.token_of(uid).excused = "its revocation is refused"
                raise ApiError(500, "no handle is deleted today")
            del self.objects[path]
            for token in self.valid:
                if one["metadata"]["uid"] in (token.uid, token.account_uid):
                    token.ended, token.account_gone = self.now, token.uid != one["metadata"]["uid"]
            return True

        return self._answer(f"delete {path}", remove)

    def _answer(self, call, work):
        self.calls += 1
        self.now += 1
        fault = self.faults.get(self.calls) or self.faults.get(f"{call.split()[0]} {call[call.rindex('/') :]}")
        if self._down or fault == "crash before":
            self._down = True
            raise Crash
        closed = self.refusing_delivery and call.startswith(("create", "patch")) and f"/{ELSEWHERE}/" in call
        if fault == "refused" or closed:
            raise ApiError(500, "etcd is away")
        answer = work()
        if fault == "crash after":
            self._down = True
            raise Crash
        if fault == "lost":
            msg = "the cluster does not answer"
            raise StepError(msg)
        return answer

    def _made(self, path, body):
        where = f"{path}/{body['metadata']['name']}"
        if where in self.objects:
            raise ApiError(409, "it exists")
        metadata = {
            **body["metadata"],
            "uid": f"uid-{next(self._count)}",
            "creationTimestamp": format_time(moment(self.now)),
        }
        self.objects[where] = {**body, "metadata": metadata}
        self._delivered(where)
        return self.objects[where]

    def _mint(self, path, body):
        account = self.objects.get(path.removesuffix("/token"))
        if account is None:
            raise ApiError(404, "no such ServiceAccount")
        spec = body["spec"]
        bound = spec["boundObjectRef"]
        claims = {"kubernetes.io": {"secret": {"name": bound["name"], "uid": bound["uid"]}}}
        token = Token(
            bound["name"],
            bound["uid"],
            account["metadata"]["name"],
            account["metadata"]["uid"],
            f"head.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.signature",
            self.now,
            self.now + spec["expirationSeconds"],
        )
        self.tokens.append(token)
        self._live = [*self.valid, token]
        self._by_uid[token.uid] = self._by_text[token.text] = token
        self.on_mint(token)
        return {"status": {"token": token.text, "expirationTimestamp": format_time(moment(token.expires))}}

    def _delivered(self, path):
        if path == DELIVERED:
            self.hands_over(self.lies_there("token"))

    def hands_over(self, text):
        """From now on its user has this token."""
        token = self.token(text)
        if token and token.had is None:
            token.had = self.now

    def lies_there(self, key):
        """What the user of a delivered key reads."""
        data = (self.objects.get(DELIVERED) or {}).get("data") or {}
        return base64.b64decode(data[key]).decode() if data.get(key) else None


def _merged(before, patch):
    return {key: value for key, value in {**before, **patch}.items() if value is not None}


class SimulatedEngine:
    """What the executor uses of `Engine`."""

    def __init__(self):
        self.warnings: list[str] = []

    def require(self, urn):
        """It lives: a dead engine is a run that crashed."""

    def warning(self, urn, message):
        """See `Engine.warning`."""
        self.warnings.append(message)

    def info(self, urn, message):
        """See `Engine.info`."""


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
    waits: bool = False
    """Whether the key is one that nobody renews."""

    @property
    def completed(self):
        """Whether it came to its end, and nothing in it failed."""
        return not self.crashed and not self.problems


class Stack:
    """The engine's part in one key: check, diff, then create, update or nothing; what is recorded, and what is lost.

    Args:
        judge: is told of each step (`key_judge.Judge`).
        key: what the program asks for, as `ApiKeyArgs`; `overlap_until` apart, which is its date.
    """

    def __init__(self, judge, key):
        self.cluster, self.engine, self.executor = SimulatedCluster(), SimulatedEngine(), AccessToken()
        self.key = {"namespace": SPACE, "id": "ci", "owner": "app/dev", "generation": 1, **key}
        self.overlap_until = 0
        self.accounts: dict[int, str] = {}
        """Uids of the ServiceAccounts on record, by generation."""
        self.tokens: dict[int, Resource] = {}
        """The AccessTokens on record, by generation."""
        self.replaces_account = False
        """Whether the next run makes the ServiceAccount anew."""
        self.runs: list[Run] = []
        self.judge = judge
        judge.stack = self
        self.cluster.on_mint = judge.minted

    # What happens between the runs.

    def lose_state(self):
        """The state file is gone, and with it the tokens that only it held."""
        self.accounts.clear()
        self.tokens.clear()

    def bump(self, overlap_until=0):
        """`ambient keys rotate`: another generation, the one before beside it until then."""
        self.key["generation"] += 1
        self.overlap_until = overlap_until
        self.judge.bumped(overlap_until)

    def change(self, **policy):
        """Another line in the file."""
        self.key |= policy
        self.judge.policy_changed()

    def account(self, generation):
        """Name of an identity's ServiceAccount."""
        return key_service_account("ci", key_suffix(SPACE, "ci", generation))

    def living(self, now):
        """The generations that a program declares at this time."""
        generation = self.key["generation"]
        return [generation - 1, generation] if generation > 1 and now < self.overlap_until else [generation]

    # A run.

    def run(self, start, faults=None, *, late=0, refresh=False, newest_first=False):
        """`pulumi up`.

        Args:
            start: when its process reads the clock.
            faults: of the cluster, by number of the call.
            late: seconds after that until it gets to the key.
            refresh: ``--refresh``.
            newest_first: of two identities, which comes first is not said.
        """
        run = Run(start)
        self.runs.append(run)
        self.engine.warnings = run.warnings
        self.cluster.begin(start + late, faults)
        self.judge.begins(run)
        try:
            self._run(run, refresh=refresh, newest_first=newest_first)
        except Crash:
            run.crashed = True
        run.end, run.calls = self.cluster.now, self.cluster.calls
        self.judge.ended(run)
        return run

    def run_twice(self, start, faults=None, **how):
        """Two processes that read the clock at the same second; the second waits for the first."""
        first = self.run(start, faults, **how)
        settled = self.judge.is_settled(first)
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

    def _context(self, run, *, preview=False):
        return Context("urn", self.engine, SimpleNamespace(cluster=self.cluster), moment(run.start), preview)

    def _refresh(self, run):
        for generation, resource in list(self.tokens.items()):
            found = self.executor.read(self._context(run), "id", resource.inputs, resource.state)
            resource.state = {**resource.inputs, **_plain(found.outputs)}

    def _account_there(self, generation, *, anew):
        name = self.account(generation)
        accounts = core("namespaces", SPACE, "serviceaccounts")
        if anew:
            self.cluster.delete(f"{accounts}/{name}")
            self.accounts.pop(generation, None)
        if generation not in self.accounts:
            there = self.cluster.get(f"{accounts}/{name}") or self.cluster.create(accounts, {"metadata": {"name": name}})
            self.accounts[generation] = there["metadata"]["uid"]
            self.replaces_account = self.replaces_account and not anew

    def inputs(self, generation, now):
        """What the component asks for, as `ApiKey._identity` does."""
        metadata = SimpleNamespace(uid=self.accounts[generation])
        account = SimpleNamespace(metadata=SimpleNamespace(apply=lambda work: work(metadata)))
        wanted = dict(token_args(self.key, self.account(generation), account, generation))
        living = self.living(now)
        if generation != max(living):
            wanted["former"] = True
        elif len(living) > 1:
            wanted["overlapping"] = True
        return wanted

    def _token_there(self, run, generation):
        at, before = self._context(run), self.tokens.get(generation)
        news = self.inputs(generation, run.start)
        checked = self.executor.check(at, before.inputs if before else {}, news)
        assert not checked.failures, checked.failures
        news |= checked.defaults
        if before and not self.executor.diff(at, before.inputs, before.state, news):
            return
        self._preview(run, before, news)
        with self.judge.step(run, generation, before, news) as step:
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
                self.judge.goes(generation)
                self.executor.delete(self._context(run), "id", before.state)
                del self.tokens[generation]
            if generation in self.accounts:
                self.cluster.delete(core("namespaces", SPACE, "serviceaccounts", self.account(generation)))
                del self.accounts[generation]
        except StepError as error:
            run.problems.append(str(error))
        run.steps.append(f"delete g{generation}")


def _plain(outputs):
    """As the engine hands them back."""
    return {name: value.value if isinstance(value, Secret) else value for name, value in outputs.items()}


@contextmanager
def simulated_time() -> Iterator[pytest.MonkeyPatch]:
    """The executor's own clocks stand still, and chance is a count."""
    serial = count(1)
    with pytest.MonkeyPatch.context() as patch:
        handles = "ambient_components.provider.handles"
        patch.setattr(f"{handles}.clock", SimpleNamespace(offset=timedelta))
        patch.setattr(f"{handles}.time", SimpleNamespace(sleep=lambda _: None, monotonic=lambda: 0.0))
        patch.setattr(f"{handles}.secrets", SimpleNamespace(token_hex=lambda _: f"{next(serial):08x}"))
        yield patch
