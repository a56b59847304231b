"""Running sessions of a workspace that is being closed: stopped like the platform's Stop does, and awaited.

The operator stops sessions only while it lists the workspace (contract 12), so this happens before the label changes. A
running pod keeps the credentials in its environment.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from ambient_components.cluster.client import core, of_platform
from ambient_components.cluster.objects import annotations, labels, listing, text_at
from ambient_components.cluster.objects import name as name_of
from ambient_components.cluster.parallel import attempted
from ambient_components.errors import Problem, StepError
from ambient_components.platform.contract import (
    APP_LABEL,
    DESIRED_PHASE_ANNOTATION,
    ENDED_PHASES,
    MANAGED,
    MANAGED_LABEL,
    RUNNING,
    SESSION_POD_APP,
    SESSION_POD_LABEL,
    SESSIONS,
    STOP_REQUESTED_AT_ANNOTATION,
    STOPPED,
)
from ambient_components.provider.protocol.resource import Context, Values, served_objects
from ambient_components.rotation.state import format_time
from ambient_components.rules.durations import format_seconds
from ambient_components.rules.warnings import LoudWarning
from ambient_components.rules.workspaces import WAIT_DEFAULT, SessionsOnClose

_INTERVAL: Final = 2
"""Seconds between two checks, as often as the operator checks a stopping session."""

_POD_SECONDS: Final = 90
"""Seconds for a deleted pod to end: its own grace period of 60 (contract 12), and time for the node."""

_PHASE_SECONDS: Final = 10
"""Seconds for the operator to record that a pod is gone."""


@dataclass(frozen=True, slots=True)
class _Alive:
    sessions: tuple[str, ...]
    """Names of sessions that have not ended."""
    unasked: tuple[str, ...]
    """Names of those that were not asked to stop."""
    pods: tuple[tuple[str, str, str], ...]
    """Name, uid and session of each pod."""

    @property
    def pod_names(self) -> list[str]:
        return [name for name, _, _ in self.pods]

    @property
    def names(self) -> list[str]:
        return sorted({*self.sessions, *(session for _, _, session in self.pods)})


def running(context: Context, namespace: str) -> list[str]:
    return _alive(context, namespace).names


def pods(context: Context, namespace: str) -> list[str]:
    return sorted(_alive(context, namespace).pod_names)


def ask(context: Context, namespace: str) -> None:
    _ask(context, namespace, _alive(context, namespace).unasked)


def stop(context: Context, namespace: str, news: Values) -> list[Problem]:
    """Ask all sessions to stop, and wait. One that does not is a warning: without an operator or a node, none does."""
    seconds = int(news.get("waitSeconds") or WAIT_DEFAULT)
    listed = _on_the_list(context, namespace)

    def over(alive: _Alive) -> bool:
        # The operator ignores sessions of unlisted workspaces: then only pods are awaited.
        return not alive.pods and not (listed and alive.sessions)

    alive = _wait(context, namespace, seconds if listed else 0, over)
    failed = []
    if alive.pods and news.get("sessions") == SessionsOnClose.DELETE_PODS:
        failed = _delete(context, namespace, alive)
        if not failed:
            _wait(context, namespace, _POD_SECONDS, lambda now: not now.pods)
            alive = _wait(context, namespace, _PHASE_SECONDS, over)
    if not over(alive):
        deleted = news.get("sessions") == SessionsOnClose.DELETE_PODS
        context.warn(LoudWarning.SESSIONS_ALIVE, _left(namespace, alive, seconds, deleted=deleted))
    return failed


def _wait(context: Context, namespace: str, seconds: int, over: Callable[[_Alive], bool]) -> _Alive:
    refused: set[str] = set()
    for waited in range(0, seconds + 1, _INTERVAL):
        alive = _alive(context, namespace)
        refused.update(_ask(context, namespace, [name for name in alive.unasked if name not in refused]))
        if over(alive) or waited + _INTERVAL > seconds:
            break
        if context.engine.cancelled:
            msg = f"the run is being cancelled while sessions of {namespace} stop"
            raise StepError(msg, "deploy again")
        if waited == 0:
            context.note(f"closing {namespace} waits up to {format_seconds(seconds)} for {_sessions(alive.names)}")
        time.sleep(_INTERVAL)
    return alive


def _ask(context: Context, namespace: str, names: Collection[str]) -> list[str]:
    """Request a stop like the backend's StopSession, and return the sessions for which the cluster refused it."""
    notes = {DESIRED_PHASE_ANNOTATION: STOPPED, STOP_REQUESTED_AT_ANNOTATION: format_time(context.now)}

    def ask(name: str) -> None:
        context.guard.cluster.patch(_path(namespace, name), {"metadata": {"annotations": notes}})

    failed = {name: problem for name, problem in attempted(ask, names) if problem is not None}
    if failed:
        what = f"could not ask {_sessions([f'{namespace}/{name}' for name in failed])} to stop"
        context.warn(LoudWarning.NOT_DONE, next(iter(failed.values())).within(what))
    return [*failed]


def _delete(context: Context, namespace: str, alive: _Alive) -> list[Problem]:
    def delete(pod: tuple[str, str, str]) -> None:
        context.guard.cluster.delete(core("namespaces", namespace, "pods", pod[0]), pod[1])

    results = attempted(delete, alive.pods)
    if deleted := [f"{name} of session {session}" for (name, _, session), problem in results if problem is None]:
        context.note(f"{namespace} is closed: deleted pod {listing(deleted)}")
    failed = [
        (f"{name} of session {session}", problem) for (name, _, session), problem in results if problem is not None
    ]
    return [failed[0][1].within(f"could not delete pod {listing([pod for pod, _ in failed])}")] if failed else []


def _left(namespace: str, alive: _Alive, seconds: int, *, deleted: bool) -> str:
    text = f"{namespace} is closed, and {_sessions(alive.names)} did not stop within {format_seconds(seconds)}. "
    if not alive.pods:
        return f"{text}No pod of them runs, and none starts while the workspace is closed."
    named = listing(sorted(alive.pod_names))
    remedy = (
        "They were deleted, and their node has not ended them"
        if deleted
        else f"Delete them (kubectl delete pod -n {namespace} {' '.join(sorted(alive.pod_names)[:1])}), "
        f"or write onClose: {{sessions: {SessionsOnClose.DELETE_PODS}}}"
    )
    return f"{text}Pods that still run keep their credentials until they end: {named}. {remedy}"


def _sessions(names: list[str]) -> str:
    return f"{'session' if len(names) == 1 else 'sessions'} {listing(names)}"


def _alive(context: Context, namespace: str) -> _Alive:
    sessions = {
        name_of(item): annotations(item).get(DESIRED_PHASE_ANNOTATION, "")
        for item in served_objects(context, _path(namespace))
        if _runs(item)
    }
    pods = served_objects(context, core("namespaces", namespace, "pods"), f"{APP_LABEL}={SESSION_POD_APP}")
    return _Alive(
        tuple(sorted(sessions)),
        tuple(sorted(name for name, desired in sessions.items() if desired != STOPPED)),
        tuple(
            (name_of(item), text_at(item, "metadata", "uid"), labels(item).get(SESSION_POD_LABEL, ""))
            for item in pods
            if text_at(item, "status", "phase") not in ("Succeeded", "Failed")
        ),
    )


def _runs(session: dict[str, Any]) -> bool:
    """Return whether a session has or gets a pod: an ended one may be about to restart."""
    ended = text_at(session, "status", "phase") in ENDED_PHASES
    return not ended or annotations(session).get(DESIRED_PHASE_ANNOTATION, "") == RUNNING


def _on_the_list(context: Context, namespace: str) -> bool:
    item = context.guard.cluster.get(core("namespaces", namespace))
    return labels(item).get(MANAGED_LABEL, "") == MANAGED


def _path(namespace: str, *name: str) -> str:
    return of_platform(namespace, SESSIONS, *name)
