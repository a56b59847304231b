"""Who runs in pods: a ConfigMap for each stack, by which a later pod knows the lock of one that has ended."""

import hashlib
import json
import re
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ambient_components.cluster.client import ApiError, core, merge_config_map
from ambient_components.cluster.guard import Guard
from ambient_components.cluster.objects import mapping, text, texts
from ambient_components.engine.texts import Lock
from ambient_components.errors import AmbientError, StepError
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
    namespace: str = ""
    """Where the stack's cluster has the pod. Empty if it is in no pod of this cluster."""

    def may_have_made(self, lock: Lock) -> bool:
        return self.host == lock.host and int(self.begun) <= lock.time  # a lock has whole seconds


class PodNote:
    """The note of an engine in a pod of an Indexed Job (`locks.NoNote`).

    A pod is surely gone if it was the same index of the same Job, as `podReplacementPolicy: Failed` starts another pod
    only after the former one has ended; and if the cluster says that it has ended, or has it no more. Both are wrong
    of a pod that was deleted by force, or with its node, while its machine went on. Uids count: pods in another
    namespace or cluster have the same names, and may be alive. So the ConfigMap is in the stack's cluster, where every
    run of the stack finds it, and a pod is asked for only if that cluster had it when it began.
    """

    def __init__(self, folder: Path, stack: str, job: str, index: str, pod: str, namespace: str = "") -> None:
        project = Project.find(folder)
        self._guard = Guard.of_config(project.config(stack))
        self._namespace = project.platform_namespace(stack)
        self._stack = f"{project.name}/{bare_name(stack)}"
        self._name = f"ambient-components-{hashlib.sha256(self._stack.encode()).hexdigest()[:10]}-lock"
        self._path = core("namespaces", self._namespace, "configmaps", self._name)
        self._own = Pod(job, index, pod, "", 0, namespace)
        self._key = re.sub(r"[^-._a-zA-Z0-9]", "_", pod)
        self._noted = False

    def begin(self) -> None:
        """Note this pod. AmbientError if it can't, as its lock would pass for one of a former pod of its host name."""
        try:
            if self._key not in self._read()[1]:  # an earlier engine of this pod may have left a lock
                self._write({self._key: self._as_maker(socket.gethostname(), round(time.time(), 3))})
                self._noted = True
        except StepError as error:
            what = f"no run of {self._stack} begins, as this pod can't note that it locks the stack"
            role = "if a right is missing, as a cluster admin: ambient rbac | kubectl apply -f -"
            raise AmbientError([error.problem.within(what, role)]) from None

    def started(self, pid: int, *sessions: int) -> None:
        """Do nothing: all processes end with their pod."""

    def ended(self) -> None:
        if self._noted:
            with suppress(StepError):
                self._write({self._key: None})

    def is_of_dead(self, lock: Lock) -> bool:
        try:
            makers = [pod for pod in self._read()[1].values() if pod.may_have_made(lock)]
            return bool(makers) and all(map(self._is_former, makers))
        except StepError:
            return False

    def settled(self, locks: Sequence[Lock]) -> bool:
        """Note the locks as this pod's: dead again if it dies, and no other pod's. False if one was faster."""
        try:
            version, pods = self._read()
            makers = {key: pod for key, pod in pods.items() if any(map(pod.may_have_made, locks))}
            if not makers or not all(map(self._is_former, makers.values())):
                return False
            self._patch(version, {key: self._as_maker(pod.host, pod.begun) for key, pod in makers.items()})
        except StepError:
            return False
        return True

    def forget(self, locks: Sequence[Lock]) -> None:  # noqa: ARG002
        """Forget this pod, and all that have ended: the stack has no lock of theirs, and they make none."""
        with suppress(StepError):
            version, pods = self._read()
            gone = [key for key, pod in pods.items() if pod.pod == self._own.pod or self._is_former(pod)]
            if gone:
                self._patch(version, dict.fromkeys(gone))

    @contextmanager
    def alone(self) -> Iterator[bool]:
        yield True

    def _as_maker(self, host: str, begun: float) -> str:
        """Return the note of this pod for locks of a host, with its namespace if the cluster has this pod there."""
        here = self._own.namespace if self._lives(self._own) else ""
        return json.dumps(asdict(replace(self._own, host=host, begun=begun, namespace=here)), sort_keys=True)

    def _is_former(self, pod: Pod) -> bool:
        same_index = (pod.job, pod.index) == (self._own.job, self._own.index)
        return pod.pod != self._own.pod and (same_index or self._lives(pod) is False)

    def _lives(self, pod: Pod) -> bool | None:
        """Tell whether the cluster has a pod that has not ended. None if it never had it, or this pod may not ask."""
        if not pod.namespace:
            return None
        name, _, uid = pod.pod.partition("/")
        try:
            for item in self._guard.cluster.each(core("namespaces", pod.namespace, "pods"), name=name):
                if mapping(item.get("metadata")).get("uid") == uid:
                    return mapping(item.get("status")).get("phase") not in {"Succeeded", "Failed"}
        except ApiError as error:
            if error.status != 403:
                raise
            return None
        return False

    def _read(self) -> tuple[str, dict[str, Pod]]:
        """Return the version of the ConfigMap, and the pods by its keys."""
        item = mapping(self._guard.cluster.get(self._path))
        pods = {}
        for key, written in texts(item.get("data")).items():
            with suppress(ValueError, TypeError):
                pods[key] = Pod(**json.loads(written))
        return text(mapping(item.get("metadata")).get("resourceVersion")), pods

    def _write(self, data: Mapping[str, str | None]) -> None:
        """Set keys, or delete those that are None. Other pods write other keys."""
        notes = {STACK_ANNOTATION: self._stack}
        merge_config_map(self._guard.cluster, self._namespace, self._name, data, notes)

    def _patch(self, version: str, data: Mapping[str, str | None]) -> None:
        """Set or delete keys, if no other pod has written to the ConfigMap since that version."""
        self._guard.cluster.patch(self._path, {"metadata": {"resourceVersion": version}, "data": data})
