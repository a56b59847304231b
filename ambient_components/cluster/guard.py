"""A guard that blocks all work in a cluster other than the stack's."""

import threading
import time
from collections.abc import Mapping
from typing import Any, Final, Self

from ambient_components.cluster.client import ApiError, Cluster, core
from ambient_components.errors import StepError

_REMEMBERED: Final = 30.0
"""Seconds before a failed check of the cluster is repeated."""


class WrongClusterError(StepError):
    """The kubeconfig points to another cluster than the stack's."""


class Guard:
    """Access to the cluster after a check of its identity.

    The identity of a cluster is the uid of its kube-system namespace: it is unique, and upgrades and address changes
    keep it. Another uid is an error, never a replacement of the stack's objects (docs/internals/upstream-issues.md).
    """

    def __init__(self, cluster: Cluster, expected_uid: str | None) -> None:
        self._cluster = cluster
        self._expected = expected_uid
        self._lock = threading.Lock()
        self._proved = expected_uid is None
        self._failure: tuple[float, StepError] | None = None

    @classmethod
    def of_config(cls, config: Mapping[str, Any]) -> Self:
        """Return the access to the cluster that a stack's config names. An empty text names nothing."""
        return cls(Cluster(config.get("context") or None), config.get("clusterUid") or None)

    @property
    def cluster(self) -> Cluster:
        with self._lock:
            if not self._proved:
                self._try()
        return self._cluster

    @property
    def unproved(self) -> Cluster:
        """The cluster of the kubeconfig, unchecked: only for asking which requests are allowed."""
        return self._cluster

    def _try(self) -> None:
        # Cache the failure: otherwise every key of a run would wait in turn for an unreachable cluster.
        if self._failure and time.monotonic() < self._failure[0] + _REMEMBERED:
            raise self._failure[1]
        try:
            self._prove()
        except ApiError:
            raise  # the cluster answered quickly, so the failure is not cached
        except StepError as error:
            self._failure = (time.monotonic(), error)
            raise
        self._proved = True

    def _prove(self) -> None:
        namespace = self._cluster.get(core("namespaces", "kube-system"))
        uid = str(((namespace or {}).get("metadata") or {}).get("uid"))
        if uid != self._expected:
            msg = (
                f"this is another cluster than the stack's, so nothing is done: its uid is {uid}, the stack's config "
                f"says clusterUid {self._expected}"
            )
            raise WrongClusterError(
                msg,
                "choose the stack's cluster (KUBECONFIG, or context in the stack's config)",
                "if the cluster was recreated, begin a new stack: ambient init",
            )
