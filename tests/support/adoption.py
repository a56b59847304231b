"""Workspaces of the UI on a real API server: what they are made of, who gets in, and what adopts them."""

import difflib
import hashlib
import json
import threading
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ambient_components.platform.contract import OWNER_ANNOTATION, RELEASED_BY_ANNOTATION
from sandbox.ui_style import UiWorkspace
from tests.support.attacks import CORE, PLATFORM, Bearer
from tests.support.machine import Machine
from tests.support.stacks import Result, Stack

DUMPED = (
    "/api/v1/namespaces/{}",
    "/api/v1/namespaces/{}/serviceaccounts",
    "/api/v1/namespaces/{}/limitranges",
    "/api/v1/namespaces/{}/configmaps",
    "/api/v1/namespaces/{}/secrets",
    "/api/v1/namespaces/{}/resourcequotas",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "/apis/vteam.ambient-code/v1alpha1/namespaces/{}/projectsettings",
)
_FORCED = "pulumi.com/patchForce"
"""The engine's note on server-side apply."""
RELEASED = frozenset({RELEASED_BY_ANNOTATION, _FORCED})
"""Annotations that a release leaves."""
ADOPTED = RELEASED | {OWNER_ANNOTATION}
"""Annotations that a run writes."""
_SERVERS = ("managedFields", "resourceVersion", "generation")


# Objects.


def make(machine: Machine, workspace: UiWorkspace) -> None:
    """Create all objects of a workspace."""
    for path, body in workspace.objects():
        machine.create(path, body)


def dump(machine: Machine, workspace: str, without: Collection[str] = ADOPTED) -> list[dict[str, Any]]:
    """Return all objects of a workspace, with digests of secret values.

    Args:
        machine: The machine.
        workspace: The workspace.
        without: Annotations that are left out, by their exact names.
    """
    found = []
    for path in DUMPED:
        answer = machine.get(path.format(workspace))
        assert answer is not None
        for item in answer.get("items", [answer]):
            metadata = {key: value for key, value in item["metadata"].items() if key not in _SERVERS}
            notes = {k: v for k, v in (metadata.pop("annotations", None) or {}).items() if k not in without}
            one = {**item, "metadata": {**metadata, "annotations": notes}}
            if path.endswith("/secrets"):
                one["data"] = {k: hashlib.sha256(v.encode()).hexdigest() for k, v in item.get("data", {}).items()}
            found.append(one)
    return found


def differences(after: list[dict[str, Any]], before: list[dict[str, Any]]) -> list[str]:
    """Return the lines that differ, of objects in the same order."""
    return [line for line in difflib.unified_diff(_lines(before), _lines(after), n=0) if line[:3] not in ("---", "+++")]


def _lines(objects: list[dict[str, Any]]) -> list[str]:
    return json.dumps(objects, indent=1, sort_keys=True).splitlines()


# Access.


class Watch:
    """Polls requests to a workspace: no answer may change while it is entered.

    Of its keys "Nightly build" (view) and "ci" (admin), the user alice@example.com with the role view, Bob as a member
    of the group payments-devs with the role edit, and a stranger.
    """

    def __init__(self, machine: Machine, workspace: UiWorkspace) -> None:
        self.machine = machine
        sessions, secrets = f"{PLATFORM}/{workspace.name}/agenticsessions", f"{CORE}/{workspace.name}/secrets"
        tokens = {key.name: machine.mint(workspace.name, key.account, user="sandbox-admin") for key in workspace.keys}
        alice, bob = map(machine.cluster.token_of, ("alice@example.com", "bob@example.com"))
        stranger = machine.mint("default", "default", user="sandbox-admin")
        self.requests = {
            "sessions by Nightly build": (tokens["Nightly build"], "GET", sessions, 200),
            "secrets by Nightly build": (tokens["Nightly build"], "GET", secrets, 403),
            "secrets by ci": (tokens["ci"], "GET", secrets, 200),
            "sessions by a user": (alice, "GET", sessions, 200),
            "a new session by a user": (alice, "POST", _DRY_RUN.format(sessions), 403),
            "sessions by a group": (bob, "GET", sessions, 200),
            "a new session by a group": (bob, "POST", _DRY_RUN.format(sessions), 200),
            "secrets by a group": (bob, "GET", secrets, 403),
            "sessions by a stranger": (stranger, "GET", sessions, 403),
        }
        self.wrong: list[str] = []
        self.rounds = 0

    def __enter__(self) -> None:
        self.wrong, self.rounds, self._over = [], 0, threading.Event()
        for what in self.requests:
            self.machine.until(lambda what=what: self._answer(what) == self.requests[what][-1], what)
        self._pool = ThreadPoolExecutor(1)
        self._polling = self._pool.submit(self._poll)

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown()
        self._polling.result()  # Raises what ended the polling.
        assert self.wrong == []
        assert self.rounds > _FEWEST

    def _poll(self) -> None:
        while not self._over.wait(0.2):
            for what, (*_, status) in self.requests.items():
                answer = self._answer(what)
                self.wrong += [f"{what}: {answer}"] if answer != status else []
            self.rounds += 1

    def _answer(self, what: str) -> int:
        token, method, path, _ = self.requests[what]
        return Bearer(self.machine, token).send(method, path, _SESSION if method == "POST" else None)[0]


_FEWEST = 3
_DRY_RUN = "{}?dryRun=All"
_SESSION = {
    "apiVersion": "vteam.ambient-code/v1alpha1",
    "kind": "AgenticSession",
    "metadata": {"name": "probe"},
    "spec": {"initialPrompt": "Tidy up"},
}


# The command and its files.


def adopt(stack: Stack, *arguments: str) -> Result:
    """Run `ambient adopt` for the stack."""
    return stack.ambient("adopt", stack.name, *arguments)


def text(stack: Stack) -> str:
    """Return the stack file."""
    return (stack.folder / "stacks" / f"{stack.name}.yaml").read_text()


def files(stack: Stack) -> dict[str, str]:
    """Return all files of the stack, without its config, by path."""
    found = (path for path in stack.folder.glob("stacks/**/*.yaml") if not path.name.startswith("Pulumi."))
    return {str(path.relative_to(stack.folder)): path.read_text() for path in found}
