"""A run that stands still at one request: the API server asks a webhook before it, and the webhook never answers.

So a run dies at a moment that a test names, with all that comes before it done and nothing that comes after it.
"""

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ambient_components.platform.contract import OWNER_ANNOTATION
from tests.support.life import Workspace
from tests.support.stacks import Stack

_HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


@dataclass(frozen=True)
class Moment:
    """Before a request of this kind, in each of the workspaces."""

    name: str
    operation: str
    resource: str
    condition: str = "true"
    """CEL, of the request."""

    def __str__(self) -> str:
        return self.name


def _mark_of(which: str) -> str:
    return f'{which}.metadata.?annotations[?"{OWNER_ANNOTATION}"].orValue("")'


_MARK_CHANGES = f"{_mark_of('oldObject')} != {_mark_of('object')}"

FIRST_GRANT = Moment("before the first grant", "CREATE", "rolebindings", "object.metadata.name.contains('permission')")
SWEEP = Moment("before any access ends", "DELETE", "rolebindings")
THAW = Moment("before access may be made again", "DELETE", "resourcequotas")
MARK = Moment("before the mark changes", "UPDATE", "namespaces", _MARK_CHANGES)
KEY = Moment("before a key's mark changes", "UPDATE", "secrets", _MARK_CHANGES)
# An update of the Namespace begins with a patch that changes nothing of ours: the plugin's, for its field managers.
LAST = Moment("before the last step", "UPDATE", "namespaces", f"!({_MARK_CHANGES}) && {_mark_of('object')} != ''")
LAST_OF_RELEASE = Moment(LAST.name, "UPDATE", "namespaces", f"!({_MARK_CHANGES}) && {_mark_of('object')} == ''")


def dies(stack: Stack, moment: Moment, *workspaces: Workspace) -> None:
    """A run without a preview to what the file says, that dies at this moment with its plugins: a machine stops."""
    with held(moment, *workspaces) as reached:

        def dead() -> bool:
            if not reached():
                return False
            for process in _processes(stack.folder):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            return True

        stack.kill_up(dead, moment.name)


def _processes(folder: Path) -> list[int]:
    """Of a run: those whose working directory is the project's."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == folder:
                found.append(int(process.name))
    return found


@contextmanager
def held(moment: Moment, *workspaces: Workspace) -> Iterator[Callable[[], bool]]:
    """Holds the deployer's requests of this kind, one a workspace at least; yields whether all of them wait.

    When it ends they are refused: whoever sent them should be dead by then.
    """
    with ExitStack() as undo:
        doors = [undo.enter_context(_door(moment, workspace)) for workspace in workspaces]
        yield lambda: all(door() for door in doors)


@contextmanager
def _door(moment: Moment, workspace: Workspace) -> Iterator[Callable[[], bool]]:
    machine = workspace.machine
    where = "name" if moment.resource == "namespaces" else "namespace"
    conditions = [
        "request.userInfo.username == 'ambient-deployer'",
        "!(has(request.dryRun) && request.dryRun)",
        f"request.{where} == '{workspace.name}'",
        moment.condition,
    ]
    waiting: list[socket.socket] = []
    with ExitStack() as undo:
        door = undo.enter_context(socket.create_server(("127.0.0.1", 0)))
        door.setblocking(False)
        undo.callback(lambda: [one.close() for one in waiting])
        hook = {
            "name": "held.example.com",
            "clientConfig": {"url": f"https://127.0.0.1:{door.getsockname()[1]}/"},
            "rules": [
                {
                    "apiGroups": ["*"],
                    "apiVersions": ["*"],
                    "operations": [moment.operation],
                    "resources": [moment.resource],
                }
            ],
            "matchConditions": [
                {"name": f"condition-{number}", "expression": text} for number, text in enumerate(conditions)
            ],
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "timeoutSeconds": 30,
            "admissionReviewVersions": ["v1"],
        }
        body = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": f"held-{workspace.name}"},
            "webhooks": [hook],
        }
        machine.admin().request("POST", _HOOKS, json.dumps(body).encode())
        undo.callback(machine.delete, f"{_HOOKS}/held-{workspace.name}")

        def reached() -> bool:
            with suppress(BlockingIOError):
                waiting.append(door.accept()[0])
            return bool(waiting)

        yield reached
