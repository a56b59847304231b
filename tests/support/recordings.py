"""Recordings of what the platform answered, so that tests prove something without the platform's programs too.

A test that only reads asks for the fixture `observed`. It deploys, calls `observed.sees()`, and reads the pages through
`observed`, as through the backend. With the programs these are the backend's answers (`LivePlatform`); without them
they are those of the recording, once today's objects are the recorded ones (`RecordedPlatform`).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest

from sandbox.backend import Answer, Backend, available, required
from sandbox.credentials import USERS
from tests.support.machine import Machine, secret_finder
from tests.support.normal import Placeholders, normal_answer, normal_objects, random_parts
from tests.support.stacks import Stack

FOLDER = Path(__file__).parents[1] / "engine" / "recordings"
OBSERVED = pytest.StashKey["ObservedPlatform"]()
"""Where a test keeps its platform until its end."""
RECORDED = ("platform", "recorded")
"""The property of a test's report that says that it used a recording."""

NEVER_SEEN = "these objects were never seen by the platform: run the conformance tests with AMBIENT_PLATFORM_DIR"
CHANGED = "the platform's answers or the objects differ from the recording: review, and run with --update-recordings"

_TOKEN = re.compile(r"eyJ[\w-]{8,}\.")


@dataclass
class Step:
    """What a test sees after one of its runs of the engine."""

    objects: dict[str, Any]
    answers: dict[str, Any] = field(default_factory=dict)
    """By request."""


def read(file: Path) -> list[Step]:
    """Return the steps of a recording; none where there is no file."""
    return [Step(**step) for step in json.loads(file.read_text(encoding="utf-8"))] if file.exists() else []


def rendered(steps: list[Step]) -> str:
    """Return the text of a recording."""
    return json.dumps([vars(step) for step in steps], indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def difference(recorded: dict[str, Any], now: dict[str, Any]) -> str:
    """Return what differs between two JSON objects, one diff for each key; empty where nothing does."""

    def lines(side: dict[str, Any], key: str) -> list[str]:
        return json.dumps(side[key], indent=2, sort_keys=True, ensure_ascii=False).splitlines() if key in side else []

    return "\n".join(
        line
        for key in sorted(recorded.keys() | now.keys())
        for line in unified_diff(
            lines(recorded, key), lines(now, key), f"{key} (recorded)", f"{key} (now)", lineterm="", n=5
        )
    )


def secrets_in(text: str, known: Mapping[str, str]) -> list[str]:
    """Return what the text holds of these secrets, and whether it has anything that looks like a token.

    Args:
        text: A recording, or a part of one.
        known: What each secret is, by its value.
    """
    escaped = {json.dumps(value, ensure_ascii=False)[1:-1]: what for value, what in known.items()}
    found = secret_finder({**known, **escaped})(text.encode())
    return sorted({*found, *(["something like a token"] if _TOKEN.search(text) else [])})


class ObservedPlatform:
    """What live and recorded platforms share: the stack, its recording, and the values of this run."""

    def __init__(self, stack: Stack, file: Path) -> None:
        self.stack = stack
        self.file = file
        self.recorded = read(file)
        self.seen: list[Step] = []
        self._earlier = set(stack.machine.known_secrets)
        self._random: dict[str, str] = {}

    def sees(self, *, after_operator: bool = False) -> None:
        """Take the workspace's objects as they are now; what is asked afterwards belongs to them.

        Args:
            after_operator: Wait until the operator is done with the workspace, so that they are what it leaves.
        """
        objects = list(workspace_objects(self.stack.machine, self.stack.w))
        self._random = random_parts(objects)
        self.seen.append(Step(normal_objects(objects, self.placeholders)))

    def call(self, method: str, path: str, body: object = None, *, user: str = "", token: str = "") -> Answer:
        """Answer a request that reads, as the platform's backend does."""
        raise NotImplementedError

    @property
    def placeholders(self) -> Placeholders:
        """The values of this run."""
        known = self.stack.machine.known_secrets.items()
        secrets = {f"<{what}>".replace(self.stack.w, "workspace"): value for value, what in known}
        own = {name: value for name, value in secrets.items() if value not in self._earlier}
        values = {"<workspace>": self.stack.w, "<stack>": self.stack.name, **own, **self._random}
        declared = (self.stack.folder / "stacks" / f"{self.stack.name}.yaml").read_text(encoding="utf-8")
        return Placeholders(values, datetime.now(UTC), declared)

    def request(self, method: str, path: str, body: object, user: str, token: str) -> str:
        """Return a request as a recording names it.

        Raises:
            ValueError: It could change something, so its answer can't be recorded; or it comes before `sees`.
        """
        if not self.seen:
            message = f"{method} {path}: call sees() first"
            raise ValueError(message)
        if method != "GET" or body is not None:
            message = f"{method} {path}: only requests that read can be recorded; use the fixture platform"
            raise ValueError(message)
        return str(self.placeholders.hide(f"GET {path} as {token or user or 'nobody'}"))

    def without_secrets(self, text: str) -> str:
        """Return the text; fail if it holds a secret of this machine, so that it is neither written nor shown."""
        machine = self.stack.machine
        tokens = {machine.cluster.token_of(user.name): f"token of {user.name}" for user in USERS}
        if held := secrets_in(text, machine.known_secrets | tokens):
            pytest.fail(f"{self.file.name} would hold: {', '.join(held)}", pytrace=False)
        return text

    def finish(self) -> None:
        """End a test that passed."""
        raise NotImplementedError

    def fail(self, reason: str, details: str = "") -> None:
        """Fail the test, with what differs."""
        pytest.fail(f"{self.file.name}: {reason}\n{self.without_secrets(details)}", pytrace=False)


class LivePlatform(ObservedPlatform):
    """The platform's backend, and a record of what it answered."""

    def __init__(self, stack: Stack, file: Path, backend: Backend, *, update: bool) -> None:
        super().__init__(stack, file)
        self.backend = backend
        self.update = update

    def sees(self, *, after_operator: bool = False) -> None:
        """Take the workspace's objects."""
        if after_operator:
            self.stack.machine.until(self._operator_is_done, "the operator is done")
        super().sees()

    def _operator_is_done(self) -> bool:
        path = f"/apis/vteam.ambient-code/v1alpha1/namespaces/{self.stack.w}/projectsettings/projectsettings"
        status = (self.stack.machine.get(path) or {}).get("status") or {}
        return bool(status.get("limitRangeReady") and status.get("scheduledSessionRBACReady"))

    def call(self, method: str, path: str, body: object = None, *, user: str = "", token: str = "") -> Answer:
        """Ask the backend."""
        request = self.request(method, path, body, user, token)
        answer = self.backend.call(method, path, user=user, token=token)
        normal = normal_answer(path.partition("?")[0], answer.status, answer.body, self.placeholders)
        answers = self.seen[-1].answers
        assert answers.setdefault(request, normal) == normal, f"two answers to {request}"
        return answer

    def finish(self) -> None:
        """Write the recording of a test that passed, or compare it with the one that there is."""
        text = rendered(self.seen)
        if text == rendered(self.recorded):
            return
        if self.update:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.write_text(self.without_secrets(text), encoding="utf-8")
            return
        steps = max(len(self.seen), len(self.recorded))
        self.fail(CHANGED, "\n".join(self._difference(index) for index in range(steps)))

    def _difference(self, index: int) -> str:
        before, now = (steps[index] if index < len(steps) else Step({}) for steps in (self.recorded, self.seen))
        return difference(before.objects | before.answers, now.objects | now.answers)


class RecordedPlatform(ObservedPlatform):
    """The recorded answers, for a workspace whose objects are the recorded ones."""

    def sees(self, *, after_operator: bool = False) -> None:
        """Take the workspace's objects, and fail if the recording has others."""
        super().sees()
        index = len(self.seen) - 1
        if index >= len(self.recorded):
            self.fail(NEVER_SEEN)
        if differs := difference(self.recorded[index].objects, self.seen[index].objects):
            self.fail(NEVER_SEEN, differs)

    def call(self, method: str, path: str, body: object = None, *, user: str = "", token: str = "") -> Answer:
        """Return the recorded answer, with the values of this run."""
        request = self.request(method, path, body, user, token)
        answers = self.recorded[len(self.seen) - 1].answers
        if request not in answers:
            self.fail(f"{request} was never answered by the platform: run with AMBIENT_PLATFORM_DIR")
        return Answer(answers[request]["status"], self.placeholders.fill(answers[request]["body"]))

    def finish(self) -> None:
        """Fail if the test ended before its recording did."""
        if len(self.seen) < len(self.recorded):
            self.fail(f"the recording has {len(self.recorded)} steps, the test {len(self.seen)}")


def observe(request: pytest.FixtureRequest, stack: Stack, backend: str) -> ObservedPlatform:
    """Return the platform of a test: the fixture `backend` where the programs are, else the test's recording."""
    file = FOLDER / request.path.stem.removeprefix("test_") / f"{request.node.name.removeprefix('test_')}.json"
    observed: LivePlatform | RecordedPlatform
    if available() and not required():
        observed = RecordedPlatform(stack, file)
        request.node.user_properties.append(RECORDED)
    else:
        update = request.config.getoption("--update-recordings")
        observed = LivePlatform(stack, file, request.getfixturevalue(backend), update=update)
    request.node.stash[OBSERVED] = observed
    return observed


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Finish the recording of a test that passed, within the test, so that a difference is its failure."""
    result = yield
    if OBSERVED in pyfuncitem.stash:
        pyfuncitem.stash[OBSERVED].finish()
    return result


def workspace_objects(machine: Machine, workspace: str) -> Iterator[dict[str, Any]]:
    """Read the Namespace and every object in it, each with its kind."""
    api = machine.admin()
    yield api.request("GET", f"/api/v1/namespaces/{workspace}")
    groups = [group["preferredVersion"]["groupVersion"] for group in api.request("GET", "/apis")["groups"]]
    for base, version in [("/api/v1", "v1"), *((f"/apis/{group}", group) for group in groups)]:
        for resource in api.request("GET", base)["resources"]:
            if resource["namespaced"] and "list" in resource["verbs"]:
                listed = api.request("GET", f"{base}/namespaces/{workspace}/{resource['name']}")["items"]
                yield from ({"apiVersion": version, "kind": resource["kind"], **item} for item in listed)
