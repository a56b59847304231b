"""The cluster behind a guard: nothing is done in another one than the stack's."""

import threading
import time
from typing import Final

from ambient_components.cluster import ApiError, Cluster, core
from ambient_components.failure import StepError

_REMEMBERED: Final = 30.0
"""Seconds for which a failure to prove the cluster is not tried again."""


class WrongClusterError(StepError):
    """The kubeconfig leads to another cluster than the stack's."""


class Guard:
    """Hands out the cluster once it has proved to be the stack's own.

    A cluster's identity is the uid of its kube-system namespace: it survives upgrades and a change of address, and no
    two clusters share it. Another uid is an error, never a replacement of what the stack made (docs/surprises.md).
    """

    def __init__(self, cluster: Cluster, expected_uid: str | None) -> None:
        self._cluster = cluster
        self._expected = expected_uid
        self._lock = threading.Lock()
        self._proved = expected_uid is None
        self._failure: tuple[float, StepError] | None = None

    @property
    def cluster(self) -> Cluster:
        """The stack's cluster.

        Raises:
            WrongClusterError: the kubeconfig leads to another cluster.
            StepError: it leads to none.
        """
        with self._lock:
            if not self._proved:
                self._try()
        return self._cluster

    @property
    def unproved(self) -> Cluster:
        """Whatever cluster the kubeconfig leads to: to ask it what is allowed, and for nothing else."""
        return self._cluster

    def _try(self) -> None:
        # Remembered for a while: else every key of a run would wait in turn for a cluster that does not answer.
        if self._failure and time.monotonic() < self._failure[0] + _REMEMBERED:
            raise self._failure[1]
        try:
            self._prove()
        except ApiError:
            raise  # it answered, and at once
        except StepError as error:
            self._failure = (time.monotonic(), error)
            raise
        self._proved = True

    def _prove(self) -> None:
        namespace = self._cluster.get(core("namespaces", "kube-system"))
        uid = str(((namespace or {}).get("metadata") or {}).get("uid"))
        if uid != self._expected:
            msg = (
                f"this is another cluster than the stack's: its uid is {uid}, the stack's config says clusterUid "
                f"{self._expected}; nothing is done. Choose the stack's cluster (KUBECONFIG, or context in the stack's "
                "config), or, if the cluster was made anew, begin a new stack: ambient init"
            )
            raise WrongClusterError(msg)
