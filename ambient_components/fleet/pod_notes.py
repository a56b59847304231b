"""Who runs in pods: a ConfigMap for each stack, by which the next pod of an index knows a lock of the former one."""

import hashlib
import json
import re
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ambient_components import activity
from ambient_components.cluster.client import core, merge_config_map
from ambient_components.cluster.guard import Guard
from ambient_components.cluster.objects import mapping, texts
from ambient_components.engine.texts import Lock
from ambient_components.errors import StepError
from ambient_components.platform.contract import STACK_ANNOTATION
from ambient_components.stacks.project import Project, bare_name


@dataclass(frozen=True, slots=True)
class Pod:
    job: str
    index: str
    pod: str
    host: str
    begun: float
    """Seconds since 1970, before its engine started."""


class PodNote:
    """The note of an engine in a pod of an Indexed Job (`locks.NoNote`).

    With `podReplacementPolicy: Failed`, an index gets another pod only after the former one has ended. The Job's uid
    counts: the pods of another Job of its name, in another namespace or cluster, have the same host names, and may be
    alive. So the ConfigMap is in the stack's cluster, where every run of the stack finds it.
    """

    def __init__(self, folder: Path, stack: str, job: str, index: str, pod: str) -> None:
        project = Project.find(folder)
        self._guard = Guard.of_config(project.config(stack))
        self._namespace = project.platform_namespace(stack)
        self._stack = f"{project.name}/{bare_name(stack)}"
        self._name = f"ambient-components-{hashlib.sha256(self._stack.encode()).hexdigest()[:10]}-lock"
        self._job, self._index, self._pod = job, index, pod
        self._key = re.sub(r"[^-._a-zA-Z0-9]", "_", pod)
        self._noted = False

    def begin(self) -> None:
        pod = Pod(self._job, self._index, self._pod, socket.gethostname(), round(time.time(), 3))
        try:
            if self._key not in self._read():  # an earlier engine of this pod may have left a lock
                self._write({self._key: json.dumps(asdict(pod), sort_keys=True)})
                self._noted = True
        except StepError as error:
            activity.note(f"ambient: if this pod dies, its lock will stay: {error.problem.within('it is not noted')}")

    def started(self, pid: int, *sessions: int) -> None:
        """Do nothing: all processes end with their pod."""

    def ended(self) -> None:
        if self._noted:
            with suppress(StepError):
                self._write({self._key: None})

    def is_of_dead(self, lock: Lock) -> bool:
        try:
            pods = self._read().values()
        except StepError:
            return False
        # All that may have made it. A lock has whole seconds.
        makers = [pod for pod in pods if pod.host == lock.host and int(pod.begun) <= lock.time]
        return bool(makers) and all(map(self._is_former, makers))

    def settled(self, locks: Sequence[Lock]) -> bool:  # noqa: ARG002
        return True

    def forget(self, locks: Sequence[Lock]) -> None:  # noqa: ARG002
        with suppress(StepError):
            self._write({key: None for key, pod in self._read().items() if self._is_former(pod)})

    @contextmanager
    def alone(self) -> Iterator[bool]:
        yield True

    def _is_former(self, pod: Pod) -> bool:
        return (pod.job, pod.index) == (self._job, self._index) and pod.pod != self._pod

    def _read(self) -> dict[str, Pod]:
        item = self._guard.cluster.get(core("namespaces", self._namespace, "configmaps", self._name))
        pods = {}
        for key, text in texts(mapping(item).get("data")).items():
            with suppress(ValueError, TypeError):
                pods[key] = Pod(**json.loads(text))
        return pods

    def _write(self, data: Mapping[str, str | None]) -> None:
        """Set keys, or delete those that are None. Other pods write other keys."""
        notes = {STACK_ANNOTATION: self._stack}
        merge_config_map(self._guard.cluster, self._namespace, self._name, data, notes)
